"""Which part of an Office Open XML package holds a sheet."""

from __future__ import annotations

import posixpath
import zipfile
from xml.etree import ElementTree


def part_of(archive: zipfile.ZipFile, relations: str, key: str) -> str:
    """The path of the part that the workbook's relation `key` leads to; KeyError if none does."""
    tree = ElementTree.fromstring(archive.read(relations))
    for element in tree.iter():
        if element.get("Id") == key:
            return posixpath.normpath(posixpath.join("xl", str(element.get("Target")))).lstrip("/")
    raise KeyError(f"the workbook has no part {key}")
