"""Volatilities with less noise: each is drawn towards those of listings of a similar size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def shrink_to_deciles(volatility: Float, market_cap: Float, q: float) -> tuple[Float, Float]:
    """Volatilities drawn towards the cap-weighted mean of their cap decile.

    share = q d / (s + q d), d the distance to the mean, s the root mean square of d in the decile.

    Parameters
    ----------
    volatility : (n,) in any unit; NaN where there is none
    market_cap : (n,)
    q : strength of the shrinkage; 0: none

    Returns
    -------
    Shrunk volatilities (n,), and the share (n,) of the mean in each. A listing without a volatility or a cap
    above zero stays as it is, with a share of 0.

    References
    ----------
    Menchero, Orr and Wang, The Barra US Equity Model (USE4): methodology notes (2011), section 5.
    """
    out, share = volatility.copy(), np.zeros(len(volatility))
    known = np.flatnonzero(np.isfinite(volatility) & (market_cap > 0))
    by_cap = known[np.argsort(market_cap[known], kind="stable")]
    for members in np.array_split(by_cap, 10):
        if len(members) == 0:
            continue
        mean = np.average(volatility[members], weights=market_cap[members])
        distance = np.abs(volatility[members] - mean)
        spread = np.sqrt(np.mean(distance**2))
        if spread > 1e-12 * mean:  # volatilities that differ by rounding are at the mean
            share[members] = q * distance / (spread + q * distance)
        out[members] = share[members] * mean + (1.0 - share[members]) * volatility[members]
    return out, share
