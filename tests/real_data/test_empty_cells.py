"""Empty text, null and NaN mean the same, in every column, from every library and file.

pandas gives NaN for a missing text, pyarrow null, a CSV nothing or quotes with nothing between, a workbook a
blank cell; the same table must come of them all.
"""

from __future__ import annotations

import datetime as dt
import decimal
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openfactor.errors import DataError
from openfactor.frames import as_polars
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.parsing import parse, sources
from openfactor.uploads.schema import Column, DataType
from openfactor.uploads.validation import ROW, validate
from tests.hypothesis_profiles import examples
from tests.uploads.stores import UploadStore

COLUMNS = [(kind, column) for kind in DATA_TYPES.values() for column in kind.columns]


def empties(column: Column) -> dict[str, Any]:
    """Ways in which a column of two cells can be empty in its first one."""
    value = column.examples[1] if column.examples[1] is not None else column.examples[0]
    text = str(value).lower() if isinstance(value, bool) else str(0.1 if value is None else value)
    found: dict[str, Any] = {
        "null": pl.Series([None, value], dtype=column.dtype),
        "empty text": pl.Series(["", text]),
        "blank": pl.Series([" \u00a0", text]),
        "no type": pl.Series([None, None]),
        "all NaN": pl.Series([np.nan, np.nan]),
        "all empty text": pl.Series(["", " "]),
        "None of pandas": pd.Series([None, text], dtype=object),
        "NaN of pandas": pd.Series([np.nan, text], dtype=object),
        "NA of pandas": pd.Series([pd.NA, text], dtype=object),
        "mixed NaN of pandas": pd.Series([np.nan, value], dtype=object),
        "NaT of pandas": pd.Series([pd.NaT, pd.NaT]),
    }
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        found["NaN"] = pl.Series([np.nan, float(0.1 if value is None else value)])
        found["NaN as text"] = pl.Series(["NaN", text])
    return found


@pytest.mark.parametrize(("kind", "column"), COLUMNS, ids=[f"{k.name}.{c.name}" for k, c in COLUMNS])
def test_empty_is_empty_whatever_it_is_written_as(kind: DataType, column: Column) -> None:
    example = kind.example()
    for name, cells in empties(column).items():
        pandas = isinstance(cells, pd.Series)
        frame = example.to_pandas() if pandas else example
        frame = (
            frame.assign(**{column.name: cells}) if pandas else frame.with_columns(cells.alias(column.name))
        )
        outcome = parse(as_polars(frame), kind, "t")
        assert outcome.success, (name, outcome.faults)
        assert outcome.rows is not None
        read = outcome.rows.get_column(column.name)
        assert read.dtype == column.dtype
        assert read[0] == column.default, name
        rules = {(f.rule, f.column) for f in validate(outcome.rows, kind).faults}
        assert (("empty", column.name) in rules) == (not column.may_be_empty), name


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([decimal.Decimal("1.5"), None], pa.decimal256(50, 2)),
        pa.nulls(2, pa.month_day_nano_interval()),
        pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([1.0])),
        pa.nulls(2, pa.timestamp("us", "UTC+3")),
    ],
    ids=lambda cells: str(cells.type),
)
def test_types_that_cannot_be_read_are_faults(tmp_path: Path, cells: Any) -> None:
    """Reading some of them panics in the library below, which Python takes for no exception."""
    upload = UploadStore(tmp_path / "store").create("exchange_rates", "fx")
    table = pa.table({"date": [dt.date(2024, 1, 2)] * 2, "ccy": ["EUR", "JPY"], "fx_rate": cells})
    for given_ in (table, table.to_batches()[0]):
        with pytest.raises(DataError, match=r"unreadable_type\] fx.fx_rate"):
            upload.fast_commit(given_, "append")


def test_a_parquet_file_with_decimal256_is_refused(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path / "store").create("exchange_rates", "fx")
    table = pa.table({"fx_rate": pa.array([decimal.Decimal("1.5")], pa.decimal256(50, 2))})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match="unreadable_file"):
        upload.fast_commit(tmp_path / "x.parquet", "append")


def test_an_index_that_only_counts_is_no_column(tmp_path: Path) -> None:
    """What is left of a frame of pandas after a filter counts with gaps."""
    frame = pd.DataFrame({"date": ["2024-01-02"] * 3, "ccy": ["A", "B", "C"], "fx_rate": [1.0, 2.0, 3.0]})
    assert as_polars(frame[frame.fx_rate > 1]).columns == ["date", "ccy", "fx_rate"]


# any table comes back the same from every kind of file and frame

