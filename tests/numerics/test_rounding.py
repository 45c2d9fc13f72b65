"""What rounding takes from cross-sections, against numpy's standard deviations of each day."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.numerics.rounding import RoundedValues, new_rounding_state, rounding_shares

DAYS, FACTORS, COMPANIES = 12, 3, 40


@pytest.mark.parametrize("cumulative", [False, True])
def test_shares_of_the_spread(cumulative: bool) -> None:
    rng = np.random.default_rng(0)
    sent = [
        (d, f, c) for d in range(DAYS) for f in range(FACTORS) for c in range(COMPANIES)
        if rng.random() < (0.9 if d == 0 else 0.3) and not (d == 4 and f == 1)
    ]  # fmt: skip
    day, factor, company = (np.array(values) for values in zip(*sent, strict=True))
    exact = 1000.0 + rng.standard_normal(len(sent))
    error = exact.astype(np.float16).astype(np.float64) - exact
    error[factor == 2] = 0.5  # the same for all: a shift does not matter
    state = new_rounding_state(FACTORS, COMPANIES if cumulative else 0)
    shares, companies = [], []
    for run in (slice(0, 5), slice(5, DAYS)):
        some = (day >= run.start) & (day < run.stop)
        offsets = np.searchsorted(day[some], np.arange(run.start, run.stop + 1)).astype(np.int64)
        values = RoundedValues(
            offsets, factor[some].astype(np.int32), company[some].astype(np.int32), exact[some], error[some]
        )
        for results, of_run in zip(
            (shares, companies), rounding_shares(values, cumulative, state), strict=True
        ):
            results.extend(of_run)
    for f in range(FACTORS):
        known: dict[int, int] = {}
        for d in range(DAYS):
            of_day = {int(company[k]): int(k) for k in np.flatnonzero((day == d) & (factor == f))}
            known = known | of_day if cumulative else of_day
            if not of_day:
                assert shares[d][f] == companies[d][f] == 0
                continue
            rows = list(known.values())
            expected = 0.0 if f == 2 else error[rows].std() / exact[rows].std()
            assert shares[d][f] == pytest.approx(expected, rel=1e-6)
            assert companies[d][f] == len(rows)


def test_errors_where_nothing_varies_are_everything() -> None:
    values = RoundedValues(
        np.array([0, 2]),
        np.zeros(2, np.int32),
        np.arange(2, dtype=np.int32),
        np.ones(2),
        np.array([0.0, 1e-3]),
    )
    shares, companies = rounding_shares(values, False, new_rounding_state(1, 0))
    assert shares[0, 0] == np.inf
    assert companies[0, 0] == 2
