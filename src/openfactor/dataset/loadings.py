"""Exposure uploads in long form become columns of a panel.

An upload can have a hundred times the rows of the panel. It is read in runs of days, and only the latest
exposures of each company are kept from one run to the next.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.coding import code_companies
from openfactor.dataset.columns import Exposure
from openfactor.dataset.factor_groups import GroupPlan, Loadings
from openfactor.dataset.group_columns import GroupColumns, Run, group_columns
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel_index import PanelIndex, in_order, runs
from openfactor.dataset.precision import narrow, remedy
from openfactor.dataset.resolving import count_by_type, count_unknown
from openfactor.dataset.row_counts import AFTER_THE_END, SUPERSEDED, RowCounts
from openfactor.errors import Fault
from openfactor.uploads.validation import example_rows

_PLACE = ["date", "id", "factor_group", "factor", "exposure"]


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
    """Factor groups of an upload.

    Parameters
    ----------
    rows : the upload; inventory : of its rows
    plans : the groups to read
    index : the rows of the panel
    dtype : "float16", "float32" or "float64"
    row_counts : receives the dropped rows; source : name of the upload there and in faults

    Returns
    -------
    The groups, and a fault for exposures that `dtype` cannot hold.

    Raises
    ------
    DataError: more categories than codes. CancelledError: the request was cancelled.
    """
    planned = inventory.filter(
        pl.col("asset_id_type").is_in(identifiers.company_types)
        & pl.col("factor_group").is_in([p.name for p in plans])
    )
    groups = [group_columns(plan, planned, index, dtype) for plan in plans]
    reader = _RunReader(rows, planned, index, identifiers, groups, dtype)
    used = _fill(groups, reader, planned, index, source, context or Context())
    _count_dropped(planned, used, index, identifiers, row_counts, source)
    row_counts.drop(source, SUPERSEDED, sum(columns.n_superseded for columns in groups))
    loadings, faults = Loadings({}, {}), reader.faults(source)
    for columns in groups:
        columns.add_to(loadings)
        faults += columns.faults(source)
    return loadings, faults


def _fill(
    groups: Sequence[GroupColumns],
    reader: _RunReader,
    planned: pl.DataFrame,
    index: PanelIndex,
    source: str,
    context: Context,
) -> Counter[str]:
    """Fill the columns run by run; id type to the number of rows read."""
    used: Counter[str] = Counter()
    all_runs = list(runs(planned, index.days))
    n_dates = sum(len(dates) for _, dates in all_runs)
    with context.step(f"reading {source}", n_dates) as advance:
        for first, dates in all_runs:
            run = reader.read(dates, first == 0)
            used.update(count_by_type(run.source, reader.identifiers))
            run_rows = index.run_rows(dates)
            for number, columns in enumerate(groups):
                columns.carry(run.of_group(number), run_rows)
            advance(len(dates))
    return used


def _count_dropped(
    planned: pl.DataFrame,
    used: Counter[str],
    index: PanelIndex,
    identifiers: Identifiers,
    row_counts: RowCounts,
    source: str,
) -> None:
    """Count rows after the last day, and rows of unknown assets."""
    in_time = planned.filter(pl.col("date") <= index.days[-1])
    row_counts.drop(source, AFTER_THE_END, int(planned["rows"].sum()) - int(in_time["rows"].sum()))
    by_type = in_time.group_by("asset_id_type").agg(pl.col("rows").sum())
    count_unknown(row_counts, source, by_type, used, identifiers.company_types)


class _RunReader:
    """Reads runs of days, with identifiers and factors as codes."""

    def __init__(
        self,
        rows: pl.LazyFrame,
        planned: pl.DataFrame,
        index: PanelIndex,
        identifiers: Identifiers,
        columns_of_groups: Sequence[GroupColumns],
        dtype: str,
    ) -> None:
        self._index = index
        groups = pl.Enum([c.plan.name for c in columns_of_groups])
        factors = pl.Enum(planned["factor"].unique().sort())
        self._rows = code_companies(
            identifiers,
            rows.filter(pl.col("factor_group").is_in(groups.categories.to_list())).with_columns(
                pl.col("factor_group").cast(groups), pl.col("factor").cast(factors, strict=False)
            ),
            ["factor_group", "factor", "exposure"],
            planned["asset_id_type"].unique().to_list(),
        )
        self.identifiers = identifiers
        self._dtype = dtype
        self._lost: list[pl.DataFrame] = []
        self._n_lost = 0
        self._code = np.full((len(columns_of_groups), len(factors.categories) + 1), -1, np.int16)
        for number, columns in enumerate(columns_of_groups):
            for at, factor in enumerate(factors.categories):
                self._code[number, at] = columns.code.get(columns.plan.overrides.get(factor, factor), -1)

    def read(self, dates: Sequence[dt.date], is_first: bool) -> Run:
        """The rows of the dates; for the first run, also those before."""
        lower = dt.date.min if is_first else dates[0]
        rows, day = in_order(self._rows.filter(pl.col("date").is_between(lower, dates[-1])).collect(), dates)
        group = rows["factor_group"].to_physical().to_numpy()
        source = rows["source"].to_numpy()
        company = self.identifiers.source_company[source]
        rank = self.identifiers.ranks(rows["date"], source)
        exact = rows["exposure"].to_numpy()
        value = self._narrow(rows, exact)
        code = self._code[group, rows["factor"].to_physical().to_numpy()]
        return Run(dates, day, group.astype(np.uint8), code, source, company, rank, exact, value)

    @cached_property
    def _last_day(self) -> NDArray[np.datetime64]:
        """(companies,) the last day with a row; NaT without any."""
        index = self._index
        out = np.full(index.n_companies, np.datetime64("NaT"), "datetime64[D]")
        days = np.array(index.days, "datetime64[D]")
        out[index.company] = np.repeat(days, np.diff(index.offsets))  # the last row of a company wins
        return out

    def _narrow(self, rows: pl.DataFrame, exact: NDArray[np.float64]) -> Exposure:
        """Exposures in the precision of the panel; records those that it cannot hold."""
        stored = narrow(exact, self._dtype)
        lost = np.isinf(stored) | ((stored == 0) & (exact != 0))
        if lost.any():  # exposures after the last row of a company are not used
            company = self.identifiers.source_company[rows["source"].to_numpy()]
            lost &= rows["date"].to_numpy() <= self._last_day[company]
        if lost.any():
            self._n_lost += int(lost.sum())
            examples = rows.filter(pl.Series(lost)).with_columns(
                pl.col("factor_group").cast(pl.String), pl.col("factor").cast(pl.String),
                id=self.identifiers.source_ids.gather(rows["source"].filter(pl.Series(lost))),
            )  # fmt: skip
            self._lost.append(examples.sort(_PLACE).head(10))
        return stored

    def faults(self, source: str) -> list[Fault]:
        """Exposures that overflow, or that are not 0 and underflow, in the precision of the panel."""
        if not self._n_lost:
            return []
        examples = example_rows(pl.concat(self._lost).sort(_PLACE), _PLACE)
        message = f"{self._dtype} cannot hold these values; {remedy(self._dtype)}"
        return [Fault("precision", source, message, "exposure", self._n_lost, examples)]
