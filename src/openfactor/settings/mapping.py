"""How the columns of a user's table become those of a data type."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, FiniteFloat

from openfactor.settings.values import Settings


def _as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


Constant = Annotated[bool | int | FiniteFloat | str, BeforeValidator(_as_text)]
"""A date is stored as text: 2024-12-31."""


class ColumnMapping(Settings):
    """Which column of a table becomes which column of a data type.

    Columns not mentioned here are matched by name and alias, as without a mapping.
    """

    settings_kind: ClassVar[str] = "ColumnMapping"

    columns: dict[str, str | None] = {}
    """Name in the table to name in the data type; None drops the column."""
    constants: dict[str, Constant] = {}
    """Column of the data type to the value of every row; `{file}` becomes the name of the file or frame,
    without extensions."""
    value: str | None = None
    """For a table with one column per asset: the column of the data type that the cells hold."""
    drop_extra: bool = False
    """Drop columns that the data type does not have; the result names them."""
