"""Settings and menus that contradict themselves are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from openfactor.settings import (
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    MCapFilterSettings,
    ModelConstructionSettings,
    RiskDatasetUnitExposureSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
)
from openfactor.settings.menus import CalendarSettingsMenu, UniverseSettingsMenu
from tests.markets import dataset_settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MCapFilterSettings(lower=2, upper=1), "must be greater"),
        (
            lambda: UniverseSettings(categorical_filters=[CategoricalFilterSettings(hierarchy="x")] * 2),
            "more than one filter on x",
        ),
        (lambda: ModelConstructionSettings(return_clip_bounds=(0.1, 0.2)), "less than or equal to 0"),
        (
            lambda: dataset_settings(sparse_factor_groups={"style": None}),
            "both dense and sparse: style",
        ),
        (lambda: dataset_settings(dense_factor_groups={}, sparse_factor_groups={}), "at least one"),
        (
            lambda: FactorRiskModelSettings(
                universe=UniverseSettings(),
                exposures=ExposureSettings(),
                modelconstruction=ModelConstructionSettings(
                    estimation_universe=UniverseSettings(calendar={"filters": [["XLON"]]})
                ),
            ),
            "must have the calendar",
        ),
        (
            lambda: FactorRiskModelSettings(
                universe=UniverseSettings(), exposures=[1, 2, 3], modelconstruction=[1, 2]
            ),
            "3 entries in exposures and 2 in modelconstruction; give one for all stages, or one per stage",
        ),
        (
            lambda: TimeSeriesBetaExposureGroupSettings(
                tsfactors_source="f", factor_group="g", return_clip_bounds=(0.5, -0.5)
            ),
            "the lower bound 0.5 is above the upper one -0.5",
        ),
        (
            lambda: InlineUploadedExposureGroupSettings(
                exposure_source="s", factor_group="g", gaussianize_maintain_zeros=True
            ),
            "gaussianize_maintain_zeros needs gaussianize",
        ),
        (
            lambda: InteractionExposureGroupSettings(
                exposure_groups=[
                    ContinuousExposureGroupSettings(hierarchy="style", net_of=["industry"]),
                    CategoricalExposureGroupSettings(hierarchy="industry"),
                ]
            ),
            "net_of of 'style' has no place inside an interaction",
        ),
        (
            lambda: dataset_settings(exposure_max_age={"styel": 3}),
            "exposure_max_age: styel not among the factor groups",
        ),
        (
            lambda: RiskDatasetUnitExposureSettings(factor="f", factor_group="g", align_with="g"),
            "align_with names 'g' itself",
        ),
        (
            lambda: DerivedRiskDatasetSettings(reference_dataset="d", trim_assets="asset_union"),
            "trim_assets is 'asset_union', but no exposures are uploaded",
        ),
        (
            lambda: DerivedRiskDatasetSettings(reference_dataset="d", trim_assets_sources=["e"]),
            "trim_assets is 'none'; trim_assets_sources: e is not the source of an uploaded entry",
        ),
    ],
)
def test_values_that_contradict(make, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize(
    ("hierarchy", "labels", "message"),
    [
        ({"g": ["a", "b"]}, {"g": {"a": "A"}}, "g: codes without a label: b"),
        ({"g": ["a"]}, {"g": {"a": "A"}, "h": {}}, "labels of 'h', which is no hierarchy"),
        ({"g": ["a"]}, {"g": {"a": "A", "z": "Z"}}, "g: labels of codes that are not in the hierarchy: z"),
        ({"g": {"a": ["b"], "b": []}}, {"g": {"a": "A", "b": "B"}}, "g: codes that occur more than once: b"),
    ],
)
def test_menus_have_one_label_per_code(hierarchy: Any, labels: Any, message: str) -> None:
    calendar = CalendarSettingsMenu(exchanges=["XNYS"])
    with pytest.raises(ValidationError, match=message):
        UniverseSettingsMenu(
            calendar_settings_menu=calendar, id_types=[], categorical_hierarchies=hierarchy,
            categorical_hierarchies_labels=labels,
        )  # fmt: skip
