"""What the fields of settings and results mean, from the docstrings below them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise

from openfactor.settings.values import Value


def field_descriptions(kind: type[Value]) -> dict[str, str]:
    """Field to its docstring, for the fields that have one, inherited ones included.

    Reads the source when asked: with pydantic's `use_attribute_docstrings` every import would pay for it.
    """
    docstrings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Value):
            docstrings |= _own_docstrings(base)
    return {name: docstrings[name] for name in kind.model_fields if name in docstrings}


def _own_docstrings(kind: type[Value]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
