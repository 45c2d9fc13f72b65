"""Exposure uploads in long form become columns of a panel.

An upload can have a hundred times the rows of the panel, so it is read in runs of days, and only what is
known of each asset is carried from one run to the next.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.coding import code_companies
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Exposure, SparseGroup
from openfactor.dataset.panel_index import PanelIndex, event_offsets, in_order, ordinals, runs
from openfactor.dataset.precision import PrecisionLoss, narrow, remedy
from openfactor.dataset.resolving import count_by_type, count_unknown
from openfactor.dataset.row_counts import AFTER_THE_END, SUPERSEDED, RowCounts
from openfactor.errors import DataError, Fault
from openfactor.numerics.asof import age_limit, carry_categories, carry_numbers, most_memberships
from openfactor.settings.hierarchies import Tree
from openfactor.uploads.validation import example_rows

MAX_CATEGORIES = 2**15 - 1
_PLACE = ["date", "id", "factor_group", "factor", "exposure"]


@dataclass(frozen=True)
class GroupPlan:
    """How to read one factor group."""

    name: str
    sparse: bool
    tree: Tree | None = None
    """Whose leaves the factors must be; None: any."""
    forward_fill: bool = False
    """An asset keeps its last exposures until it has newer ones; if not, a day's rows are all there is."""
    max_age: int | None = None
    """Days after which an exposure counts no longer; None: never."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Factor of the upload to the factor that takes its place."""


@dataclass(frozen=True)
class Loadings:
    """What an upload gives: group to factor to exposures (rows,), and categorical groups."""

    dense: dict[str, dict[str, Exposure]]
    sparse: dict[str, SparseGroup]


def exposure_inventory(rows: pl.LazyFrame) -> pl.DataFrame:
    """What is in an exposures upload, by date, asset_id_type, factor_group and factor.

    `rows` counts; `held` says whether any exposure is not 0, `partial` whether any is neither 0 nor 1.
    """
    value = pl.col("exposure")
    return (
        rows.group_by("date", "asset_id_type", "factor_group", "factor")
        .agg(rows=pl.len(), held=(value != 0).any(), partial=((value != 0) & (value != 1)).any())
        .collect(engine="streaming")
    )


def unknown_factors(found: pl.DataFrame, plans: Sequence[GroupPlan], source: str) -> list[Fault]:
    """Factors that are not leaves of the hierarchy of their group; `found` is a survey."""
    faults = []
    for plan in plans:
        if plan.tree is None:
            continue
        here = found.filter(pl.col("factor_group") == plan.name)
        if plan.sparse:
            here = here.filter("held")  # an exposure of 0 is no membership
        names = here["factor"].replace(dict(plan.overrides))
        strange = sorted(set(names) - set(plan.tree.leaves))
        if strange:
            count = int(here.filter(names.is_in(strange))["rows"].sum())
            inner = [code for code in strange if code in plan.tree.nodes]
            hint = f"; {', '.join(inner[:5])} has codes below it" if inner else ""
            faults.append(
                Fault("not_a_leaf", source, f"{len(strange)} factors of {plan.name!r} ({count:,} rows) are "
                      f"not leaves of its hierarchy: {', '.join(strange[:10])}"
                      f"{', ...' if len(strange) > 10 else ''}{hint}; add them to the hierarchy, or fix "
                      "the exposures", "factor")
            )  # fmt: skip
        if wrong := sorted(set(plan.overrides.values()) - set(plan.tree.leaves)):
            where = f"categorical_overrides of {plan.name!r} lead to {', '.join(wrong)}"
            faults.append(
                Fault("not_a_leaf", source, f"{where}, which its hierarchy does not have as a leaf")
            )
    return faults


