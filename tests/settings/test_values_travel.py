"""Every public value survives pickling, copying, JSON and YAML, and compares equal afterwards."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

import openfactor.settings as public
from openfactor import Client, results
from openfactor.results import CoverageLine, Example, Finding, Freshness
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    DatasetSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    HierarchyGroups,
    HierarchyLevel,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    ModelConstructionSettings,
    PortfolioOrganizerSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
)
from openfactor.settings.values import Settings
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.markets import dataset_settings, model_settings

MEMBERS = [
    ContinuousExposureGroupSettings(hierarchy="style"),
    CategoricalExposureGroupSettings(hierarchy="industry"),
]
GROUPS = [
    ContinuousExposureGroupSettings(
        hierarchy=HierarchyGroups(name="style", groupings={"a": ["x", "~y"]}), factor_group="mine"
    ),
    CategoricalExposureGroupSettings(hierarchy=HierarchyLevel(name="industry", level=2)),
    TimeSeriesBetaExposureGroupSettings(
        tsfactors_source="ff", factor_group="ff", rolling_regression=RollingHuberBetaSettings(),
        return_clip_bounds=(None, 0.3),
    ),
    InlineUploadedExposureGroupSettings(exposure_source="s", factor_group="alpha", net_of=["mine"]),
    InteractionExposureGroupSettings(factor_group="both", exposure_groups=MEMBERS),
]  # fmt: skip
CONSTRUCTION = ModelConstructionSettings(
    return_clip_bounds=(-0.2, None),
    thin_category_shrinkage={"industry": 10.0},
    thin_category_shrinkage_overrides={("industry", "tech"): 2.5},
    known_factor_map={("market", "market"): "spx"},
)
SETTINGS: list[Settings] = [
    CategoricalFilterSettings(hierarchy="industry", exclude=["a"]),
    *GROUPS,
    GROUPS[0].hierarchy,
    GROUPS[1].hierarchy,
    CONSTRUCTION,
    PortfolioOrganizerSettings(enabled_portfolios={"book": "p"}),
    ExposureSettings(exposures=GROUPS),
    FactorRiskModelSettings(
        universe="saved",
        exposures=[ExposureSettings(exposures=GROUPS[:1])] * 2,
        modelconstruction=[CONSTRUCTION] * 2,
        halflife_idio_vra=21,
    ),
    model_settings(thin_category_shrinkage={"industry": 10.0}),
    dataset_settings(as_of_date=dt.datetime(2024, 1, 2)),
    RiskDatasetUploadedExposureSettings(
        exposure_source="e", categorical_factor_groups=["c"], categorical_overrides={"c": {"a": "b"}}
    ),
    RiskDatasetUnitExposureSettings(factor_group="market", factor="market"),
    RiskDatasetHuberRegressionExposureSettings(tsfactors_source="ff", clip=(-3.0, None)),
    DerivedRiskDatasetSettings(reference_dataset=3, trim_start_date=dt.date(2024, 1, 2)),
]


def _made_of_defaults() -> list[BaseModel]:
    """Public values that need no argument."""
    made = []
    for kind in public_types():
        try:
            made.append(kind())
        except ValidationError:
            continue
    return made


def public_types() -> list[type[BaseModel]]:
    found = [getattr(package, name) for package in (public, results) for name in package.__all__]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[BaseModel]:
    """What a workspace answers with."""
    folder: Path = tmp_path_factory.mktemp("travel")
    client, market = Client.local(folder, progress=False), simulate(12, 30, industries=2, seed=4)
    commit(client, market.uploads)
    dataset = client.equity.riskdatasets.create_dataset("d", dataset_settings())
    upload = client.equity.uploaders["price"]["price"]
    bad = market.uploads["price"].with_columns(ccy=pl.lit("dollar"))
    universes = client.equity.universes.settings
    universes.save("all", UniverseSettings(id_type="ticker").with_dataset("d"), description="every name")
    riskdatasets = client.equity.riskdatasets
    return [
        upload.stage_df("again", market.uploads["price"]),
        upload.stage_df("bad", bad),
        upload.can_handle(market.uploads["price"]),
        upload.can_handle(market.uploads["price"]).results[0],
        upload.commit("upsert", names=["again"]),
        *client.equity.uploaders.get_freshness(),
        dataset.describe(),
        dataset.data,
        dataset.describe().build_report,
        Finding(
            check="c",
            upload="price",
            severity="severe",
            message="is late",
            remedy="wait",
            share=0.5,
            examples=(Example(asset="A", date=dt.date(2024, 1, 2), value="3"),),
        ),
        CoverageLine(what="cap", newest=3, day_before=None, median=2.5),
        Freshness(
            upload="price", first_date=dt.date(2024, 1, 2), last_date=dt.date(2024, 1, 3), age=0, interval=1
        ),
        riskdatasets.available_settings(),
        universes.read("all"),
        universes.get("all"),
    ]


def assert_travels(value: BaseModel) -> None:
    kind: Any = type(value)
    for again in (
        pickle.loads(pickle.dumps(value)),
        copy.deepcopy(value),
        kind.model_validate_json(value.model_dump_json()),
        kind.model_validate(yaml.safe_load(yaml.safe_dump(value.model_dump(mode="json")))),
    ):
        assert isinstance(again, DatasetSettings if isinstance(value, DatasetSettings) else kind)
        assert again == value
        assert again.model_dump(mode="json") == value.model_dump(mode="json")
    if isinstance(value, Settings | DatasetSettings):
        assert hash(kind.model_validate_json(value.model_dump_json())) == hash(value)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: type(s).__name__)
def test_settings(settings: Settings) -> None:
    assert_travels(settings)
    assert type(settings).from_yaml(settings.to_yaml()) == settings


def test_what_needs_no_argument() -> None:
    made = _made_of_defaults()
    assert len(made) > 10
    for value in made:
        assert_travels(value)


def test_answers_of_a_workspace(answers: list[BaseModel]) -> None:
    for value in answers:
        assert_travels(value)


def test_bound_settings_of_every_kind() -> None:
    kinds = public.saved.KINDS
    bound = {
        type(s).__name__: s.with_dataset("d")
        for s in (*SETTINGS, *_made_of_defaults())
        if type(s).__name__ in kinds
    }
    assert bound.keys() == kinds.keys()
    for value in bound.values():
        assert_travels(value)
        assert type(DatasetSettings.model_validate_json(value.model_dump_json()).setting) is type(
            value.setting
        )
        assert DatasetSettings.from_yaml(value.to_yaml()) == value
        assert (
            TypeAdapter(DatasetSettings[type(value.setting)]).validate_json(value.model_dump_json()) == value
        )  # type: ignore[misc]


def test_settings_of_another_kind_are_refused() -> None:
    text = UniverseSettings().with_dataset("d").model_dump_json()
    with pytest.raises(ValidationError, match="ExposureSettings"):
        DatasetSettings[ExposureSettings].model_validate_json(text)
    with pytest.raises(ValidationError, match="`kind` must be one of CalendarSettings, Exp"):
        DatasetSettings.model_validate_json(text.replace('"kind":"UniverseSettings"', '"kind":"Universe"'))


def test_no_public_value_is_left_out(answers: list[BaseModel]) -> None:
    tried = {type(value) for value in (*SETTINGS, *_made_of_defaults(), *answers)}
    assert (
        set(public_types()) - tried - {Settings, DatasetSettings} == set()
    )  # bound settings have a test of their own
