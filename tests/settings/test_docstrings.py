"""Users read what a value means in its docstrings: every class and every field has one."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest

from openfactor.settings.docstrings import field_descriptions
from openfactor.settings.values import Value
from tests.settings.test_values_travel import named, values_of_the_package

KINDS = sorted(values_of_the_package(), key=named)


class Parent(Value):
    first: int = 1
    """The first,
    on two lines."""
    plain: int = 2


class Child(Parent):
    second: int = 3
    """The second."""


def test_descriptions_are_the_docstrings_below_fields() -> None:
    assert field_descriptions(Child) == {"first": "The first,\non two lines.", "second": "The second."}


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_value_and_its_fields_are_described(kind: type[Any]) -> None:
    assert kind.__doc__
    tags = {name for name, field in kind.model_fields.items() if is_tag(field.annotation)}
    assert kind.model_fields.keys() - field_descriptions(kind).keys() - tags == set()


def is_tag(annotation: object) -> bool:
    """Its name and its one value say all that there is to say."""
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1
