"""Menus and results with all of their fields set."""

from __future__ import annotations

from openfactor.results import (
    BackupReport,
    BuildReport,
    CheckReport,
    CoverageLine,
    Damage,
    DataVersion,
    Example,
    Finding,
    Freshness,
    MultiParserResult,
    PruneReport,
    RiskDatasetProperties,
    SavedSettings,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    RiskDatasetSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.values import Value
from tests.settings.examples.constants import DAY, MOMENT, NEXT_DAY
from tests.settings.examples.settings import UNIVERSES

CALENDAR_MENU = CalendarSettingsMenu(exchanges=["XNYS", "XTKS"])
UNIVERSE_MENU = UniverseSettingsMenu(
    calendar_settings_menu=CALENDAR_MENU,
    id_types=["ticker"],
    categorical_hierarchies={"industry": {"10": ["11", "12"], "20": []}, "flat": ["a"]},
    categorical_hierarchies_labels={
        "industry": {"10": "Énergie", "11": "Oil", "12": "Gas", "20": "その他"}, "flat": {"a": "A"},
    },
)  # fmt: skip
EXPOSURE_MENU = ExposureSettingsMenu(
    universe_settings_menu=UNIVERSE_MENU,
    continuous_hierarchies={"style": ["size"]},
    continuous_hierarchies_labels={"style": {"size": "Größe"}},
)
CONSTRUCTION_MENU = ModelConstructionSettingsMenu(weights=["Cap"], currencies=["USD"], series=["spx"])
MODEL_MENU = FactorRiskModelSettingsMenu(
    exposure_settings_menu=EXPOSURE_MENU, modelconstruction_settings_menu=CONSTRUCTION_MENU
)
DATASET_MENU = RiskDatasetSettingsMenu.model_validate(
    {name: [name] for name in RiskDatasetSettingsMenu.model_fields}
)
PLACE = Example(asset="ÅÄÖ", date=DAY, value="3")
FINDING = Finding(
    check="gaps", upload="price", where="USD", severity="severe", message="is late", remedy="wait",
    first_date=DAY, last_date=NEXT_DAY, count=3, share=0.5, cap_share=0.25, examples=(PLACE, Example()),
    newest=True,
)  # fmt: skip
PLAIN_FINDING = Finding(check="c", upload="price", severity="info", message="m", remedy="r")
COVERAGE = CoverageLine(what="market_cap", newest=3, day_before=4, median=2.5)
FRESHNESS = Freshness(upload="price", where="日経", first_date=DAY, last_date=NEXT_DAY, age=2, interval=1)
REPORT = BuildReport(
    first_date="2024-02-29", last_date="2024-03-01", n_days=2, n_listings=3, n_companies=2, n_rows=6,
    rows_read={"price": 7}, rows_dropped={"price": {"no id": 1}}, rows_worked_out={"price": {"returns": 2}},
    warnings=["look: ✓"], periods_per_year=52.0, periods_source="trading days",
    quality=[FINDING, PLAIN_FINDING], newest_day=NEXT_DAY,
    newest_coverage=[COVERAGE, COVERAGE.model_copy(update={"day_before": None})], freshness=[FRESHNESS],
)  # fmt: skip
PLAIN_REPORT = BuildReport(
    first_date="2024-02-29", last_date="2024-03-01", n_days=2, n_listings=3, n_companies=2, n_rows=6,
    rows_read={}, rows_dropped={}, warnings=[],
)  # fmt: skip
VERSION = DataVersion(
    dataset="d", fingerprint="ab" * 16, first_date=DAY, last_date=NEXT_DAY, uploads={"price/p": 3}
)
TOOK = UploadParserResult(parser="table", success=True, messages=["renamed Größe"])
FAILED = UploadParserResult(success=False, messages=["no column 'date'"])
SAVED = [
    SavedSettings(
        id=3, kind="UniverseSettings", name="mine", value=UNIVERSES[0].with_dataset("d"), issues=["none"],
        raw_json={"id_type": "ticker", "n": [1, 2.5, None, {"a": True}]}, description="日本の株式",
        created_on=MOMENT, last_updated_on=MOMENT,
    ),
    SavedSettings(
        id=4, kind="UniverseSettings", name="broken", value=None, issues=[], raw_json={}, description=None,
        created_on=MOMENT, last_updated_on=MOMENT,
    ),
]  # fmt: skip
DAMAGE = Damage(problem="a pack is damaged", serves=["risk dataset 'd'"], remedy="build it again")
RESULTS: list[Value] = [
    CALENDAR_MENU, UNIVERSE_MENU, EXPOSURE_MENU, CONSTRUCTION_MENU, MODEL_MENU, DATASET_MENU, PLACE, FINDING,
    PLAIN_FINDING, COVERAGE, COVERAGE.model_copy(update={"day_before": None}), FRESHNESS, REPORT,
    PLAIN_REPORT, RiskDatasetProperties(factor_risk_model_settings_menu=MODEL_MENU, build_report=REPORT),
    VERSION, TOOK, FAILED, MultiParserResult(results=[FAILED, TOOK]),
    UploadStagingResult(name="März", timestamp=MOMENT, success=True, results=[FAILED, TOOK]),
    UploadCommitResult(
        version=3, committed_names=["März"], rows_added=1, rows_replaced=2, rows_unchanged=3, rows_ignored=4,
        rows_removed=5, notes=["blank rows left out"],
    ),
    UploadDataTypeFreshness(data_type="price", last_committed_at=MOMENT),
    *SAVED, DAMAGE, CheckReport(n_contents=2, damage=[DAMAGE]),
    BackupReport(
        path="/backups/monday",
        n_files=3,
        n_bytes=1024,
        left_out=["packs/ab is missing"],
        check=CheckReport(n_contents=1),
    ),
    PruneReport(removed={"packs": 3}, n_bytes=1024, dry_run=True),
]  # fmt: skip
