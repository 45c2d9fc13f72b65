"""Settings: what is refused, and that they survive JSON."""

import datetime as dt
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from openfactor.errors import SettingsError
from openfactor.settings import (
    AnyRiskDatasetSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    DatasetSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    UniverseSettings,
    legacy,
)
from openfactor.settings.menus import CalendarSettingsMenu, UniverseSettingsMenu
from openfactor.settings.validation import validate
from openfactor.settings.values import Value
from tests.dataset.test_build import built
from tests.markets import dataset_settings, model_settings


def test_json_round_trip() -> None:
    bound = model_settings(thin_category_shrinkage={"industry": 10.0}).with_dataset("d")
    again = DatasetSettings[FactorRiskModelSettings].model_validate_json(bound.model_dump_json())
    assert again.setting == bound.setting
    root = dataset_settings(as_of_date=dt.datetime(2024, 1, 2))
    assert type(root).model_validate_json(root.model_dump_json()) == root
    assert root.as_of_date == dt.date(2024, 1, 2)


def test_single_values_are_wrapped() -> None:
    group = ContinuousExposureGroupSettings(hierarchy="style")
    assert group.factor_group == "style"
    settings = FactorRiskModelSettings(
        universe=UniverseSettings(), exposures=ExposureSettings(exposures=group)
    )
    assert settings.exposures[0].exposures == [group]
    assert settings.modelconstruction == [ModelConstructionSettings()]


def test_settings_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        UniverseSettings().id_type = "isin"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="curency"):
        ModelConstructionSettings(curency="EUR")  # type: ignore[call-arg]


def test_risk_datasets_are_told_apart_by_their_kind() -> None:
    adapter: TypeAdapter[AnyRiskDatasetSettings] = TypeAdapter(AnyRiskDatasetSettings)
    root, derived = dataset_settings(), DerivedRiskDatasetSettings(reference_dataset="d")
    for settings in (root, derived):
        assert adapter.validate_json(settings.model_dump_json()) == settings
        without = settings.model_dump(mode="json", exclude={"kind"})  # as people write it
        assert adapter.validate_python(without) == settings
        assert adapter.validate_python(settings) is settings
    for other in ({"kind": "stacked"}, UniverseSettings(), 3):
        with pytest.raises(ValidationError, match="`kind` must be 'root' or 'derived'"):
            adapter.validate_python(other)


def test_everything_that_a_dataset_lacks_is_named_at_once() -> None:

    menu = built().properties.factor_risk_model_settings_menu
    universe = UniverseSettings(
        id_type="isin",
        calendar={"filters": [["XNYZ"]]},
        categorical_filters=[CategoricalFilterSettings(hierarchy="industry", include=["Z"])],
    )
    settings = FactorRiskModelSettings(
        universe=universe,
        exposures=ExposureSettings(
            exposures=[
                ContinuousExposureGroupSettings(hierarchy="styles"),
                ContinuousExposureGroupSettings(hierarchy="style", exclude=["size"]),
                {"exposure_type": "categorical", "hierarchy": "industry"},
            ]
        ),
        modelconstruction=ModelConstructionSettings(
            currency="EUR",
            zero_sum_constraints={"country": "mcap_weighted"},
            thin_category_shrinkage={"region": 3.0},
        ),
    )
    with pytest.raises(SettingsError) as caught:
        validate(settings, menu)
    for part in (
        "universe.id_type: there is no 'isin'; possible: ticker, ticker_core",
        "there is no 'XNYZ'; did you mean 'XNYS'?",
        "there is no 'Z'; possible: X, Y",
        "there is no 'styles'; did you mean 'style'?",
        "nothing is left after include and exclude",
        "currency: there is no 'EUR'; possible: USD",
        "zero_sum_constraints: there is no 'country'; possible: industry",
        "no entry for the categorical group industry",
        "thin_category_shrinkage: there is no 'region'",
    ):
        assert part in str(caught.value)
    assert len(caught.value.problems) == 9


