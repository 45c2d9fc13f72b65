"""Every public value survives pickling, copying, JSON, YAML and messages, and compares equal afterwards."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import pkgutil
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import polars as pl
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

import openfactor
from openfactor import Client
from openfactor.contract.codec import pack, unpack
from openfactor.results import BuildReport, RiskDatasetProperties
from openfactor.settings import DatasetSettings, ExposureSettings, UniverseSettings
from openfactor.settings.saved import KINDS, AnyDatasetSettings
from openfactor.settings.values import Settings, Value
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.markets import dataset_settings
from tests.settings.examples import INF, SETTINGS, VALUES

ALL_KINDS = sorted(
    {type(value).__pydantic_generic_metadata__["origin"] or type(value) for value in VALUES},
    key=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
BOUND = [value.with_dataset("dåtaset") for value in SETTINGS if value.settings_kind in KINDS]


def named(value: object) -> str:
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__.removeprefix('openfactor.')}.{kind.__name__}"


def values_of_the_package() -> set[type[BaseModel]]:
    """All classes of values but those that only others are made of."""
    for module in pkgutil.walk_packages(openfactor.__path__, "openfactor."):
        importlib.import_module(module.name)

    def below(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return {
        kind
        for kind in below(BaseModel)
        if kind.__module__.startswith("openfactor.")
        and not kind.__name__.startswith("_")
        and not kind.__pydantic_generic_metadata__["args"]
        and kind.__name__ not in {"Value", "Settings", "Menu"}
    }


def pickled(value: Value) -> list[Value]:
    return [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]


def from_json(value: Value) -> Value:
    return type(value).model_validate_json(value.model_dump_json())


def assert_same(again: Value, value: Value) -> None:
    assert type(again) is type(value)
    assert again == value
    assert value == again
    assert hash(again) == hash(value)
    assert again.model_dump_json() == value.model_dump_json()


def assert_travels(value: Value) -> None:
    kind: Any = type(value)
    for again in (
        *pickled(value),
        copy.copy(value),
        copy.deepcopy(value),
        from_json(value),
        kind.model_validate(value.model_dump(mode="json")),
        kind.model_validate(value.model_dump()),
        kind.from_yaml(value.to_yaml()),
        kind.from_yaml(value.model_dump_json()),
        kind.model_validate(yaml.safe_load(yaml.safe_dump(value.model_dump(mode="json"), sort_keys=False))),
        unpack(kind, pack(kind, value)),
    ):
        assert_same(again, value)


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_values(value: Value) -> None:
    assert_travels(value)


@pytest.mark.parametrize("value", BOUND, ids=lambda bound: bound.kind)
def test_bound_settings(value: DatasetSettings[Any]) -> None:
    """They are of one class, whatever the settings; JSON may be read without knowing which."""
    kind = type(value.setting)
    assert_travels(value)
    assert type(from_json(value).setting) is kind  # type: ignore[attr-defined]
    for annotation in (DatasetSettings[kind], AnyDatasetSettings, DatasetSettings[Any], DatasetSettings):  # type: ignore[valid-type]
        for again in (
            TypeAdapter(annotation).validate_json(value.model_dump_json()),
            TypeAdapter(annotation).validate_python(value),
            unpack(annotation, pack(annotation, value)),
        ):
            assert again == value
            assert hash(again) == hash(value)
            assert type(again.setting) is kind
            assert_travels(again)


def test_every_kind_of_settings_is_bound() -> None:
    assert {value.kind for value in BOUND} == set(KINDS)
    assert {name: kind.__name__ for name, kind in KINDS.items()} == {
        # written to files and databases: these must not follow when a class is renamed
        "CalendarSettings": "CalendarSettings",
        "ExposureSettings": "ExposureSettings",
        "FactorRiskModelSettings": "FactorRiskModelSettings",
        "ModelConstructionSettings": "ModelConstructionSettings",
        "PortfolioOrganizerSettings": "PortfolioOrganizerSettings",
        "UniverseSettings": "UniverseSettings",
    }


def test_settings_of_another_kind_are_refused() -> None:
    text = UniverseSettings().with_dataset("d").model_dump_json()
    with pytest.raises(ValidationError, match="these are ExposureSettings, not UniverseSettings"):
        DatasetSettings[ExposureSettings].model_validate(
            {"dataset": "d", "setting": {}, "kind": "UniverseSettings"}
        )
    with pytest.raises(ValidationError, match="id_type"):
        DatasetSettings[ExposureSettings].model_validate_json(text)
    unknown = text.replace('"kind":"UniverseSettings"', '"kind":"Universe"')
    with pytest.raises(ValidationError, match="`kind` must be one of CalendarSettings, ExposureSettings, "):
        DatasetSettings.model_validate_json(unknown)
    with pytest.raises(ValidationError, match=r"UniverseSettings\.setting\.id_typ\b"):
        DatasetSettings.model_validate_json(text.replace("id_type", "id_typ"))


def test_no_value_is_left_out() -> None:
    assert values_of_the_package() - set(ALL_KINDS) == {DatasetSettings}  # which has a test of its own


def fields_of(kind: type[Value]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Name, field, and the values that the examples have in it."""
    for name, field in kind.model_fields.items():
        yield name, field, [getattr(value, name) for value in VALUES if is_of(value, kind)]


