"""Manifests: which packs make a dataset or a model. A manifest is named by the hash of its text, which is the
identity of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from openfactor.store.objects import NewerFormatError, Objects, damaged, put
from openfactor.store.packs import PackRef

FORMAT = 1
DATASET, ESTIMATES = "dataset", "estimates"
"""Kinds of content."""
PREFIX = "manifests/"
_MAGIC = "openfactor manifest"


@dataclass(frozen=True)
class Manifest:
    """What makes a dataset, estimates or a forecast."""

    kind: str
    """Such as "dataset"."""
    meta: Mapping[str, Any]
    """JSON values."""
    runs: Mapping[str, Mapping[str, PackRef]] = field(default_factory=dict)
    """Name of each run, in order, to its parts."""
    parts: Mapping[str, PackRef] = field(default_factory=dict)
    """What belongs to no run."""

    @property
    def packs(self) -> Iterator[PackRef]:
        """All packs that it refers to."""
        yield from self.parts.values()
        for parts in self.runs.values():
            yield from parts.values()


def key_of(content: str) -> str:
    """Key of the object that has a manifest."""
    return f"{PREFIX}{content[:2]}/{content}"


def write_manifest(objects: Objects, manifest: Manifest) -> str:
    """Keep a manifest; its hash. Its packs must be kept already."""
    value = {
        "magic": _MAGIC,
        "format": FORMAT,
        "kind": manifest.kind,
        "meta": manifest.meta,
        "parts": manifest.parts,
        "runs": manifest.runs,
    }
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    content = hashlib.sha256(text).hexdigest()
    put(objects, key_of(content), text)
    return content


def read_manifest(objects: Objects, content: str) -> Manifest:
    """The manifest with a hash.

    Raises
    ------
    MissingObjectError: there is none. DamagedObjectError: it is not what was written. NewerFormatError: a
    newer release wrote it.
    """
    text = objects.get(key_of(content))
    if hashlib.sha256(text).hexdigest() != content:
        raise damaged(f"the manifest {content}", "its text is not what was written")
    value = json.loads(text)
    if value["format"] > FORMAT:
        raise NewerFormatError(
            f"the manifest {content} has format {value['format']}, this release reads {FORMAT}: use a newer "
            "release"
        )
    return Manifest(
        value["kind"],
        value["meta"],
        {run: _refs(parts) for run, parts in value["runs"].items()},
        _refs(value["parts"]),
    )


def _refs(parts: Mapping[str, Any]) -> dict[str, PackRef]:
    return {name: PackRef(*ref) for name, ref in parts.items()}
