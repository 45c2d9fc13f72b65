"""What a caller says of a table's columns, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from openfactor.errors import NotFoundError, SettingsError
from openfactor.settings import ColumnMapping

AnyMapping = ColumnMapping | Mapping[str, str | None] | str | None
"""A mapping, the columns of one, or the name of a saved one."""
Constants = Mapping[str, Any] | None


def _none_saved(name: str) -> ColumnMapping:
    raise NotFoundError.of("saved mapping", name, [])


class Mappings:
    """Turns what callers give into mappings.

    saved : gives the saved mapping of a name
    """

    def __init__(self, saved: Callable[[str], ColumnMapping] = _none_saved) -> None:
        self._saved = saved

    def resolve(
        self,
        mapping: AnyMapping,
        constants: Constants = None,
        value: str | None = None,
        drop_extra: bool = False,
    ) -> ColumnMapping:
        """One value; constants and `value` that are given beside a mapping come before its own.

        Raises
        ------
        NotFoundError: no saved mapping of that name. SettingsError: what cannot be a mapping.
        """
        if isinstance(mapping, str):
            mapping = self._saved(mapping)
        try:
            if not isinstance(mapping, ColumnMapping):
                mapping = ColumnMapping(columns=dict(mapping or {}))
            return ColumnMapping(
                columns=mapping.columns,
                constants=mapping.constants | dict(constants or {}),
                value=mapping.value if value is None else value,
                drop_extra=mapping.drop_extra or drop_extra,
            )
        except (ValidationError, TypeError, ValueError) as error:
            raise SettingsError("this cannot be a mapping of columns:", [str(error)]) from error
