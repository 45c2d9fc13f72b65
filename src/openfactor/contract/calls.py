"""What a client can ask of a workspace, wherever that runs: one protocol per resource.

Arguments and results are values: text, numbers, dates, frozen pydantic models, frames, files, and lists and
dictionaries of these. The codec turns each call into bytes by these annotations alone; a test walks them.
Data types, uploads, datasets and saved settings are given by name (or id); results of computations by
references that say which content they stand on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from openfactor.contract.files import UserFile
from openfactor.contract.refs import (
    DiagnosticsQuery,
    ForecastProperties,
    FrameQuery,
    ModelProperties,
    ModelRef,
    Pinned,
    PinnedUpload,
    RowQuery,
    TaskStatus,
)
from openfactor.errors import Fault
from openfactor.results import (
    BackupReport,
    CheckReport,
    DatasetStatus,
    DataVersion,
    MultiParserResult,
    PruneReport,
    RiskDatasetProperties,
    SavedSettings,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.settings import (
    AnyRiskDatasetSettings,
    CalendarSettings,
    ColumnMapping,
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelMode,
    RiskForecastSettings,
    UniverseSettings,
)
from openfactor.settings.menus import RiskDatasetSettingsMenu
from openfactor.settings.values import Reference

if TYPE_CHECKING:  # the codec loads polars; a client that only holds settings does not
    import polars as pl

Version = int | dt.datetime | None
"""A number, the time at which it was the latest, or None for the present one."""
Which = Literal["data", "staging"]
UniverseChoice = UniverseSettings | Pinned[UniverseSettings] | str | int
"""A universe by its settings, by the name or id of saved ones, or one that is pinned already."""


class UploadCalls(Protocol):
    """Uploads by data type and name."""

    # data types
    def data_types(self) -> list[str]: ...
    def describe_data_type(self, data_type: str) -> pl.DataFrame: ...
    def example(self, data_type: str) -> pl.DataFrame: ...
    def freshness(self) -> list[UploadDataTypeFreshness]: ...
    def parsers(self, data_type: str) -> list[str]: ...
    def parser_example(self, data_type: str, parser: str) -> pl.DataFrame: ...
    def commit_modes(self) -> dict[str, str]: ...
    def schema(
        self, data_type: str, table: Literal["rows", "summary", "detail_summary"], which: Which
    ) -> pl.DataFrame: ...

    # uploads
    def names(self, data_type: str) -> list[str]: ...
    def require(self, data_type: str, name: str) -> None: ...
    def create(self, data_type: str, name: str) -> None: ...
    def delete(self, data_type: str, name: str) -> None: ...
    def describe(self, data_type: str, name: str) -> str: ...

    # versions
    def resolve(self, data_type: str, name: str, version: Version) -> PinnedUpload: ...
    def version_history(self, data_type: str, name: str) -> dict[int, dt.datetime]: ...
    def last_committed_at(self, data_type: str, name: str) -> dt.datetime | None: ...
    def rows(self, data_type: str, name: str, query: RowQuery) -> pl.DataFrame: ...
    def summary(self, data_type: str, name: str, version: Version) -> pl.DataFrame: ...
    def detail_summary(self, data_type: str, name: str, version: Version) -> pl.DataFrame: ...

    # what a table would be taken for
    def can_handle(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> MultiParserResult: ...
    def parse(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> tuple[pl.DataFrame, UploadParserResult]: ...
    def validate(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame,
        parser: str | None,
        file_name: str | None,
        mapping: ColumnMapping,
    ) -> tuple[pl.DataFrame, list[Fault]]: ...

    # staging
    def stage(
        self,
        data_type: str,
        name: str,
        item: str | None,
        table: pl.DataFrame | UserFile,
        parser: str | None,
        replace: bool,
        mapping: ColumnMapping,
    ) -> UploadStagingResult: ...
    def staging_results(
        self, data_type: str, name: str, items: Sequence[str] | None
    ) -> dict[str, UploadStagingResult]: ...
    def wipe_staging(
        self, data_type: str, name: str, items: Sequence[str] | None
    ) -> dict[str, UploadStagingResult]: ...
    def staged_rows(
        self,
        data_type: str,
        name: str,
        items: Sequence[str] | None,
        columns: Sequence[str] | None,
        unique: bool,
    ) -> pl.DataFrame: ...
    def staging_summary(self, data_type: str, name: str, items: Sequence[str] | None) -> pl.DataFrame: ...
    def staging_detail_summary(
        self, data_type: str, name: str, items: Sequence[str] | None
    ) -> pl.DataFrame: ...
    def staging_faults(
        self, data_type: str, name: str, items: Sequence[str] | None, short: bool
    ) -> dict[str, pl.DataFrame]: ...

    # commits
    def commit(
        self,
        data_type: str,
        name: str,
        mode: str,
        items: Sequence[str] | None,
        match_columns: Sequence[str] | None,
    ) -> UploadCommitResult: ...
    def fast_commit(
        self,
        data_type: str,
        name: str,
        table: pl.DataFrame | UserFile,
        mode: str,
        parser: str | None,
        match_columns: Sequence[str] | None,
        mapping: ColumnMapping,
    ) -> UploadCommitResult: ...
    def restore(self, data_type: str, name: str, version: int | dt.datetime) -> UploadCommitResult: ...


class MappingCalls(Protocol):
    """Saved mappings of columns by name or id."""

    def names(self) -> dict[str, int]: ...
    def save(
        self,
        name: Reference,
        mapping: ColumnMapping,
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int: ...
    def get(self, key: Reference) -> ColumnMapping: ...
    def delete(self, key: Reference) -> None: ...


class RiskDatasetCalls(Protocol):
    """Risk datasets by name or id."""

    def names(self) -> list[str]: ...
    def name_of(self, key: Reference) -> str: ...
    def create(self, name: str, settings: AnyRiskDatasetSettings, *, replace: bool = False) -> None: ...
    def update(self, name: Reference, *, force: bool = False) -> bool: ...
    def delete(self, name: Reference) -> None: ...
    def settings(self, name: Reference) -> AnyRiskDatasetSettings: ...
    def status(self, name: Reference) -> DatasetStatus: ...
    def table(self) -> pl.DataFrame: ...
    def menu(self) -> RiskDatasetSettingsMenu: ...
    def describe(self, name: Reference) -> RiskDatasetProperties: ...
    def version(self, name: Reference) -> DataVersion: ...
    def assets(self, name: Reference, id_type: str | None) -> list[str]: ...
    def coverage(self, name: Reference) -> pl.DataFrame: ...
    def series(self, name: Reference) -> pl.DataFrame: ...


class SavedCalls(Protocol):
    """Saved settings by kind, which is the name of their class, and name or id."""

    def bind(self, kind: str, settings: DatasetSettings[Any] | Reference) -> DatasetSettings[Any]: ...
    def names(self, kind: str) -> dict[str, int]: ...
    def save(
        self,
        kind: str,
        name: Reference,
        settings: DatasetSettings[Any],
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int: ...
    def read(self, kind: str, key: Reference) -> SavedSettings: ...
    def describe(self, kind: str, key: Reference, description: str | None) -> None: ...
    def delete(self, kind: str, key: Reference) -> None: ...


class CalendarCalls(Protocol):
    """Trading days of exchanges."""

    def bind(self, settings: DatasetSettings[CalendarSettings] | Reference) -> Pinned[CalendarSettings]: ...
    def dates(self, calendar: Pinned[CalendarSettings]) -> list[dt.date]: ...


class IdCalls(Protocol):
    """Identifiers in `idmap` uploads."""

    def lookup(self, ids: Sequence[str], top_n: int) -> pl.DataFrame: ...


class UniverseCalls(Protocol):
    """Universes on the content that they are bound to."""

    def bind(self, settings: DatasetSettings[UniverseSettings] | Reference) -> Pinned[UniverseSettings]: ...
    def id_types(self, universe: Pinned[UniverseSettings]) -> list[str]: ...
    def dates(self, universe: Pinned[UniverseSettings], *, trading_days_only: bool) -> list[dt.date]: ...
    def assets(self, universe: Pinned[UniverseSettings], id_type: str | None) -> list[str]: ...
    def frame(self, universe: Pinned[UniverseSettings], query: FrameQuery) -> pl.DataFrame: ...
    def counts(
        self, universe: Pinned[UniverseSettings], *, dates: bool, levels: Mapping[str, int], labels: bool
    ) -> pl.DataFrame: ...


class ExposureCalls(Protocol):
    """Exposures of the assets of a universe, on the content that they are bound to."""

    def bind(self, settings: DatasetSettings[ExposureSettings] | Reference) -> Pinned[ExposureSettings]: ...
    def factors(
        self, exposures: Pinned[ExposureSettings], universe: UniverseChoice | None
    ) -> dict[str, list[str]]: ...
    def dates(self, exposures: Pinned[ExposureSettings], universe: UniverseChoice) -> list[dt.date]: ...
    def assets(
        self, exposures: Pinned[ExposureSettings], universe: UniverseChoice, id_type: str | None
    ) -> list[str]: ...
    def frame(
        self,
        exposures: Pinned[ExposureSettings],
        universe: UniverseChoice,
        standardize_universe: UniverseChoice | None,
        query: FrameQuery,
    ) -> pl.DataFrame: ...


class RiskModelCalls(Protocol):
    """Factor models: fitted, kept up to date, and looked at."""

    def bind(
        self, settings: DatasetSettings[FactorRiskModelSettings] | Reference
    ) -> Pinned[FactorRiskModelSettings]: ...
    def fit(self, settings: Pinned[FactorRiskModelSettings], mode: ModelMode) -> ModelRef: ...
    def update(self, model: ModelRef) -> ModelRef: ...
    def describe(self, model: ModelRef) -> ModelProperties: ...
    def frame(self, model: ModelRef, query: FrameQuery) -> pl.DataFrame: ...
    def forecast(self, model: ModelRef, settings: RiskForecastSettings) -> ForecastProperties: ...
    def diagnose(self, model: ModelRef, query: DiagnosticsQuery) -> dict[str, pl.DataFrame]: ...


class MaintenanceCalls(Protocol):
    """Looking after a workspace."""

    def check(self) -> CheckReport: ...
    def prune(
        self, keep: int, grace_hours: float, upload_days: float | None, dry_run: bool
    ) -> PruneReport: ...
    def backup(self, path: str) -> BackupReport: ...


class TaskCalls(Protocol):
    """Calls that run in the background."""

    def start(self, name: str, resource: str, method: str, arguments: bytes) -> str: ...
    def list(self) -> list[TaskStatus]: ...
    def status(self, task: str) -> TaskStatus: ...
    def wait(self, task: str, seconds: float) -> TaskStatus: ...
    def cancel(self, task: str) -> None: ...
    def answer(self, task: str) -> bytes: ...


class Workspace(Protocol):
    """Everything that a client can reach."""

    @property
    def uploads(self) -> UploadCalls: ...
    @property
    def mappings(self) -> MappingCalls: ...
    @property
    def riskdatasets(self) -> RiskDatasetCalls: ...
    @property
    def saved(self) -> SavedCalls: ...
    @property
    def calendars(self) -> CalendarCalls: ...
    @property
    def ids(self) -> IdCalls: ...
    @property
    def universes(self) -> UniverseCalls: ...
    @property
    def exposures(self) -> ExposureCalls: ...
    @property
    def riskmodels(self) -> RiskModelCalls: ...
    @property
    def maintenance(self) -> MaintenanceCalls: ...
    @property
    def tasks(self) -> TaskCalls: ...
    def close(self) -> None: ...


RESOURCES: dict[str, type] = {
    "uploads": UploadCalls,
    "mappings": MappingCalls,
    "riskdatasets": RiskDatasetCalls,
    "saved": SavedCalls,
    "calendars": CalendarCalls,
    "ids": IdCalls,
    "universes": UniverseCalls,
    "exposures": ExposureCalls,
    "riskmodels": RiskModelCalls,
    "maintenance": MaintenanceCalls,
    "tasks": TaskCalls,
}
"""Attributes of a workspace and what can be called on them."""
