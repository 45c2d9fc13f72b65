"""Factor models: fitted, kept up to date, and looked at."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.contract.refs import (
    DiagnosticsQuery,
    ForecastProperties,
    FrameQuery,
    ModelProperties,
    ModelRef,
    Pinned,
)
from openfactor.model import FittedModel, diagnose, forecast_of, frame, warn_of_newest_day
from openfactor.settings import (
    DatasetSettings,
    FactorRiskModelSettings,
    ModelMode,
    RiskForecastSettings,
)
from openfactor.settings.values import Reference
from openfactor.workspace.model_store import ModelStore
from openfactor.workspace.saved_settings import SavedSettingsStore


class RiskModels:
    """Implements `RiskModelCalls`."""

    def __init__(self, saved: SavedSettingsStore, store: ModelStore) -> None:
        self._saved = saved
        self._store = store

    def bind(
        self, settings: DatasetSettings[FactorRiskModelSettings] | Reference
    ) -> Pinned[FactorRiskModelSettings]:
        """The settings with the content that they are read against; raises as `SavedSettingsStore.bind`."""
        return self._saved.pin(FactorRiskModelSettings, settings)

    def fit(self, settings: Pinned[FactorRiskModelSettings], mode: ModelMode) -> ModelRef:
        """The fitted model; raises as `ModelStore.get`."""
        fitted = self._store.get(settings, mode)
        return ModelRef(pinned=settings, fingerprint=fitted.estimates.fingerprint)

    def update(self, model: ModelRef) -> ModelRef:
        """The model on the present data, whose dataset is brought up to date first."""
        newer, fitted = self._store.update(model.pinned, self.fitted(model).estimates)
        return ModelRef(pinned=newer, fingerprint=fitted.estimates.fingerprint)

    def describe(self, model: ModelRef) -> ModelProperties:
        """What the model covers."""
        estimates = self.fitted(model).estimates
        r2 = estimates.r2[0][np.isfinite(estimates.r2[0])]
        return ModelProperties(
            dates=list(estimates.dates),
            factors=list(estimates.pairs),
            n_stages=len(estimates.status),
            n_regressions=int(estimates.estimated.sum()),
            mean_r2=float(r2.mean()) if len(r2) else None,
        )

    def frame(self, model: ModelRef, query: FrameQuery) -> pl.DataFrame:
        """A frame of the model or of its forecasts; raises as `model.frame`."""
        return frame(self.fitted(model), query)

    def forecast(self, model: ModelRef, settings: RiskForecastSettings) -> ForecastProperties:
        """What the forecasts cover; a DataWarning names faults of the newest day."""
        fitted = self.fitted(model)
        warn_of_newest_day(fitted)
        forecast = forecast_of(fitted, settings)
        return ForecastProperties(
            settings=forecast.settings,
            dates=list(forecast.dates),
            n_factors=len(fitted.estimates.factors),
            periods_per_year=fitted.periods_per_year,
        )

    def diagnose(self, model: ModelRef, query: DiagnosticsQuery) -> dict[str, pl.DataFrame]:
        """Tables on how good the model and its forecasts are, by name."""
        fitted = self.fitted(model)
        warn_of_newest_day(fitted)
        return diagnose(fitted, query)

    def fitted(self, model: ModelRef) -> FittedModel:
        """The model itself, read again or refitted where it is not in memory."""
        return self._store.fitted(model)
