"""What a commit says: corrections that `append` leaves out, prices without returns.

A vendor sends a corrected close or cap for days that were delivered before; a pipeline that appends keeps
the old value. A price feed often has closes only, and a listing's first row may carry the return against
its offer price.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import polars as pl
import pytest

from openfactor.client.upload import Upload
from openfactor.errors import DataError, DataWarning
from openfactor.uploads.storage import data_files
from tests.uploads.stores import UploadStore

Row = tuple[int, str, float, float | None]


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path).create("price", "p")


def prices(*rows: Row, ccy: str = "USD") -> pl.DataFrame:
    """Day of January 2024, name, close, return."""
    schema = {"day": pl.Int64, "asset_id": pl.String, "close": pl.Float64, "return": pl.Float64}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return frame.select(
        pl.date(2024, 1, "day").alias("date"), "asset_id", pl.lit("ticker").alias("asset_id_type"),
        pl.lit(ccy).alias("ccy"), "close", "return", pl.lit(False).alias("delisted"),
    )  # fmt: skip


def told(upload: Upload, frame: pl.DataFrame, mode: str = "append", **options: object) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        upload.fast_commit(frame, mode, **options)  # type: ignore[arg-type]
    assert all(w.category is DataWarning for w in found)
    return [str(w.message) for w in found]


def test_a_correction_that_is_appended_is_not_lost_in_silence(upload: Upload) -> None:
    upload.fast_commit(prices((2, "A", 10.0, None), (3, "A", 11.0, 0.1)), "append")
    late = prices((2, "A", 10.0, None), (3, "A", 11.5, 0.15), (4, "A", 11.5, 0.0))
    (message,) = told(upload, late)
    assert "1 row whose key is stored with other values" in message
    assert "mode='upsert'" in message
    assert "date 2024-01-03, asset_id A" in message
    assert "close 11.0 is stored, 11.5 was given, return 0.1 is stored, 0.15 was given" in message
    result = upload.fast_commit(late, "upsert")
    assert (result.rows_added, result.rows_replaced, result.rows_unchanged) == (0, 1, 2)
    assert told(upload, late) == [], "what is stored as it is needs no word"


def test_empty_against_given_is_a_correction_too(upload: Upload) -> None:
    upload.fast_commit(
        prices((2, "A", 10.0, None), (3, "A", 11.0, None), (2, "B", 1.0, None), (3, "B", 1.0, 0.0)), "append"
    )
    (message,) = told(upload, prices((3, "A", 11.0, 0.1)))
    assert message.endswith("ccy USD: return None is stored, 0.1 was given")


@pytest.mark.parametrize("days", [(2, 3), (2, 4)])
def test_prices_without_any_return(upload: Upload, days: tuple[int, int]) -> None:
    rows = [(day, name, 10.0, None) for day in days for name in ("A", "B")]
    (message,) = told(upload, prices(*rows))
    assert "none of the committed prices has a return" in message
    assert "the simple total return" in message


def test_one_day_without_returns_after_others(upload: Upload) -> None:
    assert told(upload, prices((2, "A", 10.0, None), (2, "B", 10.0, None))) == [], "the first day of each"
    assert told(upload, prices((3, "C", 10.0, None))) == [], "a new name"
    (message,) = told(upload, prices((3, "A", 10.0, None), (4, "C", 10.0, None)))
    assert "none of the committed prices has a return" in message
    assert told(upload, prices((4, "A", 10.0, 0.0), (4, "B", 10.0, None))) == [], "B did not trade"


@pytest.mark.parametrize("files", [1, 12])
def test_a_new_name_that_comes_with_a_return(upload: Upload, files: int) -> None:
    """`append` cannot refuse it, for nobody may ever use the name; it says so, however old the others are."""
    upload.fast_commit(prices((1, "A", 9.0, None), (1, "OLD", 5.0, None)), "append")
    for day in range(2, 2 + files):
        upload.fast_commit(prices((day, "A", 9.0, 0.0)), "append")
    day = 2 + files
    rows = prices((day, "A", 9.0, 0.0), (day, "OLD", 6.0, 0.2), (day, "IPO", 30.0, 0.5))
    (message,) = told(upload, rows)
    assert message.startswith("1 listing has a return but no earlier price")
    assert "asset_id IPO" in message
    assert "OLD" not in message
    assert "upsert the row with an empty return" in message
    assert told(upload, prices((day, "IPO", 30.0, None)), "upsert") == []
    assert told(upload, prices((day + 1, "IPO", 30.0, 0.0))) == []


def test_the_currency_of_a_name_may_change_with_a_return(upload: Upload) -> None:
    """Croatia, 2023: prices in HRK until a day, in EUR from then on."""
    assert told(upload, prices((2, "A", 75.3, None), (3, "A", 76.0, 0.0093), ccy="HRK")) == []
    assert told(upload, prices((4, "A", 10.2, 0.0112), ccy="EUR")) == []


def test_the_whole_is_refused_where_it_is_seen(upload: Upload) -> None:
    with pytest.raises(DataError, match="first_return"):
        upload.fast_commit(prices((2, "A", 10.0, 0.5)), "append")
    assert upload.version == 0


def test_history_that_is_added_later(upload: Upload) -> None:
    """A name's rows before those that are stored: the first of them is the base now."""
    upload.fast_commit(prices((8, "A", 10.0, None), (9, "A", 11.0, 0.1)), "append")
    (message,) = told(upload, prices((4, "A", 10.0, 0.3), (5, "A", 11.0, 0.1)))
    assert "date 2024-01-04, asset_id A" in message


def test_staged_tables_that_share_days_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two vendors' files of the same days: the names of the tables and the first keys, whatever the files."""
    monkeypatch.setattr(data_files, "MAX_ROWS", 7)
    upload = UploadStore(tmp_path).create("price", "q")
    names = [f"N{i}" for i in range(10)]
    one = prices(*((day, name, 1.0, 0.0) for day in range(1, 9) for name in names[:6]))
    two = prices(*((day, name, 1.0, 0.0) for day in range(1, 9) for name in names[6:]))
    both = prices((3, "N5", 1.0, 0.0), (8, "N0", 1.0, 0.0), (9, "N0", 1.0, 0.0))
    for name, frame in {"one": one, "two": two, "three": both}.items():
        assert upload.stage_df(name, frame)
    assert upload.validate_staging_data(["one", "two"]) == {}
    (fault,) = upload.validate_staging_data()["staged_twice"].to_dicts()
    assert (fault["_name"], fault["count"]) == ("one, three", 2)
    assert [row.split(", asset_id_type")[0] for row in fault["first_rows"]] == [
        "date 2024-01-03, asset_id N5",
        "date 2024-01-08, asset_id N0",
    ]
