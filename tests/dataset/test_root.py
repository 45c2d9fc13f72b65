"""Root datasets: trees, names over time, share classes, series, coverage, and how they are read."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset, panel_index
from openfactor.dataset.storage import load, save
from openfactor.errors import DataError
from openfactor.model import estimate
from openfactor.settings import (
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    UniverseSettings,
    hierarchy_to_df,
)
from openfactor.store import LocalObjects
from openfactor.synthetic import simulate
from tests.dataset.test_build import (
    FRI,
    GROUPS,
    MON,
    THU,
    TUE,
    WED,
    built,
    column,
    exposure_rows,
    main_by_day,
    tables,
)
from tests.handles import RiskModel
from tests.markets import dataset_of

SECTORS = {"Z": {"Z1": ["X"]}, "Y": []}
LABELS = {"Z": "Zeta", "Z1": "Zeta one", "X": "Ex", "Y": "Why"}
TREES = {"dense_factor_groups": {"style": "styles"}, "sparse_factor_groups": {"industry": "sectors"}}


def with_trees(sectors=SECTORS, labels=LABELS) -> RiskDataset:
    styles = hierarchy_to_df(["size", "value"], {"size": "Size", "value": "Value"})
    return dataset_of({**tables(), "sectors": hierarchy_to_df(sectors, labels), "styles": styles}, **TREES)


def test_menus_are_trees_with_labels() -> None:
    menu = with_trees().properties.exposure_settings_menu
    assert menu.categorical_hierarchies == {"industry": SECTORS}
    assert menu.universe_settings_menu.categorical_hierarchies_labels == {"industry": LABELS}
    # no asset has an exposure to value
    assert menu.continuous_hierarchies == {"style": ["size"]}
    assert menu.continuous_hierarchies_labels == {"style": {"size": "Size"}}
    assert menu.hierarchy_df("industry").row(0) == ("Z", "Zeta", "Z1", "Zeta one", "X", "Ex")
    text = with_trees().properties.human_readable(detail=True)
    assert "Z Zeta" in text
    assert "X Ex" in text
    assert "X Ex" not in with_trees().properties.human_readable()


def test_trees_survive_the_disk(tmp_path) -> None:
    objects = LocalObjects(tmp_path)
    assert load(objects, save(with_trees(), objects)).properties == with_trees().properties


def test_categories_must_be_leaves() -> None:
    with pytest.raises(DataError, match="not_a_leaf") as caught:
        with_trees({"X": ["X1"], "Y": []}, {"X": "x", "X1": "x1", "Y": "y"})
    assert "1 factors of 'industry' (1 rows) are not leaves of its hierarchy: X; X has codes below it" in str(
        caught.value
    )
    with pytest.raises(DataError, match="are not leaves of its hierarchy: Y"):
        with_trees(["X"], {"X": "x"})


def google(**changes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The document's two share classes: B is the core, A the other class, with its own prices."""
    idmap = tables()["idmap"].with_columns(pl.Series("to_id", ["B", "B"]))
    caps = tables()["market_cap"].filter(pl.col("asset_id") == "B")
    rows = [
        (MON, "B", "style", "size", -0.5), (MON, "A", "style", "size", 9.0), (WED, "A", "style", "size", 3.0),
        (MON, "B", "industry", "Y", 1.0), (MON, "A", "industry", "X", 1.0),
    ]  # fmt: skip
    return tables(idmap=idmap, market_cap=caps, exposures=exposure_rows(rows), **changes)


def test_share_classes() -> None:
    dataset = dataset_of(google(), **GROUPS)
    size = dataset.panel.dense["style"]["size"].astype(float)
    # on Monday both listings send an exposure: the core's counts, for both
    assert [column(dataset, size, "A")[d] for d in (MON, TUE)] == [-0.5, -0.5]
    assert column(dataset, size, "B")[TUE] == -0.5
    assert [column(dataset, size, n)[WED] for n in ("A", "B")] == [3.0, 3.0]
    sector = dataset.panel.sparse["industry"]
    assert {sector.categories[c] for c in sector.codes[0]} == {"Y"}
    assert dataset.report.rows_dropped["exposures"] == {
        "superseded by a row of the company's main listing": 2
    }
    assert column(dataset, dataset.panel.local_return, "A")[TUE] == pytest.approx(0.1)
    assert column(dataset, dataset.panel.local_return, "B")[WED] == pytest.approx(0.2)
    assert dataset.report.n_listings == 2
    assert dataset.report.n_companies == 1