def read_loadings(
    rows: pl.LazyFrame,
    found: pl.DataFrame,
    plans: Sequence[GroupPlan],
    skeleton: PanelIndex,
    identifiers: Identifiers,
    dtype: str,
    row_counts: RowCounts,
    source: str = "exposures",
    context: Context | None = None,
) -> tuple[Loadings, list[Fault]]:
    """The groups of `plans`, and exposures that `dtype` cannot hold.

    Parameters
    ----------
    rows : the upload; found : its `exposure_inventory`
    skeleton : the rows of the panel
    dtype : "float16", "float32" or "float64"

    Raises
    ------
    DataError: more categories than a code can count. CancelledError: the request was cancelled.
    """
    planned = found.filter(
        pl.col("asset_id_type").is_in(identifiers.company_types)
        & pl.col("factor_group").is_in([p.name for p in plans])
    )
    carriers = [_carrier(plan, planned, skeleton, dtype) for plan in plans]
    events = _Events(rows, planned, skeleton, identifiers, carriers, dtype)
    used: Counter[str] = Counter()
    all_runs = list(runs(planned, skeleton.days))
    n_dates = sum(len(dates) for _, dates in all_runs)
    with (context or Context()).step(f"reading {source}", n_dates) as advance:
        for first, dates in all_runs:
            run = events.read(dates, first == 0)
            used.update(count_by_type(run.source, identifiers))
            offsets = skeleton.offsets_of(dates)
            for number, carrier in enumerate(carriers):
                carrier.carry(run.of_group(number), offsets, skeleton)
            advance(len(dates))
    in_time = planned.filter(pl.col("date") <= skeleton.days[-1])
    row_counts.drop(source, AFTER_THE_END, int(planned["rows"].sum()) - int(in_time["rows"].sum()))
    by_type = in_time.group_by("asset_id_type").agg(pl.col("rows").sum())
    count_unknown(row_counts, source, by_type, used, identifiers.company_types)
    row_counts.drop(source, SUPERSEDED, sum(c.outranked for c in carriers))
    dense = {c.plan.name: c.columns() for c in carriers if isinstance(c, _Numbers)}
    sparse = {c.plan.name: c.group() for c in carriers if isinstance(c, _Categories)}
    lost = [fault for c in carriers if isinstance(c, _Numbers) for fault in c.loss.faults(source)]
    return Loadings(dense, sparse), [*events.faults(source), *lost]


@dataclass(frozen=True)
class _Run:
    """Events of a run of days, sorted by day."""

    dates: Sequence[dt.date]
    day: NDArray[np.int64]
    group: NDArray[np.uint8]
    code: NDArray[np.int16]
    source: NDArray[np.int32]
    company: NDArray[np.int32]
    rank: NDArray[np.int32]
    exact: NDArray[np.float64]
    value: Exposure
    """`exact` in the precision of the panel."""

    def of_group(self, number: int) -> _GroupRun:
        return _GroupRun(self, np.flatnonzero(self.group == number))


@dataclass(frozen=True)
class _GroupRun:
    """The events of a group in a run; a column is copied when it is asked for."""

    run: _Run
    mine: NDArray[np.int64]

    @property
    def dates(self) -> Sequence[dt.date]:
        return self.run.dates

    @property
    def n_days(self) -> int:
        return len(self.dates)

    @property
    def ordinals(self) -> NDArray[np.int32]:
        return ordinals(self.dates)

    @property
    def offsets(self) -> NDArray[np.int64]:
        return event_offsets(self.day, self.n_days)

    @cached_property
    def day(self) -> NDArray[np.int64]:
        return self.run.day[self.mine]

    @cached_property
    def code(self) -> NDArray[np.int16]:
        return self.run.code[self.mine]

    @cached_property
    def company(self) -> NDArray[np.int32]:
        return self.run.company[self.mine]

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        return self.run.rank[self.mine]

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        return self.run.exact[self.mine]

    @cached_property
    def value(self) -> Exposure:
        return self.run.value[self.mine]


