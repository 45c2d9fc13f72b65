"""Nothing but values crosses the seam, and every call of the contract can be packed."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import polars as pl
import pytest
from pydantic import BaseModel

from openfactor.contract import calls, messages
from openfactor.contract.calls import RESOURCES
from openfactor.contract.files import UserFile
from openfactor.errors import Fault, NotFoundError

PLAIN = {str, int, bool, float, bytes, dt.date, dt.datetime, NoneType, Any, pl.DataFrame, UserFile, Fault}
"""`Any` stands in the parameter of `DatasetSettings[Any]` alone, which tells its kind itself."""
CALLS = [
    (resource, name)
    for resource, protocol in RESOURCES.items()
    for name, function in vars(protocol).items()
    if inspect.isfunction(function) and not name.startswith("_")
]


def leaves(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of, lists and dictionaries taken apart."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from (type(value) for value in get_args(annotation))
    elif origin in (Union, UnionType, list, dict, tuple, Sequence, Mapping):
        for argument in get_args(annotation):
            if argument is not ...:
                yield from leaves(argument)
    else:
        yield annotation


def is_value(kind: Any) -> bool:
    return kind in PLAIN or (inspect.isclass(kind) and issubclass(kind, BaseModel))


def test_the_check_itself_tells_values_from_others() -> None:
    class Engine: ...

    assert all(map(is_value, leaves(dict[str, list[pl.DataFrame | None]])))
    for annotation in (pl.LazyFrame, list[Engine], dict[str, Path], Iterator[str] | None):
        assert not all(map(is_value, leaves(annotation)))


@pytest.mark.parametrize(("resource", "name"), CALLS, ids=lambda text: text)
def test_arguments_and_results_are_values(resource: str, name: str) -> None:
    hints = get_type_hints(vars(RESOURCES[resource])[name], {**vars(calls), "pl": pl})
    function = inspect.signature(vars(RESOURCES[resource])[name])
    assert set(hints) == {*function.parameters, "return"} - {"self"}  # none is left without an annotation
    for parameter, annotation in hints.items():
        assert all(map(is_value, leaves(annotation))), f"{resource}.{name}: {parameter}: {annotation}"


def test_every_resource_is_in_the_table() -> None:
    hints = {
        name: get_type_hints(value.fget, {**vars(calls), "pl": pl})["return"]
        for name, value in vars(calls.Workspace).items()
        if isinstance(value, property)
    }
    assert hints == RESOURCES


@pytest.mark.parametrize(
    ("resource", "name"), [("uploads", "explode"), ("none", "names"), ("uploads", "__init__")]
)
def test_only_calls_of_the_contract_can_be_called(resource: str, name: str) -> None:
    with pytest.raises(NotFoundError, match=f"no call {resource}.{name}"):
        messages.method(resource, name)