def renamed() -> RiskDataset:
    """FB becomes META on Wednesday; both tickers lead to the entity META."""
    price = pl.DataFrame(
        [
            (MON, "FB", 10.0, None), (TUE, "FB", 11.0, 0.1), (WED, "META", 11.0, None),
            (THU, "META", 13.2, 0.2),
            *((d, "O", 1.0, None if d == MON else 0.01) for d in (MON, TUE, WED, THU)),
        ],
        schema=["date", "asset_id", "close", "return"], orient="row",
    ).with_columns(asset_id_type=pl.lit("ticker"), ccy=pl.lit("USD"), delisted=pl.lit(False))  # fmt: skip
    idmap = pl.DataFrame({"from_id": ["FB", "META", "O"], "to_id": ["META", "META", "O"]}).with_columns(
        start_date=pl.Series([dt.date(2000, 1, 1), WED, dt.date(2000, 1, 1)]),
        end_date=pl.Series([TUE, dt.date.max, dt.date.max]),
        from_id_type=pl.lit("ticker"), to_id_type=pl.lit("ticker_core"),
    )  # fmt: skip
    caps = pl.DataFrame(
        {"date": [MON, WED, MON], "asset_id": ["FB", "META", "O"], "market_cap": [5.0, 7.0, 9.0]}
    ).with_columns(
        asset_id_type=pl.lit("ticker"), ccy=pl.lit("USD"), volume=pl.lit(1.0), idio_vol=pl.lit(0.1)
    )
    exposures = exposure_rows([(MON, "FB", "style", "size", 2.0), (MON, "O", "style", "size", 1.0)])
    frames = tables(price=price, idmap=idmap, market_cap=caps, exposures=exposures)
    return dataset_of(frames, dense_factor_groups={"style": None}, sparse_factor_groups={})


def test_a_new_ticker_is_the_same_company() -> None:
    dataset = renamed()
    size = dataset.panel.dense["style"]["size"].astype(float)
    assert column(dataset, size, "META") == {WED: 2.0, THU: 2.0}  # uploaded for FB
    assert column(dataset, dataset.panel.market_cap, "FB") == {MON: 5.0, TUE: 5.0}
    assert column(dataset, dataset.panel.market_cap, "META") == {WED: 7.0, THU: 7.0}
    assert [n for n in main_by_day(dataset) if n != "O"] == ["FB", "FB", "META", "META"]
    settings = FactorRiskModelSettings(
        universe=UniverseSettings(id_type="ticker_core"),
        exposures=ExposureSettings(exposures=ContinuousExposureGroupSettings(hierarchy="style")),
    )
    model = RiskModel(dataset, settings, estimate(dataset, settings, "x"))
    returns = model.asset_returns()
    assert returns.columns == ["date", "META", "O"]
    # the first price of a new ticker has no return
    assert returns["META"].to_list() == [None, pytest.approx(0.1), None, pytest.approx(0.2)]