def is_of(value: Value, kind: type[Value]) -> bool:
    return kind in (type(value), type(value).__pydantic_generic_metadata__["origin"])


def alternatives(annotation: Any) -> list[Any]:
    """The members of a union, without annotations."""
    if get_origin(annotation) is typing.Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for arg in get_args(annotation) for part in alternatives(arg)]
    return [annotation]


@pytest.mark.parametrize("kind", ALL_KINDS, ids=named)
def test_examples_are_not_all_defaults(kind: type[Value]) -> None:
    """Each field has some value that is not its default, and some None where that is allowed."""
    lacking = []
    for name, field, values in fields_of(kind):
        parts = alternatives(field.annotation)
        one_value = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
        never = kind.__name__ == "MCapSettings" and name == "gdp_deflator_asof"  # must be None
        default = field.get_default(call_default_factory=True, validated_data={})
        if not one_value and not never and all(value == default for value in values):
            lacking.append(f"{name}: another value than {default!r}")
        if type(None) in parts and None not in values and default is not None:
            lacking.append(f"{name}: None")
        if {str, int} <= set(parts) and name in getattr(kind, "reference_fields", {}):
            flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
            lacking += [f"{name}: by {part}" for part in (str, int) if part not in map(type, flat)]
    assert lacking == []


@pytest.mark.parametrize("kind", ALL_KINDS, ids=named)
def test_all_that_a_field_may_be(kind: type[Value]) -> None:
    """Every choice of a Literal, None and an infinite number, where a field allows them."""
    refused = []
    for name, field, _ in fields_of(kind):
        for part in alternatives(field.annotation):
            candidates = get_args(part) if get_origin(part) is Literal else ()
            candidates += (INF, -INF) if part is float else (None,) if part is type(None) else ()
            for candidate in candidates:
                variants = list(variants_of(kind, name, candidate))
                for variant in variants:
                    assert_same(from_json(variant), variant)
                    assert_same(pickle.loads(pickle.dumps(variant)), variant)
                    assert_same(unpack(type(variant), pack(type(variant), variant)), variant)
                if not variants and get_origin(part) is Literal:
                    refused.append(f"{name}={candidate!r}")
    assert refused == []


def variants_of(kind: type[Value], name: str, candidate: object) -> Iterator[Value]:
    """The examples with another value in one field, of which those that are valid."""
    for value in VALUES:
        if is_of(value, kind):
            given = {field: getattr(value, field) for field in value.model_fields_set}
            try:
                yield type(value)(**{**given, name: candidate})
            except ValidationError:
                continue


def test_what_users_saved_is_read() -> None:
    """JSON and YAML as earlier versions wrote them, by hand."""
    universe = UniverseSettings(id_type="ticker")
    text = (
        '{"dataset":"d","setting":{"id_type":"ticker","calendar":{"filters":[["XNYS"]]},"categorical_filters"'
        ':[],"portfolio_filter":null,"mcap_filter":{"lower":0.0,"upper":1e+20}},"kind":"UniverseSettings"}'
    )
    assert DatasetSettings.model_validate_json(text) == universe.with_dataset("d")
    assert json.loads(universe.with_dataset("d").model_dump_json()) == json.loads(text)
    shorter = "kind: UniverseSettings\ndataset: d\nsetting:\n  id_type: ticker\n"
    assert DatasetSettings.from_yaml(shorter) == universe.with_dataset("d")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Value]:
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
        upload.commit("upsert", names=["again"]),
        *client.equity.uploaders.get_freshness(),
        dataset.describe(),
        dataset.data,
        riskdatasets.available_settings(),
        universes.read("all"),
        universes.get("all"),
    ]


def test_answers_of_a_workspace(answers: list[Value]) -> None:
    for value in answers:
        assert_travels(value)
    (properties,) = (value for value in answers if isinstance(value, RiskDatasetProperties))
    assert isinstance(properties.build_report, BuildReport)


def test_names_that_settings_refer_to_are_kinds_or_uploads() -> None:
    from openfactor.database import RISK_DATASET
    from openfactor.uploads import DATA_TYPES

    targets = {
        (kind.__name__, target)
        for kind in values_of_the_package()
        if issubclass(kind, Settings)
        for target in kind.reference_fields.values()
    }
    assert {target for _, target in targets} - set(KINDS) - set(DATA_TYPES) == {RISK_DATASET}
