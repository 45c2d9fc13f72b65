"""The risk dataset: a panel, and what is needed to read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import closed_days
from openfactor.dataset.digests import day_digests, structure
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel
from openfactor.dataset.periods import change_of_frequency, periods_per_year
from openfactor.dataset.shown import Shown
from openfactor.results import BuildReport, RiskDatasetProperties
from openfactor.results.provenance import DataVersion
from openfactor.settings.hierarchies import Tree
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.riskdataset import AnyRiskDatasetSettings

Float = NDArray[np.float64]


@dataclass(frozen=True)
class RiskDataset:
    """Everything that models need, and the fingerprint of what it was made from."""

    fingerprint: str
    settings: AnyRiskDatasetSettings
    exposure_dtype: str
    """Precision of the exposures: "float16" or "float32"."""
    days: tuple[dt.date, ...]
    """(D,) stored days: those with prices or exposures."""
    identifiers: Identifiers
    currencies: tuple[str, ...]
    usd_per_unit: Float
    """(D, C) USD that one unit of each currency buys, the latest on or before the day."""
    closures: pl.DataFrame
    """The days on which each exchange is closed, stored days or not: exchange, date."""
    panel: Panel
    trees: dict[str, Tree]
    """Factor group to the tree of its factors."""
    series: pl.DataFrame
    """Time series that belong to no asset: date, series, value."""
    coverage: pl.DataFrame
    """How many listings there are on each stored day; see `coverage_by_date`."""
    report: BuildReport
    parts: dict[str, str] = field(default_factory=dict)
    """Upload to what stands for all that its factor groups were made from; see `parts`."""
    upload_versions: dict[str, int] = field(default_factory=dict)
    """"<data type>/<name>" to the version that was read, where there are versions."""
    stored_digests: NDArray[np.uint64] | None = None
    """`digests`, where they are known."""
    cut_from: tuple[RiskDataset, int] | None = None
    """The dataset that this one is a run of days of, and the number of its first day there."""

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """(D,) what stands for the data of each day."""
        if self.stored_digests is not None:
            return self.stored_digests
        names = self.identifiers.names(self.identifiers.id_types[0])
        return day_digests(self.panel, names, self.usd_per_unit)

    @cached_property
    def properties(self) -> RiskDatasetProperties:
        """The menus that it offers to settings, and its build report."""
        sparse = {name: self.trees[name] for name in self.panel.sparse}
        dense = {name: self.trees[name] for name in self.panel.dense}
        universe = UniverseSettingsMenu(
            calendar_settings_menu=CalendarSettingsMenu(exchanges=sorted(self.closed)),
            id_types=self.identifiers.company_types,
            categorical_hierarchies={name: tree.hierarchy for name, tree in sparse.items()},
            categorical_hierarchies_labels={name: tree.labels for name, tree in sparse.items()},
        )
        return RiskDatasetProperties(
            factor_risk_model_settings_menu=FactorRiskModelSettingsMenu(
                exposure_settings_menu=ExposureSettingsMenu(
                    universe_settings_menu=universe,
                    continuous_hierarchies={name: tree.hierarchy for name, tree in dense.items()},
                    continuous_hierarchies_labels={name: tree.labels for name, tree in dense.items()},
                ),
                modelconstruction_settings_menu=ModelConstructionSettingsMenu(
                    weights=["SqrtCap", "Cap", *(["InvIdioVar"] if self.has_idio_vol else []), "Equal"],
                    currencies=list(self.currencies),
                    series=self.series["series"].unique().sort().to_list(),
                ),
            ),
            build_report=self.report,
        )

    @cached_property
    def structure(self) -> str:
        """What stands for the names that columns and codes refer to."""
        return structure(self.panel, self.exposure_dtype, self.currencies, self.trees)

    def slice_days(self, first: int, last: int) -> RiskDataset:
        """The dataset of the stored days first:last; nothing is copied."""
        days = slice(first, last)
        whole, before = self.cut_from or (self, 0)
        part = replace(
            self,
            cut_from=(whole, before + first),
            days=self.days[days],
            usd_per_unit=self.usd_per_unit[days],
            panel=self.panel.slice_days(first, last),
            stored_digests=None if self.stored_digests is None else self.stored_digests[days],
        )
        # what is known of the whole need not be worked out again
        part.__dict__["properties"] = self.properties
        part.__dict__["structure"] = self.structure
        part.__dict__["closed"] = {exchange: closed[days] for exchange, closed in self.closed.items()}
        return part

    @cached_property
    def closed(self) -> dict[str, NDArray[np.bool_]]:
        """Exchange to (D,): closed on that day."""
        return closed_days(self.closures, self.days)

    def with_periods(self, chosen: float | None, reference: BuildReport | None = None) -> RiskDataset:
        """The dataset with the periods a year in its report, as the settings choose them, or those of the
        reference dataset; else as its trading days tell, or the reference dataset's."""
        open_days = np.flatnonzero(self.priced_days & ~self._shut)
        days, warnings = [self.days[d] for d in open_days], self.report.warnings
        if chosen is None and reference is not None and reference.periods_source == "settings":
            chosen = reference.periods_per_year
        if chosen is not None:
            found: dict[str, object] = {"periods_per_year": chosen, "periods_source": "settings"}
        elif (told := periods_per_year(days)) is not None:
            found = {"periods_per_year": told, "periods_source": "trading days"}
            warnings = [*warnings, *change_of_frequency(days)]
        else:
            known = reference or self.report
            found = {"periods_per_year": known.periods_per_year, "periods_source": known.periods_source}
        return replace(self, report=self.report.model_copy(update={**found, "warnings": warnings}))

    def periods_per_year(self, days: NDArray[np.int64]) -> float:
        """Trading periods a year of a calendar with these stored days: as set, or as those of them tell that
        have prices; where they are too few, those of the dataset."""
        if self.report.periods_source == "settings":
            return self.report.periods_per_year
        told = periods_per_year([self.days[d] for d in days[self.priced_days[days]]])
        return self.report.periods_per_year if told is None else told

    @cached_property
    def priced_days(self) -> NDArray[np.bool_]:
        """(D,) days with a price of any listing."""
        first, last = self.panel.offsets[:-1], self.panel.offsets[1:]
        out = last > first
        if out.any():
            out[out] = np.logical_or.reduceat(self.panel.priced, first[out])
        return out

    @property
    def _shut(self) -> NDArray[np.bool_]:
        """(D,) days on which all exchanges are closed."""
        closed = list(self.closed.values())
        return np.logical_and.reduce(closed) if closed else np.zeros(len(self.days), np.bool_)

    def assets(self, id_type: str | None = None, inside: NDArray[np.bool_] | None = None) -> list[str]:
        """The assets that have a row, by their identifiers of the days on which they do, sorted.

        id_type : by default that of the master ids; inside : (rows of the panel,) those that count

        Raises
        ------
        SettingsError: there is no such id type.
        """
        chosen = self.identifiers.known_type(id_type or self.identifiers.id_types[0])
        counted = np.ones(self.panel.n_rows, np.bool_) if inside is None else inside
        shown = Shown(self, counted, chosen)
        return shown.naming.texts(shown.ever()).to_list()

    def version(self, name: str) -> DataVersion:
        """What says which data these are; name : that of the dataset."""
        return DataVersion(
            dataset=name,
            fingerprint=self.fingerprint,
            first_date=self.days[0],
            last_date=self.days[-1],
            uploads=self.upload_versions,
        )

    def index_of(self, dates: Sequence[dt.date]) -> NDArray[np.int64]:
        """Indices of stored days."""
        at = {day: d for d, day in enumerate(self.days)}
        return np.array([at[date] for date in dates], np.int64)

    @cached_property
    def has_idio_vol(self) -> bool:
        """Any row has an uploaded specific volatility."""
        return bool(np.isfinite(self.panel.idio_vol).any())

    @cached_property
    def company(self) -> NDArray[np.int32]:
        """(listings,) company of each listing."""
        return self.identifiers.table["company"].to_numpy()

    def __repr__(self) -> str:
        return (
            f"<RiskDataset {self.days[0]} to {self.days[-1]}: {len(self.days)} days, "
            f"{self.identifiers.n_listings} listings, {self.panel.n_rows:,} rows>"
        )
