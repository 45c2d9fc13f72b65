"""The scale of Huber's loss."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float64]


@njit(cache=True, nogil=True)
def huber_scale(residuals: Float, weights: Float, epsilon: float) -> float:
    """The s for which  sum_i w_i min(e_i^2, epsilon^2 s^2) = s^2; 0 where most of the weight has
    no residual.

    residuals (n,); weights (n,) that sum to one; epsilon > 1. It minimises Huber's loss with a concomitant
    scale for given residuals. Starting at the root mean square, s falls to it.
    """
    squares = residuals**2
    scale = np.sum(weights * squares)
    for _ in range(200):
        bound = epsilon * epsilon * scale
        total = np.sum(weights * np.minimum(squares, bound))
        if not total < scale * (1.0 - 1e-14):
            break
        scale = total
    return np.sqrt(scale) if scale > 1e-300 else 0.0
