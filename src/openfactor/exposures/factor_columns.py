"""The factors of a model: which columns they are, in which order, and their values on a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from openfactor.exposures.columns import CategoricalBlock, DenseColumns, ProductColumns, ReferenceMasks
from openfactor.numerics.cross_section import design_matrix
from openfactor.numerics.scores import orthogonal_complement

Float = NDArray[np.float64]
Dense: TypeAlias = DenseColumns | ProductColumns


class ExposureArrays(NamedTuple):
    """Exposures of n rows of the panel."""

    dense: Float
    """(n_dense, n), NaN where an exposure is missing."""
    codes: NDArray[np.int32]
    """(slots, n) column that a category loads on, -1 for none."""
    loadings: Float
    """(slots, n) its loading; NaN where a factor of a product is missing."""


@dataclass(frozen=True)
class FactorColumns:
    """The factors of a stage: dense columns first, then blocks of categories."""

    dense: tuple[Dense, ...]
    blocks: tuple[CategoricalBlock, ...]
    reference: ReferenceMasks
    weights: Float
    """(rows,) regression weights of the projections."""

    @property
    def dense_names(self) -> tuple[str, ...]:
        """`{group}.{factor}` of each dense column."""
        return tuple(f"{d.group}.{f}" for d in self.dense for f in d.factors)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Group and factor of each column."""
        return tuple((part.group, f) for part in (*self.dense, *self.blocks) for f in part.factors)

    @property
    def names(self) -> tuple[str, ...]:
        """`{group}.{factor}` of each column."""
        return tuple(f"{group}.{factor}" for group, factor in self.pairs)

    @property
    def n_dense(self) -> int:
        """Number of dense columns, which are the first."""
        return sum(len(d.factors) for d in self.dense)

    @property
    def may_miss_products(self) -> bool:
        """A loading can be missing: there are products with continuous factors."""
        return any(block.scale for block in self.blocks)

    @property
    def by_row(self) -> bool:
        """No column depends on the other names of the day: several days can be read at once."""
        scales = (columns for block in self.blocks for columns, _ in block.scale)
        return all(columns.plain and not columns.net_of for columns in (*self.dense, *scales))

    def slots_by_day(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(D, blocks) most categories of each block that a name has on each day; offsets : (D + 1,) of the
        panel's rows.
        """
        slots = [block.slots_by_day(offsets) for block in self.blocks]
        return np.stack(slots, axis=1) if slots else np.ones((len(offsets) - 1, 0), np.int64)

    def diagonal(self, slots: Sequence[int]) -> tuple[int, int]:
        """Columns, first and one past the last, of the widest block that gives a name one category.

        Parameters
        ----------
        slots
            (blocks,) most categories that a name has, on the days in question.
        """
        single = [block for block, n in zip(self.blocks, slots, strict=True) if n == 1]
        widest = max(single, key=lambda b: len(b.factors), default=None)
        return (widest.first, widest.first + len(widest.factors)) if widest else (0, 0)

    @property
    def constrained(self) -> list[tuple[CategoricalBlock, int, int]]:
        """Runs of columns that a zero-sum constraint can hold for: a block, first and one past the last.

        Blocks of one group are one run; each continuous factor of an interaction has a run of its own.
        """
        runs: list[tuple[CategoricalBlock, int, int]] = []
        for block in self.blocks:
            last = block.first + len(block.factors)
            if runs and runs[-1][0].group == block.group and not (block.scale or runs[-1][0].scale):
                runs[-1] = (runs[-1][0], runs[-1][1], last)
            else:
                runs.append((block, block.first, last))
        return runs

    def evaluate(self, rows: slice, buffer: Float | None = None) -> ExposureArrays:
        """Exposures of the panel's rows of one day, in double precision; of several days where `by_row`.

        Parameters
        ----------
        rows
            The rows of whole days: transforms look at all of a day's rows.
        buffer
            (n_dense * n or more,) used instead of new memory.
        """
        n = rows.stop - rows.start
        size = self.n_dense * n
        dense = (np.empty(size) if buffer is None else buffer[:size]).reshape(self.n_dense, n)
        for columns, place in self._placed():
            columns.read(rows, self.reference, dense[place])
        read = [block.read(rows, self.reference) for block in self.blocks]
        if len(read) == 1:
            codes, loadings = read[0]
        else:
            codes = np.concatenate([np.empty((0, n), np.int32), *(block for block, _ in read)])
            loadings = np.concatenate([np.empty((0, n)), *(block for _, block in read)])
        exposures = ExposureArrays(dense, codes, loadings)
        for columns, place in self._placed():
            if columns.net_of:
                sources = self._columns_of(columns.net_of, exposures)
                weights = np.where(self.reference.estimation[rows], self.weights[rows], 0.0)
                dense[place] = orthogonal_complement(dense[place], sources, weights)
        return exposures

    def _placed(self) -> Iterator[tuple[Dense, slice]]:
        """The dense groups with the columns that they take."""
        first = 0
        for columns in self.dense:
            yield columns, slice(first, first + len(columns.factors))
            first += len(columns.factors)

    def _columns_of(self, groups: Sequence[str], exposures: ExposureArrays) -> Float:
        """(n, columns) of the groups, as they stand."""
        columns = [k for k, (group, _) in enumerate(self.pairs) if group in groups]
        return design_matrix(*exposures, len(self.pairs)).T[columns].T


def by_group(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Group to its factors, in the order of the pairs."""
    out: dict[str, list[str]] = {}
    for group, factor in pairs:
        out.setdefault(group, []).append(factor)
    return out
