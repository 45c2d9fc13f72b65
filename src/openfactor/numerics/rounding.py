"""What rounding takes from a cross-section: the spread of the rounding errors as a share of the spread of the
values.

A regression on x + u in place of x, with errors u that have nothing to do with x, gives slopes that are too
small by the factor 1 / (1 + var(u) / var(x)) (Fuller, Measurement Error Models, 1987, 1.1). An error that is
the same for all names is none: a constant stays a constant.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]

NOISE = 1e-9
"""Variances of errors below this share of the largest squared error are what the sums themselves lose."""


@njit(cache=True, nogil=True)
def rounding_shares(
    event_offsets: Int,
    event_factor: Codes,
    event_entity: Codes,
    exact: Float,
    error: Float,
    cumulative: bool,
    known: Float,
    count: Int,
    sums: Float,
) -> tuple[Float, Int]:
    """(days, F) standard deviation of the errors over that of the values, 0 where there are no events or no
    errors; and (days, F) how many names that is about.

    event_offsets : (days + 1,); exact, error : (events,) values, and what rounding adds to them
    cumulative : the cross-section of a day is the last value of each name, not the values of the day alone
    known : (2, F, entities) last value and error of each, NaN at the start; only used if cumulative
    count : (F,) and sums : (7, F), zeros at the start: names, and two origins, four sums about them and the
    largest squared error. All three are kept for the next run.
    """
    n_days, n_factors = len(event_offsets) - 1, len(count)
    shares, names = np.zeros((n_days, n_factors)), np.zeros((n_days, n_factors), np.int64)
    touched = np.zeros(n_factors, np.bool_)
    for d in range(n_days):
        touched[:] = False
        for j in range(event_offsets[d], event_offsets[d + 1]):
            f, e = event_factor[j], event_entity[j]
            if count[f] == 0 or not (cumulative or touched[f]):
                count[f] = 0
                sums[0, f], sums[1, f] = exact[j], error[j]
                sums[2:, f] = 0.0
            touched[f] = True
            if cumulative and not np.isnan(known[0, f, e]):
                x, u = known[0, f, e] - sums[0, f], known[1, f, e] - sums[1, f]
                sums[2, f] -= x
                sums[3, f] -= x * x
                sums[4, f] -= u
                sums[5, f] -= u * u
                count[f] -= 1
            x, u = exact[j] - sums[0, f], error[j] - sums[1, f]
            sums[2, f] += x
            sums[3, f] += x * x
            sums[4, f] += u
            sums[5, f] += u * u
            sums[6, f] = max(sums[6, f], error[j] * error[j])
            count[f] += 1
            if cumulative:
                known[0, f, e], known[1, f, e] = exact[j], error[j]
        for f in range(n_factors):
            n = count[f]
            if touched[f] and n > 1:
                of_errors = sums[5, f] / n - (sums[4, f] / n) ** 2
                of_values = sums[3, f] / n - (sums[2, f] / n) ** 2
                names[d, f] = n
                if of_errors > NOISE * sums[6, f]:
                    shares[d, f] = np.sqrt(of_errors / of_values) if of_values > 0 else np.inf
    return shares, names
