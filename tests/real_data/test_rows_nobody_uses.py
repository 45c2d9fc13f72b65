"""Rows that no dataset uses never stop one.

A vendor's universe is wider than a team's: a ticker is in the price feed before anybody maps it, often with
the return of its first day against the offer price; exposures come with factors, currencies and dates of
assets that the team does not hold. What such rows say must not make a factor, a day or an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor.dataset import RiskDataset, build, derive
from openfactor.errors import DataError, DataWarning
from openfactor.settings import DerivedRiskDatasetSettings, RiskDatasetUploadedExposureSettings
from openfactor.settings.hierarchies import hierarchy_to_df
from openfactor.synthetic import simulate
from tests.markets import DATED, SOURCES, dataset_settings, until

MARKET = simulate(12, 8, industries=2)
DAYS = MARKET.uploads["price"]["date"].unique().sort().to_list()


def flat_tree(group: str) -> pl.DataFrame:
    names = MARKET.uploads["exposures"].filter(factor_group=group)["factor"].unique().sort().to_list()
    return hierarchy_to_df(names, {name: name for name in names})


TREES = {"styles": flat_tree("style"), "sectors": flat_tree("industry")}


def rows_of(data_type: str, **values: object) -> pl.DataFrame:
    """A row like the last one of an upload, with other values."""
    frame = MARKET.uploads[data_type].tail(1)
    return frame.with_columns(pl.lit(v).cast(frame.schema[name]).alias(name) for name, v in values.items())


def plus(*rows: tuple[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    uploads = dict(MARKET.uploads)
    for data_type, frame in rows:
        uploads[data_type] = pl.concat([uploads[data_type], frame])
    return uploads


def built(uploads: Mapping[str, pl.DataFrame], **settings: object) -> RiskDataset:
    """From rows as they are stored, without the checks that an upload makes of its own rows."""
    rows = {name: frame.lazy() for name, frame in {**TREES, **uploads}.items()}
    return build(dataset_settings(**settings), lambda data_type, name: rows[name], "x")


def assert_same(one: RiskDataset, other: RiskDataset) -> None:
    assert one.days == other.days
    assert {g: t.leaves for g, t in one.trees.items()} == {g: t.leaves for g, t in other.trees.items()}
    for name in ("offsets", "listing", "local_return", "market_cap", "idio_vol"):
        np.testing.assert_array_equal(getattr(one.panel, name), getattr(other.panel, name), err_msg=name)
    for group, factors in other.panel.dense.items():
        assert list(one.panel.dense[group]) == list(factors)
        for factor, values in factors.items():
            np.testing.assert_array_equal(one.panel.dense[group][factor], values)
    for group, sparse in other.panel.sparse.items():
        assert one.panel.sparse[group].categories == sparse.categories
        for mine, codes in zip(one.panel.sparse[group].codes, sparse.codes, strict=True):
            np.testing.assert_array_equal(mine, codes)


UNKNOWN = {"asset_id": "NEWCO"}
EARLY, LATE, SUNDAY = dt.date(1901, 1, 1), dt.date(2199, 1, 1), DAYS[0] - dt.timedelta(DAYS[0].isoweekday())
STRAY = {
    "a return on the first price": ("price", rows_of("price", **UNKNOWN, **{"return": 0.4})),
    "a return beyond every bound": ("price", rows_of("price", **UNKNOWN, **{"return": 9e9})),
    "a price on a date to come": ("price", rows_of("price", **UNKNOWN, date=LATE)),
    "a price without a rate": ("price", rows_of("price", **UNKNOWN, ccy="XXX")),
    "a price in an id type of the vendor": ("price", rows_of("price", asset_id_type="vendor_id")),
    "a cap without a rate": ("market_cap", rows_of("market_cap", **UNKNOWN, ccy="XXX")),
    "a cap before the first rate": ("market_cap", rows_of("market_cap", **UNKNOWN, date=EARLY, ccy="EUR")),
    "a cap of a known asset after the end": ("market_cap", rows_of("market_cap", date=LATE, ccy="XXX")),
    "a cap in an id type of the vendor": ("market_cap", rows_of("market_cap", asset_id_type="vendor_id")),
    "an exposure beyond half precision": ("exposures", rows_of("exposures", **UNKNOWN, exposure=1e9)),
    "a factor of no hierarchy": (
        "exposures", rows_of("exposures", **UNKNOWN, factor_group="style", factor="size_v2")
    ),
    "a category of no hierarchy": (
        "exposures", rows_of("exposures", **UNKNOWN, factor_group="industry", factor="to be announced")
    ),
    "an exposure on a Sunday": ("exposures", rows_of("exposures", **UNKNOWN, date=SUNDAY)),
    "an exposure on a date to come": ("exposures", rows_of("exposures", **UNKNOWN, date=LATE)),
    "an exposure in an id type of the vendor": ("exposures", rows_of("exposures", asset_id_type="vendor_id")),
}  # fmt: skip
WITH_TREES = {
    "dense_factor_groups": {"market": None, "style": "styles"},
    "sparse_factor_groups": {"industry": "sectors", "estimation_universe": None},
}


@pytest.mark.parametrize("trees", [False, True])
@pytest.mark.parametrize("what", STRAY)
def test_a_stray_row_changes_nothing_and_is_counted(what: str, trees: bool) -> None:
    settings = WITH_TREES if trees else {}
    dataset = built(plus(STRAY[what]), **settings)
    assert_same(dataset, built(MARKET.uploads, **settings))
    data_type = STRAY[what][0]
    assert sum(dataset.report.rows_dropped[data_type].values()) == 1
    assert dataset.report.rows_read[data_type] == len(MARKET.uploads[data_type]) + 1


def test_many_stray_rows_at_once() -> None:
    assert_same(built(plus(*STRAY.values())), built(MARKET.uploads))


def test_a_company_without_prices_blocks_nothing() -> None:
    """It is in the id map, so its rows are known; the panel has no row of it."""
    idmap = rows_of("idmap", from_id="NEWCO", to_id="NEWCO")
    stray = [
        ("idmap", idmap),
        ("exposures", rows_of("exposures", **UNKNOWN, exposure=1e9)),
        ("market_cap", rows_of("market_cap", **UNKNOWN, ccy="XXX")),
    ]
    dataset = built(plus(*stray))
    assert dataset.report.n_listings == built(MARKET.uploads).report.n_listings
    first = ("price", rows_of("price", **UNKNOWN, **{"return": None}))
    with pytest.raises(DataError) as caught:
        built(plus(*stray, first))
    assert {f.rule for f in caught.value.faults} == {"precision", "no_rate"}, "from its first price on"


def test_a_derived_dataset_leaves_out_the_same() -> None:
    parent = built(MARKET.uploads)
    entry = RiskDatasetUploadedExposureSettings(
        exposure_source="more",
        continuous_factor_groups=["style"],
        categorical_factor_groups=["industry"],
        hierarchy_sources={"style": "styles", "industry": "sectors"},
    )
    settings = DerivedRiskDatasetSettings(reference_dataset="d", exposures=[entry])
    strays = [row for data_type, row in STRAY.values() if data_type == "exposures"]
    plain = MARKET.uploads["exposures"]

    def derived(exposures: pl.DataFrame) -> RiskDataset:
        rows = {"more": exposures.lazy(), **{name: frame.lazy() for name, frame in TREES.items()}}
        return derive(settings, parent, lambda data_type, name: rows[name], "y")

    dataset = derived(pl.concat([plain, *strays]))
    assert_same(dataset, derived(plain))


def test_ids_that_match_nothing_are_refused() -> None:
    exposures = MARKET.uploads["exposures"].with_columns(pl.col("asset_id") + ".N")
    with pytest.raises(DataError, match=r"no row of the factor group 'style' is of an asset") as caught:
        built({**MARKET.uploads, "exposures": exposures})
    assert "the upload has 'A00000.N', 'A00001.N', 'A00002.N', the idmap A00000" in str(caught.value)
    assert "correct the ids, or add them to the idmap" in str(caught.value)


def test_a_new_ticker_does_not_stop_the_next_update(tmp_path: Path) -> None:
    """As a user meets it: the append is accepted, and the update that follows it works."""
    client = Client.local(tmp_path)
    uploads = {name: client.equity.uploaders[name].create_dataset(name) for name in SOURCES}
    for name, frame in until(MARKET.uploads, DAYS[-2]).items():
        uploads[name].fast_commit(frame, "append")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    today = {name: MARKET.uploads[name].filter(pl.col("date") == DAYS[-1]) for name in DATED}
    for name in ("market_cap", "exposures"):
        uploads[name].fast_commit(today[name], "append")
    prices = pl.concat([today["price"], STRAY["a return on the first price"][1]])
    with pytest.warns(DataWarning, match=r"1 listing has a return but no earlier price.*NEWCO"):
        uploads["price"].fast_commit(prices, "append")
    dataset = client.equity.riskdatasets.load("d")
    assert dataset.update()
    assert dataset.describe().build_report.rows_dropped["price"] == {"unknown asset": 1}
