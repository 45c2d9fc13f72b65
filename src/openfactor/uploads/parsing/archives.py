"""ZIP archives of files, checked before anything is unpacked, and files packed by gzip."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from openfactor.errors import DataError, Fault
from openfactor.uploads.parsing.faults import file_fault

MAX_MEMBER = 2 << 30
"""Bytes of an unpacked file of an archive."""
MAX_RATIO, RATIO_FREE = 200, 16 << 20
"""A file of an archive may unpack to this many times its size, if to more than `RATIO_FREE` bytes."""
MAX_ARCHIVE = 64 << 30
BROKEN = (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError, RuntimeError)
"""What damaged archives raise."""
_OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
_CHUNK = 1 << 20


def is_of_the_system(name: str) -> bool:
    """Whether a file holds no data, but what macOS and Windows keep beside files."""
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name in _OF_THE_SYSTEM or path.name.startswith("._")


def check_ratio(name: str, packed: int, unpacked: int) -> None:
    """Raise DataError for a file that is too large, or out of all proportion to its packed size."""
    if unpacked > MAX_MEMBER:
        raise file_fault(name, "too_large", f"unpacks to {unpacked:,} bytes; {MAX_MEMBER:,} are allowed")
    if unpacked > RATIO_FREE and unpacked > MAX_RATIO * packed:
        message = f"unpacks to more than {MAX_RATIO} times its size ({unpacked:,} bytes)"
        raise file_fault(name, "bomb", message)


def check_members(name: str, data: bytes) -> None:
    """Raise DataError for a workbook that unpacks to too much."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            check_ratio(f"{name}: {info.filename}", info.compress_size, info.file_size)


def gunzip(name: str, packed: bytes) -> bytes:
    """The content of a file packed by gzip; what is too large is not unpacked to its end."""
    out = bytearray()
    with gzip.open(io.BytesIO(packed)) as file:
        while chunk := file.read(_CHUNK):
            out += chunk
            check_ratio(name, len(packed), len(out))
    return bytes(out)


def members(path: Path, stem: Callable[[str], str]) -> list[zipfile.ZipInfo]:
    """The files of an archive, by name, after everything that its list of files can tell.

    stem : the name under which a file is to be staged; raises DataError for an unknown kind
    """
    faults: list[Fault] = []

    def refuse(member: str, rule: str, message: str) -> None:
        faults.append(Fault(rule, f"{path.name}: {member}", message))

    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not is_of_the_system(info.filename)]
    except BROKEN as error:
        raise file_fault(path.name, "unreadable_file", f"{error}") from error
    stems: dict[str, str] = {}
    for info in infos:
        member = info.filename
        if "/" in member or "\\" in member or member in (".", ".."):
            refuse(member, "path", "the archive must hold files without folders")
            continue
        if info.flag_bits & 1:
            refuse(member, "encrypted", "is encrypted")
        try:
            known = stem(member)
            check_ratio(member, info.compress_size, info.file_size)
        except DataError as error:
            refuse(member, error.faults[0].rule, error.faults[0].message)
            continue
        if known in stems:
            refuse(member, "repeated_member", f"would have the same name as {stems[known]}")
        stems[known] = member
    if not infos:
        refuse("", "empty_file", "the archive is empty")
    total = sum(info.file_size for info in infos)
    if total > MAX_ARCHIVE:
        refuse("", "too_large", f"unpacks to {total:,} bytes; {MAX_ARCHIVE:,} are allowed")
    if faults:
        raise DataError(f"{path.name} cannot be read:", faults)
    return sorted(infos, key=lambda info: info.filename)