class _Events:
    """Reads runs of days and turns names into codes."""

    def __init__(
        self,
        rows: pl.LazyFrame,
        planned: pl.DataFrame,
        skeleton: PanelIndex,
        identifiers: Identifiers,
        carriers: Sequence[_Numbers | _Categories],
        dtype: str,
    ) -> None:
        self._skeleton = skeleton
        groups = pl.Enum([c.plan.name for c in carriers])
        factors = pl.Enum(planned["factor"].unique().sort())
        self._rows = code_companies(
            identifiers,
            rows.filter(pl.col("factor_group").is_in(groups.categories.to_list())).with_columns(
                pl.col("factor_group").cast(groups), pl.col("factor").cast(factors, strict=False)
            ),
            ["factor_group", "factor", "exposure"],
            planned["asset_id_type"].unique().to_list(),
        )
        self._identifiers = identifiers
        self._dtype = dtype
        self._lost: list[pl.DataFrame] = []
        self._n_lost = 0
        self._code = np.full((len(carriers), len(factors.categories) + 1), -1, np.int16)
        for number, carrier in enumerate(carriers):
            for at, factor in enumerate(factors.categories):
                self._code[number, at] = carrier.code.get(carrier.plan.overrides.get(factor, factor), -1)

    def read(self, dates: Sequence[dt.date], is_first: bool) -> _Run:
        """The events of the dates; of all before them too, if they are the first."""
        lower = dt.date.min if is_first else dates[0]
        rows, day = in_order(self._rows.filter(pl.col("date").is_between(lower, dates[-1])).collect(), dates)
        group = rows["factor_group"].to_physical().to_numpy()
        source = rows["source"].to_numpy()
        company = self._identifiers.source_company[source]
        rank = self._identifiers.ranks(rows["date"], source)
        exact = rows["exposure"].to_numpy()
        value = self._narrow(rows, exact)
        code = self._code[group, rows["factor"].to_physical().to_numpy()]
        return _Run(dates, day, group.astype(np.uint8), code, source, company, rank, exact, value)

    @cached_property
    def _last_day(self) -> NDArray[np.datetime64]:
        """(companies,) the last day with a row; NaT without any."""
        rows = self._skeleton
        out = np.full(rows.n_companies, np.datetime64("NaT"), "datetime64[D]")
        days = np.array(rows.days, "datetime64[D]")
        out[rows.company] = np.repeat(days, np.diff(rows.offsets))  # of several rows the last one counts
        return out

    def _narrow(self, rows: pl.DataFrame, exact: NDArray[np.float64]) -> Exposure:
        """Exposures in the precision of the panel; those that it cannot hold are noted."""
        stored = narrow(exact, self._dtype)
        lost = np.isinf(stored) | ((stored == 0) & (exact != 0))
        if lost.any():  # what a company has after its last row is not used
            company = self._identifiers.source_company[rows["source"].to_numpy()]
            lost &= rows["date"].to_numpy() <= self._last_day[company]
        if lost.any():
            self._n_lost += int(lost.sum())
            bad = rows.filter(pl.Series(lost)).with_columns(
                pl.col("factor_group").cast(pl.String), pl.col("factor").cast(pl.String),
                id=self._identifiers.source_ids.gather(rows["source"].filter(pl.Series(lost))),
            )  # fmt: skip
            self._lost.append(bad.sort(_PLACE).head(10))
        return stored

    def faults(self, source: str) -> list[Fault]:
        """Exposures that the precision turned into infinity or, though not zero, into zero."""
        if not self._n_lost:
            return []
        shown = example_rows(pl.concat(self._lost).sort(_PLACE), _PLACE)
        message = f"{self._dtype} cannot hold these values; {remedy(self._dtype)}"
        return [Fault("precision", source, message, "exposure", self._n_lost, shown)]


def _carrier(plan: GroupPlan, planned: pl.DataFrame, rows: PanelIndex, dtype: str) -> _Numbers | _Categories:
    found = planned.filter(pl.col("factor_group") == plan.name)
    return _Categories(plan, found, rows, dtype) if plan.sparse else _Numbers(plan, found, rows, dtype)


def _bits(values: Exposure) -> NDArray[np.unsignedinteger]:
    return values.view(f"u{values.itemsize}")


