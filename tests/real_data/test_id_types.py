"""Uploads in the id types that people have.

Prices come by ticker, exposures by ISIN, caps by the vendor's own number, and a map leads from one to the
other, in either direction and over several steps. The twin below looks every row up by itself.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.synthetic import simulate
from tests.dataset.test_build import GROUPS, MON, THU, WED, exposure_rows, tables
from tests.markets import dataset_of
from tests.real_data.test_ambiguous_ids import FIRST, LAST, mappings

MARKET = simulate(20, 30, industries=3, styles=("size",), seed=3)
NAMES = MARKET.uploads["idmap"]["from_id"].to_list()
MID = MARKET.factor_returns["date"][15]
NEXT = MID + dt.timedelta(1)


def in_other_types(forward: bool = True) -> dict[str, pl.DataFrame]:
    """Prices by figi, exposures by isin, caps by vendor number (that of the company); isins lead to figis,
    figis to tickers. Every isin is replaced in the middle."""

    def mapping(rows: list[tuple]) -> pl.DataFrame:
        frame = mappings(*rows)
        turned = {"from_id": "to_id", "to_id": "from_id", "from_id_type": "to_id_type",
                  "to_id_type": "from_id_type"}  # fmt: skip
        return frame if forward else frame.rename(turned).select(frame.columns)

    columns = mappings(("A", "A", FIRST, LAST)).columns
    idmap = pl.concat(
        [
            MARKET.uploads["idmap"].select(columns),
            mapping([(f"F{n}", n, FIRST, LAST, "figi", "ticker") for n in NAMES]),
            mapping([(f"OLD{n}", f"F{n}", FIRST, MID, "isin", "figi") for n in NAMES]),
            mapping([(f"NEW{n}", f"F{n}", NEXT, LAST, "isin", "figi") for n in NAMES]),
            mapping([(f"V{n}", n, FIRST, LAST, "vendor", "ticker_core") for n in NAMES]),
        ]
    )
    isin = pl.when(pl.col("date") <= MID).then(pl.lit("OLD")).otherwise(pl.lit("NEW"))
    id_of = {
        "price": ("figi", pl.lit("F")),
        "exposures": ("isin", isin),
        "market_cap": ("vendor", pl.lit("V")),
    }
    frames = {
        name: MARKET.uploads[name].with_columns(
            asset_id=pl.concat_str(prefix, "asset_id"), asset_id_type=pl.lit(id_type)
        )
        for name, (id_type, prefix) in id_of.items()
    }
    return {**MARKET.uploads, **frames, "idmap": idmap}


@pytest.mark.parametrize("forward", [True, False])
def test_any_id_type_gives_the_same_dataset(forward: bool) -> None:
    plain, other = dataset_of(MARKET.uploads), dataset_of(in_other_types(forward))
    for name in ("offsets", "listing", "local_return", "priced", "is_main_listing", "market_cap", "idio_vol"):
        np.testing.assert_array_equal(getattr(other.panel, name), getattr(plain.panel, name))
    np.testing.assert_array_equal(other.panel.dense["style"]["size"], plain.panel.dense["style"]["size"])
    np.testing.assert_array_equal(other.panel.sparse["industry"].codes, plain.panel.sparse["industry"].codes)
    assert other.report.rows_dropped == plain.report.rows_dropped == {}


def test_an_identifier_counts_on_its_days_only_and_what_is_unknown_is_counted_by_type() -> None:
    frames = in_other_types()
    late = pl.col("date") > MID
    old = frames["exposures"].with_columns(
        asset_id=pl.when(late).then(pl.col("asset_id").str.replace("NEW", "OLD")).otherwise("asset_id")
    )
    dataset = dataset_of({**frames, "exposures": old})
    assert dataset.report.rows_dropped == {
        "exposures": {"unknown asset of id type isin": len(old.filter(late))}
    }
    # what is not resolved changes nothing: the last snapshot stands
    day = dataset.days.index(MID)
    rows = dataset.panel.rows_of(day)
    standing = dict(zip(dataset.panel.listing[rows], dataset.panel.dense["style"]["size"][rows], strict=True))
    last = dataset.panel.rows_of(len(dataset.days) - 1)
    for listing, value in zip(
        dataset.panel.listing[last], dataset.panel.dense["style"]["size"][last], strict=True
    ):
        assert listing not in standing or value == standing[listing]


@pytest.mark.parametrize("turned", [False, True])
def test_two_id_types_for_one_asset_and_day(turned: bool) -> None:
    """The listing's own id counts before the company's, and both before others, in any order."""
    idmap = mappings(
        ("A", "A", FIRST, LAST), ("B", "B", FIRST, LAST), ("US1", "A", FIRST, LAST, "isin", "ticker"),
        ("US2", "B", FIRST, LAST, "isin", "ticker"), ("000", "A", FIRST, LAST, "cusip", "ticker_core"),
    )  # fmt: skip

    def rows(id_type: str, *values: tuple) -> pl.DataFrame:
        return exposure_rows(list(values)).with_columns(asset_id_type=pl.lit(id_type))

    exposures = pl.concat(
        [
            tables()["exposures"].filter(pl.col("factor") != "size"),
            rows("ticker", (MON, "A", "style", "size", 1.0)),
            rows("isin", (MON, "US1", "style", "size", 2.0), (MON, "US2", "style", "size", 4.0)),
            rows("cusip", (MON, "000", "style", "size", 3.0), (WED, "000", "style", "size", 3.0)),
            rows("isin", (WED, "US1", "style", "size", 2.0), (WED, "US2", "style", "size", 4.0)),
        ]
    )
    isin = tables()["price"].filter(pl.col("asset_id") == "A").with_columns(
        asset_id=pl.lit("US1"), asset_id_type=pl.lit("isin"),
        **{"return": pl.when(pl.col("return").is_null()).then(None).otherwise(0.5)},
    )  # fmt: skip
    price = pl.concat([tables()["price"].filter((pl.col("asset_id") == "B") | (pl.col("date") < THU)), isin])
    if turned:
        exposures, price = exposures.reverse(), price.reverse()
    dataset = dataset_of(tables(idmap=idmap, exposures=exposures, price=price), **GROUPS)
    a = dataset.panel.listing == 0
    # Monday: the ticker; from Wednesday: cusip before isin, by name
    assert dataset.panel.dense["style"]["size"][a].tolist() == [1.0, 1.0, 3.0, 3.0, 3.0]
    assert set(dataset.panel.dense["style"]["size"][~a].tolist()) == {4.0}
    assert dataset.panel.local_return[a][1:].tolist() == [0.1, 0.0, 0.5, 0.5]
    assert dataset.report.rows_dropped == {
        "price": {"duplicate of a row under another id type": 3},
        "exposures": {"superseded by a row of the company's main listing": 3},
    }
