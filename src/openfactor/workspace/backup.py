"""A copy of a workspace that is consistent, whatever others write meanwhile.

The database comes first, so all that it names is older than the copy of it. Contents do not change, and a
lease keeps them from being pruned. Versions of uploads that they were made from are older, too.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa

from openfactor.context import Context
from openfactor.database import MadeContent, Registry
from openfactor.errors import ConflictError, StorageError
from openfactor.store import Leases, LocalObjects, MissingObjectError, read_manifest
from openfactor.store.local import make_folder, refusal, sync_folder
from openfactor.store.manifests import key_of
from openfactor.uploads import UploadStore
from openfactor.workspace.identity import DATABASE

STORE = "store"
UPLOADS = "uploads"
_TRIES = 20
"""Attempts to copy a database that names nothing new."""


class Backup:
    """Copies of one workspace.

    Parameters
    ----------
    folder
        Of the workspace.
    """

    def __init__(self, folder: Path, registry: Registry, context: Context) -> None:
        self._folder = folder
        self._registry = registry
        self._context = context

    def write(self, target: Path) -> list[str]:
        """Copy the workspace to a folder, which appears when it is complete; what could not be read.

        Raises
        ------
        ConflictError: the folder is there already, or in the workspace. StorageError: the disk refuses.
        CancelledError: the request was cancelled. Nothing is left behind.
        """
        if target.exists() or target.is_relative_to(self._folder):
            raise ConflictError(f"{target} is there already, or in the workspace; choose another folder")
        part, problems = target.with_name(f".part-{uuid.uuid4().hex}"), list[str]()
        leases = Leases(self._folder / STORE)
        try:
            make_folder(part)
            with ExitStack() as held:
                contents = self._copy_database(part, leases, held)
                problems += self._copy_store(part, contents)
            uploads = UploadStore(self._folder / UPLOADS, context=self._context)
            make_folder(part / UPLOADS)
            problems += uploads.upkeep.copy_to(part / UPLOADS)
            sync_folder(part)
            os.rename(part, target)
            sync_folder(target.parent)
            return problems
        except OSError as error:
            raise refusal(f"write a backup to {target}", error) from error
        finally:
            leases.close()
            shutil.rmtree(part, ignore_errors=True)

    def _copy_database(self, part: Path, leases: Leases, held: ExitStack) -> list[MadeContent]:
        """Copy the database; what it names, none of which is pruned before the stack is closed."""
        known = set[str]()
        for number in range(_TRIES):
            for content in {made.content for made in self._registry.contents.list()} - known:
                held.enter_context(leases.reading(content))
                known.add(content)
            path = part / (DATABASE if number == 0 else f"{number}-{DATABASE}")
            self._registry.copy_to(str(path))
            contents = contents_of(path)
            if {made.content for made in contents} <= known:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                os.replace(path, part / DATABASE)
                return contents
        raise StorageError("other processes store new data all the time; try again when there are fewer")

    def _copy_store(self, part: Path, contents: list[MadeContent]) -> Iterator[str]:
        source, target = LocalObjects(self._folder / STORE), LocalObjects(part / STORE)
        keys = {key for made in contents for key in _keys(source, made.content)}
        with self._context.step("copying stored data", len(keys), unit="files") as advance:
            for key in sorted(keys, reverse=True):  # packs before the manifests that name them
                draft = target.draft()
                try:
                    with source.local(key).open("rb") as file:
                        shutil.copyfileobj(file, draft.file)
                    draft.commit(key)
                except MissingObjectError as error:
                    yield str(error)
                finally:
                    draft.discard()
                advance()


def contents_of(database: Path) -> list[MadeContent]:
    """What a database names."""
    registry = Registry(sa.URL.create("sqlite", database=str(database)), may_create=False)
    try:
        return registry.contents.list()
    finally:
        registry.close()


def _keys(objects: LocalObjects, content: str) -> Iterator[str]:
    """Keys of a manifest and its packs; those of what is damaged, as far as they are known."""
    yield key_of(content)
    try:
        for pack in read_manifest(objects, content).packs:
            yield pack.key
    except StorageError:
        return