class _Numbers:
    """The columns of a continuous group, and what is known of each company so far."""

    def __init__(self, plan: GroupPlan, found: pl.DataFrame, rows: PanelIndex, dtype: str) -> None:
        self.plan = plan
        names = found["factor"].replace(dict(plan.overrides)).unique().sort()
        self.code = {name: i for i, name in enumerate(names)}
        self.outranked = 0
        self.loss = PrecisionLoss(plan.name, list(self.code), rows.n_companies, dtype, plan.forward_fill)
        n, companies = len(self.code), rows.n_companies
        self._nan = _bits(np.full(1, np.nan, dtype))[0]
        self._known = np.full((n, companies), self._nan)
        self._known_day = np.full((n, companies), -1, np.int32)
        self._known_rank = np.zeros((n, companies), np.int32)
        self._snapshot = np.full(n, -1, np.int32)
        self._held = np.full((n, rows.n_listings), self._nan)
        self._out: Exposure = np.empty((n, rows.n_rows), dtype)

    def carry(self, run: _GroupRun, offsets: NDArray[np.int64], rows: PanelIndex) -> None:
        at, code = run.offsets, run.code.astype(np.int32)
        if run.value.dtype != np.float64:
            self.loss.add(run.dates, at, code, run.company, run.exact, run.value)
        self.outranked += carry_numbers(
            run.ordinals, age_limit(self.plan.max_age), at, code, run.company, run.rank, _bits(run.value),
            offsets, rows.company, rows.listing, rows.priced, self.plan.forward_fill, self._known,
            self._known_day, self._known_rank, self._snapshot, self._held, self._nan, _bits(self._out),
        )  # fmt: skip

    def columns(self) -> dict[str, Exposure]:
        return {name: self._out[i] for name, i in self.code.items()}


class _Categories:
    """The codes and loadings of a categorical group, and what is known of each company so far."""

    def __init__(self, plan: GroupPlan, found: pl.DataFrame, rows: PanelIndex, dtype: str) -> None:
        self.plan = plan
        self.outranked = 0
        held = found.filter("held")
        names = held["factor"].replace(dict(plan.overrides)).unique().sort()
        if len(names) > MAX_CATEGORIES:
            fault = Fault("too_many", "exposures", f"{plan.name} has {len(names):,} categories, at most "
                          f"{MAX_CATEGORIES:,} are possible", "factor")  # fmt: skip
            raise DataError("the uploads do not make a risk dataset, 1 fault:", [fault])
        self.code = {name: i for i, name in enumerate(names)}
        self._has_loadings = bool(held["partial"].any())
        self._snapshot = np.full(1, -1, np.int32)
        self._known_day = np.full(rows.n_companies, -1, np.int32)
        self._known_rank = np.zeros(rows.n_companies, np.int32)
        self._slots = 0
        self._known = np.empty((0, rows.n_companies), np.int16)
        self._held = np.empty((0, rows.n_listings), np.int16)
        self._codes = np.empty((0, rows.n_rows), np.int16)
        self._known_loadings: Exposure = np.empty((0, rows.n_companies), dtype)
        self._held_loadings: Exposure = np.empty((0, rows.n_listings), dtype)
        self._loadings: Exposure = np.empty((0, rows.n_rows), dtype)
        self._widen(1)

    def _widen(self, slots: int) -> None:
        """Make room for names with so many categories."""
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

    def carry(self, run: _GroupRun, offsets: NDArray[np.int64], rows: PanelIndex) -> None:
        is_member = run.value != 0  # an exposure of 0 is no membership; of changes, it ends one
        member = np.arange(len(is_member)) if self.plan.forward_fill else np.flatnonzero(is_member)
        day, company = run.day[member], run.company[member]
        code = np.where(is_member[member], run.code[member], -1).astype(np.int16)
        at = event_offsets(day, run.n_days)
        held = is_member[member]
        most = most_memberships(event_offsets(day[held], run.n_days), company[held], rows.n_companies)
        self._widen(int(most))
        self.outranked += carry_categories(
            run.ordinals, age_limit(self.plan.max_age), at, code, company, run.rank[member],
            _bits(run.value[member]), offsets, rows.company, rows.listing, rows.priced,
            self.plan.forward_fill, self._known, _bits(self._known_loadings), self._known_day,
            self._known_rank, self._snapshot, self._held, _bits(self._held_loadings), self._codes,
            _bits(self._loadings),
        )  # fmt: skip

    def group(self) -> SparseGroup:
        used = [s for s in range(self._slots) if s == 0 or (self._codes[s] >= 0).any()]
        loadings = None
        if self._has_loadings:
            for s in used:
                self._loadings[s][self._codes[s] < 0] = 0
            loadings = tuple(self._loadings[s] for s in used)
        return SparseGroup(tuple(self.code), tuple(self._codes[s] for s in used), loadings)
