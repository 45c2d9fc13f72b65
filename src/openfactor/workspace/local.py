"""A workspace in a folder of this machine. The only package that knows every stage.

uploads/<data type>/<name>/   Delta Lake tables
store/                        risk datasets and estimates by content: packs and manifests
openfactor.sqlite             what has a name, and which content was made from what
workspace.json                the format of the folder, and which database belongs to it
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from openfactor.context import Context
from openfactor.contract import messages
from openfactor.contract.refs import ModelRef
from openfactor.database import Registry
from openfactor.errors import ConflictError, StorageError
from openfactor.model import Estimates
from openfactor.processes import EngineObject
from openfactor.processors import available_processors
from openfactor.progress import ProgressBars
from openfactor.store import Leases, LocalObjects
from openfactor.store.local import make_folder
from openfactor.uploads import UploadStore, check_folder
from openfactor.workspace.calendars import Calendars
from openfactor.workspace.exposures import Exposures
from openfactor.workspace.identity import open_registry
from openfactor.workspace.ids import Ids
from openfactor.workspace.maintenance import Maintenance
from openfactor.workspace.model_store import ModelStore
from openfactor.workspace.riskdatasets import RiskDatasets
from openfactor.workspace.riskmodels import RiskModels
from openfactor.workspace.saved_mappings import SavedMappingStore
from openfactor.workspace.saved_settings import SavedSettingsStore
from openfactor.workspace.tasks import Tasks
from openfactor.workspace.universes import Universes
from openfactor.workspace.uploads import Uploads

STORE = "store"
"""Folder of the store in that of the workspace."""


class LocalWorkspace(EngineObject):
    """Implements `contract.calls.Workspace` on one folder, which is created if it does not exist.

    Parameters
    ----------
    threads : processors to use; by default all that the machine, or its container, has
    progress : show progress bars; by default in notebooks and where standard error is a terminal
    new_registry : where the registry is missing, damaged or of another workspace, begin an empty one

    Raises
    ------
    StorageError: the folder cannot be written, or has data without their registry.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int | None = None,
        progress: bool | None = None,
        new_registry: bool = False,
    ) -> None:
        self._path = Path(path).expanduser().resolve()
        self._threads, self._progress = threads, progress
        context = Context(
            threads=threads or available_processors(),
            listener=ProgressBars(None if progress is None else not progress),
        ).as_request()
        check_folder(self._path)
        try:
            make_folder(self._path)
            self._path.mkdir(exist_ok=True)  # refused where a file is in the way
        except OSError as error:
            raise StorageError(f"cannot open a workspace in {self._path}: {error}") from error
        self._registry = open_registry(self._path, new_registry=new_registry)
        self._leases = Leases(self._path / STORE)
        self._context = context
        self._resources = self._opened(context)
        self._tasks = Tasks(self._answer, context)
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<workspace {self._path}{', closed' if self._is_closed else ''}>"

    def __reduce__(self) -> Any:
        """Opened again where it is unpickled."""
        return partial(LocalWorkspace, threads=self._threads, progress=self._progress), (self._path,)

    @property
    def uploads(self) -> Uploads:
        """Uploads by data type and name."""
        return self._open.uploads

    @property
    def mappings(self) -> SavedMappingStore:
        """Saved mappings of columns."""
        return self._open.mappings

    @property
    def riskdatasets(self) -> RiskDatasets:
        """Risk datasets."""
        return self._open.riskdatasets

    @property
    def saved(self) -> SavedSettingsStore:
        """Saved settings."""
        return self._open.saved

    @property
    def calendars(self) -> Calendars:
        """Trading days of exchanges."""
        return self._open.calendars

    @property
    def ids(self) -> Ids:
        """Identifiers."""
        return self._open.ids

    @property
    def universes(self) -> Universes:
        """Universes."""
        return self._open.universes

    @property
    def exposures(self) -> Exposures:
        """Exposures."""
        return self._open.exposures

    @property
    def riskmodels(self) -> RiskModels:
        """Factor models."""
        return self._open.riskmodels

    @property
    def maintenance(self) -> Maintenance:
        """Checks and prunes what is stored."""
        return self._open.maintenance

    @property
    def tasks(self) -> Tasks:
        """Calls in the background."""
        self._refuse_if_closed()
        return self._tasks

    def estimates(self, model: ModelRef) -> Estimates:
        """The arrays of a model, which never leave this process."""
        return self.riskmodels.fitted(model).estimates

    def close(self) -> None:
        """Cancel the tasks, wait for them, release memory and the database; closing again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._tasks.close()
            self._context.cache.clear()
            self._registry.close()
            self._leases.close()

    def on(self, context: Context) -> LocalWorkspace:
        """The same workspace for a request of its own."""
        other = object.__new__(LocalWorkspace)  # a copy would open the folder again, as pickle does
        other.__dict__.update(self.__dict__)
        other._context, other._resources = context, self._opened(context)
        return other

    def answer(self, resource: str, method: str, message: bytes) -> bytes:
        """Carry out the call of a message as a request of its own; the message of its answer."""
        return self._answer(resource, method, message, self._context.as_request())

    @property
    def _open(self) -> _Resources:
        self._refuse_if_closed()
        return self._resources

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise ConflictError("this client was closed; open another with Client.local")

    def _opened(self, context: Context) -> _Resources:
        return _Resources(self._path, self._registry, self._leases, context)

    def _answer(self, resource: str, method: str, arguments: bytes, context: Context) -> bytes:
        return messages.answer(self.on(context), resource, method, arguments)


class _Resources:
    """What can be called, in one context."""

    def __init__(self, path: Path, registry: Registry, leases: Leases, context: Context) -> None:
        uploads = UploadStore(path / "uploads", context=context)
        objects = LocalObjects(path / STORE)
        self.riskdatasets = RiskDatasets(objects, leases, uploads, registry, context)
        self.maintenance = Maintenance(path / STORE, uploads, registry, context)
        self.saved = SavedSettingsStore(uploads, self.riskdatasets, registry)
        self.mappings = SavedMappingStore(registry)
        self.uploads = Uploads(uploads)
        self.calendars = Calendars(self.saved)
        self.ids = Ids(uploads)
        self.universes = Universes(self.saved, context)
        self.exposures = Exposures(self.saved, self.universes, context)
        store = ModelStore(objects, leases, registry.contents, self.riskdatasets, self.saved, context)
        self.riskmodels = RiskModels(self.saved, store)