EVERYTHING = ExposureSettings.model_validate(
    {
        "exposures": [
            {"exposure_type": "continuous", "hierarchy": "market"},
            {
                "exposure_type": "categorical",
                "factor_group": "industry",
                "hierarchy": {
                    "hierarchy_type": "groups",
                    "name": "trbc",
                    "groupings": {"Energy ex coal": ["50", "~501010"], "Rest": {"other": ["~50"]}},
                },
            },
            {
                "exposure_type": "continuous",
                "factor_group": "style",
                "hierarchy": {"hierarchy_type": "level", "name": "style", "level": 2},
                "standardize_method": "equal_weighted",
                "net_of": ["market", "industry"],
            },
            {
                "exposure_type": "tsbeta", "tsfactors_source": "Themes", "factor_group": "theme",
                "window": 252, "rolling_regression": {"method": "huber", "max_iter": 10, "level": None},
            },
            {"exposure_type": "inline_uploaded", "exposure_source": "MyScores", "factor_group": "alpha"},
            {
                "exposure_type": "interaction",
                "exposure_groups": [
                    {"exposure_type": "categorical", "hierarchy": "trbc"},
                    {"exposure_type": "continuous", "hierarchy": "style"},
                ],
            },
        ],
        "orthogonalization_weights": "Cap",
    }
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        EVERYTHING,
        EVERYTHING.with_dataset("d"),
        model_settings(thin_category_shrinkage={"industry": 10.0}),
        UniverseSettings(portfolio_filter={"enabled_portfolios": {"P": "books"}}),
        dataset_settings(dense_factor_groups={"market": None, "style": "tree"}, series_source="s"),
        DerivedRiskDatasetSettings(
            reference_dataset=3,
            exposures=[
                RiskDatasetUploadedExposureSettings(
                    exposure_source="x",
                    categorical_factor_groups=["a"],
                    hierarchy_sources={"a": "t"},
                    categorical_overrides={"a": {"1": "2"}},
                ),
                RiskDatasetUnitExposureSettings(factor_group="m", factor="m", align_with="a"),
                RiskDatasetHuberRegressionExposureSettings(tsfactors_source="ff", clip=(None, 3.0)),
            ],
            trim_start_date=dt.date(2024, 1, 1),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_json_and_yaml_round_trips(value) -> None:
    kind = DatasetSettings[ExposureSettings] if isinstance(value, DatasetSettings) else type(value)
    assert kind.model_validate_json(value.model_dump_json()) == value
    assert kind.from_yaml(value.to_yaml()) == value
    assert kind.from_yaml(value.model_dump_json()) == value  # JSON is YAML


def test_references_are_named_and_replaced() -> None:
    assert EVERYTHING.get_references() == [("tsfactors", "Themes"), ("exposures", "MyScores")]
    renamed = EVERYTHING.map_references(lambda what, name: f"me/{name}" if what == "tsfactors" else name)
    assert renamed.get_references() == [("tsfactors", "me/Themes"), ("exposures", "MyScores")]
    assert renamed.exposures[0] == EVERYTHING.exposures[0]
    assert EVERYTHING.map_references(lambda _, name: name) == EVERYTHING
    root = dataset_settings(dense_factor_groups={"style": "tree", "market": None})
    assert ("hierarchies", "tree") in root.get_references()
    derived = DerivedRiskDatasetSettings(reference_dataset="root")
    assert derived.get_references() == [("RiskDatasetSettings", "root")]


def test_names_default_to_what_they_are_made_of() -> None:
    names = [group.factor_group for group in EVERYTHING.exposures]
    assert names == ["market", "industry", "style", "theme", "alpha", "trbc:style"]


def test_yaml_that_is_wrong_names_the_field() -> None:
    with pytest.raises(ValidationError, match="mcap_filter"):
        UniverseSettings.from_yaml("mcap_filter: {lower: -1}")


def reversed_mappings(value: Any) -> Any:
    """The same JSON with the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_mappings(value[key]) for key in reversed(value)}
    return [reversed_mappings(item) for item in value] if isinstance(value, list) else value


MODEL = model_settings(
    thin_category_shrinkage={"industry": 10.0, "country": 5.0},
    thin_category_shrinkage_overrides={("industry", "Oil"): 0.5},
    zero_sum_constraints={"industry": "mcap_weighted", "country": "none"},
)
HASHABLE = [
    MODEL,
    dataset_settings(),
    DerivedRiskDatasetSettings(
        reference_dataset="root",
        exposures=[
            RiskDatasetUploadedExposureSettings(
                exposure_source="s",
                continuous_factor_groups=["a", "b"],
                hierarchy_sources={"a": "h", "b": "h"},
            )
        ],
    ),
    legacy.UniverseSettings(dataset="d"),
    legacy.ExposureSettings.default(),
    UniverseSettingsMenu(
        calendar_settings_menu=CalendarSettingsMenu(exchanges=["XNYS"]),
        id_types=["ticker"],
        categorical_hierarchies={"industry": {"10": ["11", "12"], "20": []}},
        categorical_hierarchies_labels={"industry": {"10": "Energy", "11": "Oil", "12": "Gas", "20": "Rest"}},
    ),
]


@pytest.mark.parametrize("value", HASHABLE, ids=lambda v: type(v).__name__)
def test_values_are_keys_of_mappings(value: Value) -> None:
    """As `lru_cache` and sets need it: what is equal has one hash, however it was written."""
    again = type(value).model_validate(reversed_mappings(value.model_dump()))
    assert again == value
    assert hash(again) == hash(value)
    assert {value: 1}[again] == 1


def test_different_values_are_different_keys() -> None:
    other = MODEL.model_copy(update={"halflife_idio_vra": 7})
    assert len({MODEL, other, MODEL.with_dataset("a"), MODEL.with_dataset("b")}) == 4
    bound = DatasetSettings[FactorRiskModelSettings].model_validate(MODEL.with_dataset("a").model_dump())
    assert bound == MODEL.with_dataset("a")  # another class to Python, the same value
    assert len({bound, MODEL.with_dataset("a")}) == 1


def test_all_values_are_hashable_by_one_rule() -> None:
    """No class brings pydantic's own hash back, which fails on lists."""

    def below(kind: type[Value]) -> set[type[Value]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    assert {kind.__hash__ for kind in below(Value)} == {Value.__hash__}
