"""Half precision to double precision, several numbers at a time.

numpy converts one number after another; whole columns of exposures are converted for every day, and the
integer form of the conversion can be vectorised. With the sign aside, the bits of a finite half, shifted to a
single's place, are its value times 2**-112, subnormals included.

References
----------
IEEE 754-2019, section 3.6.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def widen(bits: NDArray[np.uint16], out: NDArray[np.float64]) -> None:
    """Write the numbers whose half-precision `bits` (n,) are given to `out` (n,); infinities become NaN."""
    n = len(bits)
    single = np.empty(n, np.uint32)
    for i in range(n):
        b = np.uint32(bits[i])
        single[i] = ((b & np.uint32(0x8000)) << np.uint32(16)) | ((b & np.uint32(0x7FFF)) << np.uint32(13))
    values = single.view(np.float32)
    for i in range(n):
        finite = (bits[i] & np.uint16(0x7C00)) != np.uint16(0x7C00)
        out[i] = np.float64(values[i]) * 5192296858534827628530496329220096.0 if finite else np.nan
