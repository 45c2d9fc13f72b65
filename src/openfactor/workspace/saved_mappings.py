"""Mappings of columns that are kept under a name."""

from __future__ import annotations

from typing import Any

from openfactor.database import COLUMN_MAPPING, Registry
from openfactor.settings import ColumnMapping
from openfactor.settings.values import Reference
from openfactor.uploads import check_name


class SavedMappingStore:
    """The saved mappings of a workspace, by name or id."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def names(self) -> dict[str, int]:
        """Name to id."""
        return {entry.name: entry.id for entry in self._registry.entries(COLUMN_MAPPING)}

    def save(
        self,
        name: Reference,
        mapping: ColumnMapping,
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int:
        """Keep a mapping under a name; its id.

        Raises
        ------
        ConflictError: the name is taken. SettingsError: it cannot be a name. NotFoundError: no mapping has
        that id.
        """
        if isinstance(name, str):
            check_name(name)
        with self._registry.changing() as entries:
            old = entries.replaceable(COLUMN_MAPPING, name, replace=overwrite)
            if old is None:
                return entries.add(COLUMN_MAPPING, str(name), mapping, description=description or None)
            columns: dict[str, Any] = {} if description is None else {"description": description or None}
            entries.change(old, value=mapping, **columns)
            return old.id

    def get(self, key: Reference) -> ColumnMapping:
        """A saved mapping; NotFoundError if there is none of that name or id."""
        settings = self._registry.get(COLUMN_MAPPING, key).settings
        assert isinstance(settings, ColumnMapping)
        return settings

    def delete(self, key: Reference) -> None:
        """Delete a mapping; NotFoundError if there is none of that name or id."""
        with self._registry.changing() as entries:
            entries.remove(COLUMN_MAPPING, key)
