"""The panel: ragged, sorted by date, in runs of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.columns import Column, Exposure, SparseColumns, SparseGroup
from openfactor.store import PackRef

Float = NDArray[np.float64]


@dataclass(frozen=True)
class PanelRun:
    """The rows of consecutive stored days: one per listing and day on which it is alive, sorted by day, then
    listing.

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
    dense: Mapping[str, Mapping[str, Exposure]]
    """Group to factor to exposures (rows,); NaN where missing."""
    sparse: Mapping[str, SparseGroup]
    """Categorical group to its categories."""
    content_hashes: NDArray[np.uint64] | None = field(default=None, kw_only=True, compare=False)
    """(D,) one hash per day, if they are known; see `day_hashes`."""
    stored: Mapping[str, PackRef] | None = field(default=None, kw_only=True, compare=False)
    """Part to the pack that has it; None: not stored yet."""

    @property
    def n_rows(self) -> int:
        return int(self.offsets[-1])

    @property
    def n_days(self) -> int:
        return len(self.offsets) - 1

    def slice_days(self, first: int, stop: int) -> PanelRun:
        """The rows of the stored days first:stop. Nothing is copied."""
        if (first, stop) == (0, self.n_days):
            return self
        begin, end = int(self.offsets[first]), int(self.offsets[stop])
        rows = slice(begin, end)
        return PanelRun(
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


@dataclass(frozen=True)
class PanelNames:
    """What the exposures of a panel are called."""

    dense: Mapping[str, tuple[str, ...]]
    """Continuous group to its factors, sorted."""
    sparse: Mapping[str, tuple[str, ...]]
    """Categorical group to its categories; codes are indices."""

    @classmethod
    def of(cls, runs: Iterable[PanelRun]) -> PanelNames:
        """The names of all runs. A later run may have more of them; codes never change."""
        dense: dict[str, set[str]] = {}
        sparse: dict[str, tuple[str, ...]] = {}
        for run in runs:
            for group, factors in run.dense.items():
                dense.setdefault(group, set()).update(factors)
            for name, categories in run.sparse.items():
                sparse[name] = max(sparse.get(name, ()), categories.categories, key=len)
        return cls({group: tuple(sorted(factors)) for group, factors in dense.items()}, sparse)


class Panel:
    """The rows of all stored days, in runs that follow each other.

    Columns by row are those of `PanelRun`, of all runs. Exposures are read where they lie; the few other
    columns are joined when they are first used. D stored days; rows : the number of rows.

    Parameters
    ----------
    runs
        At least one.
    names
        Of the exposures; by default those of the runs.
    """

    def __init__(self, runs: Sequence[PanelRun], names: PanelNames | None = None) -> None:
        self.runs = tuple(runs)
        self.names = names or PanelNames.of(runs)
        self._sizes = [run.n_rows for run in runs]

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(D + 1,) day d has the rows offsets[d]:offsets[d + 1]."""
        parts = [run.offsets[:-1] + start for run, start in zip(self.runs, self.starts, strict=False)]
        return np.concatenate([*parts, self.starts[-1:]])

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(runs + 1,) where the rows of each run begin."""
        return np.concatenate([[0], np.cumsum(self._sizes, dtype=np.int64)])

    @cached_property
    def first_days(self) -> NDArray[np.int64]:
        """(runs + 1,) where the stored days of each run begin."""
        return np.concatenate([[0], np.cumsum([run.n_days for run in self.runs], dtype=np.int64)])

    @property
    def n_rows(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def listing(self) -> NDArray[np.int32]:
        """(rows,) see `PanelRun`."""
        return self._whole([run.listing for run in self.runs])

    @cached_property
    def local_return(self) -> Float:
        """(rows,) see `PanelRun`."""
        return self._whole([run.local_return for run in self.runs])

    @cached_property
    def currency(self) -> NDArray[np.int16]:
        """(rows,) see `PanelRun`."""
        return self._whole([run.currency for run in self.runs])

    @cached_property
    def priced(self) -> NDArray[np.bool_]:
        """(rows,) see `PanelRun`."""
        return self._whole([run.priced for run in self.runs])

    @cached_property
    def delisted(self) -> NDArray[np.int64]:
        """Indices of the rows with which a listing ends, ascending."""
        return self._whole([run.delisted + start for run, start in zip(self.runs, self.starts, strict=False)])

    @cached_property
    def is_main_listing(self) -> NDArray[np.bool_]:
        """(rows,) see `PanelRun`."""
        return self._whole([run.is_main_listing for run in self.runs])

    @cached_property
    def market_cap(self) -> Float:
        """(rows,) see `PanelRun`."""
        return self._whole([run.market_cap for run in self.runs])

    @cached_property
    def idio_vol(self) -> Float:
        """(rows,) see `PanelRun`."""
        return self._whole([run.idio_vol for run in self.runs])

    @cached_property
    def dense(self) -> dict[str, dict[str, Column]]:
        """Group to factor to exposures (rows,); NaN where missing."""
        return {
            group: {factor: self._column(group, factor) for factor in factors}
            for group, factors in self.names.dense.items()
        }

    @cached_property
    def sparse(self) -> dict[str, SparseColumns]:
        """Categorical group to its categories."""
        return {
            name: SparseColumns(categories, [run.sparse.get(name) for run in self.runs], self._sizes)
            for name, categories in self.names.sparse.items()
        }

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
        runs = []
        for run, begin in zip(self.runs, self.first_days.tolist(), strict=False):
            start, end = max(first - begin, 0), min(stop - begin, run.n_days)
            if start < end:
                runs.append(run.slice_days(start, end))
        return Panel(runs or [self.runs[0].slice_days(0, 0)], self.names)

    @staticmethod
    def _whole(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The values of all runs, which are not copied if there is one."""
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _column(self, group: str, factor: str) -> Column:
        parts = [run.dense.get(group, {}).get(factor) for run in self.runs]
        dtype = next((part.dtype for part in parts if part is not None), np.dtype(np.float32))
        return Column(parts, self._sizes, dtype)
