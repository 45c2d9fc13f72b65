"""Small kernels against obvious loops and closed forms."""

import importlib
import pkgutil

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from openfactor import numerics
from openfactor.numerics.asof import (
    CarryRule,
    CategoryState,
    ExposureEvents,
    LatestState,
    NumberState,
    RunRows,
    Values,
    age_limit,
    carry_categories,
    carry_latest,
    carry_numbers,
    most_memberships,
)
from openfactor.numerics.compounding import PriceRows, forward_returns
from openfactor.numerics.half_precision import widen
from openfactor.numerics.normal_equations import constrained_inverse, invert
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
    gram = a.T @ a
    constraints = np.zeros((3, 8))
    constraints[0, 2:6], constraints[1, 6:] = rng.uniform(1, 2, 4), 1.0
    active = np.array([1, 1, 1, 1, 0, 1, 1, 1], bool)
    constraints[:, 4] = 0
    solved, inverse, rank, condition = constrained_inverse(gram, constraints, active, *diagonal)
    assert solved
    assert rank == 5
    c = constraints[:2][:, active]
    system = np.block([[gram[np.ix_(active, active)], c.T], [c, np.zeros((2, 2))]])
    expected = np.linalg.inv(system)[:7, :7]
    np.testing.assert_allclose(inverse[np.ix_(active, active)], expected, atol=1e-12)
    assert (inverse[4] == 0).all()
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
    days = np.array([0, 1, 4])
    window = np.searchsorted(days, np.arange(5)).astype(np.int64)
    out, covered = np.full(9, np.nan), np.zeros(9, np.int32)
    currency, rates = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1], np.int16), np.ones((5, 2))
    prices = PriceRows(offsets, listing, returns, priced, currency)
    forward_returns(prices, rates, days, window, 2, 0, out, covered)
    assert out[0] == pytest.approx(0.1)
    assert out[1] == pytest.approx(1.01 * 1.03 - 1)  # day 3 has no price: nothing is missing
    assert np.isnan(out[2])  # its price of day 4 has no return
    assert np.isnan(out[3:]).all()  # rows of days that do not trade, and of the last one
    assert covered.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]


def latest_slowly(events, rows, limit):
    """events (day, entity, value), rows (day, entity)."""
    out = []
    for day, entity in rows:
        known = [(d, v) for d, e, v in events if e == entity and d <= day]
        out.append(known[-1][1] if known and day - known[-1][0] <= limit else np.nan)
    return out


@pytest.mark.parametrize("limit", [0, 2, age_limit(None)])
def test_latest_value(limit: int) -> None:
    rng = np.random.default_rng(1)
    events = [(d, e, rng.standard_normal()) for d in range(10) for e in range(4) if rng.random() < 0.3]
    rows = [(d, e) for d in range(10) for e in range(4) if rng.random() < 0.8]
    day = np.array([d for d, _, _ in events])
    row_day = np.array([d for d, _ in rows])
    company, values = np.array([e for _, e, _ in events], np.int32), np.array([v for _, _, v in events])
    row_company = np.array([e for _, e in rows], np.int32)
    state, got = LatestState(np.full(4, np.nan), np.zeros(4, np.int32)), np.empty(len(rows))
    for first, last in ((0, 4), (4, 5), (5, 10)):  # runs of days
        at = np.searchsorted(day, np.arange(first, last + 1))
        offsets = np.searchsorted(row_day, np.arange(first, last + 1))
        date = np.arange(first, last, dtype=np.int32)
        run = RunRows(date, offsets, row_company, row_company, np.ones(len(rows), bool))
        carry_latest(Values(at, company, values), run, limit, state, got)
    np.testing.assert_array_equal(got, latest_slowly(events, rows, limit))


