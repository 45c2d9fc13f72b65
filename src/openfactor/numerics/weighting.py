"""Cross-sectional regression weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def regression_weights(
    scheme: Literal["SqrtCap", "Cap", "InvIdioVar"], caps: Float, idio_vol: Float
) -> Float:
    """Unscaled weights (n,): sqrt(cap), cap, or 1 / idio_vol**2.

    A name whose cap or volatility is missing, zero or negative gets weight 0. Caps in one currency,
    idio_vol as a fraction (its scale cancels when weights are scaled to sum to one).
    """
    source = idio_vol if scheme == "InvIdioVar" else caps
    usable = np.isfinite(source) & (source > 0)
    weights = np.zeros(len(source))
    if scheme == "SqrtCap":
        weights[usable] = np.sqrt(source[usable])
    elif scheme == "Cap":
        weights[usable] = source[usable]
    else:
        weights[usable] = source[usable] ** -2.0
    return weights
