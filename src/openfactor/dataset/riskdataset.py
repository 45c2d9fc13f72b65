"""The risk dataset: a panel, and what is needed to read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.calendar import closed_days
from openfactor.dataset.content_hash import day_hashes
from openfactor.dataset.dictionary import Dictionary
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel
from openfactor.dataset.periods import change_of_frequency, periods_per_year
from openfactor.dataset.runs import month
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
State = Mapping[str, pl.DataFrame]
"""What a build carries from one run to the next, by name."""


@dataclass(frozen=True)
class RiskDataset:
    """Everything that models need."""

    recipe: str
    """Hash of what it was made from: settings, upload versions, the reference dataset and the engine."""
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
    """exchange, date: days on which each exchange is closed, whether stored or not."""
    panel: Panel
    trees: dict[str, Tree]
    """Factor group to the tree of its factors."""
    series: pl.DataFrame
    """date, series, value: time series that belong to no listing."""
    coverage: pl.DataFrame
    """Number of listings on each stored day; see `coverage_by_date`."""
    report: BuildReport
    group_recipes: dict[str, str] = field(default_factory=dict)
    """Source of factor groups to the hash of what they were made from; see `reuse`."""
    upload_versions: dict[str, int] = field(default_factory=dict)
    """"<data type>/<name>" to the version that was read, for uploads with versions."""
    upload_contents: dict[str, str] = field(default_factory=dict)
    """The same uploads to what identifies the rows that were read."""
    states: Mapping[str, State] = field(default_factory=dict, repr=False)
    """Month to what a build carries from it to later ones; of a few months, after which one can go on."""
    stored_content_hashes: NDArray[np.uint64] | None = None
    """`content_hashes`, if they are known already."""
    sliced_from: tuple[RiskDataset, int] | None = None
    """The dataset of which this one is a run of days, and the index of its first day there."""

    @cached_property
    def content_hashes(self) -> NDArray[np.uint64]:
        """(D,) one hash per stored day, so that unchanged days are not estimated again."""
        if self.stored_content_hashes is not None:
            return self.stored_content_hashes
        return self.hash_days(Context())

    def hash_days(self, context: Context) -> NDArray[np.uint64]:
        """(D,) `content_hashes`, computed.

        Raises
        ------
        CancelledError: the request was cancelled.
        """
        listing_ids = self.identifiers.listing_ids(self.identifiers.id_types[0])
        return day_hashes(self.panel, listing_ids, self.currencies, self.usd_per_unit, context)

    @cached_property
    def properties(self) -> RiskDatasetProperties:
        """The menus that it offers to settings, and its build report; a slice has those of the whole."""
        if self.sliced_from is not None:
            return self.sliced_from[0].properties
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
                    currencies=sorted(self.currencies),
                    series=self.series["series"].unique().sort().to_list(),
                ),
            ),
            build_report=self.report,
        )

    @property
    def run_names(self) -> list[str]:
        """The month of each run of the panel."""
        return [month(self.days[day]) for day in self.panel.first_days[:-1].tolist()]

    @cached_property
    def dictionary(self) -> Dictionary:
        """What its codes and columns mean."""
        return Dictionary.of(self.panel.names, self.exposure_dtype, self.currencies, self.trees)

    def slice_days(self, first: int, stop: int) -> RiskDataset:
        """The dataset of the stored days first:stop. Nothing is copied."""
        days = slice(first, stop)
        whole, before = self.sliced_from or (self, 0)
        hashes = self.stored_content_hashes
        return replace(
            self,
            sliced_from=(whole, before + first),
            days=self.days[days],
            usd_per_unit=self.usd_per_unit[days],
            panel=self.panel.slice_days(first, stop),
            stored_content_hashes=None if hashes is None else hashes[days],
        )

    @cached_property
    def closed(self) -> dict[str, NDArray[np.bool_]]:
        """Exchange to (D,): closed on that day."""
        if self.sliced_from is not None:
            whole, first = self.sliced_from
            return {name: shut[first : first + len(self.days)] for name, shut in whole.closed.items()}
        return closed_days(self.closures, self.days)

    def with_periods(self, chosen: float | None, reference: BuildReport | None = None) -> RiskDataset:
        """The dataset with the periods per year in its report.

        The first that is known counts: the settings' (`chosen`), those that the settings of the reference
        dataset choose, those that the trading days show, the reference dataset's, the default.
        """
        open_days = np.flatnonzero(self.priced_days & ~self._shut)
        days, warnings = [self.days[d] for d in open_days], self.report.warnings
        if chosen is None and reference is not None and reference.periods_source == "settings":
            chosen = reference.periods_per_year
        if chosen is not None:
            periods: dict[str, object] = {"periods_per_year": chosen, "periods_source": "settings"}
        elif (observed := periods_per_year(days)) is not None:
            periods = {"periods_per_year": observed, "periods_source": "trading days"}
            warnings = [*warnings, *change_of_frequency(days)]
        else:
            known = reference or self.report
            periods = {"periods_per_year": known.periods_per_year, "periods_source": known.periods_source}
        return replace(self, report=self.report.model_copy(update={**periods, "warnings": warnings}))

    def periods_per_year(self, days: NDArray[np.int64]) -> float:
        """Trading periods per year of a calendar with these stored days.

        As set; else as those of the days show that have prices; else, if they are too few, the dataset's.
        """
        if self.report.periods_source == "settings":
            return self.report.periods_per_year
        observed = periods_per_year([self.days[d] for d in days[self.priced_days[days]]])
        return self.report.periods_per_year if observed is None else observed

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
        """Identifiers of the listings that have a row, as of the days on which they have one; sorted.

        Parameters
        ----------
        id_type : defaults to that of the listings
        inside : (rows,) rows of the panel that count; all of them by default

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        chosen = self.identifiers.known_type(id_type or self.identifiers.id_types[0])
        counted = np.ones(self.panel.n_rows, np.bool_) if inside is None else inside
        shown = Shown(self, counted, chosen)
        return shown.naming.texts(shown.ever()).to_list()

    def version(self, name: str) -> DataVersion:
        """Identifies these data in results; name : of the dataset."""
        return DataVersion(
            dataset=name,
            fingerprint=self.recipe,
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
        """Whether any row has an uploaded specific volatility."""
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
