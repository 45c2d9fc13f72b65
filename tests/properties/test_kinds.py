"""What must hold of models with every kind of exposure group, whatever the market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset, derive
from openfactor.model import Estimates, estimate
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    ModelConstructionSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, reader

MARKET = simulate(60, 40, industries=4, styles=("size", "value"), currencies=("USD", "EUR"), seed=5)
DAYS: list[dt.date] = MARKET.factor_returns["date"].to_list()
CUT = 28
"""The day from which on the future differs."""
UNIVERSE = UniverseSettings(id_type="ticker")

MARKET_GROUP = ContinuousExposureGroupSettings(hierarchy="market")
INDUSTRY = CategoricalExposureGroupSettings(hierarchy="industry")
STYLE = ContinuousExposureGroupSettings(hierarchy="style")


def uploads() -> dict[str, pl.DataFrame]:
    """The market, a series of factor returns, and scores that are uploaded every third day, with gaps."""
    rng = np.random.default_rng(9)
    ff = pl.DataFrame({"date": DAYS, "factor": "SMB", "value": rng.normal(0, 0.01, len(DAYS))})
    names = MARKET.uploads["price"]["asset_id"].unique().sort().to_list()
    rows = [
        (day, name, "ticker", "alpha", "one", float(np.round(rng.standard_normal(), 2)))
        for day in DAYS[::3]
        for name in names
        if rng.random() < 0.8
    ]
    columns = ["date", "asset_id", "asset_id_type", "factor_group", "factor", "exposure"]
    return {**MARKET.uploads, "ff": ff, "scores": pl.DataFrame(rows, schema=columns, orient="row")}


def scores(**fields) -> InlineUploadedExposureGroupSettings:
    return InlineUploadedExposureGroupSettings(exposure_source="scores", factor_group="alpha", **fields)


def beta(**fields) -> TimeSeriesBetaExposureGroupSettings:
    return TimeSeriesBetaExposureGroupSettings(tsfactors_source="ff", factor_group="ff", window=10, **fields)


KINDS = {
    "plain": [MARKET_GROUP, INDUSTRY, STYLE],
    "standardized": [
        MARKET_GROUP,
        INDUSTRY,
        STYLE.model_copy(update={"standardize_method": "equal_weighted"}),
    ],
    "net_of": [MARKET_GROUP, INDUSTRY, STYLE.model_copy(update={"net_of": ["market", "industry"]})],
    "ols": [MARKET_GROUP, INDUSTRY, beta()],
    "huber": [MARKET_GROUP, INDUSTRY, beta(rolling_regression=RollingHuberBetaSettings(), gaussianize=False)],
    "uploaded": [MARKET_GROUP, INDUSTRY, scores(gaussianize=True, fill_miss=True)],
    "carried": [MARKET_GROUP, INDUSTRY, scores(forward_fill=True, standardize_method="equal_weighted")],
    "interaction": [
        MARKET_GROUP,
        INDUSTRY,
        InteractionExposureGroupSettings(
            exposure_groups=[INDUSTRY, STYLE.model_copy(update={"include": ["size"]})]
        ),
    ],
}


def model(groups: list, **construction) -> FactorRiskModelSettings:
    settings = {"zero_sum_constraints": {"industry": "mcap_weighted"}, "return_clip_bounds": (None, None)}
    return FactorRiskModelSettings(
        universe=[UNIVERSE],
        exposures=[ExposureSettings(exposures=groups)],
        modelconstruction=[ModelConstructionSettings(**(settings | construction))],
    )


def fitted(frames: dict[str, pl.DataFrame], groups: list, dataset: RiskDataset | None = None) -> Estimates:
    return estimate(dataset or dataset_of(frames), model(groups), "x", read=reader(frames))


DERIVED = DerivedRiskDatasetSettings(
    reference_dataset="d",
    exposures=[
        RiskDatasetReferencedExposureSettings(
            continuous_factor_groups=[], categorical_factor_groups=["industry"]
        ),
        RiskDatasetUploadedExposureSettings(
            exposure_source="scores",
            continuous_factor_groups=["alpha"],
            factor_groups_forward_fill=["alpha"],
            factor_groups_gaussianize=["alpha"],
            factor_groups_fill_miss=["alpha"],
        ),
        RiskDatasetHuberRegressionExposureSettings(tsfactors_source="ff", window=10, student_t_level=0.3),
        RiskDatasetUnitExposureSettings(
            factor_group="unit", factor="one", align_with=["alpha", "huber_style"]
        ),
    ],
)
DERIVED_GROUPS = [
    CategoricalExposureGroupSettings(hierarchy="industry"),
    *(ContinuousExposureGroupSettings(hierarchy=name) for name in ("unit", "alpha", "huber_style")),
]


def fitted_on_derived(frames: dict[str, pl.DataFrame]) -> Estimates:
    parent = dataset_of(frames)
    return fitted(frames, DERIVED_GROUPS, derive(DERIVED, parent, reader(frames), "y"))


def later(column: str, change: Callable[[pl.Expr], pl.Expr]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Change a column from the cut on."""

    def apply(rows: pl.DataFrame) -> pl.DataFrame:
        new = pl.when(pl.col("date") >= DAYS[CUT]).then(change(pl.col(column))).otherwise(pl.col(column))
        return rows.with_columns(new.alias(column))

    return apply


