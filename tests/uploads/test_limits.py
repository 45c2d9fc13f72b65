"""Small files that declare huge tables: they are refused, and the process survives."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from openfactor.errors import DataError
from openfactor.uploads.parsing.files import sources
from openfactor.uploads.parsing.limits import MAX_CHUNKS, MAX_COLUMNS, MAX_MEMBERS, free_memory
from openfactor.uploads.parsing.parser import parse
from openfactor.uploads.types import DATA_TYPES

LIMIT = 2 << 30
READ = f"""
import resource, sys
from pathlib import Path
from openfactor.errors import DataError
from openfactor.uploads.parsing.files import sources
resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT}))
try:
    for source in sources(Path(sys.argv[1])):
        source.read()
except DataError as error:
    print(error)
"""


def arrow(path: Path, compression: str, *, stream: bool = False) -> Path:
    batch = pa.record_batch({"close": np.zeros(1 << 22)})
    write = ipc.new_stream if stream else ipc.new_file
    with write(path, batch.schema, options=ipc.IpcWriteOptions(compression=compression)) as file:
        for _ in range(200):
            file.write_batch(batch)
    return path


def dictionaries(path: Path) -> Path:
    batch = pa.record_batch(
        {"ccy": pa.array(["EUR"]).dictionary_encode().take(pa.array(np.zeros(1 << 22, "i4")))}
    )
    with pq.ParquetWriter(path, batch.schema) as file:
        for _ in range(30):
            file.write_batch(batch)
    return path


def row_groups(path: Path) -> Path:
    """Two elements of a schema, and more row groups than allowed, all without columns."""
    count = MAX_CHUNKS + 1
    length = bytes([count & 0x7F | 0x80, count >> 7 & 0x7F | 0x80, count >> 14])
    footer = b"\x15\x02\x19\x2c\0\0\x29\xfc" + length + bytes(count) + b"\0"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    return path


def columns(path: Path) -> Path:
    path.write_text(",".join(f"c{i}" for i in range(MAX_COLUMNS + 1)) + "\n")
    return path


def member(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        for _ in range(200):
            file.write(b"0" * (1 << 20))
    return path


def nested(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.zip", b"PK\x05\x06" + bytes(18))
    return path


def sheet(path: Path, address: str, *, start: str = "") -> Path:
    """A workbook with one cell at an address, written in an unusual way."""
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write(0, 0, 1)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(
        b"</sheetData>", f"<row><c {address}><v>1</v></c></row></sheetData>".encode()
    )
    if start:
        parts[name] = parts[name].replace(b"<worksheet", start.encode() + b"<worksheet")
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


HARMFUL: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "zstd Arrow": ("x.arrow", lambda path: arrow(path, "zstd"), "bomb"),
    "lz4 Feather": ("x.feather", lambda path: arrow(path, "lz4"), "bomb"),
    "zstd stream": ("x.arrow", lambda path: arrow(path, "zstd", stream=True), "bomb"),
    "dictionaries": ("x.parquet", dictionaries, "bomb"),
    "row groups": ("x.parquet", row_groups, "too_large"),
    "columns": ("x.csv", columns, "too_large"),
    "member": ("x.zip", member, "bomb"),
    "nested archive": ("x.zip", nested, "unknown_format"),
    "last cell": ("x.xlsx", lambda path: sheet(path, 'r="XFD1048576"'), "bomb"),
    "last cell in lower case": ("x.xlsx", lambda path: sheet(path, "r='xfd1048576'"), "bomb"),
    "last cell with spaces": ("x.xlsx", lambda path: sheet(path, 'r = "XFD1048576"'), "bomb"),
    "last cell, escaped": ("x.xlsx", lambda path: sheet(path, 'r="&#88;FD1048576"'), "unreadable_file"),
    "entities": (
        "x.xlsx",
        lambda path: sheet(path, 'r="A2"', start='<!DOCTYPE x [<!ENTITY a "b">]>'),
        "unreadable_file",
    ),
}


@pytest.mark.parametrize("case", HARMFUL)
def test_the_process_survives(tmp_path: Path, case: str) -> None:
    name, make, rule = HARMFUL[case]
    path = make(tmp_path / name)
    assert path.stat().st_size < 32 << 20
    ended = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert f"[{rule}]" in ended.stdout


def test_a_table_larger_than_the_free_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"close": np.arange(1_000_000) / 7}).write_parquet(path)
    assert len(sources(path)[0].read().frame) == 1_000_000
    monkeypatch.setattr("openfactor.uploads.parsing.limits.free_memory", lambda: 10_000_000)
    with pytest.raises(DataError, match=r"needs about 16,\d+,\d+ bytes of memory, and 10,000,000 are free"):
        sources(path)[0].read()


def test_free_memory_is_within_the_machine() -> None:
    free = free_memory()
    assert free is None or 0 < free < 1 << 50


def test_headings_are_matched_in_linear_time(tmp_path: Path) -> None:
    def seconds(n: int) -> float:
        frame = pl.DataFrame({"date": ["2024-01-01"]} | {f"c{i}": ["1"] for i in range(n)})
        start = time.perf_counter()
        parse(frame, DATA_TYPES["exchange_rates"], "x")
        return time.perf_counter() - start

    seconds(100)
    assert seconds(40_000) < 12 * seconds(10_000)


def test_archives_of_many_files(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(MAX_MEMBERS + 1):
            archive.writestr(zipfile.ZipInfo(f"{i}.csv"), b"")
    with pytest.raises(DataError, match=r"holds 100,001 files; 100,000 are allowed"):
        sources(path)
