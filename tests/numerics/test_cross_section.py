"""The fast regression against the slow one, on ordinary and on degenerate days."""

from dataclasses import replace

import numpy as np
import pytest

from openfactor.numerics.cross_section import CAP_WEIGHTED, EQUAL, NONE, RegressionBatch, fit_days
from openfactor.numerics.minimum_norm import minimum_norm_solution
from tests.numerics.random_days import Day, Fit, random_day
from tests.reference.regression import fit_day_slowly


def assert_same(day: Day, tolerance: float = 1e-11) -> None:
    fast = day.fit()
    slow = fit_day_slowly(day.design, day.x, day.weights, day.returns, day.market_cap)
    np.testing.assert_allclose(fast.factor_returns, slow.factor_returns, atol=tolerance, rtol=0)
    np.testing.assert_allclose(fast.specific_return, slow.specific_return, atol=tolerance, rtol=0)
    np.testing.assert_allclose(fast.standard_errors, slow.standard_errors, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fast.vif, slow.vif, rtol=1e-6)
    assert fast.rank == slow.rank
    assert fast.r2 == pytest.approx(slow.r2, abs=1e-10)


@pytest.mark.parametrize("kind", [NONE, EQUAL, CAP_WEIGHTED])
@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("min_names", [0.0, 12.0])
def test_ordinary_days(kind: int, spread: bool, min_names: float) -> None:
    # without a constraint the market and a full set of industries cannot be told apart
    n_dense = 0 if kind == NONE and not spread else 3
    for seed in range(5):
        day = random_day(seed, n_dense=n_dense, zero_sum=(kind,), spread=spread, min_names=min_names)
        assert_same(day)
        assert not day.fit().solved_by_svd


@pytest.mark.parametrize("eliminate", [True, False])
def test_two_constrained_groups(eliminate: bool) -> None:
    for seed in range(5):
        day = random_day(seed, n=80, sizes=(4, 3), zero_sum=(CAP_WEIGHTED, EQUAL), eliminate=eliminate)
        assert_same(day)
        assert not day.fit().solved_by_svd


@pytest.mark.parametrize("kinds", [(CAP_WEIGHTED, EQUAL, CAP_WEIGHTED), (EQUAL, EQUAL, NONE)])
def test_zero_sums_on_several_groups_at_once(kinds: tuple[int, ...]) -> None:
    for seed in range(4):
        # an unconstrained group can take the place of the market
        n_dense = 0 if NONE in kinds else 3
        day = random_day(seed, n=120, n_dense=n_dense, sizes=(5, 4, 3), zero_sum=kinds, min_names=20.0)
        assert_same(day)
        f = day.fit().factor_returns
        for first, last, kind in zip(day.design.group_first, day.design.group_last, kinds, strict=True):
            c = {EQUAL: np.ones(last - first), CAP_WEIGHTED: day.x[:, first:last].T @ day.market_cap}.get(
                kind
            )
            if c is not None:
                assert abs(c @ f[first:last]) <= 1e-12 * np.abs(c).sum()


def test_several_days_in_one_call_are_the_days_one_by_one() -> None:
    days = [random_day(seed, n=30 + seed, min_names=12.0) for seed in range(3)]
    days[1].dense[2] = days[1].dense[1]  # this one takes the orthogonal path
    names = ("dense", "codes", "loadings", "weights", "returns", "market_cap")
    joined = [np.concatenate([getattr(d, name) for d in days], axis=-1) for name in names]
    together = fit_days(
        days[0].design,
        RegressionBatch(*joined, np.array([0, 30, 61]), np.array([30, 61, 93])),  # type: ignore[call-arg]
    )
    assert together.solved_by_svd.tolist() == [False, True, False]
    for i, day in enumerate(days):
        alone = day.fit()
        rows = slice(*[(0, 30), (30, 61), (61, 93)][i])
        for name in ("factor_returns", "standard_errors", "vif", "effective_names", "r2", "n", "rank"):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name), name)
        np.testing.assert_array_equal(together.specific_return[rows], alone.specific_return)
        np.testing.assert_array_equal(together.weight[rows], alone.weight)


def test_dense_factors_alone_equal_weighted_least_squares() -> None:
    day = random_day(3, sizes=(), zero_sum=())
    root = np.sqrt(day.weights)
    expected = np.linalg.lstsq(day.dense.T * root[:, None], day.returns * root, rcond=None)[0]
    np.testing.assert_allclose(day.fit().factor_returns, expected, atol=1e-14)


def test_clipping_moves_the_estimate_but_not_the_identity() -> None:
    day = random_day(1, clip_bounds=(-0.01, 0.01))
    assert_same(day)
    fit = day.fit()
    np.testing.assert_allclose(day.x @ fit.factor_returns + fit.specific_return, day.returns, atol=1e-15)
    assert not np.allclose(fit.factor_returns, random_day(1).fit().factor_returns)


