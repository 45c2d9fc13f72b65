"""Uploads below a folder, as users see them: the handles of a client without the rest of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from openfactor import uploads
from openfactor.client.upload import Upload
from openfactor.context import Context
from openfactor.errors import NotFoundError
from openfactor.results import UploadDataTypeFreshness
from openfactor.settings import ColumnMapping
from openfactor.uploads import DATA_TYPES, DataType
from openfactor.workspace.uploads import Uploads


def _no_mapping(name: str) -> ColumnMapping:
    raise NotFoundError.of("saved mapping", name, [])


class UploadStore:
    """Uploads by data type and name."""

    def __init__(
        self,
        folder: Path,
        data_types: Mapping[str, DataType] = DATA_TYPES,
        *,
        context: Context | None = None,
    ) -> None:
        self._calls = Uploads(uploads.UploadStore(folder, data_types, context=context))

    def create(self, data_type: str, name: str) -> Upload:
        self._calls.create(data_type, name)
        return self._handle(data_type, name)

    def open(self, data_type: str, name: str) -> Upload:
        self._calls.require(data_type, name)
        return self._handle(data_type, name)

    def delete(self, data_type: str, name: str) -> None:
        self._calls.delete(data_type, name)

    def names(self, data_type: str) -> list[str]:
        return self._calls.names(data_type)

    def freshness(self) -> list[UploadDataTypeFreshness]:
        return self._calls.freshness()

    def _handle(self, data_type: str, name: str) -> Upload:
        workspace: Any = SimpleNamespace(uploads=self._calls, mappings=SimpleNamespace(get=_no_mapping))
        return Upload(workspace, data_type, name)
