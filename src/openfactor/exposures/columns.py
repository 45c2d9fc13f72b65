"""The columns of a model, evaluated one day at a time.

Nothing here looks at another day: what depends on the past, such as betas and carried exposures, is in the
arrays already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.columns import Column, Exposure, SparseColumns, SparseGroup
from openfactor.numerics.half_precision import widen
from openfactor.numerics.scores import normal_scores, standardize, winsorize

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class ReferenceMasks:
    """The rows of the panel that cross-sectional transforms look at, one per company and day."""

    universe: Mask
    """(rows,) for normal scores and means of the day."""
    estimation: Mask
    """(rows,) for winsorisation, standardisation and projections."""


@dataclass(frozen=True)
class DenseColumns:
    """Factors of a continuous group. The transforms are done in the order of the fields."""

    group: str
    factors: tuple[str, ...]
    sources: tuple[tuple[Column | Exposure, ...], ...]
    """For each factor the arrays (rows,) of its leaves, whose mean it is."""
    winsorize: float | None = None
    """Robust standard deviations from the median beyond which values are moved to that bound."""
    gaussianize: bool = False
    keep_zeros: bool = False
    fill: bool = False
    standardize: bool = False
    net_of: tuple[str, ...] = ()
    """Groups to make the columns orthogonal to, which `FactorColumns` does."""

    @property
    def plain(self) -> bool:
        """Each column is an array of the panel as it is."""
        return not (self.winsorize or self.gaussianize or self.fill or self.standardize)

    def read(self, rows: slice, reference: ReferenceMasks, out: Float) -> None:
        """Write the exposures of a day's rows to `out` (factors, n)."""
        for k, leaves in enumerate(self.sources):
            if len(leaves) == 1:
                _widen(leaves[0][rows], out[k])
            else:
                out[k] = _mean([_widen(leaf[rows], np.empty(out.shape[1])) for leaf in leaves])
        if self.plain:
            return
        universe, estimation = reference.universe[rows], reference.estimation[rows]
        for values in out:
            if self.winsorize:
                values[:] = winsorize(values, estimation, self.winsorize)
            if self.gaussianize:
                values[:] = normal_scores(values, universe, self.keep_zeros)
            known = universe & np.isfinite(values)
            if self.fill and known.any():
                mean = 0.0 if self.gaussianize else values[known].mean()
                values[np.isnan(values)] = mean
        if self.standardize:
            out[:] = standardize(out, estimation)


@dataclass(frozen=True)
class ProductColumns:
    """Products of continuous factors, one of each member."""

    group: str
    members: tuple[DenseColumns, ...]
    net_of: tuple[str, ...] = ()

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(":".join(names) for names in product(*(m.factors for m in self.members)))

    @property
    def plain(self) -> bool:
        """Each product is one of arrays of the panel as they are."""
        return all(member.plain for member in self.members)

    def read(self, rows: slice, reference: ReferenceMasks, out: Float) -> None:
        """Write the exposures of a day's rows to `out` (factors, n)."""
        out[:] = products([_read(m, rows, reference) for m in self.members])


@dataclass(frozen=True)
class CategoricalBlock:
    """Columns that categories load on: those of a group, or of one with continuous factors."""

    group: str
    factors: tuple[str, ...]
    first: int
    """Its first column."""
    sources: tuple[SparseColumns, ...]
    columns: tuple[Codes, ...]
    """For each source (categories + 1,) the factor of each of its categories, -1 for those left out and for
    none. The factor of several sources counts them all, the last one fastest."""
    sizes: tuple[int, ...]
    """For each source its number of factors."""
    scale: tuple[tuple[DenseColumns, int], ...] = ()
    """Continuous factors that the loadings are multiplied by: columns and which of them."""

    @cached_property
    def _placed(self) -> Codes:
        """(categories + 1,) column of each category of the first source."""
        return np.where(self.columns[0] >= 0, self.columns[0] + self.first, -1).astype(np.int32)

    def slots_by_day(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(D,) most categories that a name has on each day; offsets : (D + 1,) of the panel's rows."""
        return np.asarray(np.prod([source.slots_by_day(offsets) for source in self.sources], axis=0))

    def slots_on(self, rows: slice) -> int:
        """Most categories that a name has among the panel's rows of a day."""
        return int(np.prod([len(_without_idle_slots(source[rows]).codes) for source in self.sources]))

    def read(self, rows: slice, reference: ReferenceMasks) -> tuple[Codes, Float]:
        """(slots, n) column and loading of each category of a day's rows; column -1: none.

        There are as many slots as these rows need, whatever other days do.
        """
        n = rows.stop - rows.start
        groups = [_without_idle_slots(source[rows]) for source in self.sources]
        first = groups[0]
        if len(groups) == len(first.codes) == 1 and not self.scale and first.loadings is None:  # as most are
            return self._placed[first.codes[0]][None], np.ones((1, n))
        codes, loadings = np.zeros((1, n), np.int32), np.ones((1, n))
        for group, column, size in zip(groups, self.columns, self.sizes, strict=True):
            source_codes = np.stack([column[slot] for slot in group.codes])
            source_loadings = np.ones(source_codes.shape)
            if group.loadings is not None:
                source_loadings[:] = group.loadings
            _merge(source_codes, source_loadings)
            codes, loadings = _pairs(codes, source_codes, size), products([loadings, source_loadings])
        for columns, factor in self.scale:
            loadings = loadings * _read(columns, rows, reference)[factor]
        return np.where(codes >= 0, codes + self.first, -1).astype(np.int32), loadings


def _without_idle_slots(group: SparseGroup) -> SparseGroup:
    """The group without the last slots, if no row has a category there."""
    n_slots = len(group.codes)
    while n_slots > 1 and not (group.codes[n_slots - 1] >= 0).any():
        n_slots -= 1
    loadings = None if group.loadings is None else group.loadings[:n_slots]
    return SparseGroup(group.categories, group.codes[:n_slots], loadings)


def _merge(codes: Codes, loadings: Float) -> None:
    """Add up the loadings of a name whose categories belong to one factor, in place."""
    for slot in range(1, len(codes)):
        for earlier in range(slot):
            same = (codes[slot] >= 0) & (codes[slot] == codes[earlier])
            loadings[earlier][same] += loadings[slot][same]
            codes[slot][same] = -1


def _pairs(codes: Codes, others: Codes, size: int) -> Codes:
    """(slots times other slots, n) codes of all pairs, -1 where either has none.

    size : number of codes of the others
    """
    pairs = np.where((codes[:, None] >= 0) & (others[None] >= 0), codes[:, None] * size + others[None], -1)
    return pairs.reshape(len(codes) * len(others), codes.shape[1]).astype(np.int32)


def products(members: Sequence[Float]) -> Float:
    """(products, n) of one column of each member, the last member fastest.

    Missing times anything is missing.
    """
    out = members[0]
    for values in members[1:]:
        out = (out[:, None] * values[None]).reshape(len(out) * len(values), values.shape[1])
    return out


def _read(columns: DenseColumns, rows: slice, reference: ReferenceMasks) -> Float:
    out = np.empty((len(columns.factors), rows.stop - rows.start))
    columns.read(rows, reference, out)
    return out


def _widen(values: Exposure, out: Float) -> Float:
    """The values in double precision, in `out`."""
    if values.dtype == np.float16:
        widen(values.view(np.uint16), out)
    else:
        out[:] = values
    return out


def _mean(leaves: Sequence[Float]) -> Float:
    """(n,) mean of the values that are not missing; NaN where all are."""
    stacked = np.stack(leaves)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
