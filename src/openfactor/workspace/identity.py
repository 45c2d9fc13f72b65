"""Which database belongs to the folder of a workspace: `workspace.json` and the database have the same id."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import sqlalchemy as sa

from openfactor import __version__
from openfactor.database import DamagedDatabaseError, Registry
from openfactor.errors import StorageError
from openfactor.store.local import refusal, sync_folder

IDENTITY = "workspace.json"
DATABASE = "openfactor.sqlite"
FORMAT = 2
"""Of the folder. In format 1, which had no identity, datasets and models were folders of arrays."""
_DATA = ("uploads/*/*/_delta_log", "store/manifests/*", "datasets/*", "models/*")
_REMEDY = (
    "restore it from a backup, or open the workspace with `new_registry=True`, which keeps the uploads and "
    "begins without datasets and saved settings"
)


def open_registry(folder: Path, *, new_registry: bool = False) -> Registry:
    """The registry of a workspace, which is made if the folder is new.

    Parameters
    ----------
    new_registry
        If the registry is missing, damaged or of another workspace, set aside what there is and begin an
        empty one.

    Raises
    ------
    StorageError: the folder has data, but not their registry; or a newer release wrote it.
    """
    with _locked(folder) if new_registry else nullcontext():
        try:
            return _opened(folder)
        except DamagedDatabaseError:
            if not new_registry:
                raise
        try:
            _set_aside(folder)
        except OSError as error:
            raise refusal(f"set aside the registry of {folder}", error) from error
        return _with_identity(folder, _registry(folder, may_create=True))


def _opened(folder: Path) -> Registry:
    # looked at before the database: a folder that was new then may have both by now
    has_data = any(True for pattern in _DATA for _ in folder.glob(pattern))
    may_create = _read(folder) is None and not has_data
    if not (folder / DATABASE).exists() and not may_create:
        raise DamagedDatabaseError(f"{folder} has data, but its registry {DATABASE} is missing; {_REMEDY}")
    return _with_identity(folder, _registry(folder, may_create=may_create))


def _registry(folder: Path, *, may_create: bool) -> Registry:
    url = sa.URL.create("sqlite", database=str(folder / DATABASE))
    return Registry(url, release=__version__, may_create=may_create)


def _with_identity(folder: Path, registry: Registry) -> Registry:
    """A registry that belongs to the folder; the folder gets an identity if it has none."""
    known, present = _read(folder), registry.workspace_id
    if known is None:
        _write(folder, present)
    elif known != present:
        registry.close()
        raise DamagedDatabaseError(
            f"{folder / DATABASE} is the registry of another workspace ({present[:8]}, not {known[:8]}); "
            f"{_REMEDY}; if it belongs to these data after all, delete {IDENTITY}"
        )
    return registry


def _read(folder: Path) -> str | None:
    """The id of a folder; None if it has none yet."""
    path = folder / IDENTITY
    try:
        content = json.loads(path.read_bytes())
        number, identity = int(content["format"]), str(content["id"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(f"read {path}", error) from error
    except (ValueError, TypeError, LookupError) as error:
        raise StorageError(f"{path} is damaged; delete it, and it is made again from {DATABASE}") from error
    if number > FORMAT:
        raise StorageError(
            f"the workspace {folder} has format {number}; this release, {__version__}, reads formats up to "
            f"{FORMAT}: install a later release of openfactor"
        )
    return identity


def _write(folder: Path, identity: str) -> None:
    part = folder / f".part-{uuid.uuid4().hex}"
    try:
        with part.open("x") as file:
            json.dump({"format": FORMAT, "id": identity}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / IDENTITY)
        sync_folder(folder)
    except OSError as error:
        raise refusal(f"write to {folder}", error) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else begins a new registry meanwhile."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _set_aside(folder: Path) -> None:
    """Rename the files of a database that does not serve, and forget the identity of the folder."""
    number = 1
    while (folder / f"lost-{number}-{DATABASE}").exists():
        number += 1
    (folder / IDENTITY).unlink(missing_ok=True)
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            (folder / f"{DATABASE}{suffix}").rename(folder / f"lost-{number}-{DATABASE}{suffix}")
    sync_folder(folder)
