"""What rarely happens to uploads: odd arguments, disks that fail half-way, tables that are hardly tables."""

from __future__ import annotations

import datetime as dt
import errno
import os
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from openfactor.client.upload import Upload
from openfactor.errors import ConflictError, DataError, NotFoundError, SettingsError, StorageError
from openfactor.frames import as_polars
from openfactor.uploads import DATA_TYPES
from openfactor.uploads import UploadStore as EngineStore
from openfactor.uploads.filters import filter_expression
from openfactor.uploads.parsing import parse, parser_example, sources
from openfactor.uploads.parsing.records import short_rows
from openfactor.uploads.storage import disk, staging_area
from openfactor.uploads.storage.staged_table import StagedTable
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

RATES, PRICES = DATA_TYPES["exchange_rates"], DATA_TYPES["price"]
ONE = rates((1, "EUR", 0.9))


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("exchange_rates", "fx")


# files and text


def test_a_file_is_staged_under_another_name(upload: Upload, tmp_path: Path) -> None:
    ONE.write_csv(tmp_path / "x.csv")
    assert upload.stage_file(tmp_path / "x.csv", "march").name == "march"
    assert list(upload.get_staging_results()) == ["march"]
    with pytest.raises(NotFoundError, match="there is no file"):
        upload.stage_file(tmp_path / "y.csv", "april")


def test_a_file_that_goes_before_it_is_read(tmp_path: Path) -> None:
    ONE.write_csv(tmp_path / "x.csv")
    (source,) = sources(tmp_path / "x.csv")
    (tmp_path / "x.csv").unlink()
    with pytest.raises(DataError, match=r"\[unreadable_file\] x.csv: .*No such file"):
        source.read()


@pytest.mark.parametrize("length", [70_000, 200_000])
def test_a_last_line_may_be_very_long(upload: Upload, tmp_path: Path, length: int) -> None:
    long = "x" * length
    (tmp_path / "x.csv").write_text(f"date,ccy,fx_rate\n2024-01-01,{long},0.9\n")
    upload.fast_commit(tmp_path / "x.csv", "append")
    assert read(upload)["ccy"].to_list() == [long]


