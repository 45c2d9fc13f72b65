"""Exposure uploads in long form become columns of a panel, run by run.

An upload can have a hundred times the rows of the panel. It is read in batches of days, and only the latest
exposures of each company are kept from one batch to the next.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.axes import find_companies, name_companies
from openfactor.dataset.coding import code_companies
from openfactor.dataset.columns import Exposure, joined
from openfactor.dataset.dated_rows import BATCH, DatedRows
from openfactor.dataset.factor_groups import GroupPlan, Loadings
from openfactor.dataset.group_columns import Batch, GroupColumns, group_columns
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel_index import PanelIndex, in_order, split
from openfactor.dataset.precision import narrow, remedy
from openfactor.dataset.resolving import count_by_type, count_unknown
from openfactor.dataset.row_counts import AFTER_THE_END, SUPERSEDED, RowCounts
from openfactor.errors import Fault
from openfactor.uploads.validation import example_rows

_PLACE = ["date", "id", "factor_group", "factor", "exposure"]
_LOST = {
    "date": pl.Date, "id": pl.String, "factor_group": pl.String, "factor": pl.String, "exposure": pl.Float64,
    "company": pl.Int64,
}  # fmt: skip
_SHOWN = 10


class ExposureStage:
    """Factor groups of an upload on the rows of one run after another.

    Parameters
    ----------
    rows : the upload; on a resumed build, the rows after the last day so far
    inventory : of the whole upload
    plans : the groups to read
    dtype : "float16", "float32" or "float64"
    source : name of the upload in faults and counts
    after : last day so far, of a resumed build

    Raises
    ------
    DataError: more categories than codes.
    """

    def __init__(
        self,
        rows: pl.LazyFrame,
        inventory: pl.DataFrame,
        plans: Sequence[GroupPlan],
        identifiers: Identifiers,
        dtype: str,
        source: str = "exposures",
        after: dt.date | None = None,
    ) -> None:
        self._planned = inventory.filter(
            pl.col("asset_id_type").is_in(identifiers.company_types)
            & pl.col("factor_group").is_in([plan.name for plan in plans])
        )
        self._identifiers, self._dtype, self._source = identifiers, dtype, source
        self._groups = [group_columns(plan, self._planned, identifiers, dtype) for plan in plans]
        self._code = _codes(self._planned, self._groups)
        later = self._planned if after is None else self._planned.filter(pl.col("date") > after)
        self._rows = DatedRows(self._coded(rows), later)
        self._used: Counter[str] = Counter()
        self._lost = _LostValues(identifiers)

    def _coded(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        groups = pl.Enum([columns.plan.name for columns in self._groups])
        factors = pl.Enum(self._planned["factor"].unique().sort())
        return code_companies(
            self._identifiers,
            rows.filter(pl.col("factor_group").is_in(groups.categories.to_list())).with_columns(
                pl.col("factor_group").cast(groups), pl.col("factor").cast(factors, strict=False)
            ),
            ["factor_group", "factor", "exposure"],
            self._planned["asset_id_type"].unique().to_list(),
        )

    def advance(self, index: PanelIndex, context: Context) -> Loadings:
        """The groups on the rows of a run; index : of the run.

        Raises
        ------
        CancelledError: the request was cancelled.
        """
        for columns in self._groups:
            columns.begin(index.n_rows)
        for dates in self._batches(index.days):
            context.check()
            batch = self._read(dates)
            self._used.update(count_by_type(batch.source, self._identifiers))
            rows = index.run_rows(dates)
            for number, columns in enumerate(self._groups):
                columns.carry(batch.of_group(number), rows)
        self._lost.settle(index)
        loadings = Loadings({}, {})
        for columns in self._groups:
            columns.add_to(loadings)
        return loadings

    def _batches(self, days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
        """The dates of a run, stored or with rows, in batches of few rows."""
        dates = sorted({*days, *self._rows.dates(days[-1])})
        sizes = [self._rows.n_rows(date, date) for date in dates]
        number = np.cumsum(sizes) // BATCH
        for first, stop in pairwise([0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(dates)]):
            yield dates[first:stop]

    def _read(self, dates: Sequence[dt.date]) -> Batch:
        rows, day = in_order(self._rows.until(dates[-1]), dates)
        group = rows["factor_group"].to_physical().to_numpy()
        source = rows["source"].to_numpy()
        company = self._identifiers.source_company[source]
        rank = self._identifiers.ranks(rows["date"], source)
        exact = rows["exposure"].to_numpy()
        value = narrow(exact, self._dtype)
        lost = np.isinf(value) | ((value == 0) & (exact != 0))
        if lost.any():
            self._lost.add(rows.filter(pl.Series(lost)), company[lost])
        code = self._code[group, rows["factor"].to_physical().to_numpy()]
        return Batch(dates, day, group.astype(np.uint8), code, source, company, rank, exact, value)

    def faults(self) -> list[Fault]:
        """Exposures that the precision cannot hold."""
        faults = self._lost.faults(self._source, self._dtype)
        return faults + [fault for columns in self._groups for fault in columns.faults(self._source)]

    def count(self, row_counts: RowCounts, last: dt.date) -> None:
        """Count rows after the last day, rows of unknown assets and superseded ones."""
        in_time = self._planned.filter(pl.col("date") <= last)
        n_late = int(self._planned["rows"].sum()) - int(in_time["rows"].sum())
        row_counts.drop(self._source, AFTER_THE_END, n_late)
        by_type = in_time.group_by("asset_id_type").agg(pl.col("rows").sum())
        count_unknown(row_counts, self._source, by_type, self._used, self._identifiers.company_types)
        row_counts.drop(self._source, SUPERSEDED, sum(columns.n_superseded for columns in self._groups))

    # state

    def state(self) -> dict[str, pl.DataFrame]:
        """What later runs depend on, by name of factor, listing and company."""
        used = {"id_type": list(self._used), "rows": list(self._used.values())}
        state = {
            "used": pl.DataFrame(used, {"id_type": pl.String, "rows": pl.Int64}),
            "lost": self._lost.pending(),
        }
        for columns in self._groups:
            state |= columns.state()
        return {f"{self._source}.{name}": frame for name, frame in state.items()}

    def restore(self, state: Mapping[str, pl.DataFrame]) -> None:
        """Go on from a state."""
        begin = f"{self._source}."
        own = {key.removeprefix(begin): frame for key, frame in state.items() if key.startswith(begin)}
        self._used = Counter(dict(own["used"].iter_rows()))
        self._lost.restore(own["lost"])
        for columns in self._groups:
            columns.restore(own)


def _codes(planned: pl.DataFrame, groups: Sequence[GroupColumns]) -> NDArray[np.int16]:
    """(groups, factors + 1) code of each factor of the upload in each group, -1 where it has none."""
    factors = planned["factor"].unique().sort()
    code = np.full((len(groups), len(factors) + 1), -1, np.int16)
    for number, columns in enumerate(groups):
        for at, factor in enumerate(factors):
            code[number, at] = columns.code.get(columns.plan.overrides.get(factor, factor), -1)
    return code


class _LostValues:
    """Exposures that overflow, or that are not 0 and underflow, in the precision of the panel.

    They count once their company has a row on their day or later: others are not used.
    """

    def __init__(self, identifiers: Identifiers) -> None:
        self._identifiers = identifiers
        self._pending = pl.DataFrame(schema=_LOST)
        self._used: list[pl.DataFrame] = []
        self._n_used = 0

    def add(self, rows: pl.DataFrame, company: NDArray[np.int32]) -> None:
        """Note rows; company : (rows,)."""
        named = rows.with_columns(
            pl.col("factor_group").cast(pl.String), pl.col("factor").cast(pl.String),
            id=self._identifiers.source_ids.gather(rows["source"]),
            company=pl.Series(company, dtype=pl.Int64),
        )  # fmt: skip
        self._pending = pl.concat([self._pending, named.select(list(_LOST))])

    def settle(self, index: PanelIndex) -> None:
        """Count those whose companies have rows in a run."""
        if not len(self._pending):
            return
        last_day = np.full(index.n_companies, np.datetime64("NaT"), "datetime64[D]")
        days = np.array(index.days, "datetime64[D]")
        last_day[index.company] = np.repeat(days, np.diff(index.offsets))  # the last row of a company wins
        is_used = pl.Series(self._pending["date"].to_numpy() <= last_day[self._pending["company"].to_numpy()])
        used = self._pending.filter(is_used)
        self._n_used += len(used)
        self._used.append(used.sort(_PLACE).head(_SHOWN))
        self._pending = self._pending.filter(~is_used)

    def faults(self, source: str, dtype: str) -> list[Fault]:
        """One fault, with the first examples."""
        if not self._n_used:
            return []
        examples = example_rows(pl.concat(self._used).sort(_PLACE), _PLACE)
        message = f"{dtype} cannot hold these values; {remedy(dtype)}"
        return [Fault("precision", source, message, "exposure", self._n_used, examples)]

    def pending(self) -> pl.DataFrame:
        """Those that do not count yet, by name of company."""
        companies = name_companies(self._identifiers, self._pending["company"].to_numpy())
        return self._pending.with_columns(company=companies)

    def restore(self, pending: pl.DataFrame) -> None:
        """Go on from `pending`."""
        company = find_companies(self._identifiers, pending["company"])
        self._pending = pending.with_columns(company=pl.Series(company)).filter(pl.col("company") >= 0)


def read_loadings(
    rows: pl.LazyFrame,
    inventory: pl.DataFrame,
    plans: Sequence[GroupPlan],
    index: PanelIndex,
    identifiers: Identifiers,
    dtype: str,
    row_counts: RowCounts,
    source: str = "exposures",
    context: Context | None = None,
) -> tuple[Loadings, list[Fault]]:
    """Factor groups of an upload on a whole panel.

    Parameters
    ----------
    index : the rows of the panel; for the others see `ExposureStage`
    row_counts : receives the dropped rows

    Returns
    -------
    The groups, and a fault for exposures that `dtype` cannot hold.

    Raises
    ------
    DataError: more categories than codes. CancelledError: the request was cancelled.
    """
    stage = ExposureStage(rows, inventory, plans, identifiers, dtype, source)
    with (context or Context()).step(f"reading {source}", len(index.days)) as advance:
        parts = []
        for run in split(index):
            parts.append(stage.advance(run, advance.context))
            advance(len(run.days))
    stage.count(row_counts, index.days[-1])
    return _whole(parts, plans, index, dtype), stage.faults()


def _whole(parts: Sequence[Loadings], plans: Sequence[GroupPlan], index: PanelIndex, dtype: str) -> Loadings:
    """The groups of runs that follow each other."""
    loadings = Loadings({}, {})
    for plan in plans:
        if plan.sparse:
            groups = [part.sparse[plan.name] for part in parts]
            loadings.sparse[plan.name] = joined(groups[-1].categories, groups)
            continue
        by_run = [part.dense[plan.name] for part in parts]
        sizes = [run.n_rows for run in split(index)]
        loadings.dense[plan.name] = {
            factor: np.concatenate(
                [_factor(of_run, factor, n, dtype) for of_run, n in zip(by_run, sizes, strict=True)]
            )
            for factor in by_run[-1]
        }
    return loadings


def _factor(of_run: Mapping[str, Exposure], factor: str, n_rows: int, dtype: str) -> Exposure:
    return of_run[factor] if factor in of_run else np.full(n_rows, np.nan, dtype)
