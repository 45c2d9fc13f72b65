"""How a user's columns become those of a data type."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, FiniteFloat

from openfactor.settings.values import Settings


def _as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


Constant = Annotated[bool | int | FiniteFloat | str, BeforeValidator(_as_text)]
"""A date is kept as text: 2024-12-31."""


class ColumnMapping(Settings):
    """Which columns of a table are which of a data type's, and what the others are.

    Columns that are not named here are found by their names and aliases, as without a mapping.
    """

    settings_kind: ClassVar[str] = "ColumnMapping"

    columns: dict[str, str | None] = {}
    """Name in the table to name of the data type's column; None leaves the column out."""
    constants: dict[str, Constant] = {}
    """Column of the data type to the value of every row; `{file}` stands for the name of the file or frame
    without its extensions."""
    value: str | None = None
    """For a table with one column for each asset: the column of the data type that its cells hold."""
    drop_extra: bool = False
    """Leave out columns that the data type does not have; the result names them."""