def test_a_line_too_long_to_count_its_cells(upload: Upload, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("date,ccy,fx_rate\n2024-01-01," + "x" * 200_000 + ",1,2\n")
    with pytest.raises(DataError, match=r"\[unreadable_file\]"):
        upload.fast_commit(tmp_path / "x.csv", "append")


def test_a_last_record_without_an_end_that_lacks_cells(upload: Upload, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('date,ccy,fx_rate\n2024-01-01,EUR,0.9\n2024-01-02,"EUR"')
    with pytest.raises(DataError, match=r"\[short_record\] x.csv: .*\n.*line 3: 2 cells"):
        upload.fast_commit(tmp_path / "x.csv", "append")


def test_records_that_are_not_the_rows_are_not_guessed_at() -> None:
    rows = pl.DataFrame({"a": ["1", "2"], "b": ["1", None]})
    assert short_rows(b"1,1\n", 0, ",", "\n", rows) is None


# frames


def test_what_is_no_frame() -> None:
    for thing in (5, pd.Series([1.0, 2.0])):
        with pytest.raises(SettingsError, match=f"{type(thing).__name__} is no table"):
            as_polars(thing)


class Stream:
    """A table of some library that speaks Arrow."""

    def __init__(self, frame: pl.DataFrame | None) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if self._frame is None:
            raise RuntimeError("the connection was closed")
        return self._frame.__arrow_c_stream__(requested_schema)


def test_frames_of_any_library_that_speaks_arrow() -> None:
    assert as_polars(Stream(ONE)).equals(ONE)
    with pytest.raises(DataError, match=r"\[unreadable_type\] frame: .*the connection was closed"):
        as_polars(Stream(None))


def test_assets_whose_columns_have_different_types(tmp_path: Path) -> None:
    """yfinance gives a column of objects for an asset that has no number."""
    days = pd.to_datetime(["2024-01-02", "2024-01-03"])
    pairs = pd.MultiIndex.from_tuples([("Close", "A"), ("Close", "B"), ("Note", "A")])
    df = pd.DataFrame({0: [1.0, 2.0], 1: ["n/a", None], 2: ["x", "y"]}, index=days)
    frame = as_polars(df.set_axis(pairs, axis=1))
    assert frame.columns == ["date", "ticker", "Close", "Note"]
    assert frame["Close"].struct.field("number").to_list() == [1.0, 2.0, None]
    assert frame["Close"].struct.field("text").to_list() == [None, None, "n/a"]
    assert frame["Note"].to_list() == ["x", "y", None]


def test_a_frame_without_columns_or_rows(upload: Upload) -> None:
    checked = upload.validate(pl.DataFrame())
    assert checked.rows.is_empty()
    assert dict(checked.rows.schema) == RATES.schema
    assert {fault.rule for fault in checked.faults} == {"missing_column"}


# layouts and queries


def test_columns_that_are_there_twice() -> None:
    frame = ONE.with_columns(CCY=pl.lit("x"))
    (fault,) = parse(frame, RATES, "t").faults
    assert (fault.rule, fault.column) == ("unknown_column", "CCY")
    assert fault.message.startswith("is repeated; ")


def test_matrices_whose_headings_could_mean_several_columns(tmp_path: Path) -> None:
    prices = UploadStore(tmp_path).create("price", "p")
    matrix = pl.DataFrame({"date": ["2024-01-02"], "AAPL": [1.0]})

    def faults(frame: pl.DataFrame, **constants: str) -> list[str]:
        result = prices.stage_df("m", frame, value="close", constants=constants)
        return [] if result.success else [message.partition(";")[0] for message in result.results[0].messages]

    assert faults(matrix, asset_id="A", ccy="USD", asset_id_type="ticker") == [
        "[not_matrix] m: headings must name one column of the key"
    ]
    assert faults(matrix.select("date"), ccy="USD", asset_id_type="ticker") == [
        "[not_matrix] m: there is no column for a asset_id"
    ]
    constants = {"ccy": "USD", "asset_id_type": "ticker"}
    named = prices.stage_df("2024-01-02", matrix.select("AAPL"), value="close", constants=constants)
    assert named.success, "the name has the date"
    assert prices.get_staging_data(["2024-01-02"]).collect()["date"].to_list() == [dt.date(2024, 1, 2)]


def test_parsers_filters_and_schemas_that_do_not_exist(upload: Upload, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="known: table"):
        parser_example(RATES, "wide")
    queries = EngineStore(tmp_path / "store").open("exchange_rates", "fx").queries
    with pytest.raises(SettingsError, match="'both' is unknown"):
        queries.schema("both")  # type: ignore[arg-type]
    malformed: Any = [("ccy",)]
    mixed: Any = [("ccy", "=", "EUR"), [("ccy", "=", "JPY")]]
    with pytest.raises(SettingsError, match="is not \\(column, operator, value\\)"):
        filter_expression(malformed, RATES.schema)
    with pytest.raises(SettingsError, match="must not be mixed"):
        filter_expression(mixed, RATES.schema)


# disks


def test_a_file_system_without_links(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert upload.fast_commit(ONE, "append").version == 1
    assert read(upload).equals(ONE)


def test_a_disk_that_does_not_confirm_a_commit(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = disk.flush

    def fail_on_log(path: Path) -> None:
        if path.name == "_delta_log":
            raise OSError(errno.EIO, "Input/output error")
        flush(path)

    monkeypatch.setattr(disk, "flush", fail_on_log)
    with pytest.raises(StorageError, match=r"version 1 of .* is written, but the disk does not confirm it"):
        upload.fast_commit(ONE, "append")
    assert read(upload).equals(ONE)


def test_an_upload_that_cannot_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("openfactor.uploads.store.create_table", fail)
    store = UploadStore(tmp_path)
    with pytest.raises(StorageError, match=r"cannot create .*no space left"):
        store.create("price", "p")
    assert store.names("price") == []


def test_a_name_that_someone_else_stages_meanwhile(upload: Upload, tmp_path: Path) -> None:
    """It is refused when the table is moved, not only before it is read."""
    area = staging_area.StagingArea(tmp_path / "store" / "exchange_rates" / "fx")
    upload.stage_df("a", ONE)
    (staged,) = area.get()
    upload.stage_df("a", rates((2, "EUR", 0.8)), replace=True)
    with area.scratch() as scratch, pytest.raises(ConflictError, match="already staged: a"):
        area.put([staged], scratch, replace=False)
    assert upload.get_staging_data().collect()["fx_rate"].to_list() == [0.8], "that of the other"


def test_a_staged_table_that_goes_while_it_is_read(
    upload: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = staging_area.StagingArea(tmp_path / "store" / "exchange_rates" / "fx")
    upload.stage_df("a", ONE)
    upload.stage_df("gone", ONE)
    read = staging_area.StagingArea._read

    def wipe_and_read(area: staging_area.StagingArea, folder: Path) -> StagedTable | None:
        if folder.name == "gone":
            monkeypatch.undo()
            upload.wipe_staging(["gone"])
        return read(area, folder)

    monkeypatch.setattr(staging_area.StagingArea, "_read", wipe_and_read)
    assert [staged.name for staged in area.get()] == ["a"]


def test_deleting_what_is_gone(upload: Upload, tmp_path: Path) -> None:
    upload.destroy()
    with pytest.raises(NotFoundError, match="no exchange_rates upload named 'fx'"):
        EngineStore(tmp_path / "store").delete("exchange_rates", "fx")
