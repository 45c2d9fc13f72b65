"""Every public value with all of its fields set, so that nothing is lost only because it had its default."""

from __future__ import annotations

import datetime as dt

from openfactor.contract.failures import Failure
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
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.results import (
    BuildReport,
    CoverageLine,
    DataVersion,
    Example,
    Finding,
    Freshness,
    MultiParserResult,
    RiskDatasetProperties,
    SavedSettings,
    UploadCommitResult,
    UploadDataTypeFreshness,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.settings import (
    BayesianVolSettings,
    CalendarSettings,
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ColumnMapping,
    ContinuousExposureGroupSettings,
    DataQualitySettings,
    DerivedRiskDatasetSettings,
    EigenfactorSettings,
    ExposureSettings,
    FactorCovarianceSettings,
    FactorRiskModelSettings,
    HierarchyGroups,
    HierarchyLevel,
    IdioVolSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    MCapFilterSettings,
    ModelConstructionSettings,
    PcaCorrelationSettings,
    PortfolioOrganizerSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    RiskForecastSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    RootRiskDatasetSettings,
    StructuralVolSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
    legacy,
)
from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    RiskDatasetSettingsMenu,
    UniverseSettingsMenu,
)
from openfactor.settings.quality import Treatment
from openfactor.settings.values import Settings, Value

INF = float("inf")
DAY, NEXT_DAY = dt.date(2024, 2, 29), dt.date(2024, 3, 1)
MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 123456)