def test_names_without_weight_return_or_exposure_are_left_out() -> None:
    day = random_day(2)
    day.weights[0] = 0.0
    day.returns[1] = np.nan
    day.dense[1, 2] = np.nan
    fit = day.fit()
    assert fit.n == 37
    assert (fit.weight[:3] == 0).all()
    assert np.isnan(fit.specific_return[1])
    assert np.isnan(fit.specific_return[2])
    assert np.isfinite(fit.specific_return[0])
    keep = slice(3, None)
    rest = Day(
        day.design, day.dense[:, keep], day.codes[:, keep], day.loadings[:, keep],
        day.weights[keep], day.returns[keep], day.market_cap[keep],
    )  # fmt: skip
    np.testing.assert_allclose(fit.factor_returns, rest.fit().factor_returns, atol=1e-15)


def test_a_missing_category_counts_as_none() -> None:
    day = random_day(4)
    day.codes[0, :5] = -1
    assert_same(day)


def test_empty_category_and_dense_factor_of_zeros() -> None:
    day = random_day(5)
    day.codes[day.codes == 4] = 3
    day.dense[2] = 0.0
    fit = day.fit()
    assert_same(day)
    assert fit.factor_returns[4] == 0.0
    assert fit.factor_returns[2] == 0.0
    assert np.isnan(fit.standard_errors[[2, 4]]).all()
    assert list(np.flatnonzero(~fit.has_exposure)) == [2, 4]


def test_rank_deficient_day_gives_the_minimum_norm_solution() -> None:
    day = random_day(6, zero_sum=(NONE,))
    fit = day.fit()
    assert fit.solved_by_svd
    assert fit.is_rank_deficient
    assert fit.rank == 6
    root = np.sqrt(day.weights / day.weights.sum())
    expected = np.linalg.pinv(day.x * root[:, None]) @ (day.returns * root)
    np.testing.assert_allclose(fit.factor_returns, expected, atol=1e-13)


def test_identical_factors_share_the_return() -> None:
    day = random_day(7)
    single = day.fit()
    day.dense[2] = day.dense[1]
    fit = day.fit()
    assert fit.is_rank_deficient
    assert fit.factor_returns[1] == pytest.approx(fit.factor_returns[2], abs=1e-14)
    assert not single.is_rank_deficient


def test_nearly_identical_factors_take_the_orthogonal_path_and_keep_the_fit() -> None:
    day = random_day(8)
    day.dense[2] = day.dense[1] + 1e-7 * day.dense[2]
    fit = day.fit()
    assert fit.solved_by_svd
    assert not fit.is_rank_deficient
    root = np.sqrt(day.weights)
    x = np.delete(day.x, 1, axis=1)  # the same space, spanned without the near copy
    x[:, 1] = (day.dense[2] - day.dense[1]) / 1e-7
    x = np.column_stack([x, day.dense[1]])
    free = np.linalg.lstsq(x * root[:, None], day.returns * root, rcond=None)[0]
    np.testing.assert_allclose(fit.specific_return, day.returns - x @ free, atol=1e-9)


def test_fewer_names_than_factors() -> None:
    day = random_day(9, n=4, n_dense=6, sizes=(2,))
    fit = day.fit()
    assert fit.is_rank_deficient
    assert np.isnan(fit.standard_errors).all()
    assert np.isnan(fit.r2)
    assert fit.is_exact_fit
    np.testing.assert_allclose(fit.specific_return, 0, atol=1e-12)


def test_one_category_in_a_constrained_group_gets_nothing() -> None:
    day = random_day(10)
    day.codes[:] = 3
    fit = day.fit()
    assert fit.factor_returns[3] == pytest.approx(0, abs=1e-16)
    assert np.isnan(fit.standard_errors[3])
    assert np.isnan(fit.vif[3])
    assert np.isfinite(fit.standard_errors[:3]).all()
    assert_same(day)


def test_nobody_to_estimate_on() -> None:
    day = random_day(11)
    day.weights[:] = 0
    fit = day.fit()
    assert fit.n == 0
    assert (fit.factor_returns == 0).all()
    assert np.isnan(fit.specific_return).all()


def test_thin_category_is_shrunk_by_its_effective_number() -> None:
    """One industry of one name, dense-free design: closed form f = r / (1 + lambda / S) = r n / M."""
    day = random_day(12, n=1, n_dense=0, sizes=(1,), zero_sum=(NONE,), min_names=5.0)
    assert day.fit().factor_returns[0] == pytest.approx(day.returns[0] / 5.0, rel=1e-14)


