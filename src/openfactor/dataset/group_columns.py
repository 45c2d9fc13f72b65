"""Columns of factor groups, filled run by run.

A run is some consecutive days of an upload. From one run to the next, only the latest exposures of each
company are kept.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.factor_groups import GroupPlan, Loadings
from openfactor.dataset.inventory import categories_in_order
from openfactor.dataset.panel_index import PanelIndex, event_offsets
from openfactor.dataset.precision import PrecisionLoss
from openfactor.errors import DataError, Fault
from openfactor.numerics.asof import (
    CarryRule,
    CategoryState,
    ExposureEvents,
    NumberState,
    RunRows,
    age_limit,
    carry_categories,
    carry_numbers,
    most_memberships,
)

MAX_CATEGORIES = 2**15 - 1


@dataclass(frozen=True)
class Run:
    """Rows of an upload in a run of days, sorted by day."""

    dates: Sequence[dt.date]
    day: NDArray[np.int64]
    """(n,) index into `dates`."""
    group: NDArray[np.uint8]
    """(n,) index of the group."""
    code: NDArray[np.int16]
    """(n,) code of the factor in its group, -1 for factors that are not used."""
    source: NDArray[np.int32]
    """(n,) see `coding.code_companies`."""
    company: NDArray[np.int32]
    rank: NDArray[np.int32]
    exact: NDArray[np.float64]
    """(n,) exposure."""
    value: Exposure
    """(n,) `exact` in the precision of the panel."""

    def of_group(self, number: int) -> GroupRun:
        return GroupRun(self, np.flatnonzero(self.group == number))


@dataclass(frozen=True)
class GroupRun:
    """The rows of one group in a run. A column is copied when it is first used."""

    run: Run
    rows: NDArray[np.int64]

    @property
    def dates(self) -> Sequence[dt.date]:
        return self.run.dates

    @property
    def n_days(self) -> int:
        return len(self.dates)

    @property
    def offsets(self) -> NDArray[np.int64]:
        return event_offsets(self.day, self.n_days)

    @cached_property
    def day(self) -> NDArray[np.int64]:
        return self.run.day[self.rows]

    @cached_property
    def code(self) -> NDArray[np.int16]:
        return self.run.code[self.rows]

    @cached_property
    def company(self) -> NDArray[np.int32]:
        return self.run.company[self.rows]

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        return self.run.rank[self.rows]

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        return self.run.exact[self.rows]

    @cached_property
    def value(self) -> Exposure:
        return self.run.value[self.rows]


class GroupColumns(ABC):
    """The columns of a factor group, and the latest exposures of each company."""

    plan: GroupPlan
    code: dict[str, int]
    """Factor to its code."""
    n_superseded: int
    """Rows that a row of the company's main listing supersedes."""

    @abstractmethod
    def carry(self, run: GroupRun, rows: RunRows) -> None:
        """Fill the columns for a run; rows : of the panel on its dates."""

    @abstractmethod
    def add_to(self, loadings: Loadings) -> None:
        """Add the finished group."""

    def faults(self, upload: str) -> list[Fault]:
        """What the columns cannot represent."""
        return []


def group_columns(plan: GroupPlan, inventory: pl.DataFrame, index: PanelIndex, dtype: str) -> GroupColumns:
    """Empty columns of a group; inventory : of the upload."""
    of_group = inventory.filter(pl.col("factor_group") == plan.name)
    kind = CategoricalColumns if plan.sparse else ContinuousColumns
    return kind(plan, of_group, index, dtype)


def _bits(values: Exposure) -> NDArray[np.unsignedinteger]:
    return values.view(f"u{values.itemsize}")


class ContinuousColumns(GroupColumns):
    """Exposures of a continuous group, one column per factor."""

    def __init__(self, plan: GroupPlan, inventory: pl.DataFrame, index: PanelIndex, dtype: str) -> None:
        self.plan = plan
        names = inventory["factor"].replace(dict(plan.overrides)).unique().sort()
        self.code = {name: i for i, name in enumerate(names)}
        self.n_superseded = 0
        self.loss = PrecisionLoss(plan.name, list(self.code), index.n_companies, dtype, plan.forward_fill)
        n, companies = len(self.code), index.n_companies
        self._nan = _bits(np.full(1, np.nan, dtype))[0]
        self._state = NumberState(
            known=np.full((n, companies), self._nan),
            known_day=np.full((n, companies), -1, np.int32),
            known_rank=np.zeros((n, companies), np.int32),
            snapshot=np.full(n, -1, np.int32),
            held=np.full((n, index.n_listings), self._nan),
        )
        self._out: Exposure = np.empty((n, index.n_rows), dtype)

    def carry(self, run: GroupRun, rows: RunRows) -> None:
        code = run.code.astype(np.int32)
        events = ExposureEvents(run.offsets, code, run.company, run.rank, _bits(run.value))
        if run.value.dtype != np.float64:
            self.loss.add(run.dates, events.offsets, code, run.company, run.exact, run.value)
        rule = CarryRule(age_limit(self.plan.max_age), self.plan.forward_fill)
        self.n_superseded += carry_numbers(events, rows, rule, self._state, self._nan, _bits(self._out))

    def add_to(self, loadings: Loadings) -> None:
        loadings.dense[self.plan.name] = {name: self._out[i] for name, i in self.code.items()}

    def faults(self, upload: str) -> list[Fault]:
        return self.loss.faults(upload)