CALENDAR = CalendarSettings(filters=[["XNYS", "XNAS"], ["XTKS"]])
FILTERS = [
    CategoricalFilterSettings(hierarchy="industrie 産業", include=["Énergie"], exclude=["石炭"]),
    CategoricalFilterSettings(hierarchy="country", exclude=["~\"quoted\", and: more"]),
]  # fmt: skip
CAPS = MCapFilterSettings(lower=1e8, upper=INF)
PORTFOLIOS = PortfolioOrganizerSettings(enabled_portfolios={"buch ß": "p", "other": "q"})
UNIVERSES = [
    UniverseSettings(
        id_type="ticker", calendar=CALENDAR, categorical_filters=FILTERS, portfolio_filter=PORTFOLIOS,
        mcap_filter=CAPS,
    ),
    UniverseSettings(portfolio_filter="mine"),
    UniverseSettings(portfolio_filter=7),
]  # fmt: skip
LEVEL = HierarchyLevel(name="industry", level=2)
BY_HAND = HierarchyGroups(name="style", groupings={"Värde": ["x", "~y"], "deep": {"a": {"b": ["c"]}}})
CONTINUOUS = ContinuousExposureGroupSettings(
    hierarchy=BY_HAND, factor_group="mine", include=["Värde"], exclude=["deep"], winsorize=3.5,
    standardize_method="equal_weighted", net_of=["industry"],
)  # fmt: skip
CATEGORICAL = CategoricalExposureGroupSettings(
    hierarchy=LEVEL, factor_group="industry", include=["Énergie"], exclude=["石炭"]
)
HUBER = RollingHuberBetaSettings(max_iter=3, level=0.05, epsilon=2.0, alpha=0.5)
OLS = RollingBetaSettings(overlap=1)
BETAS = TimeSeriesBetaExposureGroupSettings(
    tsfactors_source="ff", factor_group="ff", include=["SMB"], exclude=["HML"], currency="EUR", window=60,
    return_clip_bounds=(-0.5, INF), rolling_regression=HUBER, winsorize=3.0, gaussianize=False,
    gaussianize_maintain_zeros=True, net_of=["industry"],
)  # fmt: skip
INLINE = InlineUploadedExposureGroupSettings(
    exposure_source="s", factor_group="alpha", include=["a"], exclude=["b"], forward_fill=True, max_age=30,
    winsorize=3.0, gaussianize=True, gaussianize_maintain_zeros=True, fill_miss=True,
    standardize_method="equal_weighted", net_of=["mine"],
)  # fmt: skip
INTERACTION = InteractionExposureGroupSettings(
    exposure_groups=[ContinuousExposureGroupSettings(hierarchy="style"), CATEGORICAL], factor_group="both"
)
EXPOSURES = ExposureSettings(
    exposures=[CONTINUOUS, CATEGORICAL, BETAS, INLINE, INTERACTION], orthogonalization_weights="Equal"
)
CONSTRUCTIONS = [
    ModelConstructionSettings(
        currency="EUR", weights="InvIdioVar", estimation_universe=UNIVERSES[0],
        return_clip_bounds=(-INF, None), return_clip_deviations=5.0, multiday_returns="left_out",
        thin_category_shrinkage={"industry": 10.0, "country": 0.1},
        thin_category_shrinkage_overrides={("industry", "Öl, Gas"): 2.5, ("country", "日本"): 0.0},
        zero_sum_constraints={"industry": "mcap_weighted", "country": "equal_weights"},
        known_factor_map={("market", "market"): "spx"}, fx_convert_returns=False, huber_epsilon=1.35,
    ),
    ModelConstructionSettings(estimation_universe="saved", return_clip_bounds=(None, INF)),
    ModelConstructionSettings(estimation_universe=3),
]  # fmt: skip
MODELS = [
    FactorRiskModelSettings(
        universe=UNIVERSES[0], exposures=[EXPOSURES, ExposureSettings()],
        modelconstruction=[CONSTRUCTIONS[0], "saved"], halflife_idio_vra=21.5,
    ),
    FactorRiskModelSettings(
        universe="saved", exposures=["one", 2], modelconstruction=[4], halflife_idio_vra=INF
    ),
    FactorRiskModelSettings(universe=3, halflife_idio_vra=21),
]  # fmt: skip
COVARIANCE = FactorCovarianceSettings(
    halflife_vol=INF, halflife_cor=INF, halflife_vra=INF, nw_lags_vol=2, nw_lags_vol_halflife_override=40.0,
    nw_lags_cor=3, shrink_cor_method="QIS", shrink_cor_length=500, combine_standardized=True,
)  # fmt: skip
EIGENFACTOR = EigenfactorSettings(n_simulations=100, scaling=1.0, seed=7)
PCA = PcaCorrelationSettings(n_components=5, weight=0.3)
IDIO = IdioVolSettings(
    halflife=INF,
    nw_lags=1,
    nw_lags_halflife_override=INF,
    clip_lb=-INF,
    clip_ub=0.4,
    void_lb=-0.9,
    void_ub=INF,
)
IDIO_UNBOUNDED = IdioVolSettings(clip_lb=None, void_ub=None)
STRUCTURAL = StructuralVolSettings(n0=30.0, min_history=20, min_companies_per_factor=3)
BAYESIAN = BayesianVolSettings(q=0.2)
FORECAST = RiskForecastSettings(
    factor_cov=COVARIANCE, eigenfactor=EIGENFACTOR, pca=PCA, idio_vol=IDIO, structural=STRUCTURAL,
    bayesian=BAYESIAN,
)  # fmt: skip
TREATMENTS: dict[str, Treatment] = {"static": "off", "gaps": "refuse"}
QUALITY = DataQualitySettings(
    treatment=TREATMENTS, fewest_names=5, median_days=10, coverage_drop=0.5, coverage_low=0.4, ends_days=5,
    ends_severe_days=7, static_days=100, gap_days=7, carried_days=30, dropped=0.1, dropped_severe=0.3,
    returns_missing=0.1, typical_return=0.1, extreme_return=0.5, impossible_return=INF, reversal=2.0,
    split_tolerance=0.05, return_tolerance=0.01, return_disagrees=0.1, return_disagrees_severe=0.5,
    unchanged_days=10, unpriced_days=5, cap_jump=2.0, unit_jump=20.0, cap_concentration=0.3, rate_jump=0.1,
    scale_jump=5.0, churn=0.1, quiet_severe=0.2,
)  # fmt: skip
ROOTS = [
    RootRiskDatasetSettings(
        market_cap_source="m", price_source="p", exposures_source="e", exchange_dates_source="x",
        exchange_rates_source="fx", idmap_source="i", series_source="s",
        dense_factor_groups={"style": None, "mærket": "tree"}, sparse_factor_groups={"industry": "産業"},
        master_id_type="ticker", master_id_core_type="ticker_core", as_of_date=DAY, max_days_without_price=5,
        empty_returns="close", market_cap_per="listing", market_cap_max_age=30,
        exposure_mode={"style": "changes", "industry": "snapshot"}, exposure_max_age={"style": 10},
        exposure_dtype="float32", max_return=None, periods_per_year=52.5, quality=QUALITY,
    ),
    RootRiskDatasetSettings(
        market_cap_source="m", price_source="p", exposures_source="e", exchange_dates_source="x",
        exchange_rates_source="fx", idmap_source="i", sparse_factor_groups={"industry": None},
        as_of_date=MOMENT, exposure_mode="changes", exposure_max_age=0, max_return=INF,
    ),
]  # fmt: skip
REFERENCED = RiskDatasetReferencedExposureSettings(
    continuous_factor_groups=["style"], categorical_factor_groups=[]
)
UPLOADED = RiskDatasetUploadedExposureSettings(
    exposure_source="e", continuous_factor_groups=["a", "b"], categorical_factor_groups=["c"],
    factor_groups_forward_fill=["a"], max_age=20, factor_groups_gaussianize=["a"],
    factor_groups_gaussianize_maintain_zeros=["a"], factor_groups_fill_miss=["b"],
    hierarchy_sources={"c": "tree"}, categorical_overrides={"c": {"Ü": "U", "a": "b"}},
)  # fmt: skip
UNITS = [
    RiskDatasetUnitExposureSettings(factor_group="market", factor="market", align_with=["style"]),
    RiskDatasetUnitExposureSettings(factor_group="region", factor="wörld", factor_type="categorical"),
]
REGRESSED = RiskDatasetHuberRegressionExposureSettings(
    tsfactors_source="ff", factor_group="betas", include=["SMB"], exclude=["HML"], fill_miss=False, window=60,
    epsilon=2.0, alpha=0.1, alpha_start=1.0, student_t_level=0.05, clip=(-INF, 3.0), gaussianize=False,
    gaussianize_maintain_zeros=True, impute=False, currency="EUR", calendar=CALENDAR,
)  # fmt: skip
DERIVED = [
    DerivedRiskDatasetSettings(
        reference_dataset="root", exposures=[REFERENCED, UPLOADED, *UNITS, REGRESSED],
        exchange_codes=["XNYS"],
        trim_assets="ccy_union", trim_assets_sources=["e"], trim_start_date=DAY, trim_end_date=NEXT_DAY,
        periods_per_year=12.0, quality=QUALITY,
    ),
    DerivedRiskDatasetSettings(
        reference_dataset=3, trim_start_date="latest_start", trim_end_date="earliest_end"
    ),
]  # fmt: skip
MAPPING = ColumnMapping(
    columns={"Größe": "market_cap", "junk": None}, constants={"ccy": "USD", "n": 3, "x": 0.5, "flag": True},
    value="exposure", drop_extra=True,
)  # fmt: skip
SETTINGS: list[Settings] = [
    CALENDAR, *FILTERS, CAPS, PORTFOLIOS, PortfolioOrganizerSettings(enabled_portfolios="p"), *UNIVERSES,
    LEVEL, BY_HAND, CONTINUOUS, CATEGORICAL, HUBER, OLS, BETAS, INLINE, INTERACTION, EXPOSURES,
    *CONSTRUCTIONS, *MODELS, COVARIANCE, EIGENFACTOR, PCA, IDIO, IDIO_UNBOUNDED, STRUCTURAL, BAYESIAN,
    FORECAST, QUALITY, *ROOTS, REFERENCED, UPLOADED, *UNITS, REGRESSED, *DERIVED, MAPPING,
]  # fmt: skip

