"""Checkpoints: files of states, from which a table is opened without the log before them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from openfactor.errors import StorageError
from openfactor.uploads.storage.disk import put_new
from openfactor.uploads.storage.listing import CHECKPOINT, LOG, Listing
from openfactor.uploads.storage.state import TableState, digest_of, read_checkpoint, write_checkpoint

INTERVAL = 20
"""Entries between checkpoints; as many are read one by one, at most, when a table is opened."""
KEPT = 200
"""Versions between checkpoints that are kept for reading old versions."""


def read_checkpoint_file(folder: Path, name: str) -> TableState | None:
    """The state in a checkpoint; None if the file is damaged or gone, as all of it is in the entries too."""
    try:
        data = (folder / LOG / name).read_bytes()
    except OSError:
        return None
    return read_checkpoint(data) if digest_of(data) == name[21 : -len(CHECKPOINT)] else None


def with_checkpoint(folder: Path, state: TableState) -> TableState:
    """The state. A checkpoint of it is written if the last one is far back, and old ones are thinned out."""
    if state.version - state.checkpoint < INTERVAL:
        return state
    data, digest = write_checkpoint(state)
    with suppress(OSError, StorageError):  # the entries say it all
        put_new(folder / LOG / f"{state.version:020}.{digest}{CHECKPOINT}", data)
        names = Listing.of(folder).checkpoints
        kept = {version // KEPT: version for version in sorted(names)[:-1]}
        for version in sorted(names)[:-2]:
            if version not in kept.values():
                (folder / LOG / names[version]).unlink(missing_ok=True)
    return replace(state, checkpoint=state.version)
