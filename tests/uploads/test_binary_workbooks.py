"""Error cells of .xls and .xlsb workbooks, which their reader gives as empty cells."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter

from openfactor.client.upload import Upload
from openfactor.errors import DataError
from openfactor.uploads.parsing import sources
from openfactor.uploads.parsing.workbook_formats.compound import stream
from tests.real_data.test_workbooks import opendocument, text_cell
from tests.uploads.binary_workbooks import SECTOR, Cell, Shown, compound, xls, xlsb
from tests.uploads.stores import UploadStore

HEADINGS = ["date", "asset_id", "asset_id_type", "ccy", "close", "delisted"]
CODES = {
    "#NULL!": 0, "#DIV/0!": 7, "#VALUE!": 15, "#REF!": 23, "#NAME?": 29, "#NUM!": 36, "#N/A": 42,
}  # fmt: skip
"""[MS-XLS] 2.5.10"""
WRITERS: dict[str, Callable[..., Path]] = {
    "small.xls": xls, "large.xls": partial(xls, padding=5000), "a.xlsb": xlsb,
}  # fmt: skip
EVERY_WRITER = pytest.mark.parametrize("name", WRITERS)


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("price", "p")


def row(asset: Cell, close: Cell) -> list[Cell]:
    return ["2024-01-02", asset, "ticker", "USD", close, True]


@EVERY_WRITER
def test_values_are_read(upload: Upload, tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, [HEADINGS, row("A", 1.5), row("B", 2.5)], top=2, left=1)
    assert upload.stage_file(path).success
    staged = upload.get_staging_data(columns=["asset_id", "close", "delisted"]).collect().sort("asset_id")
    assert staged.drop("_name").rows() == [("A", 1.5, True), ("B", 2.5, True)]


@EVERY_WRITER
@pytest.mark.parametrize("by_formula", [False, True])
@pytest.mark.parametrize("error", CODES)
def test_errors_are_no_empty_cells(
    upload: Upload, tmp_path: Path, name: str, by_formula: bool, error: str
) -> None:
    rows = [HEADINGS, row("A", 1.5), row("B", Shown(CODES[error], by_formula)), row("C", 2.5)]
    path = WRITERS[name](tmp_path / name, rows, top=2, left=1)
    with pytest.raises(DataError) as caught:
        upload.fast_commit(path, "append")
    (fault,) = caught.value.faults
    assert (fault.rule, fault.column, fault.count) == ("spreadsheet_error", "close", 1)
    assert fault.examples == (f"Prices!F5, close {error}",)


def test_a_file_whose_tables_of_sectors_do_not_fit_into_its_header(upload: Upload, tmp_path: Path) -> None:
    rows = [HEADINGS, row("A", 1.5), row("B", Shown(7, True))]
    path = xls(tmp_path / "huge.xls", rows, padding=16 << 20)
    with pytest.raises(DataError, match=r"\[spreadsheet_error\] huge.close: .*\n.*Prices!E3, close #DIV/0!"):
        upload.fast_commit(path, "append")


@EVERY_WRITER
def test_damaged_files_are_refused_or_read(tmp_path: Path, name: str) -> None:
    """Cut anywhere, or with bytes changed: never another error than a refusal, and an end."""
    path = WRITERS[name](tmp_path / name, [HEADINGS, row("A", Shown(7, True)), row("B", Shown(42, False))])
    whole, rng = path.read_bytes(), random.Random(7)
    refused = 0
    for i in range(300):
        data = bytearray(whole)
        if i % 3 == 0:
            del data[rng.randrange(len(data)) :]
        for _ in range(rng.choice([1, 4]) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(data))
        (source,) = sources(path)
        try:
            source.read()
        except DataError:
            refused += 1
    assert 0 < refused < 300


def test_sectors_in_a_circle_are_refused(tmp_path: Path) -> None:
    data = bytearray(compound(bytes(5000)))
    table = len(data) - SECTOR
    data[table + 2 * 4 : table + 3 * 4] = (1).to_bytes(4, "little")  # sector 2 leads back to sector 1
    with pytest.raises(ValueError, match="damaged"):
        stream(bytes(data), ("Workbook",))


def far_xlsx(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "date")
        sheet.write(1_048_575, 16_383, "x")
    return path


def styled_xlsx(path: Path) -> Path:
    """As people leave it: whole rows are coloured, and have no content there."""
    with xlsxwriter.Workbook(path) as book:
        sheet, colour = book.add_worksheet(), book.add_format({"bg_color": "yellow"})
        for i, cells in enumerate([HEADINGS, row("A", 1.5)]):
            sheet.write_row(i, 0, cells)
        for i in range(4, 50_000, 100):
            sheet.write_blank(i, 16_383, None, colour)
    return path


def far_xlsb(path: Path) -> Path:
    whole = xlsb(path, [["date"]]).read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    row = bytes([0, 17]) + (1_048_575).to_bytes(4, "little") + bytes(13)
    cell = bytes([4, 9]) + (16_383).to_bytes(4, "little") + bytes(4) + b"\1"
    sheet = parts["xl/worksheets/sheet2.bin"]
    end = sheet.rindex(bytes([0x92, 0x01]))
    parts["xl/worksheets/sheet2.bin"] = sheet[:end] + row + cell + sheet[end:]
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


def far_ods(path: Path) -> Path:
    cell = (
        '<table:table-cell table:number-columns-repeated="16384" office:value-type="string">'
        "<text:p>x</text:p></table:table-cell>"
    )
    opendocument(path, [[text_cell("date")], [cell]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    rows = b'<table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-c'
    start = b"<table:table-row><table:table-cell table:number-c"
    parts["content.xml"] = parts["content.xml"].replace(start, rows)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return path


@pytest.mark.parametrize(("name", "write"), [("x.xlsx", far_xlsx), ("x.xlsb", far_xlsb), ("x.ods", far_ods)])
def test_a_cell_far_out_is_refused_before_the_reader_makes_room_for_it(
    upload: Upload, tmp_path: Path, name: str, write: Callable[[Path], Path]
) -> None:
    """The reader would allocate 17 billion cells."""
    path = write(tmp_path / name)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match=r"\[bomb\] .*extends to row 1,048,57\d and column 16,384"):
        upload.fast_commit(path, "append")


def test_cells_far_out_without_content_are_none(upload: Upload, tmp_path: Path) -> None:
    assert upload.fast_commit(styled_xlsx(tmp_path / "x.xlsx"), "append").rows_added == 1


def test_large_and_sparse_sheets_are_read(upload: Upload, tmp_path: Path) -> None:
    rows = [HEADINGS, *(row(f"A{i}", 1.5) for i in range(3000))]
    path = xlsb(tmp_path / "x.xlsb", rows, top=5000, left=200)
    assert upload.fast_commit(path, "append").rows_added == 3000