def held_slowly(events, rows, priced, fill, of_day, limit=100):
    """What each row (day, listing) holds, by recursion over its own days.

    events : day to {entity: value}; of_day : entity of a listing
    """

    def holds(day: int, listing: int):
        if (day, listing) not in rows:
            return None
        entity = of_day[listing]
        days = [d for d in events if d <= day and (events[d] if not fill else entity in events[d])]
        if days and entity in events[max(days)]:
            return events[max(days)][entity]
        return None if (day, listing) in priced else holds(day - 1, listing)

    def young(day: int, listing: int) -> bool:
        own = [d for d in events if d <= day and of_day[listing] in events[d]]
        return bool(own) and day - max(own) <= limit

    return [holds(d, i) if young(d, i) else None for d, i in rows]


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("run", [1, 3, 8])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_snapshots(fill: bool, run: int, limit: int) -> None:
    """Any cut of the days into runs gives the same, and it is the rule by recursion."""
    rng = np.random.default_rng(2)
    company_of = np.array([0, 1, 2, 2], np.int32)
    for _ in range(20):
        rows = [(d, i) for d in range(8) for i in range(4) if d >= i]  # listing i is alive from day i
        priced = {r for r in rows if rng.random() < 0.6} | {(i, i) for i in range(4)}
        sent = [(d, i) for d in range(8) for i in range(4) if rng.random() < (0.0 if d % 3 else 0.6)]
        events: dict[int, dict[int, float]] = {d: {} for d in range(8)}
        for j, (d, i) in enumerate(sent):  # listing 2 outranks listing 3 of the same entity
            if not (i == 3 and (d, 2) in sent):
                events[d][int(company_of[i])] = float(j)
        offsets = np.searchsorted([d for d, _ in rows], np.arange(9))
        event_offsets = np.searchsorted(np.array([d for d, _ in sent], np.int64), np.arange(9))
        listing = np.array([i for _, i in rows], np.int32)
        rank = np.array([int(i == 3) for _, i in sent], np.int32)
        nan = np.full(1, np.nan).view(np.uint64)[0]
        state = NumberState(
            known=np.full((1, 3), nan), known_day=np.full((1, 3), -1, np.int32),
            known_rank=np.zeros((1, 3), np.int32), snapshot=np.full(1, -1, np.int32),
            held=np.full((1, 4), nan),
        )  # fmt: skip
        out, superseded = np.zeros((1, len(rows))), 0
        for first in range(0, 8, run):
            last = min(first + run, 8)
            part = slice(event_offsets[first], event_offsets[last])
            exposures = ExposureEvents(
                event_offsets[first : last + 1] - event_offsets[first],
                np.zeros(part.stop - part.start, np.int32),
                company_of[[i for _, i in sent]][part], rank[part],
                np.arange(len(sent), dtype=float)[part].view(np.uint64),
            )  # fmt: skip
            run_rows = RunRows(
                np.arange(first, last, dtype=np.int32), offsets[first : last + 1], company_of[listing],
                listing, np.array([r in priced for r in rows]),
            )  # fmt: skip
            rule = CarryRule(limit, fill)
            superseded += carry_numbers(exposures, run_rows, rule, state, nan, out.view(np.uint64))
        expected = held_slowly(events, rows, priced, fill, company_of, limit)
        assert [None if np.isnan(x) else x for x in out[0]] == expected
        assert superseded == sum(i == 3 and (d, 2) in sent for d, i in sent)


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_snapshots_of_categories(fill: bool, limit: int) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        rows = [(d, i) for d in range(8) for i in range(3) if d >= i]
        priced = {r for r in rows if rng.random() < 0.6} | {(i, i) for i in range(3)}
        events: dict[int, dict[int, list]] = {d: {} for d in range(8)}
        sent = []
        for d in range(0, 8, 3):
            for i in range(3):
                codes = rng.permutation(5)[: rng.integers(0, 4)]
                sent += [(d, i, int(c), float(c) / 8) for c in codes]
                if len(codes):
                    events[d][i] = sorted((int(c), float(c) / 8) for c in codes)
        offsets = np.searchsorted([d for d, _ in rows], np.arange(9))
        event_offsets = np.searchsorted(np.array([d for d, *_ in sent], np.int64), np.arange(9))
        company = np.array([i for _, i, *_ in sent], np.int32)
        listing = np.array([i for _, i in rows], np.int32)
        assert most_memberships(event_offsets, company, 3) == max(
            len(v) for e in events.values() for v in e.values()
        )
        codes = np.full((3, len(rows)), -1, np.int16)
        loadings = np.zeros((3, len(rows)))
        exposures = ExposureEvents(
            event_offsets, np.array([c for _, _, c, _ in sent], np.int16), company,
            np.zeros(len(sent), np.int32), np.array([x for *_, x in sent]).view(np.uint64),
        )  # fmt: skip
        run_rows = RunRows(
            np.arange(8, dtype=np.int32), offsets, listing, listing, np.array([r in priced for r in rows])
        )
        state = CategoryState(
            known=np.full((3, 3), -1, np.int16), known_bits=np.zeros((3, 3)).view(np.uint64),
            known_day=np.full(3, -1, np.int32), known_rank=np.zeros(3, np.int32),
            snapshot=np.full(1, -1, np.int32), held=np.full((3, 3), -1, np.int16),
            held_bits=np.zeros((3, 3)).view(np.uint64),
        )  # fmt: skip
        carry_categories(exposures, run_rows, CarryRule(limit, fill), state, codes, loadings.view(np.uint64))
        got = [
            [(int(c), float(x)) for c, x in zip(codes[:, r], loadings[:, r], strict=True) if c >= 0]
            for r in range(len(rows))
        ]
        assert got == [sets or [] for sets in held_slowly(events, rows, priced, fill, [0, 1, 2], limit)]


@pytest.mark.compiled
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