class CategoricalColumns(GroupColumns):
    """Codes and loadings of a categorical group, in as many slots as a company has categories."""

    def __init__(self, plan: GroupPlan, inventory: pl.DataFrame, index: PanelIndex, dtype: str) -> None:
        self.plan = plan
        self.n_superseded = 0
        names = categories_in_order(inventory, plan.overrides)
        if len(names) > MAX_CATEGORIES:
            fault = Fault("too_many", "exposures", f"{plan.name} has {len(names):,} categories; at most "
                          f"{MAX_CATEGORIES:,} are supported", "factor")  # fmt: skip
            raise DataError("cannot build a risk dataset from these uploads, 1 fault:", [fault])
        self.code = {name: i for i, name in enumerate(names)}
        self._has_loadings = bool(inventory.filter("held")["partial"].any())
        self._n_companies = index.n_companies
        self._snapshot = np.full(1, -1, np.int32)
        self._known_day = np.full(index.n_companies, -1, np.int32)
        self._known_rank = np.zeros(index.n_companies, np.int32)
        self._slots = 0
        self._known = np.empty((0, index.n_companies), np.int16)
        self._held = np.empty((0, index.n_listings), np.int16)
        self._codes = np.empty((0, index.n_rows), np.int16)
        self._known_loadings: Exposure = np.empty((0, index.n_companies), dtype)
        self._held_loadings: Exposure = np.empty((0, index.n_listings), dtype)
        self._loadings: Exposure = np.empty((0, index.n_rows), dtype)
        self._widen(1)

    def _widen(self, slots: int) -> None:
        """Make room for companies with this many categories."""
        more = slots - self._slots
        if more > 0:
            self._slots = slots

            def wider(values: Exposure, empty: int) -> Exposure:
                extra = np.full((more, values.shape[1]), empty, values.dtype)
                return np.concatenate([values, extra])

            self._known, self._held = wider(self._known, -1), wider(self._held, -1)
            self._codes = wider(self._codes, -1)
            self._known_loadings = wider(self._known_loadings, 0)
            if self._has_loadings:
                self._held_loadings, self._loadings = wider(self._held_loadings, 0), wider(self._loadings, 0)

    def carry(self, run: GroupRun, rows: RunRows) -> None:
        is_member = run.value != 0  # an exposure of 0 is no membership; of changes, it ends one
        member = np.arange(len(is_member)) if self.plan.forward_fill else np.flatnonzero(is_member)
        day, company = run.day[member], run.company[member]
        code = np.where(is_member[member], run.code[member], -1).astype(np.int16)
        held = is_member[member]
        most = most_memberships(event_offsets(day[held], run.n_days), company[held], self._n_companies)
        self._widen(int(most))
        events = ExposureEvents(
            event_offsets(day, run.n_days), code, company, run.rank[member], _bits(run.value[member])
        )
        state = CategoryState(
            self._known, _bits(self._known_loadings), self._known_day, self._known_rank, self._snapshot,
            self._held, _bits(self._held_loadings),
        )  # fmt: skip
        rule = CarryRule(age_limit(self.plan.max_age), self.plan.forward_fill)
        self.n_superseded += carry_categories(events, rows, rule, state, self._codes, _bits(self._loadings))

    def add_to(self, loadings: Loadings) -> None:
        used = [s for s in range(self._slots) if s == 0 or (self._codes[s] >= 0).any()]
        values = None
        if self._has_loadings:
            for s in used:
                self._loadings[s][self._codes[s] < 0] = 0
            values = tuple(self._loadings[s] for s in used)
        codes = tuple(self._codes[s] for s in used)
        loadings.sparse[self.plan.name] = SparseGroup(tuple(self.code), codes, values)
