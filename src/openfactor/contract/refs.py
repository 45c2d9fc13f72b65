"""References and queries: what names a piece of content, and what is asked of it. Values only."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BeforeValidator, PlainSerializer

from openfactor.results.provenance import DataVersion
from openfactor.settings import FactorRiskModelSettings, RiskForecastSettings, Settings
from openfactor.settings.dates import DateLike, as_date
from openfactor.settings.values import DatasetSettings, Value

S = TypeVar("S", bound=Settings)
Layout = Literal["wide", "long"]
"""wide: one column per factor or asset. long: one row per value, without the empty ones."""
Dated = Literal["exposures", "returns"]
"""exposures: a row carries the day on which its exposures were known. returns: the trading day after it,
whose returns they explain."""


class PinnedUpload(Value):
    """One version of an upload."""

    version: int
    """Its number."""
    content: str
    """Hash of its files and columns: equal for versions with the same files, in any upload."""


class Pinned(Value, Generic[S]):
    """Settings with the content that they are read against. What is computed from it reads nothing newer."""

    setting: S
    """With every reference to saved settings followed."""
    data: DataVersion
    """The risk dataset by name and content, and the uploads that were read."""
    uploads: dict[str, PinnedUpload] = {}
    """"<data type>/<name>" to the version of each upload that the settings name."""

    @property
    def dataset(self) -> str:
        """Name of the risk dataset; the name may refer to newer data later."""
        return self.data.dataset

    @property
    def settings(self) -> DatasetSettings[S]:
        """Bound to the name of the dataset, as every loader takes them."""
        return self.setting.with_dataset(self.data.dataset)


class ModelRef(Value):
    """A fitted model."""

    pinned: Pinned[FactorRiskModelSettings]
    """Its settings and data."""
    fingerprint: str
    """Names what the estimates were made from: settings, dataset and uploads."""


class FrameQuery(Value):
    """Which frame of a universe, exposures, a model or a forecast, and which part of it in which shape."""

    frame: str
    """Its name, such as "factor_returns"."""
    start: dt.date | None = None
    """First day, included; None for no bound."""
    end: dt.date | None = None
    """Last day, included; None for no bound."""
    id_type: str | None = None
    """How assets are identified; by default as the universe does."""
    stage: int = 1
    """Of a model with several stages of regression, which one; the first is 1."""
    layout: Layout = "wide"
    """One column per factor or asset, or one row per value."""
    dated: Dated | None = None
    """Which day the rows carry; None for the frame's own choice."""
    trading_days_only: bool = False
    """Leave out stored days that are no trading days of the universe's calendar."""
    forecast: RiskForecastSettings | None = None
    """Of frames of a forecast: its settings."""

    @classmethod
    def between(
        cls, frame: str, start: DateLike | None, end: DateLike | None, **fields: object
    ) -> FrameQuery:
        """The query with days as users write them; SettingsError for a text that is no date."""
        return cls.model_validate({"frame": frame, "start": as_date(start), "end": as_date(end), **fields})


Cell = str | bool | int | float | dt.date | dt.datetime | None
_FROM_TEXT: dict[str, Callable[[str], Cell]] = {
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "float": float,
}


def _read_cell(value: Any) -> Any:
    if isinstance(value, list):
        return [_read_cell(item) for item in value]
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, text),) = value.items()
    return _FROM_TEXT[kind](text) if kind in _FROM_TEXT else value


def _write_cell(value: Any) -> Any:
    """JSON of a cell; dates and infinite numbers, which JSON would make texts, say what they are."""
    if isinstance(value, list):
        return [_write_cell(item) for item in value]
    if isinstance(value, dt.date):
        return {"datetime" if isinstance(value, dt.datetime) else "date": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


Condition = tuple[
    str,
    str,
    Annotated[Cell | list[Cell], BeforeValidator(_read_cell), PlainSerializer(_write_cell, when_used="json")],
]
"""Column, operator and value, such as ("ccy", "=", "EUR")."""


class RowQuery(Value):
    """Which rows of an upload."""

    columns: list[str] | None = None
    """None for all."""
    filters: list[list[Condition]] = []
    """Lists of conditions: all of one list must hold; no list keeps every row."""
    unique: bool = False
    """Each row once."""
    head: int | None = None
    """At most this many rows; None for all."""
    version: PinnedUpload | None = None
    """None for the present one. One whose content is not that of the upload is refused: the upload was
    deleted, and another has its name."""


class ModelProperties(Value):
    """What a fitted model covers."""

    dates: list[dt.date]
    """Trading days, ascending."""
    factors: list[tuple[str, str]]
    """Group and factor, in the order of the columns of frames."""
    n_stages: int
    """Number of stages of regression."""
    n_regressions: int
    """Trading days with a regression of the first stage."""
    mean_r2: float | None = None
    """Of the first stage, over days; None without any."""


class ForecastProperties(Value):
    """What the forecasts of a model cover."""

    settings: RiskForecastSettings
    """Those in effect, with the model's `halflife_idio_vra` where they leave it to the model."""
    dates: list[dt.date]
    """Trading days with a forecast, ascending."""
    n_factors: int
    """Number of factors."""
    periods_per_year: float
    """Trading periods per year, with which risk is annualised."""


class DiagnosticsQuery(Value):
    """What diagnostics of a model are asked for."""

    forecast: RiskForecastSettings = RiskForecastSettings()
    """Settings of the forecasts."""
    start: dt.date | None = None
    """First day, included; None for no bound."""
    end: dt.date | None = None
    """Last day, included; None for no bound."""
    burn_in: int | None = None
    """Trading days with a regression before the first forecast that counts; None for a year's."""
    window: int | None = None
    """Trading days of the rolling bias statistics; None for a year's."""
    n_portfolios: int = 50
    """Number of random portfolios."""
    seed: int = 0
    """Seed that draws them."""


class TaskStatus(Value):
    """How far a task is."""

    id: str
    """Unique within the workspace."""
    name: str
    """What it does, for people."""
    state: Literal["running", "cancelling", "done", "failed", "cancelled"]
    """`cancelling`: asked to stop, but still running."""
    message: str = ""
    """The step that is under way."""
    done: int = 0
    """Units of the step done."""
    total: int | None = None
    """Units of the step; None if unknown."""
    unit: str = ""
    """What the units are, such as "days"."""

    @property
    def ended(self) -> bool:
        """It has a result, or failed, or was cancelled."""
        return self.state in ("done", "failed", "cancelled")