def test_an_override_takes_the_place_of_the_effective_number() -> None:
    """A category alone: f = mean / (1 + override), whatever its number of names."""
    day = random_day(14, n=20, n_dense=0, sizes=(1,), zero_sum=(NONE,), min_names=500.0)
    day.design.shrinkage_overrides[0] = 3.0
    mean = np.average(day.returns, weights=day.weights)
    assert day.fit().factor_returns[0] == pytest.approx(mean / 4.0, rel=1e-13)
    day.design.shrinkage_overrides[0] = 0.0
    assert day.fit().factor_returns[0] == pytest.approx(mean, rel=1e-13)
    several = random_day(15, sizes=(4,), min_names=12.0)
    several.design.shrinkage_overrides[4] = 0.7
    assert_same(several)


def test_inflation_of_uncorrelated_factors_is_one() -> None:
    day = random_day(16, n=4, n_dense=2, sizes=(), zero_sum=())
    day.dense[1] = [1, -1, 1, -1]
    day.weights[:] = 1.0
    np.testing.assert_allclose(day.fit().vif, 1.0, rtol=1e-14)
    day.dense[1] = [1, 1, 1, -1]  # about the mean it stands alone
    np.testing.assert_allclose(day.fit().vif, 1.0, rtol=1e-14)
    day.dense[0] = [1, 1, -1, -1]  # correlation 1/2 about zero, and no constant: 1 / (1 - 1/4)
    np.testing.assert_allclose(day.fit().vif, 4 / 3, rtol=1e-14)


def test_standard_errors_of_a_plain_regression() -> None:
    """Without constraints: s^2 (X' W X)^-1 with weights of mean one, from numpy alone."""
    day = random_day(13, n=60, sizes=(), zero_sum=())
    fit = day.fit()
    w = day.weights / day.weights.mean()
    x = day.dense.T
    residual = day.returns - x @ fit.factor_returns
    s2 = (w * residual**2).sum() / (60 - 3)
    expected = np.sqrt(s2 * np.diag(np.linalg.inv(x.T @ (w[:, None] * x))))
    np.testing.assert_allclose(fit.standard_errors, expected, rtol=1e-10)


def test_scale_of_weights_and_of_exposures() -> None:
    """Weights have no scale; an exposure in other units changes its factor return inversely."""
    day = random_day(14)
    before = day.fit()
    day.weights *= 1e6
    day.dense[2] *= 1e4
    after = day.fit()
    np.testing.assert_allclose(after.factor_returns[2] * 1e4, before.factor_returns[2], rtol=1e-9)
    np.testing.assert_allclose(after.specific_return, before.specific_return, atol=1e-13)
    assert after.condition_number == pytest.approx(before.condition_number, rel=1e-6)


def test_known_returns_are_taken_off_and_count_as_explained() -> None:
    """The regression is that of the rest, clipped before; R squared is that of both parts together."""
    day = random_day(15, clip_bounds=(-0.02, 0.02))
    known = 0.5 * day.returns + 0.002
    fit = Fit.of(fit_days(day.design, replace(day.batch, known_returns=known)))
    clipped = np.clip(day.returns, -0.02, 0.02)
    rest = replace(day, design=replace(day.design, clip_bounds=(-np.inf, np.inf)), returns=clipped - known)
    slow = fit_day_slowly(rest.design, rest.x, rest.weights, rest.returns, rest.market_cap)
    np.testing.assert_allclose(fit.factor_returns, slow.factor_returns, atol=1e-12)
    np.testing.assert_allclose(fit.standard_errors, slow.standard_errors, rtol=1e-6, atol=1e-9)
    explained = known + day.x @ fit.factor_returns
    np.testing.assert_allclose(fit.specific_return, day.returns - explained, atol=1e-14)
    w = day.weights / day.weights.sum()
    expected = 1 - w @ (clipped - explained) ** 2 / (w @ (clipped - w @ clipped) ** 2)
    assert fit.r2 == pytest.approx(expected, rel=1e-10)


def test_constraints_that_leave_no_direction() -> None:
    """A single category with a zero sum: nothing can move, and nothing is estimated."""
    ones = np.ones((3, 1))
    solution = minimum_norm_solution(
        ones, np.full(3, 1 / 3), np.array([0.1, 0.2, 0.3]), np.zeros(1), np.ones((1, 1)), np.ones(1, bool)
    )
    assert solution.factor_returns.tolist() == [0.0]
    assert solution.rank == 0
    assert solution.condition_number == 1.0
    assert np.isnan(solution.sampling_variance(np.ones((1, 1)), np.zeros(1))).all()


def test_a_category_whose_loadings_cancel_is_not_shrunk() -> None:
    """Half of it is long, half short: its effective number is zero, which says nothing about its size."""
    day = random_day(16, n=4, n_dense=0, sizes=(1,), zero_sum=(NONE,), min_names=50.0)
    day.loadings[0], day.weights[:] = [1.0, -1.0, 1.0, -1.0], 1.0
    fit = day.fit()
    assert fit.effective_names[0] == 0.0
    assert fit.factor_returns[0] == pytest.approx(day.loadings[0] @ day.returns / 4, rel=1e-13)
