"""Settings with all of their fields set."""

from __future__ import annotations

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
)
from openfactor.settings.quality import Treatment
from openfactor.settings.values import Settings
from tests.settings.examples.constants import DAY, INF, MOMENT, NEXT_DAY

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
    bayesian=BAYESIAN, halflife_idio_vra=30.5,
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
    FORECAST, RiskForecastSettings(halflife_idio_vra=None),
    QUALITY, *ROOTS, REFERENCED, UPLOADED, *UNITS, REGRESSED, *DERIVED, MAPPING,
]  # fmt: skip
