"""Student's t distribution, as tests of slopes need it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


def critical_values(level: float | None, largest: int) -> NDArray[np.float64]:
    """(largest + 1,) the |t| that a slope from n observations and an intercept must reach to differ from 0
    at a two-sided level; 0 without a test, infinity for fewer than three observations."""
    if level is None:
        return np.zeros(largest + 1)
    n = np.arange(largest + 1)
    with np.errstate(invalid="ignore"):
        critical = stdtrit(np.maximum(n - 2, 1), 1.0 - level / 2.0)
    return np.asarray(np.where(n > 2, critical, np.inf))
