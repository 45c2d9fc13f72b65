"""Small kernels against obvious loops and closed forms."""

import numpy as np
import pytest

from openfactor.numerics.asof import latest, snapshot_events
from openfactor.numerics.cholesky import invert_spd
from openfactor.numerics.compounding import forward_returns
from openfactor.numerics.weighting import regression_weights
from openfactor.numerics.zero_sum import reflect, reflect_both_sides, reflectors


@pytest.mark.parametrize("n", [1, 2, 17, 73])
def test_inverse_of_spd_matrix(n: int) -> None:
    a = np.random.default_rng(n).standard_normal((n, 2 * n + 1))
    matrix = a @ a.T
    inverse = np.empty((n, n))
    assert invert_spd(matrix.copy(), inverse)
    np.testing.assert_allclose(inverse @ matrix, np.eye(n), atol=1e-9)


@pytest.mark.parametrize("matrix", [np.ones((3, 3)), np.diag([1.0, -1.0]), np.array([[np.nan]])])
def test_matrix_that_is_not_positive_definite(matrix: np.ndarray) -> None:
    assert not invert_spd(matrix.copy(), np.empty_like(matrix))


def test_reflection_is_orthogonal_and_removes_the_constraint() -> None:
    rng = np.random.default_rng(0)
    constraints = np.zeros((3, 9))
    constraints[0, 1:4], constraints[1, 4:8] = rng.standard_normal(3), rng.standard_normal(4)
    first, last = np.array([1, 4, 8]), np.array([4, 8, 9])
    vectors, pivots = reflectors(constraints, first, last)
    assert pivots[2] == -1  # nothing to constrain
    h = np.eye(9)
    for column in range(9):
        x = h[:, column].copy()
        reflect(vectors, x)
        h[:, column] = x
    np.testing.assert_allclose(h @ h.T, np.eye(9), atol=1e-14)
    free = [k for k in range(9) if k not in pivots]
    np.testing.assert_allclose(constraints @ h[:, free], 0, atol=1e-14)
    matrix = rng.standard_normal((9, 9))
    matrix += matrix.T
    both = matrix.copy()
    reflect_both_sides(vectors, both)
    np.testing.assert_allclose(both, h @ matrix @ h, atol=1e-13)


def test_weights() -> None:
    caps = np.array([4.0, 0.0, np.nan, -1.0])
    vol = np.array([0.5, 0.1, 0.0, np.nan])
    assert regression_weights("SqrtCap", caps, vol).tolist() == [2, 0, 0, 0]
    assert regression_weights("Cap", caps, vol).tolist() == [4, 0, 0, 0]
    np.testing.assert_allclose(regression_weights("InvIdioVar", caps, vol), [4, 100, 0, 0])


def test_returns_compound_over_days_that_do_not_trade() -> None:
    # two names, days 0..4, of which 0, 1 and 4 trade; the second name starts on day 1
    offsets = np.array([0, 1, 3, 5, 7, 9])
    listing = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1], np.int32)
    returns = np.array([np.nan, 0.1, np.nan, 0.01, 0.02, np.nan, 0.5, 0.03, np.nan])
    priced = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1], np.bool_)
    out = forward_returns(offsets, listing, returns, priced, np.array([0, 1, 4]), 2)
    assert out[0] == pytest.approx(0.1)
    assert out[1] == pytest.approx(1.01 * 1.03 - 1)  # day 3 has no price: nothing is missing
    assert np.isnan(out[2])  # its price of day 4 has no return
    assert np.isnan(out[3:]).all()  # rows of days that do not trade, and of the last one


def latest_slowly(events, rows):
    """events (day, entity, value), rows (day, entity)."""
    out = []
    for day, entity in rows:
        known = [v for d, e, v in events if e == entity and d <= day]
        out.append(known[-1] if known else np.nan)
    return out


def test_latest_value() -> None:
    rng = np.random.default_rng(1)
    events = [(d, e, rng.standard_normal()) for d in range(10) for e in range(4) if rng.random() < 0.3]
    rows = [(d, e) for d in range(10) for e in range(4) if rng.random() < 0.8]
    day = np.array([d for d, _, _ in events])
    row_day = np.array([d for d, _ in rows])
    got = latest(
        np.searchsorted(day, np.arange(11)), np.array([e for _, e, _ in events], np.int32),
        np.array([v for _, _, v in events]), np.searchsorted(row_day, np.arange(11)),
        np.array([e for _, e in rows], np.int32), 4,
    )  # fmt: skip
    np.testing.assert_array_equal(got, latest_slowly(events, rows))


def snapshot_slowly(events, rows, priced):
    """events (day, entity); the rule of `snapshot_events` by recursion over days."""

    def holds(day: int, entity: int) -> int:
        days = [d for d, _ in events if d <= day]
        if not days:
            return -1
        for j, (d, e) in enumerate(events):
            if d == days[-1] and e == entity:
                return j
        if (day, entity) not in rows or (day, entity) in priced:
            return -1
        return holds(day - 1, entity)

    return [holds(d, e) for d, e in rows]


def test_snapshots() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        events = [(d, e) for d in range(8) for e in range(3) if rng.random() < (0.0 if d % 3 else 0.6)]
        rows = [(d, e) for d in range(8) for e in range(3) if d >= e]  # name e is alive from day e
        priced = {r for r in rows if rng.random() < 0.6} | {(e, e) for e in range(3)}
        row_day = np.array([d for d, _ in rows])
        entity = np.array([e for _, e in rows], np.int32)
        got = snapshot_events(
            np.searchsorted(np.array([d for d, _ in events], np.int64), np.arange(9)),
            np.array([e for _, e in events], np.int32),
            np.searchsorted(row_day, np.arange(9)), entity, entity,
            np.array([r in priced for r in rows]), 3, 3,
        )  # fmt: skip
        assert got.tolist() == snapshot_slowly(events, rows, priced)
