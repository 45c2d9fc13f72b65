"""What must hold for any market: identities, invariances, and no look-ahead."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from openfactor.dataset.timing import rows_before
from openfactor.exposures import ReferenceMasks, resolve
from openfactor.model import Estimates, estimate
from openfactor.synthetic import SyntheticUniverse, simulate
from tests.hypothesis_profiles import examples
from tests.markets import dataset_of, fit, model_settings

SLOW = examples(12, suppress_health_check=[HealthCheck.too_slow])
markets = st.builds(
    simulate,
    n_assets=st.integers(25, 60),
    n_days=st.integers(8, 20),
    industries=st.integers(2, 5),
    styles=st.sampled_from([("size",), ("size", "value")]),
    currencies=st.sampled_from([("USD",), ("USD", "EUR"), ("EUR", "JPY")]),
    exchanges=st.sampled_from([("XNYS",), ("XNYS", "XTKS")]),
    late_listings=st.sampled_from([0.0, 0.2]),
    delistings=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 2**16),
)


def designs(market: SyntheticUniverse, estimates: Estimates):
    """For each regression: index, rows and the whole design in the order of the results."""
    dataset = dataset_of(market.uploads)
    settings, main = model_settings(), dataset.panel.is_main_listing
    columns = resolve(
        dataset, settings.stages[0].exposures, settings.inline_universe, ReferenceMasks(main, main)
    )
    days = np.array([dataset.days.index(d) for d in estimates.dates])
    order = [columns.names.index(name) for name in estimates.factors]
    for i in range(1, len(days)):
        rows = rows_before(dataset.panel, days, i)
        dense, codes, loads = columns.evaluate(rows)
        x = np.zeros((rows.stop - rows.start, len(columns.names)))
        x[:, : len(dense)] = dense.T
        for code, load in zip(codes, loads, strict=True):
            for j in np.flatnonzero(code >= 0):
                x[j, code[j]] += load[j]
        yield i, rows, x[:, order], dataset.panel.market_cap[rows]


@SLOW
@given(markets)
def test_identity_and_constraint(market: SyntheticUniverse) -> None:
    estimates = fit(market.uploads)
    industry = [k for k, name in enumerate(estimates.factors) if name.startswith("industry.")]
    for i, rows, x, cap in designs(market, estimates):
        f = estimates.factor_returns[i]
        rebuilt = x @ f + estimates.specific_return[rows]
        there = np.isfinite(estimates.asset_return[rows])
        np.testing.assert_allclose(
            rebuilt[there], estimates.asset_return[rows][there], rtol=1e-12, atol=1e-14
        )
        inside = estimates.weight[0][rows] > 0
        c = cap[inside] @ x[inside][:, industry]
        assert abs(c @ f[industry]) <= 1e-10 * np.linalg.norm(c)
        assert estimates.weight[0][rows].sum() == pytest.approx(1, abs=1e-12)


@SLOW
@given(st.integers(0, 1000), st.sampled_from([("USD",), ("USD", "EUR")]))
def test_returns_without_noise_give_the_factor_returns_back(seed: int, currencies: tuple[str, ...]) -> None:
    market = simulate(60, 12, industries=4, currencies=currencies, noise=0.0, seed=seed)
    estimates = fit(market.uploads)
    true = market.factor_returns.select(estimates.factors).to_numpy()
    np.testing.assert_allclose(estimates.factor_returns, true, atol=1e-12)
    done = np.isfinite(estimates.specific_return)
    np.testing.assert_allclose(estimates.specific_return[done], 0, atol=1e-13)
    np.testing.assert_allclose(estimates.r2[1:], 1, atol=1e-12)


@SLOW
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_order_of_rows_and_columns_does_not_matter(random, seed: int) -> None:
    market = simulate(40, 10, industries=3, seed=seed)
    shuffled = {}
    for name, frame in market.uploads.items():
        columns = list(frame.columns)
        random.shuffle(columns)
        shuffled[name] = frame.select(columns).sample(fraction=1, shuffle=True, seed=random.randrange(2**31))
    before, after = fit(market.uploads), fit(shuffled)
    np.testing.assert_array_equal(before.factor_returns, after.factor_returns)
    np.testing.assert_array_equal(before.specific_return, after.specific_return)


@SLOW
@given(st.integers(0, 1000))
def test_order_of_groups_does_not_matter(seed: int) -> None:
    market = simulate(40, 10, industries=3, seed=seed)
    dataset, usual = dataset_of(market.uploads), model_settings()
    groups = usual.exposures[0].exposures
    turned = usual.model_copy(
        update={"exposures": [usual.exposures[0].model_copy(update={"exposures": groups[::-1]})]}
    )
    before, after = estimate(dataset, usual, "a"), estimate(dataset, turned, "b")
    assert before.factors == after.factors
    np.testing.assert_allclose(before.factor_returns, after.factor_returns, atol=1e-13)


def _perturb_prices(rows: pl.DataFrame, later: pl.Expr) -> pl.DataFrame:
    changed = pl.when(later).then(pl.col("return") * -0.5 + 0.01).otherwise(pl.col("return"))
    return rows.with_columns(changed.alias("return"))


def _perturb_number(column: str):
    def change(rows: pl.DataFrame, later: pl.Expr) -> pl.DataFrame:
        return rows.with_columns(
            pl.when(later).then(pl.col(column) * 3 + 1).otherwise(pl.col(column)).alias(column)
        )

    return change


def _drop_late_industries(rows: pl.DataFrame, later: pl.Expr) -> pl.DataFrame:
    moved = pl.when(later & (pl.col("factor_group") == "industry")).then(pl.lit("I00"))
    return rows.with_columns(moved.otherwise(pl.col("factor")).alias("factor"))


IDIO_VOL = _perturb_number("idio_vol")


@pytest.mark.parametrize("construction", [{}, {"currency": "EUR", "weights": "InvIdioVar"}])
@pytest.mark.parametrize(
    ("upload", "change", "same_day"),
    [
        ("price", _perturb_prices, False),
        ("market_cap", _perturb_number("market_cap"), True),
        ("market_cap", IDIO_VOL, True),
        ("exposures", _perturb_number("exposure"), True),
        ("exposures", _drop_late_industries, True),
        ("exchange_rates", _perturb_number("fx_rate"), False),
    ],
)
def test_the_future_does_not_reach_the_past(upload, change, same_day: bool, construction: dict) -> None:
    """Changing anything from day t on leaves all before t; exposures and caps of t also leave t."""
    market = simulate(50, 16, industries=4, currencies=("USD", "EUR"), seed=5)
    cut: dt.date = market.factor_returns["date"][8]
    changed = dict(market.uploads)
    changed[upload] = change(market.uploads[upload], pl.col("date") >= cut)
    before, after = fit(market.uploads, **construction), fit(changed, **construction)
    last = 8 + same_day
    np.testing.assert_array_equal(before.factor_returns[:last], after.factor_returns[:last])
    np.testing.assert_array_equal(before.standard_errors[:last], after.standard_errors[:last])
    unused = change is IDIO_VOL and "weights" not in construction
    assert unused == np.array_equal(before.factor_returns, after.factor_returns)
