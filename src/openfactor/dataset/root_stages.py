"""The fold over months that lays out a root dataset: rows, then exposures and caps; where it can go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from openfactor.context import Context
from openfactor.dataset import checks
from openfactor.dataset.assembly import raise_faults
from openfactor.dataset.caps import CapStage
from openfactor.dataset.coverage import CoverageStage, first_dates
from openfactor.dataset.loadings import ExposureStage
from openfactor.dataset.panel import PanelRun
from openfactor.dataset.panel_index import panel_run
from openfactor.dataset.priced_rows import PricedRun, RowLayout
from openfactor.dataset.riskdataset import RiskDataset, State
from openfactor.dataset.root_inputs import RootInputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.settings.riskdataset import RootRiskDatasetSettings

_COUNTS = {"what": pl.String, "upload": pl.String, "reason": pl.String, "rows": pl.Int64}


@dataclass(frozen=True)
class Resumption:
    """Where a build can go on: after a month of an earlier dataset on which nothing has changed."""

    dataset: RiskDataset
    n_runs: int
    """Runs that are taken over."""

    @property
    def month(self) -> str:
        """The last run that is taken over."""
        return self.dataset.run_names[self.n_runs - 1]

    @property
    def n_days(self) -> int:
        """Stored days that are taken over."""
        return int(self.dataset.panel.first_days[self.n_runs])

    @property
    def runs(self) -> tuple[PanelRun, ...]:
        """The runs that are taken over."""
        return self.dataset.panel.runs[: self.n_runs]

    @property
    def state(self) -> State:
        """What later runs depend on."""
        return self.dataset.states[self.month]


class RootStages:
    """Lays out one month after another.

    Parameters
    ----------
    resumption : where to go on; None to begin with the first month
    """

    def __init__(
        self, settings: RootRiskDatasetSettings, inputs: RootInputs, resumption: Resumption | None = None
    ) -> None:
        state = None if resumption is None else resumption.state
        month = None if resumption is None else resumption.month
        last = None if resumption is None else resumption.dataset.days[resumption.n_days - 1]
        later = pl.lit(value=True) if last is None else pl.col("date") > last
        self.layout = RowLayout(settings, inputs, month, state)
        self.exposures = ExposureStage(
            inputs.uploads["exposures"].filter(later), inputs.inventory, inputs.plans, inputs.identifiers,
            settings.exposure_dtype, after=last,
        )  # fmt: skip
        caps = inputs.uploads["market_cap"].filter(later)
        counts = caps.group_by("date", "asset_id_type").agg(rows=pl.len()).collect(engine="streaming")
        self.caps = CapStage(caps, counts, inputs.identifiers, self.layout.rates, settings)
        self.coverage = CoverageStage(first_dates(inputs.inventory))
        self.counts_by_day: list[pl.DataFrame] = []
        """Of each new run, how many listings the inputs cover."""
        self.priced: list[PricedRun] = []
        self.states: dict[str, State] = {}
        """Month to what later ones depend on, for new months after which a build can go on."""
        self._counts = RowCounts()
        self._uses: list[pl.DataFrame] = []
        if state is not None:
            self.exposures.restore(state)
            self.caps.restore(state)
            self.coverage.restore(state)
            self._counts = _counts_of(state["row_counts"])
            self._uses = [state["price_uses"]]

    def fold(self, context: Context) -> list[PanelRun]:
        """The new runs of the panel; CancelledError if the request was cancelled."""
        runs = []
        with context.step("laying out months", unit="months") as advance:
            for priced in self.layout.runs():
                loadings = self.exposures.advance(priced.index, advance.context)
                caps = self.caps.advance(priced.index)
                run = panel_run(priced.index, caps.market_cap, caps.idio_vol, loadings.dense, loadings.sparse)
                runs.append(run)
                self.counts_by_day.append(self.coverage.advance(run, priced.days.dates))
                self.priced.append(priced)
                self._counts.add(priced.row_counts)
                self._uses.append(priced.currencies)
                if not len(self._counts.unused_returns):  # else all rows have to be checked again
                    self.states[priced.days.name] = self._state()
                advance()
        return runs

    def _state(self) -> State:
        return {
            **self.layout.state(),
            **self.exposures.state(),
            **self.caps.state(),
            **self.coverage.state(),
            "row_counts": _frame_of(self._counts),
            "price_uses": pl.concat(self._uses).group_by("ccy").agg(
                pl.col("first_use").min(), pl.col("last_use").max(), pl.col("rows").sum()
            ).sort("ccy"),
        }  # fmt: skip

    def finish(self, row_counts: RowCounts) -> None:
        """Count all rows; DataError with the faults of all runs."""
        faults = self.layout.faults(self.priced, pl.concat(self._uses) if self._uses else pl.DataFrame())
        faults += checks.rates("market_cap", self.caps.currencies(), self.layout.fx)
        raise_faults([*faults, *self.exposures.faults()])
        row_counts.add(self._counts)
        row_counts.add(self.layout.rest)
        self.exposures.count(row_counts, self.priced[-1].days.dates[-1])
        self.caps.count(row_counts)


def _frame_of(counts: RowCounts) -> pl.DataFrame:
    """The counts of dropped rows and of derived values."""
    rows = [
        (what, upload, reason, count)
        for what, by_upload in (("dropped", counts.dropped), ("worked_out", counts.worked_out))
        for upload, reasons in by_upload.items()
        for reason, count in reasons.items()
    ]
    return pl.DataFrame(rows, _COUNTS, orient="row")


def _counts_of(frame: pl.DataFrame) -> RowCounts:
    counts = RowCounts()
    for what, upload, reason, count in frame.iter_rows():
        (counts.drop if what == "dropped" else counts.work_out)(upload, reason, count)
    return counts


def runs_before(states: Mapping[str, State], months: list[str], changed: str) -> int:
    """How many runs can be taken over if the first change is in the month `changed`: those up to the last one
    before it after which a build can go on.
    """
    n_runs = 0
    for number, name in enumerate(months, start=1):
        if name < changed and name in states:
            n_runs = number
    return n_runs
