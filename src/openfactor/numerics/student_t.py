"""Student's t distribution, as tests of slopes need it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


def critical_values(level: float | None, n_max: int) -> NDArray[np.float64]:
    """The |t| that a slope beside an intercept must reach to differ from 0 at a two-sided level.

    Parameters
    ----------
    level : such as 0.05; None: no test
    n_max : largest number of observations

    Returns
    -------
    (n_max + 1,) by number of observations n, with n - 2 degrees of freedom; infinite for n < 3, and 0
    everywhere without a test.
    """
    if level is None:
        return np.zeros(n_max + 1)
    n = np.arange(n_max + 1)
    with np.errstate(invalid="ignore"):
        critical = stdtrit(np.maximum(n - 2, 1), 1.0 - level / 2.0)
    return np.asarray(np.where(n > 2, critical, np.inf))
