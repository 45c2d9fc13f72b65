"""Faults say where they are in the words of the program that shows the table.

Whoever repairs a file looks for line 41,207 in an editor, or for cell E12 of a sheet. Neither is the number
of the row among those that were read: headings, blank lines and line breaks within cells come before it.
"""

from __future__ import annotations

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import xlsxwriter

from openfactor.client.upload import Upload
from openfactor.errors import DataError
from tests.uploads.stores import UploadStore

CONSTANTS = {"asset_id_type": "ticker", "ccy": "USD"}


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("price", "p")


def places(upload: Upload, path: Path | pd.DataFrame, **options: object) -> dict[str, list[str]]:
    """Rule to the place of each example."""
    with pytest.raises(DataError) as caught:
        upload.fast_commit(path, "append", constants=CONSTANTS, drop_extra=True, **options)  # type: ignore[arg-type]
    assert upload.version == 0
    return {f.rule: [example.partition(",")[0] for example in f.examples] for f in caught.value.faults}


TEXTS = {
    "plain": "date,asset_id,note,close\n2024-01-02,A,x,1\n2024-01-02,B,x,{bad}\n",
    "blank lines": "\n\ndate,asset_id,note,close\n\n2024-01-02,A,x,1\n\n\n2024-01-02,B,x,{bad}\n",
    "sep": "sep=;\ndate;asset_id;note;close\n2024-01-02;A;x;1\n2024-01-02;B;x;{bad}\n",
    "breaks in headings": 'date,asset_id,"a\nno\nte",close\n2024-01-02,A,x,1\n2024-01-02,B,x,{bad}\n',
    "breaks in cells": 'date,asset_id,note,close\n2024-01-02,A,"x\n\ny",1\n2024-01-02,B,"z\nz",{bad}\n',
    "byte order mark": "\ufeffdate,asset_id,note,close\n2024-01-02,B,x,{bad}\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(
    ("bad", "rule"), [("abc", "unreadable"), ("#N/A", "spreadsheet_error"), ("-5", "positive")]
)
def test_lines_of_text(upload: Upload, tmp_path: Path, text: str, end: str, bad: str, rule: str) -> None:
    text = text.replace("{bad}", bad)
    # the record of B begins on the last line but those within its own cells
    line = text[: text.index("2024-01-02,B" if "2024-01-02,B" in text else "2024-01-02;B")].count("\n") + 1
    (tmp_path / "x.csv").write_bytes(text.replace("\n", end).encode())
    assert places(upload, tmp_path / "x.csv") == {rule: [f"line {line}"]}
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.replace("\n", end).encode()))
    assert places(upload, tmp_path / "x.csv.gz") == {rule: [f"line {line}"]}
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.csv", "x.csv")
    assert places(upload, tmp_path / "x.zip") == {rule: [f"line {line}"]}


def test_repeated_keys_and_empty_cells_have_their_lines(upload: Upload, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("date,asset_id,close\n2024-01-02,A,1\n\n2024-01-02,,1\n2024-01-02,A,1\n")
    assert places(upload, tmp_path / "x.csv") == {
        "duplicate_key": ["line 2", "line 5"], "empty": ["line 4"],
    }  # fmt: skip


@pytest.mark.parametrize("row", ["2024-01-03,C,1,1", '"2024\n-01-03",C,1,1,1'])
def test_the_line_with_too_many_cells(upload: Upload, tmp_path: Path, row: str) -> None:
    text = f'date,asset_id,close\n2024-01-02,"A\nB",1\n\n2024-01-02,C,1\n{row}\n2024-01-04,C,1\n'
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=rf"line 6 has {row.count(',') + 1} cells, and there are 3 headings"):
        upload.fast_commit(tmp_path / "x.csv", "append", constants=CONSTANTS)


def sheet(path: Path, top: int, left: int) -> Path:
    """Headings at a place: date, empty, ticker, close."""
    rows = [("2024-01-02", "A", 1), ("2024-01-03", "A", -1), ("2024-01-03", "B", "x"), ("2024-01-03", "A", 2)]
    with xlsxwriter.Workbook(path) as book:
        cells = book.add_worksheet("My prices")
        for i, (day, asset, close) in enumerate([("date", "ticker", "close"), *rows]):
            cells.write(top + i, left, day)
            cells.write(top + i, left + 2, asset)
            cells.write(top + i, left + 3, close)
    return path


@pytest.mark.parametrize(
    ("top", "left", "bad", "negative", "rows"),
    [(0, 0, "D4", "D3", (3, 5)), (9, 1, "E13", "E12", (12, 14)), (0, 24, "AB4", "AB3", (3, 5))],
)
def test_cells_of_workbooks(
    upload: Upload, tmp_path: Path, top: int, left: int, bad: str, negative: str, rows: tuple[int, int]
) -> None:
    path = sheet(tmp_path / "x.xlsx", top, left)
    with pytest.raises(DataError) as caught:
        upload.fast_commit(path, "append", constants={"ccy": "USD"})
    found = {f.rule: [example.partition(",")[0] for example in f.examples] for f in caught.value.faults}
    assert found == {
        "unreadable": [f"My prices!{bad}"],
        "positive": [f"My prices!{negative}"],
        "duplicate_key": [f"My prices row {row}" for row in rows],
    }


def test_tables_with_two_rows_of_headings(upload: Upload, tmp_path: Path) -> None:
    text = "Price,Close,Close\nTicker,A,B\nDate,,\n2024-01-02,1,2\n2024-01-03,,\n2024-01-04,3,x\n"
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        upload.fast_commit(tmp_path / "x.csv", "append", constants={"ccy": "USD"})
    assert [f.examples for f in caught.value.faults] == [("line 6, Close x",)]


def test_rows_of_frames_count_from_0(upload: Upload) -> None:
    frame = pl.DataFrame({"date": dt.date(2024, 1, 2), "asset_id": ["A", "B"], "close": [1.0, -1.0]})
    assert places(upload, frame) == {"positive": ["row 1"]}  # type: ignore[arg-type]
