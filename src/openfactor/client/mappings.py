"""`client.equity.uploaders.mappings`: mappings of columns, kept by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from openfactor.contract.calls import Workspace
from openfactor.errors import SettingsError
from openfactor.settings import ColumnMapping

AnyMapping = ColumnMapping | Mapping[str, str | None] | str | None
"""A mapping, the columns of one, or the name of a saved one."""
Constants = Mapping[str, Any] | None

_KINDS = {"constants": "text, number, flag or date", "columns": "name of a column, or None"}


class MappingRegistry:
    """Mappings of columns by name or id; `stage_file(path, mapping=name)` uses one."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<saved mappings: {', '.join(self.get_identifiers()) or 'none yet'}>"

    def get_identifiers(self) -> dict[str, int]:
        """Name to id."""
        return self._workspace.mappings.names()

    def save(
        self,
        name_or_id: str | int,
        mapping: ColumnMapping,
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int:
        """Keep a mapping; its id.

        name_or_id : letters, digits, `_`, `-` and `.`, beginning with a letter; or the id of one to replace
        overwrite : replace a mapping of that name, which keeps its id

        Raises
        ------
        TypeError: it is no `ColumnMapping`. ConflictError: the name is taken.
        """
        if not isinstance(mapping, ColumnMapping):
            raise TypeError("give a ColumnMapping(columns=..., constants=..., value=...)")
        return self._workspace.mappings.save(
            name_or_id, mapping, overwrite=overwrite, description=description
        )

    def get(self, name_or_id: str | int) -> ColumnMapping:
        """A saved mapping; NotFoundError if there is none."""
        return self._workspace.mappings.get(name_or_id)

    def delete(self, name_or_id: str | int) -> None:
        """Delete a mapping; NotFoundError if there is none."""
        self._workspace.mappings.delete(name_or_id)


def column_mapping(
    saved: Callable[[str], ColumnMapping],
    mapping: AnyMapping,
    constants: Constants = None,
    value: str | None = None,
    drop_extra: bool = False,
) -> ColumnMapping:
    """What a caller says of a table's columns, as one value; arguments come before what a mapping says.

    Parameters
    ----------
    saved : gives the saved mapping of a name

    Raises
    ------
    NotFoundError: no saved mapping of that name. SettingsError: it cannot be a mapping.
    """
    if isinstance(mapping, str):
        mapping = saved(mapping)
    known = mapping if isinstance(mapping, ColumnMapping) else ColumnMapping()
    try:
        return ColumnMapping(
            columns=known.columns if mapping is known else dict(mapping or {}),
            constants=known.constants | dict(constants or {}),
            value=known.value if value is None else value,
            drop_extra=known.drop_extra or drop_extra,
        )
    except ValidationError as error:
        # a constant may be of several types, each of which pydantic reports
        wrong = {".".join(map(str, item["loc"][:2])): item["input"] for item in error.errors()}
        problems = [
            f"{place}: {value!r} is no {_KINDS.get(place.split('.')[0], 'text')}"
            for place, value in wrong.items()
        ]
        raise SettingsError("this cannot be a mapping of columns:", problems) from error
    except (TypeError, ValueError) as error:
        raise SettingsError("this cannot be a mapping of columns:", [str(error)]) from error
