"""Settings of the older dialects with all of their fields set."""

from __future__ import annotations

from openfactor.settings import (
    legacy,
)
from openfactor.settings.values import Value
from tests.settings.examples.constants import DAY, INF, NEXT_DAY
from tests.settings.examples.settings import CAPS, CONSTRUCTIONS, CONTINUOUS, FILTERS, PORTFOLIOS, REGRESSED

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
