"""Users' frames become polars frames that survive the way to another process."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from openfactor.errors import DataError
from openfactor.frames import MIXED, SOURCE_ROW, as_polars, as_table, mixed_series
from openfactor.settings import ColumnMapping
from tests.uploads.stores import UploadStore


def sent(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame after a way as bytes."""
    out = io.BytesIO()
    frame.write_ipc_stream(out)
    return pl.read_ipc_stream(io.BytesIO(out.getvalue()))


def test_mixed_cells_keep_their_values_and_how_they_are_shown() -> None:
    cells = ["a", 5, 2.5, True, dt.date(2024, 1, 2), None, b"x", 1 << 2000]
    series = mixed_series("x", cells)
    assert series.dtype == MIXED
    assert series.is_null().to_list() == [False] * 5 + [True] + [False] * 2
    fields = series.struct.unnest()
    assert fields["shown"].to_list()[:7] == ["a", "5", "2.5", "True", "2024-01-02", None, "b'x'"]
    assert fields["text"].to_list() == ["a"] + [None] * 7
    assert fields["number"].to_list() == [None, 5.0, 2.5] + [None] * 5
    assert fields["flag"].to_list() == [None, None, None, True] + [None] * 4
    assert fields["time"].to_list() == [None] * 4 + [dt.datetime(2024, 1, 2)] + [None] * 3
    assert sent(series.to_frame())["x"].is_null().to_list() == series.is_null().to_list()


def test_objects_of_pandas_and_polars_are_mixed() -> None:
    cells = ["x", 5, None]
    for df in (pd.DataFrame({"a": cells}), pl.DataFrame({"a": pl.Series(cells, dtype=pl.Object)})):
        frame = as_polars(df)
        assert frame.schema == {"a": MIXED}
        assert frame["a"].struct.field("shown").to_list() == ["x", "5", None]


def test_faults_name_the_rows_of_the_users_frame(tmp_path: Path) -> None:
    """Two levels of headings make two rows of each, of which the empty ones are left out."""
    days = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"])
    pairs = pd.MultiIndex.from_tuples([("Close", "A"), ("Close", "B")], names=["Price", "Ticker"])
    df = pd.DataFrame([[1.0, 2.0], [None, 3.0], [4.0, -5.0]], index=days, columns=pairs)
    table = as_table(df)
    assert table[SOURCE_ROW].to_list() == [0, 2, 0, 1, 2]
    assert SOURCE_ROW not in as_polars(df).columns
    upload = UploadStore(tmp_path).create("price", "p")
    columns = ColumnMapping(
        columns={"Ticker": "asset_id"}, constants={"ccy": "USD", "asset_id_type": "ticker"}
    )
    checked = upload.validate(sent(table), mapping=columns)
    (fault,) = checked.faults
    assert fault.rule == "positive"
    assert fault.examples[0].startswith("row 2, date 2024-01-04, asset_id B")


def test_columns_that_cannot_be_read_are_all_named() -> None:
    df = pd.DataFrame([[1j, 2, 3]], columns=["a", "b", "b"])
    with pytest.raises(DataError) as caught:
        as_polars(df, "mine")
    assert [(f.rule, f.upload, f.column) for f in caught.value.faults] == [
        ("repeated_heading", "mine", "b"), ("unreadable_type", "mine", "a"),
    ]  # fmt: skip


def test_conversion_loads_no_engine() -> None:
    engine = "{'openfactor.uploads', 'deltalake', 'numba', 'scipy', 'pandas', 'pyarrow'}"
    code = f"import sys, openfactor.frames, openfactor.contract; assert not {engine} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
