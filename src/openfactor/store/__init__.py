"""Immutable content: packs of arrays, and manifests that say which packs make what.

The only package that names, maps and removes stored content. See docs/store.md.
"""

from openfactor.store.leases import Leases
from openfactor.store.local import LocalObjects
from openfactor.store.manifests import DATASET, ESTIMATES, Manifest, read_manifest, write_manifest
from openfactor.store.objects import (
    DamagedObjectError,
    MissingObjectError,
    NewerFormatError,
    Objects,
)
from openfactor.store.packs import Pack, PackRef, PackWriter, write_pack

__all__ = [
    "DATASET",
    "ESTIMATES",
    "DamagedObjectError",
    "Leases",
    "LocalObjects",
    "Manifest",
    "MissingObjectError",
    "NewerFormatError",
    "Objects",
    "Pack",
    "PackRef",
    "PackWriter",
    "read_manifest",
    "write_manifest",
    "write_pack",
]
