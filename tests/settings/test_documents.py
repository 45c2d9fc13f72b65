"""Settings as text that is ambiguous, or meant to do harm."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import yaml

from openfactor.errors import SettingsError
from openfactor.settings import ModelConstructionSettings, UniverseSettings, legacy
from openfactor.settings.documents import MAX_DEPTH, MAX_VALUES, load_document

LOADERS: list[Callable[[str], object]] = [
    UniverseSettings.from_yaml,
    ModelConstructionSettings.from_yaml,
    legacy.FactorRiskModelSettings.from_yaml,
    load_document,
]


def laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, levels)]
    return "\n".join(lines)


HARMFUL = {
    "aliases": (laughs(12, 9), "aliases make it more"),
    "two aliases a level": (laughs(40, 2), "aliases make it more"),
    "merged keys": (merges(40), "aliases make it more"),
    "a list in itself": ("a: &a [*a]", "line 1: a value holds an alias of itself"),
    "a mapping in itself": ("x: 1\na: &a\n  b: {c: *a}", "line 2: a value holds an alias of itself"),
    "deep lists": ("[" * 100_000, "levels deep"),
    "deep closed lists": ("[" * 100_000 + "]" * 100_000, "levels deep"),
    "deep mappings": ("{a: " * 5_000 + "1" + "}" * 5_000, "levels deep"),
    "deep JSON": ('{"a": ' * 600 + "1" + "}" * 600, "levels deep"),
    "a repeated key": ("a: 1\nb: 2\na: 3", "'a' occurs in line 1 and again in line 3"),
    "a repeated key below": ("a:\n  - b: 1\n    b: 1", "'b' occurs in line 2 and again in line 3"),
    "a repeated key in a line": ("{a: 1, a: 1}", "'a' occurs in line 1 and again in line 1"),
    "a repeated key of JSON": ('{"a": 1,\n "a": 2}', "'a' occurs in line 1 and again in line 2"),
    "a repeated key of JSON below": ('{"x": [{"a": 1,\n\t"a": 2}]}', "'a' occurs"),
    "a number of 100,000 digits": ("a: 1" + "0" * 100_000, "a value cannot be read"),
    "no day": ("a: 2024-13-45", "a value cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("case", HARMFUL)
def test_harmful_texts_are_refused_at_once(load: Callable[[str], object], case: str) -> None:
    text, message = HARMFUL[case]
    start = time.perf_counter()
    with pytest.raises(SettingsError, match=message):
        load(text)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "a: !secret x", "a: [", "\0"])
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_document(text)


def test_aliases_and_merged_keys_of_moderate_size_are_read() -> None:
    text = "base: &base {a: 1, b: [1, 2]}\nother: {<<: *base, a: 3}\nagain: [*base, *base]"
    assert load_document(text) == yaml.safe_load(text)


@pytest.mark.parametrize("depth", [1, MAX_DEPTH - 1, MAX_DEPTH])
def test_depth_up_to_the_limit_is_read(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert json.dumps(load_document(text)) == text
    assert load_document("# YAML\n" + text) == load_document(text)
    for deeper in ("[" + text + "]", "# YAML\n[" + text + "]"):
        if depth == MAX_DEPTH:
            with pytest.raises(SettingsError, match="levels deep"):
                load_document(deeper)


def test_validation_of_json_refuses_repeated_keys() -> None:
    text = UniverseSettings().model_dump_json()
    assert UniverseSettings.model_validate_json(text) == UniverseSettings()
    with pytest.raises(SettingsError, match="'dataset' occurs"):
        UniverseSettings.model_validate_json('{"dataset": 1, "dataset": 2}')


def test_limits_leave_room_for_large_hierarchies() -> None:
    codes = {f"sector {i}": [f"code {i}.{j}" for j in range(1000)] for i in range(100)}
    assert load_document(json.dumps(codes)) == codes
    assert MAX_VALUES > 100 * 1001
