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
    """A categorical group: the categories of each row in a few slots, usually one."""

    categories: tuple[str, ...]
    codes: tuple[NDArray[np.int16], ...]
    """One array (rows,) per slot: index into `categories`, -1 for none."""
    loadings: tuple[Exposure, ...] | None
    """One array (rows,) per slot; None where every loading is 1."""

    def select(self, rows: slice | NDArray[np.int64]) -> SparseGroup:
        """The group on some of the rows."""
        loadings = None if self.loadings is None else tuple(values[rows] for values in self.loadings)
        return SparseGroup(self.categories, tuple(codes[rows] for codes in self.codes), loadings)


@dataclass(frozen=True)
class Panel:
    """One row per listing and stored day on which it is alive, sorted by day, then listing.

    D stored days; rows : the number of rows.
    """

    offsets: NDArray[np.int64]
    """(D + 1,) day d has the rows offsets[d]:offsets[d + 1]."""
    listing: NDArray[np.int32]
    """(rows,) code of the listing: index into `Identifiers.table`."""
    local_return: Float
    """(rows,) simple return since the listing's last price, in the currency of that price, as a fraction; NaN
    where there is none."""
    currency: NDArray[np.int16]
    """(rows,) currency of the listing's latest price: index into the dataset's currencies."""
    priced: NDArray[np.bool_]
    """(rows,) the listing has a price on the day itself; other rows are `stale`."""
    delisted: NDArray[np.int64]
    """Indices of the rows with which a listing ends, ascending."""
    is_main_listing: NDArray[np.bool_]
    """(rows,) the listing represents its company on the day: its return is the company's. One per company and
    day."""
    market_cap: Float
    """(rows,) market cap of the company in USD, the latest on or before the day; NaN where unknown."""
    idio_vol: Float
    """(rows,) uploaded estimate of the company's specific volatility, the latest on or before the day, as
    uploaded: a daily volatility as a fraction. Only ratios matter (weights are 1 / idio_vol squared), so that
    another horizon gives the same weights if all rows have it. NaN where unknown."""
    dense: dict[str, dict[str, Exposure]]
    """Group to factor to exposures (rows,); NaN where missing."""
    sparse: dict[str, SparseGroup]
    """Categorical group to its categories."""

    @property
    def n_rows(self) -> int:
        return len(self.listing)

    @property
    def stale(self) -> NDArray[np.bool_]:
        """(rows,) the listing is alive without a price that day: it keeps its cap and exposures and has no
        return.
        """
        return ~self.priced

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """(rows,) index of the stored day of each row."""
        days = np.arange(len(self.offsets) - 1, dtype=np.int32)
        return np.repeat(days, np.diff(self.offsets))

    def rows_of(self, day: int) -> slice:
        """The rows of a stored day."""
        return slice(int(self.offsets[day]), int(self.offsets[day + 1]))

    def slice_days(self, first: int, stop: int) -> Panel:
        """The rows of the stored days first:stop. Nothing is copied."""
        begin, end = int(self.offsets[first]), int(self.offsets[stop])
        rows = slice(begin, end)
        return Panel(
            offsets=self.offsets[first : stop + 1] - begin,
            listing=self.listing[rows],
            local_return=self.local_return[rows],
            currency=self.currency[rows],
            priced=self.priced[rows],
            delisted=self.delisted[slice(*np.searchsorted(self.delisted, [begin, end]))] - begin,
            is_main_listing=self.is_main_listing[rows],
            market_cap=self.market_cap[rows],
            idio_vol=self.idio_vol[rows],
            dense={
                group: {factor: values[rows] for factor, values in factors.items()}
                for group, factors in self.dense.items()
            },
            sparse={name: group.select(rows) for name, group in self.sparse.items()},
        )
