"""Text as programs write it: line ends of old Macs, `sep=` for Excel, packed, with NUL bytes.

Each file holds the same two rows; what is expected is written out below.
"""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import pytest

from openfactor.client.upload import Upload
from openfactor.errors import DataError
from tests.uploads.stores import UploadStore

HEAD, ROWS = "date,ccy,fx_rate\n", "2024-01-02,EUR,0.91\n2024-01-03,EUR,0.92\n"
TEXT = HEAD + ROWS
FRAME = [(dt.date(2024, 1, 2), "EUR", 0.91), (dt.date(2024, 1, 3), "EUR", 0.92)]


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("exchange_rates", "fx")


def staged(upload: Upload, path: Path) -> list[tuple]:
    result = upload.stage_file(path, replace=True)
    assert result.success, result
    return upload.get_staging_data().drop("_name").collect().sort("date").rows()


READABLE = {
    "carriage returns, of old Macs and some mainframes": TEXT.replace("\n", "\r"),
    "carriage returns, none at the end": TEXT.replace("\n", "\r")[:-1],
    "carriage returns and line feeds": TEXT.replace("\n", "\r\n"),
    "a line that tells Excel the separator": "sep=;\n" + TEXT.replace(",", ";"),
    "the same behind a byte order mark": "\ufeffSEP=;\r\n" + TEXT.replace(",", ";").replace("\n", "\r\n"),
    "the same in quotes": '"sep=,"\n' + TEXT,
    "the same with carriage returns": ("sep=|\n" + TEXT.replace(",", "|")).replace("\n", "\r"),
    "blank lines before the headings": "\n \n" + TEXT,
    "a line break in a heading": TEXT.replace("fx_rate", '"fx\nrate"'),
    "a line break of Windows in a heading": TEXT.replace("fx_rate", '"fx\r\nrate"').replace(
        "\n2024", "\r\n2024"
    ),
    "a line break in a heading of a file with carriage returns": TEXT.replace(
        "fx_rate", '"fx\rrate"'
    ).replace("\n", "\r"),
    "a comma in a heading": TEXT.replace(",", ";").replace("ccy", '"currency"'),
    "blanks around": TEXT.replace(",", " , "),
}


