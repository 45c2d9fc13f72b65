"""Columns of a panel whose values lie in the runs of its days: read where they are, joined only on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


class _InRuns:
    """Rows in consecutive runs.

    Parameters
    ----------
    sizes
        (runs,) rows of each run.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._starts: list[int] = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).tolist()
        self._latest = 0

    def __len__(self) -> int:
        return self._starts[-1]

    def _places(self, rows: slice) -> list[tuple[int, slice]]:
        """The runs that rows lie in, and which of their rows; rows are often of the same run as before."""
        starts, latest = self._starts, self._latest
        if starts[latest] <= rows.start and rows.stop <= starts[latest + 1]:
            return [(latest, slice(rows.start - starts[latest], rows.stop - starts[latest]))]
        first = int(np.searchsorted(starts, rows.start, side="right")) - 1
        places = []
        for run in range(max(first, 0), len(starts) - 1):
            begin, end = max(rows.start, starts[run]), min(rows.stop, starts[run + 1])
            if begin < end:
                places.append((run, slice(begin - starts[run], end - starts[run])))
            if rows.stop <= starts[run + 1]:
                break
        if places:
            self._latest = places[-1][0]
        return places


class Column(_InRuns):
    """Values by row (rows,). Those of rows of one run are a view; of several runs, a copy.

    Parameters
    ----------
    parts
        For each run its values, None where it has none.
    sizes
        (runs,) rows of each run.
    dtype
        Of the values.
    """

    def __init__(self, parts: Sequence[Exposure | None], sizes: Sequence[int], dtype: np.dtype[Any]) -> None:
        super().__init__(sizes)
        self._parts = tuple(parts)
        self.dtype = dtype

    def __getitem__(self, rows: slice | int | NDArray[Any]) -> Any:
        """Values of rows; an index that is no slice reads the whole column."""
        if not isinstance(rows, slice):
            return self[:][rows]
        first, stop, _ = rows.indices(len(self))
        places = self._places(slice(first, stop))
        if len(places) == 1:
            return self._read(*places[0])
        pieces = [self._read(*place) for place in places]
        return np.concatenate(pieces) if pieces else np.empty(0, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Exposure:
        return np.asarray(self[:], dtype)

    def astype(self, dtype: Any) -> Exposure:
        """(rows,) all values, converted."""
        return np.asarray(self[:]).astype(dtype)

    def _read(self, run: int, rows: slice) -> Exposure:
        part = self._parts[run]
        return np.full(rows.stop - rows.start, np.nan, self.dtype) if part is None else part[rows]


class SparseColumns(_InRuns):
    """A categorical group of a panel. A run has as many slots as its names need, and loadings only where one
    of them is not 1.

    Parameters
    ----------
    categories
        Of all runs; codes are indices.
    parts
        For each run the group, None where it has none.
    sizes
        (runs,) rows of each run.
    """

    def __init__(
        self, categories: tuple[str, ...], parts: Sequence[SparseGroup | None], sizes: Sequence[int]
    ) -> None:
        super().__init__(sizes)
        self.categories = categories
        self._parts = tuple(parts)

    def __getitem__(self, rows: slice) -> SparseGroup:
        first, stop, _ = rows.indices(len(self))
        pieces = [self._read(*place) for place in self._places(slice(first, stop))]
        return joined(self.categories, pieces) if len(pieces) != 1 else pieces[0]

    def slots_by_day(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(D,) most categories that a name has on each day, at least 1.

        Parameters
        ----------
        offsets
            (D + 1,) the rows of day d are offsets[d]:offsets[d + 1].
        """
        slots = np.ones(len(offsets) - 1, np.int64)
        starts = np.array(self._starts)
        for run in np.flatnonzero([part is not None and len(part.codes) > 1 for part in self._parts]):
            days = slice(*np.searchsorted(offsets, starts[run : run + 2]).tolist())
            bounds = offsets[days.start : days.stop + 1] - starts[run]
            for slot, codes in enumerate(self._parts[run].codes[1:], 2):  # type: ignore[union-attr]
                used = np.concatenate([[0], np.cumsum(codes >= 0)])
                slots[days][np.diff(used[bounds]) > 0] = slot
        return slots

    @property
    def codes(self) -> tuple[NDArray[np.int16], ...]:
        """One array (rows,) per slot: index into `categories`, -1 for none."""
        return self._whole.codes

    @property
    def loadings(self) -> tuple[Exposure, ...] | None:
        """One array (rows,) per slot; None where every loading is 1."""
        return self._whole.loadings

    @property
    def _whole(self) -> SparseGroup:
        return self[:]

    def _read(self, run: int, rows: slice) -> SparseGroup:
        part = self._parts[run]
        if part is None:
            return SparseGroup(self.categories, (np.full(rows.stop - rows.start, -1, np.int16),), None)
        return SparseGroup(self.categories, part.codes, part.loadings).select(rows)


def joined(categories: tuple[str, ...], pieces: Sequence[SparseGroup]) -> SparseGroup:
    """One group of the rows of several, which follow each other."""
    n_slots = max((len(piece.codes) for piece in pieces), default=1)
    has_loadings = any(piece.loadings is not None for piece in pieces)
    codes = tuple(_join([_codes(piece, slot) for piece in pieces], np.int16) for slot in range(n_slots))
    if not has_loadings:
        return SparseGroup(categories, codes, None)
    dtype = next(piece.loadings[0].dtype for piece in pieces if piece.loadings)
    loadings = tuple(
        _join([_loadings(piece, slot, dtype) for piece in pieces], dtype) for slot in range(n_slots)
    )
    return SparseGroup(categories, codes, loadings)


def _join(pieces: Sequence[Exposure], dtype: Any) -> Exposure:
    return np.concatenate(pieces) if pieces else np.empty(0, dtype)


def _codes(group: SparseGroup, slot: int) -> NDArray[np.int16]:
    return group.codes[slot] if slot < len(group.codes) else np.full(len(group.codes[0]), -1, np.int16)


def _loadings(group: SparseGroup, slot: int, dtype: Any) -> Exposure:
    """1 where a slot has a category, 0 where it has none, unless the group has loadings."""
    if group.loadings is not None and slot < len(group.loadings):
        return group.loadings[slot]
    return (_codes(group, slot) >= 0).astype(dtype)
