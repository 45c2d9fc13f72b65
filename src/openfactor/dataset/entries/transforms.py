"""Transforms of the exposures of an entry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.columns import Exposure
from openfactor.dataset.panel_index import PanelIndex
from openfactor.numerics.scores import normal_scores


def score_and_fill(
    index: PanelIndex, values: Exposure, *, scores: bool, keep_zeros: bool, fill: bool
) -> NDArray[np.float64]:
    """Exposures (rows,) after the transforms of each day.

    Parameters
    ----------
    scores : turn exposures into normal scores among companies; keep_zeros : except exposures of exactly 0
    fill : replace missing exposures by the mean of the day (0 after normal scores), if any are known
    """
    out = values.astype(np.float64)
    for day in range(len(index.days)):
        today = slice(int(index.offsets[day]), int(index.offsets[day + 1]))
        x, is_main = out[today], index.is_main_listing[today]
        if scores:
            x[:] = normal_scores(x, is_main, keep_zeros)
        known = np.isfinite(x) & is_main
        if fill and known.any():
            x[np.isnan(x)] = 0.0 if scores else x[known].mean()
    return out
