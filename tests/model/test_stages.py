"""Several stages, known factors, robust regressions: models as a whole."""

from __future__ import annotations

import importlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from openfactor.context import Context, Progress
from openfactor.dataset import RiskDataset, build
from openfactor.errors import DataError, SettingsError
from openfactor.model import estimate
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    UniverseSettings,
)
from openfactor.settings.validation import validate
from openfactor.synthetic import simulate
from tests.cancelling import cancel_everywhere
from tests.handles import RiskModel
from tests.markets import dataset_of, dataset_settings, model_settings, reader

MARKET = simulate(80, 20, industries=4, seed=17)
GROUPS = {
    "market": ContinuousExposureGroupSettings(hierarchy="market"),
    "industry": CategoricalExposureGroupSettings(hierarchy="industry"),
    "style": ContinuousExposureGroupSettings(hierarchy="style"),
}
STYLES = ("momentum", "size", "value", "volatility")


def exposures(*names: str) -> ExposureSettings:
    return ExposureSettings(exposures=[GROUPS[name] for name in names])


def construction(**changes: object) -> ModelConstructionSettings:
    return ModelConstructionSettings(return_clip_bounds=(None, None), **changes)  # type: ignore[arg-type]


def model(stages: list[ExposureSettings], constructions: list[ModelConstructionSettings]):
    return FactorRiskModelSettings(
        universe=UniverseSettings(id_type="ticker"), exposures=stages, modelconstruction=constructions
    )


@pytest.fixture(scope="module")
def dataset() -> RiskDataset:
    return dataset_of(MARKET.uploads)


def test_a_second_stage_regresses_what_the_first_leaves(dataset: RiskDataset) -> None:
    industries = construction(zero_sum_constraints={"industry": "mcap_weighted"})
    first = model([exposures("market", "industry")], [industries])
    both = first.add_stage(exposures=exposures("style"), modelconstruction=construction(weights="Cap"))
    validate(both, dataset.properties.factor_risk_model_settings_menu)
    one, two = estimate(dataset, first, "x"), estimate(dataset, both, "x")
    of_first = [two.pairs.index(pair) for pair in one.pairs]
    np.testing.assert_array_equal(two.factor_returns[:, of_first], one.factor_returns)
    np.testing.assert_array_equal(two.standard_errors[:, of_first], one.standard_errors)
    assert [two.factors[k] for k in np.flatnonzero(two.stage)] == [f"style.{name}" for name in STYLES]
    panel = dataset.panel
    for i in range(1, len(two.dates)):
        rows = panel.rows_of(dataset.days.index(two.dates[i - 1]))
        x = np.stack([panel.dense["style"][name][rows].astype(float) for name in STYLES], axis=1)
        left = one.specific_return[rows]
        has_return = np.isfinite(left)
        root = np.sqrt(panel.market_cap[rows][has_return])
        f = np.linalg.lstsq(x[has_return] * root[:, None], left[has_return] * root, rcond=None)[0]
        np.testing.assert_allclose(two.factor_returns[i, two.stage == 1], f, atol=1e-12)
        np.testing.assert_allclose(
            two.specific_return[rows][has_return], (left - x @ f)[has_return], atol=1e-14
        )
    shown = RiskModel(dataset, both, two)
    assert shown.r2(stage=2)["date"].to_list() == list(two.dates[1:])
    assert shown.exposures(stage=2).columns[2:] == [f"style.{name}" for name in STYLES]
    assert shown.weights(stage=2).equals(shown.weights()) is False
    for frame in (shown.fret(), shown.t_stats(), shown.vif(), shown.market_caps(), shown.p_values()):
        assert frame.columns == ["date", *two.factors]
        assert frame[10, "style.size"] is not None
    with pytest.raises(SettingsError, match="no stage 3"):
        shown.status(stage=3)


def test_added_stages_keep_the_construction_of_the_one_before() -> None:
    one = model([exposures("market")], [construction()])
    two = one.add_stage(exposures=exposures("style"))
    assert (two.n_stages, len(two.modelconstruction)) == (2, 1)
    other = construction(weights="Cap")
    three = two.add_stage(exposures=exposures("style"), modelconstruction=other)
    assert [stage.construction.weights for stage in three.stages] == ["SqrtCap", "SqrtCap", "Cap"]
    assert three.add_stage(exposures="saved").modelconstruction[-1] == other
    with pytest.raises(ValueError, match="2 entries in exposures and 3 in modelconstruction"):
        model([exposures("market")] * 2, [construction()] * 3)


