"""Excel as people fill it: identifiers that look like numbers, formulas that fail, dates beside text.

PERMNOs and Korean or Japanese tickers are typed as numbers into columns that also hold `AAPL`; a lookup that
finds nothing leaves `#N/A`, and a growth rate over zero `#DIV/0!`. Readers that give a column one type turn
the first into other identifiers and the second into empty cells.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from tests.uploads.stores import UploadStore

HEADINGS = ("date", "asset_id", "asset_id_type", "ccy", "close")
DAY = dt.datetime(2024, 1, 2)


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("price", "p")


def workbook(path: Path, rows: list[tuple[Any, ...]], top: int = 0, left: int = 0) -> Path:
    """A formula and its value are given as a pair."""
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet("Prices"), book.add_format({"num_format": "yyyy-mm-dd"})
        for i, cells in enumerate([HEADINGS, *rows]):
            for j, cell in enumerate(cells):
                if isinstance(cell, tuple):
                    sheet.write_formula(top + i, left + j, cell[0], None, cell[1])
                elif isinstance(cell, dt.datetime):
                    sheet.write_datetime(top + i, left + j, cell, day)
                elif cell is not None:
                    write = sheet.write_string if isinstance(cell, str) else sheet.write
                    write(top + i, left + j, cell)
        book.add_worksheet("Notes")
    return path


def row(asset: Any = "AAPL", close: Any = 1.5, day: Any = DAY) -> tuple[Any, ...]:
    return day, asset, "ticker", "USD", close


def told(upload: Upload, path: Path) -> dict[str, str]:
    """Rule and column to message."""
    result = upload.stage_file(path, replace=True)
    assert not result.success
    found = upload.validate_staging_data()
    shown = pl.col("first_rows").list.join("; ")
    return {
        f"{rule}:{column}": rows
        for rule, frame in found.items()
        for column, rows in frame.select("column", shown).rows()
    }


def test_identifiers_that_are_numbers_are_not_taken_for_text(upload: Upload, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [row(), row(263494), row("2.0e5"), row(2.0e5), row("000660")])
    assert told(upload, path) == {
        "mixed_types:asset_id": "Prices!B3, asset_id 263494.0; Prices!B5, asset_id 200000.0"
    }


def test_identifiers_that_are_text_stay_as_they_are(upload: Upload, tmp_path: Path) -> None:
    texts = ["AAPL", "263494", "2.0e5", "000660", "1E10", "TRUE", "2024-01-02"]
    assert upload.stage_file(workbook(tmp_path / "x.xlsx", [row(text) for text in texts])).success
    assert upload.get_staging_data().collect()["asset_id"].sort().to_list() == sorted(texts)


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"])
@pytest.mark.parametrize("place", [(0, 0), (3, 2)])
def test_errors_are_no_empty_cells(
    upload: Upload, tmp_path: Path, error: str, place: tuple[int, int]
) -> None:
    rows = [row(), row("MSFT", ("=1/0", error)), row("IBM", None)]
    path = workbook(tmp_path / "x.xlsx", rows, *place)
    cell, id_cell = ("Prices!E3", "Prices!B3") if place == (0, 0) else ("Prices!G6", "Prices!D6")
    assert told(upload, path) == {"spreadsheet_error:close": f"{cell}, close {error}"}
    path = workbook(tmp_path / "x.xlsx", [row(), row(("=1/0", error))], *place)
    assert told(upload, path) == {"spreadsheet_error:asset_id": f"{id_cell}, asset_id {error}"}


def test_the_same_error_in_text_is_the_same_fault(upload: Upload, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",".join(HEADINGS) + "\n2024-01-02,AAPL,ticker,USD,#N/A\n")
    assert told(upload, tmp_path / "x.csv") == {"spreadsheet_error:close": "line 2, close #N/A"}


def test_every_fault_of_a_workbook_is_named_at_once(upload: Upload, tmp_path: Path) -> None:
    rows = [row(5, "x"), row("A", ("=1/0", "#DIV/0!"), "2024121"), row(None, True)]
    found = told(upload, workbook(tmp_path / "x.xlsx", rows))
    assert set(found) == {
        "mixed_types:asset_id", "unreadable:close", "spreadsheet_error:close", "unreadable:date",
        "empty:asset_id",
    }  # fmt: skip


def test_cells_of_several_types_are_each_read_for_themselves(upload: Upload, tmp_path: Path) -> None:
    rows = [row(), row("B", "2.5", "2024-01-02"), row("C", "n/a", 20240102)]
    assert upload.stage_file(workbook(tmp_path / "x.xlsx", rows)).success
    found = upload.get_staging_data().collect().sort("asset_id")
    assert found["close"].to_list() == [1.5, 2.5, None]
    assert found["date"].to_list() == [dt.date(2024, 1, 2)] * 3


@pytest.mark.parametrize("day", [45293, dt.datetime(2024, 1, 2, 9, 30), True])
def test_what_is_no_date(upload: Upload, tmp_path: Path, day: Any) -> None:
    """45293 is how Excel keeps 2024-01-02 in a cell that is not formatted as a date."""
    found = told(upload, workbook(tmp_path / "x.xlsx", [row(), row("B", day=day)]))
    assert {key.partition(":")[2] for key in found} == {"date"}


def test_numbers_keep_all_their_digits(upload: Upload, tmp_path: Path) -> None:
    """As text they would have fifteen, or nine."""
    values = [0.1, 1 / 3, 1.5e300, 123456789.123456, 5e-324]
    frame = pl.DataFrame({
        "date": dt.date(2024, 1, 2), "asset_id": [*"abcde"], "asset_id_type": "t", "ccy": "USD",
        "close": values,
    })  # fmt: skip
    frame.write_excel(tmp_path / "x.xlsx")
    assert upload.stage_file(tmp_path / "x.xlsx").success
    staged = upload.get_staging_data(columns=["asset_id", "close"]).collect().drop("_name").sort("asset_id")
    # xlsxwriter writes 16 digits
    assert_frame_equal(staged, frame.select("asset_id", "close"), rel_tol=1e-15, abs_tol=0)


MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)


def opendocument(path: Path, rows: list[list[str]]) -> Path:
    """A sheet of LibreOffice, after another one; cells are XML."""
    names = " ".join(
        f'xmlns:{key}="urn:oasis:names:tc:opendocument:xmlns:{value}:1.0"'
        for key, value in {"office": "office", "table": "table", "text": "text"}.items()
    )
    body = "".join(f"<table:table-row>{''.join(cells)}</table:table-row>" for cells in rows)
    blank = '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body>'
        f'<office:spreadsheet><table:table table:name="Notes"/><table:table table:name="Prices">{blank}{body}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
    return path


def text_cell(text: str, repeated: int = 1) -> str:
    many = f' table:number-columns-repeated="{repeated}"' if repeated > 1 else ""
    return f'<table:table-cell{many} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


@pytest.mark.parametrize("value", ['"string" office:string-value=""', '"float" office:value="0"'])
@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#NAME?", "Err:502"])
def test_errors_of_opendocument(upload: Upload, tmp_path: Path, error: str, value: str) -> None:
    """LibreOffice keeps an empty text beside the error that is shown, Excel a zero."""
    bad = (
        f'<table:table-cell table:formula="of:=1/0" office:value-type={value}>'
        f"<text:p>{error}</text:p></table:table-cell>"
    )
    good = bad.replace(value, '"float" office:value="1.5"').replace(error, "1.5")
    empty = '<table:table-cell table:number-columns-repeated="2"/>'
    start = [empty, text_cell("2024-01-02")]
    rows = [
        [empty, *(text_cell(name) for name in ("date", "asset_id", "asset_id_type", "ccy", "close"))],
        [*start, text_cell("A", 2), text_cell("USD"), good],
        [*start, text_cell("B", 2), text_cell("USD"), bad],
    ]
    path = opendocument(tmp_path / "x.ods", rows)
    assert told(upload, path) == {"spreadsheet_error:close": f"Prices!G5, close {error}"}
    path = opendocument(tmp_path / "x.ods", rows[:2])
    assert upload.stage_file(path, replace=True).success
    assert upload.get_staging_data().collect()["close"].to_list() == [1.5]


def unheaded(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Prices")
        sheet.write_row(1, 1, ["date", None, "ccy", "ccy"])
        sheet.write_row(2, 1, ["2024-01-02", "AAPL", "USD", "USD"])
    return path


def test_headings_that_are_missing_or_repeated_are_named_by_their_cells(
    upload: Upload, tmp_path: Path
) -> None:
    result = upload.stage_file(unheaded(tmp_path / "x.xlsx"))
    assert [message.partition("]")[0][1:] for message in result.results[0].messages] == [
        "no_heading", "repeated_heading",
    ]  # fmt: skip
    assert "x.xlsx: Prices" in result.results[0].messages[0]
    assert "C2" in result.results[0].messages[0]
    assert "E2" in result.results[0].messages[1]
