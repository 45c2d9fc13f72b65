"""ZIP archives, checked before anything is unpacked, and gzip files."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from openfactor.errors import DataError, Fault
from openfactor.uploads.parsing.faults import file_fault
from openfactor.uploads.parsing.limits import (
    MAX_ARCHIVE,
    MAX_MEMBER,
    MAX_MEMBERS,
    MAX_RATIO,
    RATIO_FREE,
    free_memory,
)

BROKEN = (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError, RuntimeError)
"""Errors that damaged archives cause."""
_SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")
_CHUNK = 1 << 20


def is_system_file(name: str) -> bool:
    """Whether a file holds no data, only what macOS or Windows keep for themselves."""
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name in _SYSTEM_FILES or path.name.startswith("._")


def check_ratio(name: str, packed: int, unpacked: int) -> None:
    """Raise DataError for a file that is too large, or far too large for its packed size."""
    if unpacked > MAX_MEMBER:
        raise file_fault(name, "too_large", f"unpacks to {unpacked:,} bytes; {MAX_MEMBER:,} are allowed")
    free = free_memory() if unpacked > RATIO_FREE else None
    if free is not None and unpacked > free:
        message = f"unpacks to {unpacked:,} bytes, and {max(free, 0):,} of memory are free; split it"
        raise file_fault(name, "too_large", message)
    if unpacked > RATIO_FREE and unpacked > MAX_RATIO * packed:
        message = f"unpacks to more than {MAX_RATIO} times its size ({unpacked:,} bytes)"
        raise file_fault(name, "bomb", message)


def check_members(name: str, data: bytes) -> None:
    """Raise DataError for a workbook with a part that `check_ratio` refuses, or too many or large parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
    _check_count(name, len(infos))
    for info in infos:
        check_ratio(f"{name}: {info.filename}", info.compress_size, info.file_size)
    check_ratio(name, len(data), sum(info.file_size for info in infos))


def _check_count(name: str, members: int) -> None:
    if members > MAX_MEMBERS:
        raise file_fault(name, "too_large", f"holds {members:,} files; {MAX_MEMBERS:,} are allowed; split it")


def gunzip(name: str, packed: bytes) -> bytes:
    """The content of a gzip file; unpacking stops where `check_ratio` refuses it."""
    out = bytearray()
    with gzip.open(io.BytesIO(packed)) as file:
        while chunk := file.read(_CHUNK):
            out += chunk
            check_ratio(name, len(packed), len(out))
    return bytes(out)


def members(path: Path, stem: Callable[[str], str]) -> list[zipfile.ZipInfo]:
    """The files of an archive, sorted by name, if its list of files shows nothing wrong.

    Parameters
    ----------
    path
        The archive.
    stem
        Gives the name under which a file is to be staged; raises DataError for an unknown format.

    Raises
    ------
    DataError
        With every fault.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not is_system_file(info.filename)]
    except BROKEN as error:
        raise file_fault(path.name, "unreadable_file", f"{error}") from error
    _check_count(path.name, len(infos))
    faults: list[Fault] = []
    by_stem: dict[str, str] = {}
    for info in infos:
        fault = _member_fault(info, stem, by_stem)
        faults += [Fault(fault[0], f"{path.name}: {info.filename}", fault[1])] if fault else []
    total = sum(info.file_size for info in infos)
    if not infos:
        faults.append(Fault("empty_file", path.name, "the archive is empty"))
    if total > MAX_ARCHIVE:
        message = f"unpacks to {total:,} bytes; {MAX_ARCHIVE:,} are allowed"
        faults.append(Fault("too_large", path.name, message))
    if faults:
        raise DataError(f"{path.name} cannot be read:", faults)
    return sorted(infos, key=lambda info: info.filename)


def _member_fault(
    info: zipfile.ZipInfo, stem: Callable[[str], str], by_stem: dict[str, str]
) -> tuple[str, str] | None:
    """Rule and message of what is wrong with a file of an archive; `by_stem` collects the names so far."""
    member = info.filename
    if "/" in member or "\\" in member or member in (".", ".."):
        return "path", "the archive must hold files without folders"
    if info.flag_bits & 1:
        return "encrypted", "is encrypted"
    try:
        name = stem(member)
        check_ratio(member, info.compress_size, info.file_size)
    except DataError as error:
        return error.faults[0].rule, error.faults[0].message
    if name in by_stem:
        return "repeated_member", f"would have the same name as {by_stem[name]}"
    by_stem[name] = member
    return None
