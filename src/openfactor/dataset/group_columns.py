"""Columns of factor groups, filled batch by batch.

A batch is some consecutive days of an upload. From one batch to the next, only the latest exposures of each
company are kept.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_companies, find_listings, name_companies, name_listings
from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.factor_groups import GroupPlan, Loadings
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.inventory import categories_in_order
from openfactor.dataset.panel_index import event_offsets
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
class Batch:
    """Rows of an upload on consecutive days, sorted by day."""

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

    def of_group(self, number: int) -> GroupBatch:
        return GroupBatch(self, np.flatnonzero(self.group == number))


@dataclass(frozen=True)
class GroupBatch:
    """The rows of one group in a batch. A column is copied when it is first used."""

    batch: Batch
    rows: NDArray[np.int64]

    @property
    def dates(self) -> Sequence[dt.date]:
        return self.batch.dates

    @property
    def n_days(self) -> int:
        return len(self.dates)

    @property
    def offsets(self) -> NDArray[np.int64]:
        return event_offsets(self.day, self.n_days)

    @cached_property
    def day(self) -> NDArray[np.int64]:
        return self.batch.day[self.rows]

    @cached_property
    def code(self) -> NDArray[np.int16]:
        return self.batch.code[self.rows]

    @cached_property
    def company(self) -> NDArray[np.int32]:
        return self.batch.company[self.rows]

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        return self.batch.rank[self.rows]

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        return self.batch.exact[self.rows]

    @cached_property
    def value(self) -> Exposure:
        return self.batch.value[self.rows]


class GroupColumns(ABC):
    """The columns of a factor group on one run after another, and the latest exposures of each company."""

    plan: GroupPlan
    code: dict[str, int]
    """Factor to its code."""
    n_superseded: int
    """Rows that a row of the company's main listing supersedes."""

    @abstractmethod
    def begin(self, n_rows: int) -> None:
        """Make room for the rows of a run."""

    @abstractmethod
    def carry(self, batch: GroupBatch, rows: RunRows) -> None:
        """Fill the columns for a batch; rows : of the run, on its dates."""

    @abstractmethod
    def add_to(self, loadings: Loadings) -> None:
        """Add the group on the rows of the run."""

    @abstractmethod
    def state(self) -> dict[str, pl.DataFrame]:
        """What later runs depend on, by name of factor, listing and company."""

    @abstractmethod
    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state; there may be more factors, listings and companies."""

    def faults(self, upload: str) -> list[Fault]:
        """What the columns cannot represent."""
        return []


def group_columns(
    plan: GroupPlan, inventory: pl.DataFrame, identifiers: Identifiers, dtype: str
) -> GroupColumns:
    """Empty columns of a group; inventory : of the upload."""
    of_group = inventory.filter(pl.col("factor_group") == plan.name)
    kind = CategoricalColumns if plan.sparse else ContinuousColumns
    return kind(plan, of_group, identifiers, dtype)


def _bits(values: Exposure) -> NDArray[np.unsignedinteger]:
    return values.view(f"u{values.itemsize}")


def _where(mask: NDArray[np.bool_], values: Exposure) -> Exposure:
    """The values in a mask, 0 elsewhere."""
    out = values.copy()
    out[~mask] = 0
    return out


class ContinuousColumns(GroupColumns):
    """Exposures of a continuous group, one column per factor."""

    def __init__(
        self, plan: GroupPlan, inventory: pl.DataFrame, identifiers: Identifiers, dtype: str
    ) -> None:
        self.plan = plan
        names = inventory["factor"].replace(dict(plan.overrides)).unique().sort()
        self.code = {name: i for i, name in enumerate(names)}
        self.n_superseded = 0
        self._identifiers = identifiers
        n, companies = len(self.code), identifiers.n_companies
        self.loss = PrecisionLoss(plan.name, list(self.code), companies, dtype, plan.forward_fill)
        self._dtype = np.dtype(dtype)
        self._nan = _bits(np.full(1, np.nan, dtype))[0]
        self._state = NumberState(
            known=np.full((n, companies), self._nan),
            known_day=np.full((n, companies), -1, np.int32),
            known_rank=np.zeros((n, companies), np.int32),
            snapshot=np.full(n, -1, np.int32),
            held=np.full((n, identifiers.n_listings), self._nan),
        )

    def begin(self, n_rows: int) -> None:
        self._out: Exposure = np.empty((len(self.code), n_rows), self._dtype)

    def carry(self, batch: GroupBatch, rows: RunRows) -> None:
        code = batch.code.astype(np.int32)
        events = ExposureEvents(batch.offsets, code, batch.company, batch.rank, _bits(batch.value))
        if batch.value.dtype != np.float64:
            self.loss.add(batch.dates, events.offsets, code, batch.company, batch.exact, batch.value)
        rule = CarryRule(age_limit(self.plan.max_age), self.plan.forward_fill)
        self.n_superseded += carry_numbers(events, rows, rule, self._state, self._nan, _bits(self._out))

    def add_to(self, loadings: Loadings) -> None:
        """Factors without any exposure so far have no column."""
        seen = {name: i for name, i in self.code.items() if self._state.snapshot[i] >= 0}
        loadings.dense[self.plan.name] = {name: self._out[i] for name, i in seen.items()}

    def state(self) -> dict[str, pl.DataFrame]:
        state = self._state
        known = np.flatnonzero((state.known_day >= 0).any(axis=0))
        held = np.flatnonzero((state.held != self._nan).any(axis=0))
        companies = {"company_id": name_companies(self._identifiers, known)}
        listings = name_listings(self._identifiers, held).to_dict()
        for name, i in self.code.items():
            companies[f"known.{name}"] = pl.Series(state.known[i, known])
            companies[f"day.{name}"] = pl.Series(state.known_day[i, known])
            listings[f"held.{name}"] = pl.Series(state.held[i, held])
        factors = {"factor": list(self.code), "snapshot": state.snapshot}
        prefix, counts = f"group.{self.plan.name}", {"superseded": [self.n_superseded]}
        return {
            f"{prefix}.companies": pl.DataFrame(companies),
            f"{prefix}.listings": pl.DataFrame(listings),
            f"{prefix}.factors": pl.DataFrame(factors, {"factor": pl.String, "snapshot": pl.Int32}),
            f"{prefix}.counts": pl.DataFrame(counts),
            **{f"{prefix}.loss.{name}": frame for name, frame in self.loss.state(self._identifiers).items()},
        }

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        prefix, own = f"group.{self.plan.name}", self._state
        companies, listings = state[f"{prefix}.companies"], state[f"{prefix}.listings"]
        company = find_companies(self._identifiers, companies["company_id"])
        listing = find_listings(self._identifiers, listings)
        of_company, of_listing = np.flatnonzero(company >= 0), np.flatnonzero(listing >= 0)
        for name, snapshot in state[f"{prefix}.factors"].iter_rows():
            i = self.code[name]
            own.snapshot[i] = snapshot
            at = company[of_company]
            own.known[i, at] = companies[f"known.{name}"].to_numpy()[of_company]
            own.known_day[i, at] = companies[f"day.{name}"].to_numpy()[of_company]
            own.held[i, listing[of_listing]] = listings[f"held.{name}"].to_numpy()[of_listing]
        self.n_superseded = state[f"{prefix}.counts"]["superseded"].item()
        begin = f"{prefix}.loss."
        of_loss = {key.removeprefix(begin): frame for key, frame in state.items() if key.startswith(begin)}
        self.loss.restore(of_loss, self._identifiers)

    def faults(self, upload: str) -> list[Fault]:
        return self.loss.faults(upload)


class CategoricalColumns(GroupColumns):
    """Codes and loadings of a categorical group, in as many slots as a company has categories.

    Categories are numbered by the first date on which a company has them, then by name, so that later ones
    change no code.
    """

    def __init__(
        self, plan: GroupPlan, inventory: pl.DataFrame, identifiers: Identifiers, dtype: str
    ) -> None:
        self.plan = plan
        self.n_superseded = 0
        names = categories_in_order(inventory, plan.overrides)
        if len(names) > MAX_CATEGORIES:
            fault = Fault("too_many", "exposures", f"{plan.name} has {len(names):,} categories; at most "
                          f"{MAX_CATEGORIES:,} are supported", "factor")  # fmt: skip
            raise DataError("cannot build a risk dataset from these uploads, 1 fault:", [fault])
        self.code = {name: i for i, name in enumerate(names)}
        self._identifiers = identifiers
        n_companies, n_listings = identifiers.n_companies, identifiers.n_listings
        self._snapshot = np.full(1, -1, np.int32)
        self._known_day = np.full(n_companies, -1, np.int32)
        self._known_rank = np.zeros(n_companies, np.int32)
        self._slots = 0
        self._dtype = np.dtype(dtype)
        self._known = np.empty((0, n_companies), np.int16)
        self._held = np.empty((0, n_listings), np.int16)
        self._known_loadings: Exposure = np.empty((0, n_companies), dtype)
        self._held_loadings: Exposure = np.empty((0, n_listings), dtype)
        self.begin(0)
        self._widen(1)

    def begin(self, n_rows: int) -> None:
        self._codes = np.full((self._slots, n_rows), -1, np.int16)
        self._loadings: Exposure = np.zeros((self._slots, n_rows), self._dtype)

    def _widen(self, slots: int) -> None:
        """Make room for companies with this many categories."""
        more = slots - self._slots
        if more > 0:
            self._slots = slots

            def wider(values: Exposure, empty: int) -> Exposure:
                extra = np.full((more, values.shape[1]), empty, values.dtype)
                return np.concatenate([values, extra])

            self._known, self._held = wider(self._known, -1), wider(self._held, -1)
            self._codes, self._loadings = wider(self._codes, -1), wider(self._loadings, 0)
            self._known_loadings = wider(self._known_loadings, 0)
            self._held_loadings = wider(self._held_loadings, 0)

    def carry(self, batch: GroupBatch, rows: RunRows) -> None:
        is_member = batch.value != 0  # an exposure of 0 is no membership; of changes, it ends one
        member = np.arange(len(is_member)) if self.plan.forward_fill else np.flatnonzero(is_member)
        day, company = batch.day[member], batch.company[member]
        code = np.where(is_member[member], batch.code[member], -1).astype(np.int16)
        held = is_member[member]
        n_companies = self._identifiers.n_companies
        most = most_memberships(event_offsets(day[held], batch.n_days), company[held], n_companies)
        self._widen(int(most))
        events = ExposureEvents(
            event_offsets(day, batch.n_days), code, company, batch.rank[member], _bits(batch.value[member])
        )
        state = CategoryState(
            self._known, _bits(self._known_loadings), self._known_day, self._known_rank, self._snapshot,
            self._held, _bits(self._held_loadings),
        )  # fmt: skip
        rule = CarryRule(age_limit(self.plan.max_age), self.plan.forward_fill)
        self.n_superseded += carry_categories(events, rows, rule, state, self._codes, _bits(self._loadings))

    def add_to(self, loadings: Loadings) -> None:
        """The run has as many slots as its rows need, and loadings only if one of them is not 1."""
        used = [s for s in range(self._slots) if s == 0 or (self._codes[s] >= 0).any()]
        values = None
        is_held = self._codes >= 0
        if (self._loadings[is_held] != 1).any():
            values = tuple(_where(is_held[s], self._loadings[s]) for s in used)
        codes = tuple(self._codes[s] for s in used)
        loadings.sparse[self.plan.name] = SparseGroup(tuple(self.code), codes, values)

    def state(self) -> dict[str, pl.DataFrame]:
        known = np.flatnonzero(self._known_day >= 0)
        held = np.flatnonzero((self._held >= 0).any(axis=0))
        names = pl.Series([*self.code, None], dtype=pl.String)  # code -1: none
        n = len(self.code)
        companies = pl.DataFrame(
            {"company_id": name_companies(self._identifiers, known), "day": self._known_day[known]}
        )
        listings = name_listings(self._identifiers, held)
        for s in range(self._slots):
            of_company, of_listing = self._known[s, known], self._held[s, held]
            companies = companies.with_columns(
                names.gather(np.where(of_company >= 0, of_company, n)).alias(f"category.{s}"),
                pl.Series(f"loading.{s}", _bits(_where(of_company >= 0, self._known_loadings[s, known]))),
            )
            listings = listings.with_columns(
                names.gather(np.where(of_listing >= 0, of_listing, n)).alias(f"category.{s}"),
                pl.Series(f"loading.{s}", _bits(_where(of_listing >= 0, self._held_loadings[s, held]))),
            )
        counts = {"superseded": [self.n_superseded], "snapshot": self._snapshot, "slots": [self._slots]}
        prefix = f"group.{self.plan.name}"
        return {
            f"{prefix}.companies": companies,
            f"{prefix}.listings": listings,
            f"{prefix}.counts": pl.DataFrame(counts),
        }

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        prefix = f"group.{self.plan.name}"
        self.n_superseded, self._snapshot[0], slots = state[f"{prefix}.counts"].row(0)
        self._widen(slots)
        companies, listings = state[f"{prefix}.companies"], state[f"{prefix}.listings"]
        company = find_companies(self._identifiers, companies["company_id"])
        listing = find_listings(self._identifiers, listings)
        self._known_day[company[company >= 0]] = companies["day"].to_numpy()[company >= 0]
        for frame, at, codes, values in (
            (companies, company, self._known, self._known_loadings),
            (listings, listing, self._held, self._held_loadings),
        ):
            for s in range(slots):
                code = frame[f"category.{s}"].replace_strict(self.code, default=-1, return_dtype=pl.Int16)
                codes[s, at[at >= 0]] = code.fill_null(-1).to_numpy()[at >= 0]
                _bits(values)[s, at[at >= 0]] = frame[f"loading.{s}"].to_numpy()[at >= 0]
