"""The panel: ragged, sorted by date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Exposure = NDArray[Any]  # float16 or float32, as the dataset's exposure_dtype says


@dataclass(frozen=True)
class SparseGroup:
    """A categorical group: each row's categories in a few slots, most often one."""

    categories: tuple[str, ...]
    codes: tuple[NDArray[np.int16], ...]
    """One array (rows,) a slot: index into `categories`, -1 for none."""
    loadings: tuple[Exposure, ...] | None
    """One array (rows,) a slot; None where every loading is 1."""


@dataclass(frozen=True)
class Panel:
    """One row for each listing and stored day on which it is alive, by day, then listing."""

    offsets: NDArray[np.int64]
    """(D + 1,) rows of day d are offsets[d]:offsets[d + 1]."""
    listing: NDArray[np.int32]
    local_return: Float
    """Simple return since the listing's last price, in the currency of that price, as a fraction; NaN where
    there is none."""
    currency: NDArray[np.int16]
    """Index into the dataset's currencies: that of the listing's latest price."""
    priced: NDArray[np.bool_]
    """There is a price that day; other rows are `stale`."""
    delisted: NDArray[np.int64]
    """Numbers of the rows that say that the listing trades no more, ascending."""
    is_main_listing: NDArray[np.bool_]
    """The listing stands for its company on that day: its return is the company's."""
    market_cap: Float
    """Market cap of the company in USD, the latest on or before the day."""
    idio_vol: Float
    """Uploaded estimate of the company's specific volatility."""
    dense: dict[str, dict[str, Exposure]]
    """Group to factor to exposures (rows,); NaN where missing."""
    sparse: dict[str, SparseGroup]

    @property
    def n_rows(self) -> int:
        return len(self.listing)

    @property
    def stale(self) -> NDArray[np.bool_]:
        """(rows,) the listing is alive without a price that day: it keeps its cap and exposures, without a
        return."""
        return ~self.priced

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """(rows,) stored day of each row."""
        days = np.arange(len(self.offsets) - 1, dtype=np.int32)
        return np.repeat(days, np.diff(self.offsets))

    def rows_of(self, day: int) -> slice:
        """The rows of a stored day."""
        return slice(int(self.offsets[day]), int(self.offsets[day + 1]))

    def slice_days(self, first: int, last: int) -> Panel:
        """The rows of the stored days first:last; nothing is copied."""
        start, stop = int(self.offsets[first]), int(self.offsets[last])
        rows = slice(start, stop)
        return Panel(
            offsets=self.offsets[first : last + 1] - start,
            listing=self.listing[rows],
            local_return=self.local_return[rows],
            currency=self.currency[rows],
            priced=self.priced[rows],
            delisted=self.delisted[slice(*np.searchsorted(self.delisted, [start, stop]))] - start,
            is_main_listing=self.is_main_listing[rows],
            market_cap=self.market_cap[rows],
            idio_vol=self.idio_vol[rows],
            dense={
                group: {factor: values[rows] for factor, values in factors.items()}
                for group, factors in self.dense.items()
            },
            sparse={
                name: SparseGroup(
                    group.categories,
                    tuple(codes[rows] for codes in group.codes),
                    None if group.loadings is None else tuple(loadings[rows] for loadings in group.loadings),
                )
                for name, group in self.sparse.items()
            },
        )
