"""What rounding takes from a cross-section: the spread of the rounding errors as a share of the spread of the
values.

A regression on x + u in place of x, with errors u that have nothing to do with x, gives slopes that are too
small by the factor 1 / (1 + var(u) / var(x)). An error that is the same for all companies does not matter: a
constant stays a constant.

References
----------
Fuller, Measurement Error Models (1987), section 1.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Codes = NDArray[np.int32]

NOISE = 1e-9
"""Variances of errors below this share of the largest squared error are what the sums themselves lose."""

_X0, _U0, _X, _XX, _U, _UU, _LARGEST = range(7)  # rows of RoundingState.sums


class RoundedValues(NamedTuple):
    """Values of a run of days, and what rounding adds to them."""

    offsets: Int
    """(days + 1,) the values of day d are offsets[d]:offsets[d + 1]."""
    factor: Codes
    """(values,)"""
    company: Codes
    """(values,)"""
    exact: Float
    """(values,)"""
    error: Float
    """(values,)"""


class RoundingState(NamedTuple):
    """The cross-sections of F factors so far."""

    known: Float
    """(2, F, companies) last value of each company and its error, NaN before the first; no companies unless
    cross-sections are cumulative."""
    n_companies: Int
    """(F,) in the cross-section."""
    sums: Float
    """(7, F) an origin of the values and one of the errors; about these, the sums of values, of their
    squares, of errors and of their squares; and the largest squared error."""


def new_rounding_state(n_factors: int, n_companies: int) -> RoundingState:
    """Before the first day."""
    return RoundingState(
        np.full((2, n_factors, n_companies), np.nan), np.zeros(n_factors, np.int64), np.zeros((7, n_factors))
    )


@njit(cache=True, nogil=True)
def _add(value: float, error: float, sign: float, f: int, state: RoundingState) -> None:
    """Add a value to the cross-section of a factor, or with the sign -1 take it out."""
    sums = state.sums
    x, u = value - sums[_X0, f], error - sums[_U0, f]
    sums[_X, f] += sign * x
    sums[_XX, f] += sign * (x * x)
    sums[_U, f] += sign * u
    sums[_UU, f] += sign * (u * u)
    state.n_companies[f] += int(sign)


@njit(cache=True, nogil=True)
def rounding_shares(values: RoundedValues, cumulative: bool, state: RoundingState) -> tuple[Float, Int]:
    """How much of the spread of each day's cross-sections is rounding.

    Parameters
    ----------
    cumulative : the cross-section of a day is the last value of each company, not the values of the day alone
    state : kept from run to run

    Returns
    -------
    Standard deviation of the errors over that of the values (days, F), 0 where there are no values or no
    errors; and the number of companies (days, F) that it is about.
    """
    known, count, sums = state.known, state.n_companies, state.sums
    n_days, n_factors = len(values.offsets) - 1, len(count)
    shares, companies = np.zeros((n_days, n_factors)), np.zeros((n_days, n_factors), np.int64)
    touched = np.zeros(n_factors, np.bool_)
    for d in range(n_days):
        touched[:] = False
        for j in range(values.offsets[d], values.offsets[d + 1]):
            f, c, exact, error = values.factor[j], values.company[j], values.exact[j], values.error[j]
            if count[f] == 0 or not (cumulative or touched[f]):
                count[f] = 0
                sums[:, f] = 0.0
                sums[_X0, f], sums[_U0, f] = exact, error
            touched[f] = True
            if cumulative and not np.isnan(known[0, f, c]):
                _add(known[0, f, c], known[1, f, c], -1.0, f, state)
            _add(exact, error, 1.0, f, state)
            sums[_LARGEST, f] = max(sums[_LARGEST, f], error * error)
            if cumulative:
                known[0, f, c], known[1, f, c] = exact, error
        for f in range(n_factors):
            n = count[f]
            if touched[f] and n > 1:
                of_errors = sums[_UU, f] / n - (sums[_U, f] / n) ** 2
                of_values = sums[_XX, f] / n - (sums[_X, f] / n) ** 2
                companies[d, f] = n
                if of_errors > NOISE * sums[_LARGEST, f]:
                    shares[d, f] = np.sqrt(of_errors / of_values) if of_values > 0 else np.inf
    return shares, companies
