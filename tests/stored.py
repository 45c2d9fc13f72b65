"""What tests see of stored content, without opening a client."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from openfactor.database import Contents, Registry


def contents_of(folder: Path) -> Contents:
    """Which content of a workspace was made from what."""
    return Registry(sa.URL.create("sqlite", database=str(folder / "openfactor.sqlite"))).contents


def files_of(folder: Path, kind: str) -> set[Path]:
    """The files of a kind in a workspace's store: "packs", "manifests" or "drafts"."""
    return {path for path in (folder / "store" / kind).rglob("*") if path.is_file()}
