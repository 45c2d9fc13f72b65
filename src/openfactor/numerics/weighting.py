"""Cross-sectional regression weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def regression_weights(
    scheme: Literal["SqrtCap", "Cap", "InvIdioVar", "Equal"], caps: Float, idio_vol: Float
) -> Float:
    """Unscaled weights (n,): sqrt(cap), cap, 1 / idio_vol**2, or 1.

    With equal weights every name has one. Otherwise a name whose cap or volatility is missing, zero or
    negative gets weight 0. Caps in one currency, idio_vol as a fraction (its scale cancels when weights are
    scaled to sum to one).
    """
    if scheme == "Equal":
        return np.ones(len(caps))
    source = idio_vol if scheme == "InvIdioVar" else caps
    usable = (source > 0) & (source < np.inf)  # False for NaN
    if scheme == "InvIdioVar":
        return np.where(usable, np.where(usable, source, 1.0) ** -2.0, 0.0)
    known = np.where(usable, source, 0.0)
    return np.sqrt(known) if scheme == "SqrtCap" else known
