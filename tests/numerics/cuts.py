"""Where tests cut histories."""

from __future__ import annotations

import numpy as np


def random_cuts(seed: int, n: int) -> list[int]:
    """Where the parts of range(n) begin: 0 and a random number of others."""
    rng = np.random.default_rng(seed)
    return [0, *sorted({int(cut) for cut in rng.integers(1, n, rng.integers(0, n))})]
