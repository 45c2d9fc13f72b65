"""Factor returns of the days on which a listing had no price.

The return on reopening is that of several days, and the model explains it by the factors of one. For the
frames the rest is specific, so that factors and specific return add up to the return; as a measure of
specific risk it would count the factors twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import Panel
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
    panel: Panel,
    n_listings: int,
) -> Float:
    """(rows,) specific returns; those over several days less exposures . factor returns of each day before
    the last, with the exposures of the trading day before it. A missing exposure takes nothing off.

    Parameters
    ----------
    columns, order
        Exposures of each stage, and (columns,) the factor of each of its columns.
    days
        (T,) stored days that are trading days.
    """
    returns, is_multiday = estimates.specific_return, estimates.covered > 1
    if not is_multiday.any():
        return returns
    out, has_gap = returns.copy(), np.zeros(n_listings, np.bool_)
    has_gap[panel.listing[is_multiday]] = True
    of_factors = np.zeros(n_listings)
    """Return that the factors explain since the listing's last price."""
    for t in range(1, len(days)):
        rows = panel.rows_of(int(days[t - 1]))
        listing, covered = panel.listing[rows], estimates.covered[rows]
        of_factors[listing[panel.priced[rows]]] = 0.0  # from here on a return would be of one day
        out[rows] = np.where(covered > 1, returns[rows] - of_factors[listing], returns[rows])
        is_waiting = (covered == 0) & has_gap[listing]
        if is_waiting.any():
            explained = np.zeros(len(listing))
            for exposures, factors in zip(columns, order, strict=True):
                blocks = DesignBlocks(*exposures.evaluate(rows))
                explained += fitted_returns(blocks, estimates.factor_returns[t, factors], 0, len(listing))
            of_factors[listing[is_waiting]] += np.nan_to_num(explained[is_waiting])
    return out
