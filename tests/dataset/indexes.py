"""Runs of a panel's index as one, for tests that compare whole histories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openfactor.dataset.panel_index import PanelIndex


def joined(indexes: Sequence[PanelIndex]) -> PanelIndex:
    """The index of runs that follow each other."""
    starts = np.cumsum([0, *(index.n_rows for index in indexes)])

    def whole(name: str) -> np.ndarray:
        return np.concatenate([getattr(index, name) for index in indexes])

    return PanelIndex(
        days=[day for index in indexes for day in index.days],
        n_listings=indexes[-1].n_listings,
        n_companies=indexes[-1].n_companies,
        company=whole("company"),
        offsets=np.concatenate(
            [
                *(index.offsets[:-1] + start for index, start in zip(indexes, starts, strict=False)),
                starts[-1:],
            ]
        ),
        listing=whole("listing"),
        local_return=whole("local_return"),
        currency=whole("currency"),
        priced=whole("priced"),
        delisted=np.concatenate(
            [index.delisted + start for index, start in zip(indexes, starts, strict=False)]
        ),
        is_main_listing=whole("is_main_listing"),
    )
