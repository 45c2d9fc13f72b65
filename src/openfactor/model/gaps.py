"""What the factors did while a listing had no price.

The return on reopening is that of several days, and the model explains it by the factors of one. For the
frames the rest is specific, so that factors and specific return add up to the return; as a measure of
specific risk it would count the factors twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.exposures import FactorColumns
from openfactor.model.estimation import Estimates
from openfactor.numerics.normal_equations import DesignBlocks, fitted_returns

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def specific_over_gaps(
    estimates: Estimates,
    columns: list[FactorColumns],
    order: list[NDArray[np.int64]],
    days: NDArray[np.int64],
    panel_listing: NDArray[np.int32],
    panel_priced: Mask,
    offsets: NDArray[np.int64],
    n_listings: int,
) -> Float:
    """(rows,) specific returns; those over several days less exposures . factor returns of each day before
    the last, with the exposures of the trading day before it. A missing exposure takes nothing off.

    columns, order : exposures of each stage, and which factor each of its columns is
    days : (T,) stored days that are trading days
    """
    returns, several = estimates.specific_return, estimates.covered > 1
    if not several.any():
        return returns
    out, missed, ever = returns.copy(), np.zeros(n_listings), np.zeros(n_listings, np.bool_)
    ever[panel_listing[several]] = True
    for t in range(1, len(days)):
        rows = slice(int(offsets[days[t - 1]]), int(offsets[days[t - 1] + 1]))
        listing, covered = panel_listing[rows], estimates.covered[rows]
        missed[listing[panel_priced[rows]]] = 0.0  # from here on a return would be of one day
        ended = covered > 1
        out[rows] = np.where(ended, returns[rows] - missed[listing], returns[rows])
        waiting = (covered == 0) & ever[listing]
        if waiting.any():
            moves = np.zeros(len(listing))
            for exposures, factors in zip(columns, order, strict=True):
                blocks = DesignBlocks(*exposures.evaluate(rows))
                f = estimates.factor_returns[t, factors]
                moves += fitted_returns(blocks, f, 0, len(listing))
            missed[listing[waiting]] += np.nan_to_num(moves[waiting])
    return out
