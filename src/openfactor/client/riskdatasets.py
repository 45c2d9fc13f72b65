"""`client.equity.riskdatasets`: named risk datasets."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from openfactor.client.tasks import Task
from openfactor.contract.calls import Workspace
from openfactor.results import DatasetStatus, RiskDatasetProperties
from openfactor.results.provenance import DataVersion
from openfactor.settings import AnyRiskDatasetSettings
from openfactor.settings.dates import DateLike, as_date
from openfactor.settings.menus import RiskDatasetSettingsMenu

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from openfactor.settings import legacy


class RiskDatasetApi:
    """One risk dataset."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self.name = name

    def __repr__(self) -> str:
        status = self.status
        if status not in ("ready", "data_stale"):
            return f"<risk dataset {self.name!r}: {status}>"
        report = self.describe().build_report
        return (
            f"<risk dataset {self.name!r}, {status}: {report.first_date} to {report.last_date}, "
            f"{report.n_days} days, {report.n_listings} listings>"
        )

    @property
    def settings(self) -> AnyRiskDatasetSettings:
        """What it is built from, and how."""
        return self._workspace.riskdatasets.settings(self.name)

    @property
    def data(self) -> DataVersion:
        """Which data it has now; compare with `model.data` to see whether a model stands on them."""
        return self._workspace.riskdatasets.version(self.name)

    @property
    def status(self) -> DatasetStatus:
        """Whether it can be used and is up to date."""
        return self._workspace.riskdatasets.status(self.name)

    def describe(self) -> RiskDatasetProperties:
        """The menus that settings choose from, and the build report."""
        return self._workspace.riskdatasets.describe(self.name)

    def update(self, force: bool = False) -> bool:
        """Build it again from the latest versions of its uploads and the present data of its reference, if
        there is anything newer than what it was built from, or with `force` in any case.

        Whether it was built. Reference datasets are not updated along.

        Raises
        ------
        NotFoundError: an upload does not exist any more. DataError, SettingsError: the newer data do not fit;
        the dataset stays as it was.
        """
        return self._workspace.riskdatasets.update(self.name, force=force)

    def update_as_task(self, force: bool = False) -> Task[bool]:
        """`update` in the background. It can be cancelled; the dataset then stays as it was."""
        return Task(
            self._workspace, f"update of risk dataset {self.name!r}", "riskdatasets", "update", (self.name,),
            bool, force=force,
        )  # fmt: skip

    def coverage(self, id_type: str | None = None) -> list[str]:
        """The assets that are there on any day, sorted; by default in the type of the master ids.

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        return self._workspace.riskdatasets.assets(self.name, id_type)

    def counts(self, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """One row a stored day: date, and the number of listings that are alive (`listings`), have a price
        that day (`priced`), have a market cap, and for each factor group have all exposures or a category
        (`with_{group}`). start, end : first and last day, both included.
        """
        return _between(self._workspace.riskdatasets.coverage(self.name), start, end)

    def coverage_changes(self, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """The coverage of each day with prices beside that of the day before: date, input (a column of
        `counts`), covered (listings), day_before, change (a fraction), median (of the 21 days before).
        start, end : both included.
        """
        import polars as pl

        frame = self.counts().filter(pl.col("priced") > 0)
        long = frame.unpivot(index="date", variable_name="input", value_name="covered")
        before = pl.col("covered").shift(1).over("input", order_by="date")
        usual = pl.col("covered").rolling_median(21, min_samples=1).shift(1).over("input", order_by="date")
        compared = long.with_columns(
            day_before=before,
            change=pl.when(before > 0).then(pl.col("covered") / before - 1),
            median=usual,
        )
        return _between(compared.sort("date", "input", maintain_order=True), start, end)

    def quality(self) -> pl.DataFrame:
        """What the data quality checks found, one row a finding, severe ones first: severity, check, upload,
        where, first_date, last_date, count, share, cap_share, newest, examples, message, remedy.
        """
        return self.describe().quality

    def series(self, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """The time series of `series_source`: date, series, value. start, end : both included."""
        return _between(self._workspace.riskdatasets.series(self.name), start, end)

    def plot_coverage(self) -> Figure:
        """A picture of `counts`: a line for each of its columns. Needs the `plot` extra."""
        from matplotlib.figure import Figure

        frame = self.counts()
        figure = Figure(figsize=(10, 4), layout="constrained")
        axes = figure.subplots()
        for name in frame.columns[1:]:
            axes.plot(frame["date"].to_numpy(), frame[name].to_numpy(), label=name.replace("_", " "), lw=1)
        axes.set(title=f"Coverage of {self.name}", ylabel="listings", ylim=(0, None))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return figure

    def plot_quality(self) -> Figure:
        """A picture of `quality` over time, above that of `counts`. Needs the `plot` extra."""
        from openfactor.client.plots.quality import plot_quality

        return plot_quality(self.name, self.describe().build_report, self.counts())


class RiskDatasets:
    """All risk datasets of the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<risk datasets: {', '.join(self.get_dataset_names()) or 'none yet'}>"

    def get_dataset_names(self) -> list[str]:
        """Names, sorted."""
        return self._workspace.riskdatasets.names()

    def get_dataset_status(self, name: str | int) -> DatasetStatus:
        """Whether a dataset can be used and is up to date; NotFoundError when it is not there."""
        return self._workspace.riskdatasets.status(name)

    def list_riskdatasets(self) -> pl.DataFrame:
        """One row a dataset: name, id, kind, status, problem (of a corrupt one), reference_dataset,
        cache_key (of the data it has), latest_cache_key (of the data an update would give), data_date (last
        day), created_on, last_updated_on.
        """
        return self._workspace.riskdatasets.table()

    def available_settings(self) -> RiskDatasetSettingsMenu:
        """What settings of a dataset may name: uploads by data type, and datasets to build on."""
        return self._workspace.riskdatasets.menu()

    def load(self, name: str | int) -> RiskDatasetApi:
        """A dataset that is there, by name or id; else NotFoundError."""
        return RiskDatasetApi(self._workspace, self._workspace.riskdatasets.name_of(name))

    def create_dataset(
        self, name: str, settings: AnyRiskDatasetSettings | legacy.RiskDatasetSettings
    ) -> RiskDatasetApi:
        """Build a dataset from the latest versions of its uploads.

        Raises
        ------
        ConflictError: the name is taken. NotFoundError: an upload or the reference does not exist. DataError,
        SettingsError: they do not fit together; every fault is named and nothing is left behind.
        """
        self._workspace.riskdatasets.create(name, _present(settings))
        return RiskDatasetApi(self._workspace, name)

    def create_dataset_as_task(
        self, name: str, settings: AnyRiskDatasetSettings | legacy.RiskDatasetSettings
    ) -> Task[RiskDatasetApi]:
        """`create_dataset` in the background. It can be cancelled, and then leaves nothing behind."""
        return Task(
            self._workspace, f"risk dataset {name!r}", "riskdatasets", "create", (name, _present(settings)),
            lambda _: RiskDatasetApi(self._workspace, name),
        )  # fmt: skip

    def create_or_replace_dataset(
        self, name: str, settings: AnyRiskDatasetSettings | legacy.RiskDatasetSettings
    ) -> RiskDatasetApi:
        """The same, in place of a dataset of that name, which stays if the new one cannot be built."""
        self._workspace.riskdatasets.create(name, _present(settings), replace=True)
        return RiskDatasetApi(self._workspace, name)

    def delete_dataset(self, name: str | int) -> None:
        """Delete a dataset and the models estimated on it.

        Raises
        ------
        NotFoundError: it is not there. ConflictError: other datasets or saved settings refer to it.
        """
        self._workspace.riskdatasets.delete(name)

    def delete_dataset_if_exists(self, name: str) -> None:
        """The same, without an error when it is not there."""
        if name in self.get_dataset_names():
            self.delete_dataset(name)


def _between(frame: pl.DataFrame, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
    """The rows with start <= date <= end."""
    import polars as pl

    first, last = as_date(start) or dt.date.min, as_date(end) or dt.date.max
    return frame.filter(pl.col("date").is_between(first, last))


def _present(settings: AnyRiskDatasetSettings | legacy.RiskDatasetSettings) -> AnyRiskDatasetSettings:
    """In the present dialect."""
    from openfactor.settings import legacy  # slow to import, and rarely needed

    return settings.translate() if isinstance(settings, legacy.RiskDatasetSettings) else settings