def dropped(rows: pl.DataFrame) -> pl.DataFrame:
    """Half of the assets end at the cut."""
    gone = pl.col("asset_id").str.slice(-1).cast(pl.Int64) % 2 == 0
    return rows.filter((pl.col("date") < DAYS[CUT]) | ~gone)


def handed_on(rows: pl.DataFrame) -> pl.DataFrame:
    """From the cut on, every seventh ticker belongs to another company."""
    chosen = pl.int_range(pl.len()) % 7 == 3
    last = pl.when(chosen).then(DAYS[CUT] - dt.timedelta(days=1)).otherwise("end_date")
    after = rows.filter(chosen).with_columns(pl.col("to_id") + "-new", start_date=DAYS[CUT])
    return pl.concat([rows.with_columns(end_date=last), after])


# what is changed, how, and whether the regression of the cut itself may feel it: exposures and caps explain
# the next day, prices, exchange rates and the calendar the same one
FUTURES = {
    "returns": ("price", later("return", lambda x: x * -0.5 + 0.01), False),
    "delistings": ("price", dropped, False),
    "companies": ("idmap", handed_on, False),
    "caps": ("market_cap", later("market_cap", lambda x: x * (1 + x % 7)), True),
    "exposures": ("exposures", later("exposure", lambda x: x * 3 + 1), True),
    "fewer exposures": ("exposures", dropped, True),
    "rates": ("exchange_rates", later("fx_rate", lambda x: x * (1 + x % 0.3)), False),
    "series": ("ff", later("value", lambda x: x * -2 + 0.003), True),
    "scores": ("scores", later("exposure", lambda x: -2 * x), True),
    "fewer scores": ("scores", dropped, True),
}
READ_BY = {"ff": ("ols", "huber", "derived"), "scores": ("uploaded", "carried", "derived")}


@pytest.mark.parametrize(
    ("kind", "future"),
    [
        (kind, future)
        for kind in [*KINDS, "derived"]
        for future, (upload, _, _) in FUTURES.items()
        if kind in READ_BY.get(upload, (kind,))
    ],
)
def test_the_future_does_not_reach_the_past(kind: str, future: str) -> None:
    """Whatever changes from a day on, in whatever input, leaves every regression before it as it was."""
    upload, change, next_day = FUTURES[future]
    frames = uploads()
    changed = frames | {upload: change(frames[upload])}
    fit = fitted_on_derived if kind == "derived" else lambda f: fitted(f, KINDS[kind])
    before, after = fit(frames), fit(changed)
    assert before.pairs == after.pairs
    last = CUT + next_day
    for name in ("factor_returns", "standard_errors", "r2", "n"):
        first, second = np.atleast_2d(getattr(before, name).T), np.atleast_2d(getattr(after, name).T)
        if name in ("r2", "n"):  # by stage and date
            first, second = first.T, second.T
        np.testing.assert_array_equal(first[:, :last], second[:, :last], name)
    assert not np.array_equal(before.factor_returns[last:], after.factor_returns[last:], equal_nan=True)
    assert (before.n[0, 15:] > 10).all()  # the comparison is not one of nothing with nothing


def test_closed_days_of_the_future_do_not_reach_the_past() -> None:
    frames = uploads()
    more = pl.DataFrame({"date": [DAYS[CUT + 1]], "exchange": ["XNYS"]})
    closed = pl.concat([frames["exchange_dates"], more], how="diagonal_relaxed")
    before = fitted(frames, KINDS["huber"])
    after = fitted(frames | {"exchange_dates": closed}, KINDS["huber"])
    np.testing.assert_array_equal(before.factor_returns[: CUT + 1], after.factor_returns[: CUT + 1])
    assert len(after.dates) == len(before.dates) - 1