def test_faults_of_stages_say_which(dataset: RiskDataset) -> None:
    wrong = model(
        [exposures("market", "industry"), exposures("market", "style")],
        [
            construction(
                zero_sum_constraints={"industri": "none"}, known_factor_map={("industry", "I00"): "cpi"}
            ),
            construction(
                currency="USD", fx_convert_returns=False,
                thin_category_shrinkage_overrides={("style", "size"): 1.0},
                known_factor_map={("style", "sise"): "rates"},
            ),
        ],
    )  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        validate(wrong, dataset.properties.factor_risk_model_settings_menu)
    text = str(caught.value)
    for part in (
        "stage 1: zero_sum_constraints: there is no 'industri'",
        "stage 1: zero_sum_constraints: no entry for the categorical group industry",
        "stage 1: known_factor_map: there is no 'industry'",
        "stage 1: known_factor_map: series: there is no 'cpi'",
        "stage 2: exposures: 'market' gets market from several groups",
        "stage 2: thin_category_shrinkage_overrides: there is no 'style'",
        "stage 2: known_factor_map: group 'style': there is no 'sise'",
        "currency and fx_convert_returns must be the same in all stages",
    ):
        assert part in text


def test_one_construction_serves_stages_with_different_groups(dataset: RiskDataset) -> None:
    shared = construction(zero_sum_constraints={"industry": "mcap_weighted"})
    chained = model([exposures("market", "industry"), exposures("style")], [shared])
    validate(chained, dataset.properties.factor_risk_model_settings_menu)
    assert estimate(dataset, chained, "x").rank[:, 5].tolist() == [4, 4]


SERIES = pl.DataFrame(
    {
        "date": MARKET.factor_returns["date"],
        "series": "mkt",
        "value": MARKET.factor_returns["market.market"],
    }
)


def with_series(series: pl.DataFrame) -> RiskDataset:
    return build(dataset_settings(series_source="s"), reader(MARKET.uploads | {"s": series}), "test")


def known_market(**changes: object) -> FactorRiskModelSettings:
    return model_settings(estimation=False, known_factor_map={("market", "market"): "mkt"}, **changes)


def test_a_known_factor_is_taken_as_given() -> None:
    """The rest is weighted least squares of what it leaves, and the identity holds."""
    data = with_series(SERIES)
    validate(known_market(), data.properties.factor_risk_model_settings_menu)
    e = estimate(data, known_market(), "x")
    k = e.factors.index("market.market")
    np.testing.assert_array_equal(e.factor_returns[1:, k], SERIES["value"].to_numpy()[1:])
    assert np.isnan(e.standard_errors[:, k]).all()
    assert e.has_exposure[1:, k].all()
    group = data.panel.sparse["industry"]
    for i in range(1, len(e.dates)):
        rows = data.panel.rows_of(data.days.index(e.dates[i - 1]))
        style = np.stack([data.panel.dense["style"][name][rows].astype(float) for name in STYLES], axis=1)
        member = np.eye(len(group.categories))[group.codes[0][rows]]
        has_return = np.isfinite(e.asset_return[rows])
        cap = data.panel.market_cap[rows]
        c = cap[has_return] @ member[has_return]
        x = np.hstack([member, style])
        basis = np.delete(np.eye(8), 3, axis=1)
        basis[3, :3] = -c[:3] / c[3]
        left = e.asset_return[rows] - e.factor_returns[i, k]
        root = cap[has_return] ** 0.25
        f = (
            basis
            @ np.linalg.lstsq(x[has_return] @ basis * root[:, None], left[has_return] * root, rcond=None)[0]
        )
        order = [e.factors.index(f"industry.I{g:02d}") for g in range(4)]
        order += [e.factors.index(f"style.{name}") for name in STYLES]
        np.testing.assert_allclose(e.factor_returns[i, order], f, atol=1e-11)
        rebuilt = x @ f + e.factor_returns[i, k] + e.specific_return[rows]
        np.testing.assert_allclose(rebuilt[has_return], e.asset_return[rows][has_return], atol=1e-15)
    assert 0 < np.nanmean(e.r2[0]) < 1