def test_a_ticker_that_is_used_again_is_another_company() -> None:
    b = pl.col("from_id") == "B"
    before = pl.when(b).then(WED).otherwise("end_date")
    idmap = pl.concat(
        [
            tables()["idmap"].with_columns(end_date=before),
            tables()["idmap"].filter(b).with_columns(to_id=pl.lit("B2"), start_date=THU),
        ]
    )
    rows = [
        (MON, "A", "style", "size", 1.0), (MON, "B", "style", "size", 2.0), (MON, "A", "industry", "X", 1.0),
        (FRI, "B", "style", "size", 3.0),
    ]  # fmt: skip
    dataset = dataset_of(tables(idmap=idmap, exposures=exposure_rows(rows)), **GROUPS)
    assert dataset.identifiers.listing_ids("ticker") == ["A", "B", "B"]
    assert dataset.identifiers.listing_ids("ticker_core") == ["A", "B", "B2"]
    days = [dataset.days[d] for d in dataset.panel.day]
    lives = {
        name: [d for d, i in zip(days, dataset.panel.listing, strict=True) if i == at]
        for at, name in enumerate(["A", "B", "B2"])
    }
    assert lives == {"A": [MON, TUE, WED, THU, FRI], "B": [TUE, WED], "B2": [FRI]}
    size = dataset.panel.dense["style"]["size"].astype(float)
    assert size[dataset.panel.listing == 1].tolist() == [2.0, 2.0]
    assert size[dataset.panel.listing == 2].tolist() == [3.0]
    past = dataset_of(
        tables(idmap=idmap, exposures=exposure_rows(rows)), **GROUPS, as_of_date=WED
    )  # before the change was known
    assert past.identifiers.listing_ids("ticker_core") == ["A", "B"]


def test_several_exchanges_and_currencies_late_listings_and_delistings() -> None:
    market = simulate(
        40,
        30,
        exchanges=("XNYS", "XTKS"),
        currencies=("USD", "JPY"),
        late_listings=0.3,
        delistings=0.3,
        seed=4,
    )
    dataset = dataset_of(market.uploads)
    price = market.uploads["price"]
    lives = price.group_by("asset_id").agg(first=pl.col("date").min(), last=pl.col("date").max())
    names = dataset.identifiers.listing_ids("ticker")
    stored = np.array(dataset.days)
    for at, name in enumerate(names):
        days = stored[dataset.panel.day[dataset.panel.listing == at]]
        first, last = lives.filter(pl.col("asset_id") == name).select("first", "last").row(0)
        assert (days[0], days[-1]) == (first, last)
        assert len(days) == sum(first <= d <= last for d in dataset.days)
    assert len(lives.filter(pl.col("first") > stored[0])) > 3
    assert len(lives.filter(pl.col("last") < stored[-1])) > 3
    assert list(dataset.closed) == ["XNYS", "XTKS"]
    assert dataset.currencies == ("USD", "JPY")
    assert {dataset.currencies[c] for c in dataset.panel.currency} == {"JPY", "USD"}


def test_coverage_by_date() -> None:
    coverage = built().coverage
    assert coverage.columns == ["date", "listings", "priced", "market_cap", "with_style", "with_industry"]
    assert coverage.row(0) == (MON, 1, 1, 1, 1, 1)
    assert coverage.filter(pl.col("date") == THU).row(0) == (THU, 2, 1, 2, 2, 2)


def test_series_come_along() -> None:
    series = pl.DataFrame({"date": [MON, TUE], "series": ["SPX", "SPX"], "value": [1.0, 2.0]})
    dataset = dataset_of({**tables(), "series": series}, **GROUPS, series_source="series")
    assert dataset.series.equals(series)
    assert dataset.report.rows_read["series"] == 2
    assert built().series.is_empty()


def test_the_report_reads_well() -> None:
    price = pl.concat([tables()["price"], tables()["price"].head(1).with_columns(asset_id=pl.lit("Q"))])
    text = str(built(price=price).report)
    assert text.startswith("2024-01-08 to 2024-01-12: 5 days, 2 listings of 2 companies, 9 rows")
    assert "  price: 9 rows read, dropped: 1 unknown asset" in text


@pytest.mark.parametrize("run", [1, 37, 10_000])
def test_how_much_is_read_at_a_time_does_not_matter(run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    market = simulate(30, 20, industries=3, styles=("size", "value"), exchanges=("XNYS", "XTKS"), seed=8)
    whole = dataset_of(market.uploads)
    monkeypatch.setattr(panel_index, "RUN", run)
    pieces = dataset_of(market.uploads)
    np.testing.assert_array_equal(pieces.panel.market_cap, whole.panel.market_cap)
    for factor, values in whole.panel.dense["style"].items():
        np.testing.assert_array_equal(pieces.panel.dense["style"][factor], values)
    np.testing.assert_array_equal(pieces.panel.sparse["industry"].codes, whole.panel.sparse["industry"].codes)
    assert pieces.report == whole.report
