"""Cross-sectional regression weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def regression_weights(
    scheme: Literal["SqrtCap", "Cap", "InvIdioVar", "Equal"], market_cap: Float, idio_vol: Float
) -> Float:
    """Unscaled weights (n,): sqrt(cap), cap, 1 / idio_vol**2, or 1.

    Parameters
    ----------
    market_cap : (n,) in one currency
    idio_vol : (n,) volatility of specific returns as a fraction, daily or annual: its scale cancels when
        weights are scaled to sum to one

    Returns
    -------
    With equal weights 1 for all. Otherwise 0 where the cap or volatility is NaN, infinite, zero or negative.
    """
    if scheme == "Equal":
        return np.ones(len(market_cap))
    source = idio_vol if scheme == "InvIdioVar" else market_cap
    usable = (source > 0) & (source < np.inf)  # False for NaN
    if scheme == "InvIdioVar":
        return np.where(usable, np.where(usable, source, 1.0) ** -2.0, 0.0)
    known = np.where(usable, source, 0.0)
    return np.sqrt(known) if scheme == "SqrtCap" else known
