"""`client.equity.uploaders.mappings`: mappings of columns, kept by name."""

from __future__ import annotations

from openfactor.client.protocol import Workspace
from openfactor.settings import ColumnMapping


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
