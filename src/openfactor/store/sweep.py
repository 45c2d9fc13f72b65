"""Removes stored content that nobody refers to, and checks the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from openfactor.errors import StorageError
from openfactor.store.local import DRAFTS
from openfactor.store.manifests import PREFIX as MANIFESTS
from openfactor.store.manifests import key_of, read_manifest
from openfactor.store.objects import DamagedObjectError, MissingObjectError, Objects
from openfactor.store.packs import PREFIX as PACKS
from openfactor.store.packs import PackRef, verify


@dataclass(frozen=True)
class Swept:
    """What a sweep removed, or would remove."""

    removed: Counter[str] = field(default_factory=Counter)
    """"packs", "manifests" or "drafts" to how many."""
    n_bytes: int = 0
    """Their size."""


def sweep(objects: Objects, kept: Iterable[str], grace: float, *, dry_run: bool = False) -> Swept:
    """Remove packs and manifests that no kept content refers to, and drafts that were never finished.

    Parameters
    ----------
    kept
        Contents that stay.
    grace
        Seconds for which objects stay in any case: what is being written has no name yet.
    dry_run
        Only say what would be removed.

    Raises
    ------
    StorageError: a manifest that is kept cannot be read, so that nobody knows its packs; nothing was removed.
    """
    used = set()
    for content in set(kept):
        used.add(key_of(content))
        try:
            used.update(ref.key for ref in read_manifest(objects, content).packs)
        except MissingObjectError:  # it has no packs that could be lost
            continue
    newest = time.time() - grace
    doomed = [
        info
        for prefix in (MANIFESTS, PACKS, f"{DRAFTS}/")
        for info in objects.list(prefix)
        if info.key not in used and info.modified <= newest
    ]
    if not dry_run:
        objects.delete(info.key for info in doomed)
    removed = Counter(info.key.partition("/")[0] for info in doomed)
    return Swept(removed, sum(info.size for info in doomed))


def damage(objects: Objects, contents: Iterable[str]) -> Iterator[tuple[StorageError, list[str]]]:
    """Read everything that contents refer to; what is missing or damaged, and the contents that need it."""
    users: dict[PackRef, list[str]] = {}
    for content in contents:
        try:
            for ref in set(read_manifest(objects, content).packs):
                users.setdefault(ref, []).append(content)
        except StorageError as error:
            yield error, [content]
    for ref, needed_by in users.items():
        try:
            verify(objects, ref)
        except (MissingObjectError, DamagedObjectError) as error:
            yield error, needed_by
