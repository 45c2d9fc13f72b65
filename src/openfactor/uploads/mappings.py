"""Arguments on the columns of a table, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from openfactor.errors import NotFoundError, SettingsError
from openfactor.settings import ColumnMapping

AnyMapping = ColumnMapping | Mapping[str, str | None] | str | None
"""A mapping, its columns, or the name of a saved one."""
Constants = Mapping[str, Any] | None


_KINDS = {"constants": "text, number, flag or date", "columns": "name of a column, or None"}


def _none_saved(name: str) -> ColumnMapping:
    raise NotFoundError.of("saved mapping", name, [])


class Mappings:
    """Turns arguments into mappings.

    Parameters
    ----------
    saved
        Gives the saved mapping of a name.
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
        """One mapping; constants and `value` override those of `mapping`.

        Raises
        ------
        NotFoundError
            There is no saved mapping of that name.
        SettingsError
            The arguments cannot be a mapping.
        """
        if isinstance(mapping, str):
            mapping = self._saved(mapping)
        try:
            known = mapping if isinstance(mapping, ColumnMapping) else ColumnMapping()
            return ColumnMapping(
                columns=known.columns if mapping is known else dict(mapping or {}),
                constants=known.constants | dict(constants or {}),
                value=known.value if value is None else value,
                drop_extra=known.drop_extra or drop_extra,
            )
        except ValidationError as error:
            # a constant may have one of several types, and pydantic reports each
            wrong = {".".join(map(str, details["loc"][:2])): details["input"] for details in error.errors()}
            problems = [
                f"{place}: {value!r} is no {_KINDS.get(place.split('.')[0], 'text')}"
                for place, value in wrong.items()
            ]
            raise SettingsError("this cannot be a mapping of columns:", problems) from error
        except (TypeError, ValueError) as error:
            raise SettingsError("this cannot be a mapping of columns:", [str(error)]) from error
