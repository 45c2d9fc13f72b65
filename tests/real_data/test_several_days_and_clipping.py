"""Names that do not trade every day, and days on which the whole market falls by more than a fixed bound.

Such returns are in any panel of small companies (prices of many exchanges come only on days with a trade),
and in March 2020, when whole markets moved by 12% in a day.
"""

import numpy as np
import polars as pl
import pytest

from openfactor.model import estimate
from openfactor.settings import ContinuousExposureGroupSettings, ExposureSettings, FactorRiskModelSettings
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, fit, model_settings

MARKET = simulate(30, 40, industries=2, delistings=0, late_listings=0, seed=11)
DAYS = MARKET.uploads["price"]["date"].unique().sort()
MISSED = (pl.col("asset_id") == "A00007") & pl.col("date").is_in(DAYS[10:13].to_list())


def halted() -> dict[str, pl.DataFrame]:
    """One name does not trade for three days; the return after them is since its last price."""
    return MARKET.uploads | {"price": MARKET.uploads["price"].filter(~MISSED)}


def test_a_return_over_four_days_has_a_quarter_of_the_weight() -> None:
    data = dataset_of(halted())
    usual, left_out = (
        estimate(data, model_settings(estimation=False, weights="Equal", multiday_returns=how), "x")
        for how in ("weighted", "left_out")
    )
    assert usual.multiday[0].tolist() == [1 if t == 13 else 0 for t in range(40)]
    several = np.flatnonzero(usual.covered == 4)
    assert len(several) == 1
    day = int(np.searchsorted(data.panel.offsets, several[0], side="right")) - 1
    others = usual.weight[0][data.panel.rows_of(day)]
    assert usual.weight[0][several[0]] == pytest.approx(others.max() / 4, rel=1e-12)
    assert others.sum() == pytest.approx(1, rel=1e-12)
    assert left_out.weight[0][several[0]] == 0
    assert left_out.multiday.sum() == 0
    assert left_out.n[0, 13] == usual.n[0, 13] - 1
    assert np.isfinite(left_out.specific_return[several[0]])


def test_status_says_who_trades_thinly_and_what_was_clipped() -> None:
    every_second = (pl.col("asset_id") == "A00007") & pl.col("date").is_in(DAYS[1::2].to_list())
    uploads = MARKET.uploads | {"price": MARKET.uploads["price"].filter(~every_second)}
    data, settings = dataset_of(uploads), model_settings(return_clip_bounds=(-0.01, 0.01))
    model = RiskModel(data, settings, estimate(data, settings, "x"))
    status = model.status()
    assert status["thinly_traded"].to_list()[12:] == [1] * 28
    assert status["thinly_traded"].to_list()[:10] == [0] * 10
    returns, weights = model.asset_returns(), model.weights()
    names = returns.columns[1:]
    beyond = (np.abs(returns[names].to_numpy()) > 0.01) & np.isfinite(weights[names].to_numpy())
    assert status["clipped"].to_list() == beyond.sum(axis=1).tolist()


def test_a_fall_of_the_whole_market_is_not_clipped_by_the_day() -> None:
    fall = pl.when(pl.col("date") == DAYS[20]).then(-0.12).otherwise(0.0)
    price = MARKET.uploads["price"].with_columns(pl.col("return") + fall)
    uploads = MARKET.uploads | {"price": price}
    market = "market.market"
    free, fixed, by_day = (
        dict(zip(e.factors, e.factor_returns[20], strict=True))[market]
        for e in (
            fit(uploads, return_clip_bounds=(None, None)),
            fit(uploads, return_clip_bounds=(-0.1, 0.1)),
            fit(uploads, return_clip_deviations=6.0),
        )
    )
    assert by_day == pytest.approx(free, abs=0.003)
    assert fixed > free + 0.015


def test_equal_weights_need_no_market_cap() -> None:
    caps = MARKET.uploads["market_cap"].filter(pl.col("asset_id") != "A00003")
    e = fit(MARKET.uploads | {"market_cap": caps}, weights="Equal", estimation=False)
    assert (e.n[0, 1:] == 30).all()
    assert np.isfinite(e.factor_returns).all()
    assert (e.status[0, 1:] == 0).all()


def test_winsorised_exposures_move_only_what_is_far_out() -> None:
    data = dataset_of(MARKET.uploads)
    styles = [ContinuousExposureGroupSettings(hierarchy="style", winsorize=w) for w in (None, 1.0)]
    settings = model_settings(estimation=False)
    plain, moved = (
        RiskModel(data, s, estimate(data, s, "x")).exposures()
        for s in (
            FactorRiskModelSettings(
                universe=settings.universe,
                exposures=[ExposureSettings(exposures=[style])],
                modelconstruction=[
                    settings.modelconstruction[0].model_copy(update={"zero_sum_constraints": {}})
                ],
            )
            for style in styles
        )
    )
    name = next(c for c in plain.columns if c.startswith("style."))
    for date in plain["date"].unique().to_list()[:5]:
        x = plain.filter(date=date)[name].to_numpy()
        middle = np.median(x)
        reach = 1.4826022 * np.median(np.abs(x - middle))
        expected = np.clip(x, middle - reach, middle + reach)
        np.testing.assert_allclose(moved.filter(date=date)[name].to_numpy(), expected, atol=1e-5)
        assert 0 < (expected != x).sum() < len(x) / 2