OLD_CALENDAR = legacy.CalendarSettings(dataset="d", filters=[["XTKS"]])
OLD_UNIVERSES = [
    legacy.UniverseSettings(
        dataset="d", id_type="ticker", calendar=OLD_CALENDAR, categorical_filters=FILTERS, mcap_filter=CAPS,
        portfolio_filter=PORTFOLIOS,
        industry=legacy.IndustrySettings(hierarchy="industry", include=["a"], exclude=["b"]),
        region=legacy.RegionSettings(hierarchy="region", include=["a"], exclude=["b"]),
        mcap=legacy.MCapSettings(lower=1.0, upper=INF),
    ),
    legacy.UniverseSettings(portfolio_filter="mine"),
    legacy.UniverseSettings(portfolio_filter=7),
]  # fmt: skip
OLD_EXPOSURES = [
    legacy.ExposureSettings(
        market=False, styles={"größe": [], "value": ["a"]}, standardize_styles=False, other={"f": "code"},
        industries=legacy.HierarchyGroups(hierarchy="industry", groupings={"a": ["b"]}),
        regions=legacy.HierarchyLevel(hierarchy="region", level=3),
    ),
    legacy.ExposureSettings(industries=None, regions=None),
    legacy.ExposureSettings(exposures=[CONTINUOUS]),
]  # fmt: skip
OLD_CONSTRUCTIONS = [
    legacy.ModelConstructionSettings(
        **{**dict(CONSTRUCTIONS[0]), "estimation_universe": legacy.UniverseSettings(dataset="d")}
    ),
    legacy.ModelConstructionSettings(estimation_universe="saved"),
    legacy.ModelConstructionSettings(estimation_universe=3),
]
OLD_ENTRIES = [
    legacy.RiskDatasetUploadedExposureSettings(
        exposure_source="e", market_factor_group="m", region_factor_group="r", industry_factor_group="i",
        style_factor_group="s", other_factor_group="o", style_factor_fill_miss=False,
        style_factor_huberize=False,
    ),
    legacy.RiskDatasetUploadedExposureSettings(
        exposure_source="e", continuous_factor_groups=["a"], categorical_factor_groups=["c"],
        factor_groups_gaussianize=["a"], factor_groups_gaussianize_maintain_zeros=["a"],
        factor_groups_fill_miss=["a"], hierarchy_sources={"a": "tree"},
    ),
    legacy.RiskDatasetReferencedExposureSettings(
        market_factor_groups="m", region_factor_groups="r", industry_factor_groups="i",
        style_factor_groups="s", other_factor_groups=[],
    ),
    legacy.RiskDatasetReferencedExposureSettings(
        continuous_factor_groups=["m"], categorical_factor_groups=["i"]
    ),
    legacy.RiskDatasetHuberRegressionExposureSettings(**dict(REGRESSED)),
    legacy.RiskDatasetUnitExposureSettings.region(),
]  # fmt: skip
LEGACY: list[Value] = [
    OLD_CALENDAR, *OLD_UNIVERSES, *OLD_EXPOSURES, *OLD_CONSTRUCTIONS, *OLD_ENTRIES,
    *(item for item in (OLD_UNIVERSES[0].industry, OLD_UNIVERSES[0].region, OLD_UNIVERSES[0].mcap) if item),
    *(item for item in (OLD_EXPOSURES[0].industries, OLD_EXPOSURES[0].regions) if item),
    legacy.FactorRiskModelSettings(
        universe=OLD_UNIVERSES[0], exposures=OLD_EXPOSURES, modelconstruction=OLD_CONSTRUCTIONS,
        halflife_idio_vra=30.5,
    ),
    legacy.RiskDatasetSettings(
        reference_dataset="d", exposures=OLD_ENTRIES, exchange_codes=["XNYS"], trim_assets="asset_union",
        trim_start_date=DAY, trim_end_date=NEXT_DAY,
    ),
    legacy.RiskDatasetSettings(
        reference_dataset=3, trim_start_date="latest_start", trim_end_date="earliest_end"
    ),
]  # fmt: skip

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
    *SAVED,
]  # fmt: skip