def test_orthogonal_exposures_leave_the_fit() -> None:
    """The space that the factors span is the same, so residuals, specific returns and R2 are."""
    market = simulate(60, 25, industries=4, styles=("size", "value"), late_listings=0, delistings=0, seed=6)
    frames = market.uploads  # everybody always has a return: who is projected on is who is estimated on
    plain, turned = fitted(frames, KINDS["plain"]), fitted(frames, KINDS["net_of"])
    np.testing.assert_allclose(turned.specific_return, plain.specific_return, atol=1e-10)
    np.testing.assert_allclose(turned.r2, plain.r2, atol=1e-10)
    style = [k for k, (group, _) in enumerate(plain.pairs) if group == "style"]
    others = [k for k, (group, _) in enumerate(plain.pairs) if group != "style"]
    np.testing.assert_allclose(turned.factor_returns[:, style], plain.factor_returns[:, style], atol=1e-9)
    # the sources now have the returns that they have without the target
    alone = fitted(frames, [MARKET_GROUP, INDUSTRY])
    np.testing.assert_allclose(turned.factor_returns[:, others], alone.factor_returns, atol=1e-9)


def test_an_interaction_with_all_industries_is_the_style_by_industry() -> None:
    """Exposures of one style to each industry add up to the style; with both, the fit does not change."""
    frames = uploads()
    size = STYLE.model_copy(update={"include": ["size"]})
    product = InteractionExposureGroupSettings(exposure_groups=[INDUSTRY, size])
    without = fitted(frames, [MARKET_GROUP, INDUSTRY, product])
    both = fitted(frames, [MARKET_GROUP, INDUSTRY, product, size])
    np.testing.assert_allclose(both.specific_return, without.specific_return, atol=1e-9)
    assert {group for group, _ in without.pairs} == {"market", "industry", "industry:style"}
    constrained = estimate(
        dataset_of(frames),
        model(
            [MARKET_GROUP, INDUSTRY, product, size],
            zero_sum_constraints={"industry": "mcap_weighted", "industry:style": "equal_weights"},
        ),
        "z",
    )
    at = [k for k, (group, _) in enumerate(constrained.pairs) if group == "industry:style"]
    assert np.abs(constrained.factor_returns[:, at].sum(axis=1)).max() < 1e-12
    np.testing.assert_allclose(constrained.specific_return, without.specific_return, atol=1e-9)


def test_a_product_inherits_the_threshold_of_its_industry() -> None:
    frames = uploads()
    groups, dataset = KINDS["interaction"], dataset_of(frames)
    free = estimate(dataset, model(groups), "a")
    shrunk = estimate(dataset, model(groups, thin_category_shrinkage={"industry": 1000.0}), "b")
    at = [k for k, (group, _) in enumerate(free.pairs) if group == "industry:style"]
    assert np.abs(shrunk.factor_returns[:, at]).mean() < 0.2 * np.abs(free.factor_returns[:, at]).mean()
    settings = model(groups, thin_category_shrinkage={"industry": 1000.0})
    assert settings.stages[0].min_names == {"industry": 1000.0, "industry:style": 1000.0}
    thin = RiskModel(dataset, settings, shrunk).status()["thin_categories"][-1]
    assert len(thin) == len(at) + 4  # the industries and their products
    own = model(groups, thin_category_shrinkage={"industry": 1000.0, "industry:style": 0.0})
    assert own.stages[0].min_names["industry:style"] == 0.0


def test_a_threshold_does_not_touch_continuous_factors_that_share_the_name() -> None:
    frames = uploads()
    dataset = dataset_of(frames)
    shared = STYLE.model_copy(update={"factor_group": "industry"})
    thin = {"thin_category_shrinkage": {"industry": 12.0}}
    apart = estimate(dataset, model([MARKET_GROUP, INDUSTRY, STYLE], **thin), "a")
    together = estimate(dataset, model([MARKET_GROUP, INDUSTRY, shared], **thin), "b")
    by_factor = {factor: k for k, (_, factor) in enumerate(together.pairs)}
    order = [by_factor[factor] for _, factor in apart.pairs]
    np.testing.assert_allclose(together.factor_returns[:, order], apart.factor_returns, atol=1e-14)