words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf")), min_size=1
)
ids = words.filter(lambda text: text[0] not in "#=" and not text.startswith("_x")).map(lambda text: text[:12])
numbers = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-300 < abs(x) < 1e300)
rows_of_exposures = st.lists(
    st.tuples(st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)), ids, ids, ids, numbers),
    min_size=1,
    max_size=5,
)
EXPOSURES = DATA_TYPES["exposures"]


def ways(frame: pl.DataFrame, folder: Path) -> dict[str, pl.DataFrame]:
    """The table from every kind of file and frame."""
    frame.write_csv(folder / "comma.csv", quote_style="non_numeric")
    frame.write_csv(folder / "tab.tsv", separator="\t")
    (folder / "mac.csv").write_bytes(frame.write_csv(quote_style="always").replace("\n", "\r").encode())
    frame.write_parquet(folder / "x.parquet")
    frame.write_ipc(folder / "x.arrow")
    frame.write_ipc_stream(folder / "y.arrow")
    frame.write_excel(folder / "x.xlsx")
    pandas = frame.to_pandas()
    pandas.to_csv(folder / "pandas.csv", index=False)
    read = {path.name: sources(path)[0].read().frame for path in sorted(folder.iterdir())}
    return read | {
        "pandas": as_polars(pandas), "objects": as_polars(pandas.astype(object)),
        "arrow": as_polars(frame.to_arrow()),
        "index": as_polars(pandas.set_index(["date", "asset_id"])),
        "categories": frame.cast({pl.String: pl.Categorical}),
    }  # fmt: skip


@examples(40, suppress_health_check=[HealthCheck.too_slow])
@given(rows_of_exposures)
def test_any_table_comes_back_the_same(rows: list[tuple[Any, ...]]) -> None:
    frame = pl.DataFrame(
        [(day, asset, "ticker", group, factor, x) for day, asset, group, factor, x in rows],
        schema=EXPOSURES.schema, orient="row",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, read in ways(frame, Path(folder)).items():
            outcome = parse(read, EXPOSURES, name)
            assert outcome.success, (name, outcome.faults)
            assert outcome.rows is not None
            # a workbook holds sixteen digits
            exact = {"rel_tol": 1e-15, "abs_tol": 0.0} if name == "x.xlsx" else {"check_exact": True}
            assert_frame_equal(outcome.rows.drop(ROW), frame, **exact)


LOOKALIKES = ("AAPL", " AAPL", "AAPL ", "\u00a0AAPL", "AAPL\u202f", "\u200bAAPL", "\tAAPL\n", "\ufeffAAPL")


def test_identifiers_that_differ_by_blanks_are_the_same_and_are_counted() -> None:
    """Copies from web pages bring blanks that do not break; padded columns of mainframes ordinary ones."""
    days = [dt.date(2024, 1, i + 1) for i in range(len(LOOKALIKES))]
    frame = pl.DataFrame({"date": days, "ccy": LOOKALIKES, "fx_rate": 1.0})
    outcome = parse(frame, DATA_TYPES["exchange_rates"], "t")
    assert outcome.rows is not None
    assert set(outcome.rows["ccy"]) == {"AAPL"}
    assert len(outcome.notes) == 1
    assert f"{len(LOOKALIKES) - 1} cells" in outcome.notes[0]
    same_day = frame.with_columns(date=dt.date(2024, 1, 1))
    outcome = parse(same_day, DATA_TYPES["exchange_rates"], "t")
    assert outcome.rows is not None
    (fault,) = validate(outcome.rows, DATA_TYPES["exchange_rates"]).faults
    assert (fault.rule, fault.count) == ("duplicate_key", len(LOOKALIKES))


def test_blanks_inside_stay_and_case_is_kept() -> None:
    texts = ["AAPL US", "AAPL\u00a0US", "aapl us", "AAPL  US"]
    frame = pl.DataFrame({"date": dt.date(2024, 1, 1), "ccy": texts, "fx_rate": 1.0})
    outcome = parse(frame, DATA_TYPES["exchange_rates"], "t")
    assert outcome.rows is not None
    assert outcome.rows["ccy"].to_list() == ["AAPL US", "AAPL US", "aapl us", "AAPL  US"]


def test_headings_of_wide_tables_are_cleaned_as_well() -> None:
    for separator, blank in itertools.product(" \u00a0", repeat=2):
        frame = pl.DataFrame({"date": [dt.date(2024, 1, 1)], f"{blank}SPX{separator}": [1.0]})
        outcome = parse(frame, DATA_TYPES["series"], "t")
        assert outcome.rows is not None
        assert outcome.rows["series"].to_list() == ["SPX"]