UPLOAD_VERSION = PinnedUpload(version=3, content="cd" * 16)
PINNED = Pinned[FactorRiskModelSettings](
    setting=MODELS[0], data=VERSION, uploads={"tsfactors/ff": UPLOAD_VERSION}
)
CONTRACT: list[Value] = [
    UPLOAD_VERSION, PINNED, Pinned[UniverseSettings](setting=UNIVERSES[0], data=VERSION, uploads={}),
    ModelRef(pinned=PINNED, fingerprint="ef"),
    FrameQuery(
        frame="factor_returns", start=DAY, end=NEXT_DAY, id_type="ticker", stage=2, layout="long",
        dated="returns", trading_days_only=True, forecast=FORECAST,
    ),
    RowQuery(
        columns=["date"], unique=True, head=5, version=UPLOAD_VERSION,
        filters=[[("ccy", "in", ["EUR", "円"]), ("close", ">", 0.5), ("close", "<", INF)],
            [("date", "in", [DAY, NEXT_DAY]), ("time", ">=", MOMENT), ("n", "=", None), ("flag", "=", True)],
        ],
    ),
    ModelProperties(
        dates=[DAY, NEXT_DAY], factors=[("market", "Ålpha")], n_stages=2, n_regressions=2, mean_r2=0.5
    ),
    ForecastProperties(dates=[DAY], n_factors=3, periods_per_year=252.0),
    DiagnosticsQuery(
        forecast=FORECAST, start=DAY, end=NEXT_DAY, burn_in=10, window=20, n_books=5, seed=3
    ),
    TaskStatus(
        id="t1", name="risk model on 'd'", state="failed", message="März", done=3, total=5, unit="days"
    ),
    Failure.of(DataError("not stored:", [
        Fault("positive", "price 'p'", "must be above 0", "close", 3, ("2024-01-02 Å",)),
        Fault("no_rows", "price 'p'", "has no rows"),
    ])),
    Failure.of(SettingsError("do not fit:", ["no 'style'"])),
    Failure.of(DataError("not stored:", [])).model_copy(update={"notes": ("while building 'd'",)}),
]  # fmt: skip

VALUES: list[Value] = [*SETTINGS, *LEGACY, *RESULTS, *CONTRACT]
"""At least one value of every public class."""
