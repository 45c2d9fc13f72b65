"""Status, build report and properties of risk datasets."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

from openfactor.results.quality import (
    SEVERITIES,
    CoverageLine,
    Finding,
    Freshness,
    coverage_table,
    findings_frame,
)
from openfactor.settings.hierarchies import Hierarchy, Tree
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.values import Value

if TYPE_CHECKING:
    import polars as pl

DatasetStatus = Literal["ready", "data_stale", "needs_update", "not_ready", "corrupt"]
"""ready: up to date. data_stale: usable, but an upload or the reference has newer data, or was deleted.
needs_update: not built. not_ready: the reference dataset cannot be used. corrupt: the settings or the stored
data are damaged."""


class BuildReport(Value):
    """What a build used, dropped, derived and found wrong."""

    first_date: str
    """First stored day, ISO 8601."""
    last_date: str
    """Last stored day, ISO 8601."""
    n_days: int
    """Number of stored days."""
    n_listings: int
    """Number of listings."""
    n_companies: int
    """Number of companies."""
    n_rows: int
    """Number of rows of the panel: one per stored day and live listing."""
    rows_read: dict[str, int]
    """Data type to rows read."""
    rows_dropped: dict[str, dict[str, int]]
    """Data type to reason to rows dropped."""
    rows_worked_out: dict[str, dict[str, int]] = {}
    """Data type to what was derived (returns from closes) to rows for which it was."""
    warnings: list[str]
    """What to look at before using the dataset."""
    periods_per_year: float = 252.0
    """Trading periods per year, used to annualise risk."""
    periods_source: Literal["settings", "trading days", "default"] = "default"
    """Where `periods_per_year` comes from; the default applies until there are enough trading days."""
    quality: list[Finding] = []
    """Findings of the data quality checks, severe ones first."""
    newest_day: dt.date | None = None
    """The newest day with prices."""
    newest_coverage: list[CoverageLine] = []
    """Number of listings that each input covers on that day."""
    freshness: list[Freshness] = []
    """Last date of each source: rates by currency, caps, exposures by group or factor, series."""

    @property
    def quality_frame(self) -> pl.DataFrame:
        """One row per finding: severity, check, upload, where, first_date, last_date, count, share,
        cap_share, newest, examples, message, remedy.
        """
        return findings_frame(self.quality)

    @property
    def newest_faults(self) -> list[Finding]:
        """Severe findings about the newest day, which forecasts depend on."""
        return [finding for finding in self.quality if finding.newest and finding.severity == "severe"]

    @property
    def freshness_frame(self) -> pl.DataFrame:
        """One row per source: upload, where, first_date, last_date, age, interval (both in calendar days)."""
        import polars as pl

        schema: dict[str, type[pl.DataType]] = {
            "upload": pl.String, "where": pl.String, "first_date": pl.Date, "last_date": pl.Date,
            "age": pl.Int64, "interval": pl.Int64,
        }  # fmt: skip
        return pl.DataFrame([source.model_dump() for source in self.freshness], schema=schema)

    @property
    def quality_text(self) -> str:
        """Coverage of the newest day, sources that are behind, and the findings, as text."""
        counts = {s: sum(finding.severity == s for finding in self.quality) for s in SEVERITIES}
        total = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
        lines = [coverage_table(self.newest_coverage, self.newest_day)] if self.newest_coverage else []
        old = [str(source) for source in self.freshness if source.age > 0]
        newest = f"{len(self.freshness) - len(old)} of {len(self.freshness)} sources are of the newest day"
        lines += [f"  {newest}" + "".join(f"\n    {source}" for source in old)] if self.freshness else []
        lines.append(f"  data quality: {total or 'nothing found'}")
        return "\n".join([*lines, *(f"  {line}" for f in self.quality for line in str(f).splitlines())])

    def __str__(self) -> str:
        lines = [
            f"{self.first_date} to {self.last_date}: {self.n_days:,} days, {self.n_listings:,} listings of "
            f"{self.n_companies:,} companies, {self.n_rows:,} rows",
            f"  {self.periods_per_year:g} trading periods per year (from: {self.periods_source})",
        ]
        for upload, read in self.rows_read.items():
            dropped = self.rows_dropped.get(upload, {})
            reasons = "; ".join(f"{count:,} {reason}" for reason, count in dropped.items())
            made = "; ".join(f"{n:,} {what}" for what, n in self.rows_worked_out.get(upload, {}).items())
            lines.append(f"  {upload}: {read:,} rows read" + (f", dropped: {reasons}" if reasons else "")
                         + (f", worked out: {made}" if made else ""))  # fmt: skip
        findings = {finding.summary for finding in self.quality}  # which `quality_text` shows
        lines += [f"  {warning}" for warning in self.warnings if warning not in findings]
        return "\n".join([*lines, self.quality_text])


class RiskDatasetProperties(Value):
    """The menus of a dataset, and how it was built."""

    factor_risk_model_settings_menu: FactorRiskModelSettingsMenu
    """What settings on this dataset choose from."""
    build_report: BuildReport
    """How the dataset was built."""

    @property
    def quality(self) -> pl.DataFrame:
        """Findings of the data quality checks; see `BuildReport.quality_frame`."""
        return self.build_report.quality_frame

    @property
    def exposure_settings_menu(self) -> ExposureSettingsMenu:
        """What `ExposureSettings` choose from."""
        return self.factor_risk_model_settings_menu.exposure_settings_menu

    @property
    def universe_settings_menu(self) -> UniverseSettingsMenu:
        """What `UniverseSettings` choose from."""
        return self.exposure_settings_menu.universe_settings_menu

    @property
    def calendar_settings_menu(self) -> CalendarSettingsMenu:
        """What `CalendarSettings` choose from."""
        return self.universe_settings_menu.calendar_settings_menu

    @property
    def modelconstruction_settings_menu(self) -> ModelConstructionSettingsMenu:
        """What `ModelConstructionSettings` choose from."""
        return self.factor_risk_model_settings_menu.modelconstruction_settings_menu

    def human_readable(self, detail: bool = False) -> str:
        """The menus as YAML, hierarchies by label; `detail` shows all levels instead of only the top one."""
        import yaml

        def shown(tree: Tree) -> object:
            def name(code: str) -> str:
                label = tree.nodes[code].label
                return label if label == code else f"{code} {label}"

            def part(hierarchy: Hierarchy) -> object:
                if isinstance(hierarchy, list):
                    return [name(code) for code in hierarchy]
                return {name(code): part(below) for code, below in hierarchy.items()}

            return part(tree.hierarchy) if detail else [name(c) for c in tree.hierarchy]

        universe, exposures = self.universe_settings_menu, self.exposure_settings_menu
        text = {
            "days": f"{self.build_report.first_date} to {self.build_report.last_date}",
            "periods per year": self.build_report.periods_per_year,
            "exchanges": self.calendar_settings_menu.exchanges,
            "id types": universe.id_types,
            "categorical": {n: shown(universe.tree(n)) for n in universe.categorical_hierarchies},
            "continuous": {n: shown(exposures.tree(n)) for n in exposures.continuous_hierarchies},
            "weights": self.modelconstruction_settings_menu.weights,
            "currencies": self.modelconstruction_settings_menu.currencies,
        }
        return str(yaml.safe_dump(text, sort_keys=False, allow_unicode=True))
