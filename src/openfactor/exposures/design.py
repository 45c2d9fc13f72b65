"""The factors of a model as columns: which arrays of the panel they are, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import Exposure, RiskDataset, SparseGroup
from openfactor.numerics.half import widen
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ExposureGroupSettings,
    ExposureSettings,
)

Float = NDArray[np.float64]


@dataclass(frozen=True)
class CategoricalBlock:
    """The columns of one categorical group."""

    group: str
    factors: tuple[str, ...]
    first: int
    """Its first column."""
    source: SparseGroup
    column: NDArray[np.int32]
    """(categories + 1,) column of each category of the source, -1 for those left out and for none."""


@dataclass(frozen=True)
class Exposures:
    """Columns: dense factors first, then the categorical blocks. Nothing is copied from the panel."""

    dense_names: tuple[str, ...]
    dense: tuple[Exposure, ...]
    """One array (rows,) a dense factor."""
    blocks: tuple[CategoricalBlock, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`{group}.{factor}` of each column."""
        return self.dense_names + tuple(f"{b.group}.{f}" for b in self.blocks for f in b.factors)

    @property
    def n_slots(self) -> int:
        """Categories that a name can have, over all blocks."""
        return sum(len(b.source.codes) for b in self.blocks)

    @property
    def diagonal(self) -> tuple[int, int]:
        """Columns, first and one past the last, of the widest block that gives a name one category."""
        single = [b for b in self.blocks if len(b.source.codes) == 1]
        widest = max(single, key=lambda b: len(b.factors), default=None)
        return (widest.first, widest.first + len(widest.factors)) if widest else (0, 0)

    def dense_rows(self, rows: slice, buffer: Float | None = None) -> Float:
        """(n_dense, n) exposures of the rows in double precision.

        `buffer` (n_dense * n or more,) is used in place of new memory.
        """
        n = rows.stop - rows.start
        size = len(self.dense) * n
        out = (np.empty(size) if buffer is None else buffer[:size]).reshape(len(self.dense), n)
        for k, column in enumerate(self.dense):
            if column.dtype == np.float16:
                widen(column[rows].view(np.uint16), out[k])
            else:
                out[k] = column[rows]
        return out

    def categories(self, rows: slice) -> tuple[NDArray[np.int32], Float]:
        """(slots, n) column and loading of each category of the rows; column -1: none."""
        n = rows.stop - rows.start
        codes, loads = np.empty((self.n_slots, n), np.int32), np.ones((self.n_slots, n))
        slot = 0
        for block in self.blocks:
            for i, source in enumerate(block.source.codes):
                codes[slot] = block.column[source[rows]]
                if block.source.loads is not None:
                    loads[slot] = block.source.loads[i][rows]
                slot += 1
        return codes, loads


def resolve(dataset: RiskDataset, settings: ExposureSettings) -> Exposures:
    """The columns that `settings` ask for. Settings are taken as valid on the dataset."""
    dense_names: list[str] = []
    dense: list[Exposure] = []
    for group in settings.exposures:
        if not isinstance(group, CategoricalExposureGroupSettings):
            for factor, values in dataset.panel.dense[group.hierarchy].items():
                if _wanted(group, factor):
                    dense_names.append(f"{group.factor_group}.{factor}")
                    dense.append(values)
    blocks: list[CategoricalBlock] = []
    first = len(dense)
    for group in settings.exposures:
        if isinstance(group, CategoricalExposureGroupSettings):
            source = dataset.panel.sparse[group.hierarchy]
            wanted = np.array([_wanted(group, c) for c in source.categories])
            column = np.full(len(wanted) + 1, -1, np.int32)
            column[:-1][wanted] = first + np.arange(int(wanted.sum()))
            factors = tuple(c for c, keep in zip(source.categories, wanted, strict=True) if keep)
            blocks.append(CategoricalBlock(group.factor_group, factors, first, source, column))
            first += len(factors)
    return Exposures(tuple(dense_names), tuple(dense), tuple(blocks))


def _wanted(group: ExposureGroupSettings, factor: str) -> bool:
    return (group.include == "All" or factor in group.include) and factor not in group.exclude


def split_names(names: Sequence[str], settings: ExposureSettings) -> list[tuple[str, str]]:
    """Group and factor of each `{group}.{factor}`; the groups of the settings may have dots themselves."""
    groups = [g.factor_group for g in settings.exposures]
    split = []
    for name in names:
        group = max((g for g in groups if name.startswith(f"{g}.")), key=len)
        split.append((group, name[len(group) + 1 :]))
    return split


def by_group(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Group to its factors, in the order of the pairs."""
    out: dict[str, list[str]] = {}
    for group, factor in pairs:
        out.setdefault(group, []).append(factor)
    return out
