"""Every kind of exposure group against numbers that are worked out in another way."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy import stats

from openfactor.errors import DataError, DataWarning, SettingsError
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    HierarchyGroups,
    HierarchyLevel,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    MCapFilterSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
    hierarchy_to_df,
)
from openfactor.synthetic import simulate
from tests.dataset.test_build import FRI, MON, THU, TUE, WED, exposure_rows, tables
from tests.handles import ExposureMatrix, Universe
from tests.markets import dataset_of, reader
from tests.reference import betas

SECTORS = {"E": ["X", "Y"], "F": ["Z"]}
SECTOR_NAMES = {"E": "Energy", "X": "Coal", "Y": "Oil", "F": "Funds", "Z": "Zinc"}
STYLES = {"risk": ["beta", "vol"], "price": ["value"]}
STYLE_NAMES = {"risk": "Risk", "beta": "Beta", "vol": "Volatility", "price": "Price", "value": "Value"}
ROWS = [
    (MON, "A", "style", "beta", 1.0), (MON, "A", "style", "vol", 2.0), (MON, "A", "style", "value", 0.5),
    (MON, "B", "style", "beta", -1.0), (MON, "B", "style", "value", 4.0),
    (MON, "A", "industry", "X", 0.25), (MON, "A", "industry", "Y", 0.75), (MON, "B", "industry", "Z", 1.0),
]  # fmt: skip
TREES = {"dense_factor_groups": {"style": "styles"}, "sparse_factor_groups": {"industry": "sectors"}}
ASSETS = UniverseSettings(id_type="ticker")


def uploads(rows: list[tuple] = ROWS, **more: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        **tables(exposures=exposure_rows(rows)),
        "sectors": hierarchy_to_df(SECTORS, SECTOR_NAMES),
        "styles": hierarchy_to_df(STYLES, STYLE_NAMES),
        **more,
    }


def exposures_of(
    *groups, universe: UniverseSettings = ASSETS, rows: list[tuple] = ROWS, more=None, **options
):
    """(date, asset) to the columns of the groups."""
    frames = uploads(rows, **(more or {}))
    dataset = dataset_of(frames, **TREES)
    matrix = ExposureMatrix("d", dataset, ExposureSettings(exposures=list(groups)), reader(frames))
    frame = matrix.get(universe, **options)
    return {(r["date"], r["ticker"]): {c: r[c] for c in frame.columns[2:]} for r in frame.to_dicts()}


def level(name: str, n: int) -> HierarchyLevel:
    return HierarchyLevel(name=name, level=n)


def test_categories_of_a_level_add_up_and_are_named_by_label() -> None:
    top = CategoricalExposureGroupSettings(hierarchy="industry")
    assert exposures_of(top)[MON, "A"] == {"industry.Energy": 1.0, "industry.Funds": 0.0}
    leaves = CategoricalExposureGroupSettings(hierarchy=level("industry", 2))
    assert exposures_of(leaves)[MON, "A"] == {
        "industry.Coal": 0.25,
        "industry.Oil": 0.75,
        "industry.Zinc": 0.0,
    }
    assert exposures_of(leaves)[TUE, "B"]["industry.Zinc"] == 1.0


def test_continuous_leaves_are_averaged_where_they_are_there() -> None:
    got = exposures_of(ContinuousExposureGroupSettings(hierarchy="style"))
    assert got[MON, "A"] == {"style.Risk": 1.5, "style.Price": 0.5}
    assert got[TUE, "B"] == {"style.Risk": -1.0, "style.Price": 4.0}  # no volatility


def test_custom_groups() -> None:
    groups = HierarchyGroups(name="industry", groupings={"Clean": ["Energy", "~Coal"], "Rest": ["F", "X"]})
    got = exposures_of(CategoricalExposureGroupSettings(hierarchy=groups, factor_group="mine"))
    assert got[MON, "A"] == {"mine.Clean": 0.75, "mine.Rest": 0.25}
    assert got[TUE, "B"] == {"mine.Clean": 0.0, "mine.Rest": 1.0}


def test_the_universe_cuts_categories() -> None:
    industry = CategoricalFilterSettings(hierarchy="industry", include=["Energy"])
    energy = ASSETS.model_copy(update={"categorical_filters": [industry]})
    got = exposures_of(CategoricalExposureGroupSettings(hierarchy=level("industry", 2)), universe=energy)
    assert got[MON, "A"] == {"industry.Coal": 0.25, "industry.Oil": 0.75}
    assert {asset for _, asset in got} == {"A"}


def test_several_groups_may_share_a_name() -> None:
    both = exposures_of(
        ContinuousExposureGroupSettings(hierarchy="style", include=["Risk"], factor_group="all"),
        ContinuousExposureGroupSettings(hierarchy="style", include=["Price"], factor_group="all"),
    )
    assert set(both[MON, "A"]) == {"all.Risk", "all.Price"}
    with pytest.raises(SettingsError, match="'all' gets Price, Risk from several groups"):
        exposures_of(*[ContinuousExposureGroupSettings(hierarchy="style", factor_group="all")] * 2)


def test_standardization_looks_at_its_own_universe() -> None:
    group = ContinuousExposureGroupSettings(hierarchy="style", standardize_method="equal_weighted")
    got = exposures_of(group)
    # two names: one standard deviation from their mean
    assert got[TUE, "A"] == {"style.Risk": 1.0, "style.Price": -1.0}
    assert got[MON, "A"] == {"style.Risk": 0.0, "style.Price": 0.0}  # alone, there is no spread
    small = ASSETS.model_copy(update={"mcap_filter": MCapFilterSettings(upper=60)})
    among_b = exposures_of(group, standardize_universe=small)
    assert among_b[TUE, "B"] == {"style.Risk": 0.0, "style.Price": 0.0}


def test_products() -> None:
    style = ContinuousExposureGroupSettings(hierarchy=level("style", 2))
    sector = CategoricalExposureGroupSettings(hierarchy="industry")
    leaves = CategoricalExposureGroupSettings(hierarchy=level("industry", 2), factor_group="leaf")
    got = exposures_of(InteractionExposureGroupSettings(exposure_groups=[leaves, style]))
    a, b = got[MON, "A"], got[TUE, "B"]
    assert a["leaf:style.Coal:Volatility"] == 0.5  # 0.25 * 2
    assert a["leaf:style.Oil:Volatility"] == 1.5
    assert a["leaf:style.Zinc:Volatility"] == 0.0
    assert b["leaf:style.Zinc:Value"] == 4.0
    assert b["leaf:style.Coal:Volatility"] == 0.0  # zero times missing
    assert b["leaf:style.Zinc:Volatility"] is None  # its category times missing
    assert len(a) == 9
    dense = exposures_of(
        InteractionExposureGroupSettings(exposure_groups=[style, style], factor_group="squares")
    )
    assert dense[MON, "A"]["squares.Volatility:Volatility"] == 4.0
    assert dense[MON, "A"]["squares.Beta:Value"] == 0.5
    assert dense[TUE, "B"]["squares.Beta:Volatility"] is None
    pairs = exposures_of(
        InteractionExposureGroupSettings(exposure_groups=[sector, leaves], factor_group="both")
    )
    assert pairs[MON, "A"]["both.Energy:Oil"] == 0.75
    assert sum(v for v in pairs[MON, "A"].values()) == 1.0
    assert pairs[TUE, "B"]["both.Funds:Zinc"] == 1.0


SCORES = [
    (TUE, "A", "alpha", "one", 3.0), (TUE, "B", "alpha", "one", 1.0), (TUE, "B", "alpha", "two", 5.0),
    (THU, "A", "alpha", "one", -2.0), (TUE, "A", "beta", "one", 9.0), (TUE, "Q", "alpha", "one", 9.0),
]  # fmt: skip


def inline(**fields) -> InlineUploadedExposureGroupSettings:
    return InlineUploadedExposureGroupSettings(
        **({"exposure_source": "scores", "factor_group": "alpha"} | fields)
    )


def scores(*groups, **options):
    return exposures_of(*groups, more={"scores": exposure_rows(SCORES[:-1])}, **options)


def test_unknown_assets_of_an_upload_are_a_warning() -> None:
    with pytest.warns(DataWarning, match="1 rows of group 'alpha' in the upload 'scores' are of assets"):
        exposures_of(inline(), more={"scores": exposure_rows(SCORES)})


def test_uploaded_exposures_stand_until_the_next_snapshot() -> None:
    got = scores(inline())
    assert (MON, "A") not in got
    assert got[TUE, "A"] == {"alpha.one": 3.0, "alpha.two": None}
    assert got[WED, "B"] == {"alpha.one": 1.0, "alpha.two": 5.0}
    assert got[THU, "A"]["alpha.one"] == -2.0
    assert got[THU, "B"]["alpha.one"] == 1.0  # its market was closed
    assert got[FRI, "B"] == {"alpha.one": None, "alpha.two": 5.0}


def test_uploaded_exposures_carried_filled_and_ranked() -> None:
    assert scores(inline(forward_fill=True))[FRI, "B"] == {"alpha.one": 1.0, "alpha.two": 5.0}
    filled = scores(inline(fill_miss=True))
    assert filled[TUE, "A"] == {"alpha.one": 3.0, "alpha.two": 5.0}  # the mean of the day
    z = stats.norm.ppf(0.75)
    ranked = scores(inline(gaussianize=True, fill_miss=True))
    assert ranked[TUE, "A"]["alpha.one"] == pytest.approx(z, abs=1e-6)
    assert ranked[TUE, "B"]["alpha.one"] == pytest.approx(-z, abs=1e-6)
    assert ranked[TUE, "A"]["alpha.two"] == 0.0
    assert list(scores(inline(include=["two"]))[TUE, "B"]) == ["alpha.two"]


def test_uploads_that_lack_what_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="there is no 'three'; possible: one, two"):
        scores(inline(include=["three"]))
    with pytest.raises(SettingsError, match="there is no 'alfa'; did you mean 'alpha'"):
        scores(inline(factor_group="alfa"))
    with pytest.raises(DataError, match="float16 cannot hold"):
        exposures_of(inline(), more={"scores": exposure_rows([(MON, "A", "alpha", "one", 1e9)])})


MARKET = simulate(30, 60, industries=3, styles=("size",), late_listings=0.1, delistings=0.1, seed=21)
MARKET_GROUPS = {"dense_factor_groups": {"market": None, "style": None}}


def series() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    days = MARKET.factor_returns["date"]
    frame = pl.DataFrame(
        {"date": days, "SMB": rng.normal(0, 0.01, len(days)), "HML": rng.normal(0, 0.01, len(days))}
    )
    return frame.unpivot(index="date", variable_name="factor")


def test_betas_are_regressions_of_returns_on_the_series() -> None:
    frames = {**MARKET.uploads, "ff": series()}
    dataset = dataset_of(frames)
    group = TimeSeriesBetaExposureGroupSettings(
        tsfactors_source="ff", factor_group="ff", window=20, gaussianize=False,
        rolling_regression=RollingBetaSettings(overlap=2), return_clip_bounds=(-0.03, 0.03),
    )  # fmt: skip
    matrix = ExposureMatrix("d", dataset, ExposureSettings(exposures=group), reader(frames))
    got = matrix.get(ASSETS, filter_tradedays=True)
    days = MARKET.factor_returns["date"].to_list()
    close = MARKET.uploads["price"].pivot("asset_id", index="date", values="close").sort("date")
    assert close["date"].to_list() == days
    g = series().filter(pl.col("factor") == "HML").sort("date")["value"].to_numpy()
    compared = 0
    for name in ("A00001", "A00007", "A00012"):
        price = close[name].to_numpy()
        y = np.append(np.nan, np.clip(price[1:] / price[:-1] - 1, -0.03, 0.03))
        expected = dict(zip(days, betas.ols(y, np.append(np.nan, g[1:]), 20, 2, 10), strict=True))
        for row in got.filter(pl.col("ticker") == name).to_dicts():
            assert row["ff.HML"] == pytest.approx(expected[row["date"]], abs=1e-5)
            compared += 1
    assert compared > 80


def test_robust_betas_and_their_scores() -> None:
    frames = {**MARKET.uploads, "ff": series()}
    dataset = dataset_of(frames)
    plain = TimeSeriesBetaExposureGroupSettings(
        tsfactors_source="ff", factor_group="b", window=30, include=["SMB"], gaussianize=False,
        rolling_regression=RollingHuberBetaSettings(max_iter=50),
    )  # fmt: skip
    ranked = plain.model_copy(update={"gaussianize": True, "factor_group": "z"})
    matrix = ExposureMatrix("d", dataset, ExposureSettings(exposures=[plain, ranked]), reader(frames))
    last = matrix.get(ASSETS, start=dataset.days[-1]).drop_nulls()
    assert len(last) > 20
    n = len(last)
    np.testing.assert_allclose(
        last["z.SMB"], stats.norm.ppf((stats.rankdata(last["b.SMB"]) - 0.5) / n), atol=1e-6
    )
    wrong = ExposureSettings(exposures=plain.model_copy(update={"include": ["SNB"]}))
    with pytest.raises(SettingsError, match="did you mean 'SMB'"):
        ExposureMatrix("d", dataset, wrong, reader(frames)).get(ASSETS)


def orthogonal(*net_of: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    dataset = dataset_of(MARKET.uploads)
    size = ContinuousExposureGroupSettings(hierarchy="style", net_of=list(net_of))
    groups = [
        ContinuousExposureGroupSettings(hierarchy="market"),
        CategoricalExposureGroupSettings(hierarchy="industry"),
        size,
    ]
    frame = ExposureMatrix("d", dataset, ExposureSettings(exposures=groups)).get(ASSETS)
    last = frame.filter(pl.col("date") == MARKET.factor_returns["date"][-1])
    caps = (
        MARKET.uploads["market_cap"].select("date", "asset_id", "market_cap").rename({"asset_id": "ticker"})
    )
    day = last["date"][0]
    latest = caps.filter(pl.col("date") <= day).sort("date").group_by("ticker").last()
    return last, last.join(latest.select("ticker", "market_cap"), on="ticker", maintain_order="left")


def test_net_of_takes_out_what_sources_explain() -> None:
    last, joined = orthogonal("market", "industry")
    w = np.sqrt(joined["market_cap"].to_numpy())
    x = last["style.size"].to_numpy().astype(float)
    for column in last.columns:
        if column.startswith(("market", "industry")):
            s = last[column].to_numpy()
            assert abs(w @ (x * s)) / (w @ np.abs(x * s)) < 1e-5  # Float32 in the frame
    plain, _ = orthogonal()
    assert np.corrcoef(plain["style.size"], x)[0, 1] > 0.5
    assert not np.allclose(plain["style.size"], x)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([("a", ["a"])], "names the group itself"),
        ([("a", ["b"])], "no such group in these settings: b"),
        ([("a", ["b", "b"]), ("b", [])], "names b twice"),
        ([("a", ["b"]), ("b", ["c"]), ("c", ["a"])], "in a circle: a of b of c of a"),
    ],
)
def test_net_of_that_contradicts(groups, message: str) -> None:
    made = [ContinuousExposureGroupSettings(hierarchy=n, net_of=s) for n, s in groups]
    with pytest.raises(ValueError, match=message):
        ExposureSettings(exposures=made)


def test_saved_names_need_a_client() -> None:
    dataset = dataset_of(tables(exposures=exposure_rows(ROWS)) | uploads(), **TREES)
    with pytest.raises(SettingsError, match="is the name or id of saved settings"):
        ExposureMatrix("d", dataset, ExposureSettings()).get("mine")
    with pytest.raises(SettingsError, match="is the name or id of saved settings"):
        Universe("d", dataset, ASSETS.model_copy(update={"portfolio_filter": "mine"}))


def test_a_calendar_of_its_own_is_refused() -> None:
    closed = pl.DataFrame({"date": [dt.date(2024, 1, 13)] * 2, "exchange": ["XNYS", "XLON"]})
    frames = uploads(exchange_dates=closed)
    dataset = dataset_of(frames, **TREES)
    other = ASSETS.model_copy(update={"calendar": ASSETS.calendar.model_copy(update={"filters": [["XLON"]]})})
    matrix = ExposureMatrix("d", dataset, ExposureSettings(), reader(frames))
    with pytest.raises(SettingsError, match="must have the calendar"):
        matrix.get(ASSETS, standardize_universe=other)