@pytest.mark.parametrize("case", READABLE)
def test_readable(upload: Upload, tmp_path: Path, case: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(READABLE[case].encode())
    assert staged(upload, path) == FRAME
    with gzip.open(tmp_path / "x.csv.gz", "wb") as file:
        file.write(READABLE[case].encode())
    assert staged(upload, tmp_path / "x.csv.gz") == FRAME
    assert list(upload.get_staging_results()) == ["x"]


REFUSED = {
    "a NUL byte in an id": (TEXT.replace("EUR", "E\0R", 1), "nul"),
    "a NUL byte in a number": (TEXT.replace("0.91", "0.9\0"), "unreadable"),
    "a NUL byte in a heading": (TEXT.replace("ccy", "c\0cy"), "nul"),
    "too many cells": (TEXT.replace("0.91", "0.91,1"), "unreadable_file"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le").decode("latin-1"), "encoding"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(upload: Upload, tmp_path: Path, case: str) -> None:
    text, rule = REFUSED[case]
    (tmp_path / "x.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        upload.fast_commit(tmp_path / "x.csv", "append")
    assert [fault.rule for fault in caught.value.faults] == [rule]


def test_packed_files_that_are_broken_or_far_too_large(upload: Upload, tmp_path: Path) -> None:
    packed = gzip.compress(TEXT.encode() * 100)
    for data, rule in ((packed[:-9], "unreadable_file"), (gzip.compress(b"0" * (40 << 20)), "bomb")):
        (tmp_path / "x.csv.gz").write_bytes(data)
        with pytest.raises(DataError, match=rule):
            upload.fast_commit(tmp_path / "x.csv.gz", "append")
    (tmp_path / "x.parquet.gz").write_bytes(packed)
    with pytest.raises(DataError, match="unknown_format"):
        upload.fast_commit(tmp_path / "x.parquet.gz", "append")


@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
def test_a_download_that_broke_off(upload: Upload, tmp_path: Path, end: str) -> None:
    """What is missing would be an empty cell."""
    path = tmp_path / "x.csv"
    path.write_bytes(("date,ccy,fx_rate\n2024-01-02,EUR,0.9\n2024-01-03,EU" + end).encode())
    with pytest.raises(DataError, match=r"cut_off.*the last line has 2 cells, and there are 3 headings"):
        upload.fast_commit(path, "append")
    path.write_bytes(("date,ccy,fx_rate\n2024-01-02,EUR,0.9\n" + end).encode())
    assert upload.fast_commit(path, "append").rows_added == 1


@pytest.mark.parametrize("block", [1 << 20, 7])
def test_lines_that_lack_cells(
    upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Whatever is missing, the cells that are there would move into other columns."""
    monkeypatch.setattr("openfactor.uploads.parsing.records._BLOCK", block)
    path = tmp_path / "x.csv"
    text = 'date,ccy,fx_rate\r\n2024-01-02,0.91\r\n2024-01-03,EUR,0.9\r\n\r\n"2024-\r\n,01-04"\r\n,,\r\n'
    path.write_bytes((text + "2024-01-05,EUR,0.9\r\n" * 3).encode())
    with pytest.raises(DataError) as caught:
        upload.fast_commit(path, "append")
    (fault,) = caught.value.faults
    assert (fault.rule, fault.count) == ("short_record", 2)
    assert fault.examples == ("line 2: 2 cells", "line 5: 1 cells")


def test_lines_that_end_in_empty_cells_lack_none(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path / "store").create("portfolios", "p")
    path = tmp_path / "x.csv"
    rows = ["A,x,ticker,2024-01-02,1,", 'A,"y,z",ticker,2024-01-02,2,', "", 'A,5"p"-w,ticker,2024-01-02,3,']
    path.write_text("\n".join(["portfolio_id,asset_id,asset_id_type,date,share_qty,nav", *rows, "\n"]))
    assert upload.fast_commit(path, "append").rows_added == 3


SYSTEM = {
    "__MACOSX/": b"", "__MACOSX/._a.csv": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"x",
}  # fmt: skip


def test_archives_and_folders_made_on_a_mac(upload: Upload, tmp_path: Path) -> None:
    """Finder packs a resource fork beside each file, and the layout of the window."""
    files = {"a.csv": (HEAD + ROWS[:20]).encode(), "b.csv.gz": gzip.compress((HEAD + ROWS[20:]).encode())}
    folder = tmp_path / "rates"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "Archive.zip", "w") as archive:
        for name, data in {**files, **SYSTEM}.items():
            archive.writestr(name, data)
            if "/" not in name:
                (folder / name).write_bytes(data)
    for path in (tmp_path / "Archive.zip", folder):
        assert staged(upload, path) == FRAME
        assert list(upload.wipe_staging()) == ["a", "b"]
    assert upload.fast_commit(folder, "append").committed_names == ["a", "b"]
    with zipfile.ZipFile(tmp_path / "only.zip", "w") as archive:
        archive.writestr("__MACOSX/._a.csv", b"x")
    with pytest.raises(DataError, match="archive is empty"):
        upload.fast_commit(tmp_path / "only.zip", "append")


def test_every_fault_of_a_folder_is_named(upload: Upload, tmp_path: Path) -> None:
    folder = tmp_path / "rates"
    (folder / "old").mkdir(parents=True)
    for name in ("a.csv", "a.tsv", "b.json"):
        (folder / name).write_text(TEXT)
    with pytest.raises(DataError) as caught:
        upload.fast_commit(folder, "append")
    assert [fault.rule for fault in caught.value.faults] == ["repeated_member", "unknown_format", "path"]
    assert upload.version == 0