def test_a_known_factor_with_clipped_returns_keeps_the_identity() -> None:
    data = with_series(SERIES)
    clipped = known_market(return_clip_bounds=(-0.01, 0.01))
    e, plain = estimate(data, clipped, "x"), estimate(data, known_market(), "x")
    assert not np.allclose(e.factor_returns, plain.factor_returns)
    rows = data.panel.rows_of(data.days.index(e.dates[4]))
    ids = np.array(data.identifiers.listing_ids("ticker"))[data.panel.listing[rows]]
    explained = (e.asset_return[rows] - e.specific_return[rows])[np.argsort(ids)]
    x = RiskModel(data, clipped, e).exposures(start=e.dates[4], end=e.dates[4])
    assert x["ticker"].to_list() == sorted(ids)
    f = e.factor_returns[5]
    np.testing.assert_allclose(x.select(e.factors).to_numpy().astype(float) @ f, explained, atol=1e-9)


def test_known_returns_compound_over_closed_days() -> None:
    days = MARKET.factor_returns["date"]
    closed = MARKET.uploads["exchange_dates"].filter(pl.col("date") < days[-1])
    weekend = next(d for d in closed["date"] if d > days[3])
    before = max(d for d in days if d < weekend)
    after = min(d for d in days if d > weekend)
    extra = pl.DataFrame({"date": [weekend], "series": ["mkt"], "value": [0.5]})
    e = estimate(with_series(pl.concat([SERIES, extra])), known_market(), "x")
    i = e.dates.index(after)
    assert e.dates[i - 1] == before
    value = SERIES["value"].to_numpy()[i]
    assert e.factor_returns[i, e.factors.index("market.market")] == pytest.approx(
        1.5 * (1 + value) - 1, abs=1e-15
    )


def test_days_without_a_known_return_are_named() -> None:
    days = MARKET.factor_returns["date"]
    data = with_series(SERIES.filter(~pl.col("date").is_in([days[4], days[9]])))
    with pytest.raises(DataError, match=r"market\.market has no return") as caught:
        estimate(data, known_market(), "x")
    assert caught.value.faults[0].examples == (str(days[4]), str(days[9]))
    nowhere = known_market().model_copy(
        update={"modelconstruction": [construction(known_factor_map={("market", "mkt"): "mkt"},
                                                   zero_sum_constraints={"industry": "none"})]}
    )  # fmt: skip
    with pytest.raises(SettingsError, match=r"there is no 'market,mkt'"):
        estimate(data, nowhere, "x")


def test_a_robust_model_is_nearer_to_the_truth_among_jumps() -> None:
    """One name in thirty jumps by 30% on a day that has nothing to do with the factors."""
    market = simulate(300, 40, industries=4, delistings=0, late_listings=0, seed=8)
    rng = np.random.default_rng(1)
    jump = pl.Series(np.where(rng.random(market.uploads["price"].height) < 1 / 30, 0.3, 0.0))
    price = market.uploads["price"].with_columns(pl.col("return") + jump)
    data = dataset_of(market.uploads | {"price": price})
    truth = market.factor_returns.select(pl.exclude("date")).to_numpy()
    errors = {}
    for epsilon in (None, 1.35):
        e = estimate(data, model_settings(huber_epsilon=epsilon), "x")
        errors[epsilon] = np.sqrt(np.mean((e.factor_returns[1:] - truth[1:]) ** 2))
        assert (e.status[0, 1:] == 0).all()
    assert errors[1.35] < errors[None] / 3


def test_a_fit_can_be_cancelled_at_any_point(dataset: RiskDataset) -> None:
    def fit(context: Context) -> None:
        estimate(dataset, model_settings(), "x", context=context)

    assert cancel_everywhere(fit, lambda: None) > 5


def test_an_interrupt_ends_a_fit(dataset: RiskDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread is interrupted while it waits; the others do not go on to the last day."""
    first_day, reports = threading.Event(), []

    class Interrupted(ThreadPoolExecutor):
        def map(self, *args, **kwargs):
            results = super().map(*args, **kwargs)
            if reports:  # the regressions are under way
                assert first_day.wait(30)
                raise KeyboardInterrupt
            return results

    def slow(progress: Progress) -> None:
        reports.append(progress)
        if progress.done:
            first_day.set()
        time.sleep(0.01)

    monkeypatch.setattr(importlib.import_module(estimate.__module__), "ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimate(dataset, model_settings(), "x", context=Context(2, slow))
    assert reports[-1].finished
    assert reports[-1].done < 19


def test_pairs_travel_as_text() -> None:
    given = construction(
        known_factor_map={("market", "US, all"): "s"}, thin_category_shrinkage_overrides={("i", "x"): 1}
    )
    text = given.model_dump_json()
    assert '"market,US, all":"s"' in text
    assert ModelConstructionSettings.model_validate_json(text) == given
    assert ModelConstructionSettings.from_yaml(given.to_yaml()) == given
