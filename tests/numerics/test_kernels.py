"""Small kernels against obvious loops and closed forms."""

import importlib
import pkgutil

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from openfactor import numerics
from openfactor.numerics.asof import latest, snapshot_events
from openfactor.numerics.compounding import forward_returns
from openfactor.numerics.half import widen
from openfactor.numerics.normal_equations import invert, solve_constrained
from openfactor.numerics.weighting import regression_weights


@pytest.mark.parametrize("n", [1, 2, 17, 73])
def test_inverse(n: int) -> None:
    matrix = np.random.default_rng(n).standard_normal((n, n))
    matrix[0, 0] = 0.0 if n > 1 else 2.0  # asks for a pivot from another row
    inverse = matrix.copy()
    assert invert(inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), atol=1e-9)


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.array([[np.nan]]), np.array([[1.0, 1], [1, 1]])])
def test_matrix_without_inverse(matrix: np.ndarray) -> None:
    assert not invert(matrix.copy())


@pytest.mark.parametrize("diagonal", [(0, 0), (2, 6)])
def test_saddle_point_system_against_lapack(diagonal: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    a = rng.standard_normal((30, 8))
    a[:, 2:6] = np.eye(4)[rng.integers(0, 4, 30)]
    gram, right = a.T @ a, rng.standard_normal(8)
    constraints = np.zeros((3, 8))
    constraints[0, 2:6], constraints[1, 6:] = rng.uniform(1, 2, 4), 1.0
    active = np.array([1, 1, 1, 1, 0, 1, 1, 1], bool)
    constraints[:, 4] = 0
    solved, f, variance, rank, condition = solve_constrained(gram, right, constraints, active, *diagonal)
    assert solved
    assert rank == 5
    c = constraints[:2][:, active]
    system = np.block([[gram[np.ix_(active, active)], c.T], [c, np.zeros((2, 2))]])
    expected = np.linalg.inv(system)[:7, :7]
    np.testing.assert_allclose(f[active], expected @ right[active], atol=1e-12)
    np.testing.assert_allclose(variance[active], np.diag(expected), atol=1e-12)
    assert f[4] == variance[4] == 0
    scale = 1 / np.sqrt(np.diag(gram)[active])
    scaled = gram[np.ix_(active, active)] * np.outer(scale, scale)
    unscaled = np.abs(expected / np.outer(scale, scale)).sum(axis=0).max()
    assert condition == pytest.approx(max(unscaled, 1) * np.abs(scaled).sum(axis=0).max(), rel=1e-9)


def test_every_half_precision_number_widens_as_numpy_says() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    out = np.empty(2**16)
    widen(bits, out)
    expected = bits.view(np.float16).astype(np.float64)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(out[finite], expected[finite])
    np.testing.assert_array_equal(np.signbit(out[finite]), np.signbit(expected[finite]))
    assert np.isnan(out[~finite]).all()


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
    out = np.full(9, np.nan)
    forward_returns(offsets, listing, returns, priced, np.array([0, 1, 4]), 2, out)
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


def test_no_kernel_calls_a_kernel_of_another_file() -> None:
    """numba's cache would not notice a change of the other file, and go on running its old code."""
    seen = 0
    for info in pkgutil.iter_modules(numerics.__path__):
        module = importlib.import_module(f"openfactor.numerics.{info.name}")
        kernels = [v for v in vars(module).values() if isinstance(v, Dispatcher)]
        for kernel in (k for k in kernels if k.py_func.__module__ == module.__name__):
            called = (vars(module).get(name) for name in kernel.py_func.__code__.co_names)
            for other in (c for c in called if isinstance(c, Dispatcher)):
                seen += 1
                assert other.py_func.__module__ == module.__name__, (kernel, other)
    assert seen >= 5
