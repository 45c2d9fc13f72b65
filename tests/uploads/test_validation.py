"""Bad tables: one error that names every fault and its place."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from openfactor.client.upload import Upload
from openfactor.errors import DataError
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

D = dt.date(2024, 1, 2)


def price(**changes: list) -> pl.DataFrame:
    columns = {
        "date": [D, D + dt.timedelta(1)],
        "asset_id": ["A", "A"],
        "asset_id_type": ["ticker", "ticker"],
        "ccy": ["USD", "USD"],
        "close": [10.0, 11.0],
        "return": [None, 0.1],
        "delisted": [False, False],
    }
    return pl.DataFrame(columns | changes)


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path).create("price", "p")


def faults(upload: Upload, frame: pl.DataFrame) -> dict[str, str]:
    """Rule and column to the fault, after a commit that is refused and changes nothing."""
    with pytest.raises(DataError, match="nothing was stored") as caught:
        upload.fast_commit(frame, "overwrite")
    assert caught.value.kind == "invalid_data"
    for fault in caught.value.faults:  # the message shows all of them
        assert str(fault) in str(caught.value)
    assert upload.version == 0
    return {f"{f.rule}:{f.column}": str(f) for f in caught.value.faults}


def test_types_are_normalised(upload: Upload) -> None:
    frame = price(close=pl.Series([10, 11], dtype=pl.Int16), delisted=[0, 1]).select(
        pl.all().exclude("date"), pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Tokyo")
    )
    upload.fast_commit(frame, "overwrite")
    rows = upload.get_data().collect().sort("date")
    assert dict(rows.schema) == upload.get_schema()
    assert rows["close"].to_list() == [10.0, 11.0]
    assert rows["date"].to_list() == [D, D + dt.timedelta(1)]
    assert rows["delisted"].to_list() == [False, True]


def test_missing_and_unknown_columns(upload: Upload) -> None:
    found = faults(upload, price(note=["a", "b"]).drop("ccy").rename({"close": "clse"}))
    assert set(found) == {
        "missing_column:ccy", "missing_column:close", "unknown_column:note", "unknown_column:clse",
    }  # fmt: skip
    assert "'clse'" in found["missing_column:close"]


def test_two_columns_for_one(upload: Upload) -> None:
    found = faults(upload, price(Price=[1.0, 2.0]).rename({"close": "px_last"}))
    assert "px_last, Price" in found["ambiguous_column:close"]


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("close", ["10", "x11"], "row 1, close x11"),
        ("date", ["2024-01-02", "2024-13-03"], "row 1, date 2024-13-03"),
        ("date", [dt.datetime(2024, 1, 2, 9), dt.datetime(2024, 1, 3)], "some times are not midnight"),
        ("date", [True, False], "Boolean"),
        ("asset_id", [1, 2], "leading zeros"),
        ("delisted", [0, 2], "Int64"),
        ("delisted", ["yes", "perhaps"], "row 1, delisted perhaps"),
        ("close", [[1.0], [2.0]], "List"),
    ],
)
def test_cells_of_another_type(upload: Upload, column: str, values: list, told: str) -> None:
    (message,) = faults(upload, price(**{column: values})).values()
    assert told in message


def test_repeated_keys_are_named_with_their_rows(upload: Upload) -> None:
    message = faults(upload, price(date=[D, D]))["duplicate_key:None"]
    assert "row 0, date 2024-01-02, asset_id A" in message
    assert "2 rows" in message


def test_all_faults_at_once(upload: Upload) -> None:
    bad = price(close=[-1.0, float("inf")], asset_id=[None, "A"], **{"return": [None, -1.5]})
    assert set(faults(upload, bad)) == {
        "empty:asset_id",
        "positive:close",
        "finite:close",
        "return_bound:return",
    }


def test_only_the_first_rows_are_shown(upload: Upload) -> None:
    n = 50
    frame = pl.concat([price().head(1)] * n).with_columns(
        pl.Series("asset_id", [f"A{i}" for i in range(n)]), close=-1.0
    )
    message = faults(upload, frame)["positive:close"]
    assert "50 rows" in message
    assert message.count("\n") == 6


def test_no_rows(upload: Upload) -> None:
    assert set(faults(upload, price().head(0))) == {"no_rows:None"}


def test_the_first_price_has_no_return(upload: Upload) -> None:
    message = faults(upload, price(**{"return": [0.5, 0.1]}))["first_return:return"]
    assert "date 2024-01-02, asset_id A" in message
    assert "return 0.5" in message
    with pytest.raises(DataError, match="first_return"):
        upload.fast_commit(price(**{"return": [0.5, 0.1]}), "append")
    upload.fast_commit(price(), "append")
    later = price(date=[D + dt.timedelta(2), D + dt.timedelta(3)], **{"return": [0.5, 0.1]})
    assert upload.fast_commit(later, "append").version == 2, "not the first rows of the name"


def test_good_rows_and_a_table_of_faults(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("exchange_rates", "fx")
    checked = upload.validate(rates((1, "EUR", 0.9), (2, "EUR", -1.0), (3, "JPY", 150.0), (3, "JPY", 151.0)))
    assert checked.rows.equals(rates((1, "EUR", 0.9)))
    assert checked.table.select("rule", "column", "count").rows() == [
        ("positive", "fx_rate", 1),
        ("duplicate_key", None, 2),
    ]
    assert checked.table["first_rows"][0].to_list() == ["row 1, date 2024-01-02, ccy EUR, fx_rate -1.0"]
    assert "1 good rows, 2 faults" in repr(checked)
    assert read(upload).is_empty()


def test_rows_that_cannot_be_read_do_not_hide_other_faults(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("portfolios", "p")
    rows = [
        ("CORE", "A", "ticker", "2024-01-02", "5", None),
        ("CORE", "B", "ticker", "soon", "inf", None),
        ("CORE", "C", "ticker", "2024-01-02", "many", None),
        ("CORE", "D", "ticker", "2024-01-02", None, None),
        ("CORE", None, "ticker", "soon", "1", "x"),
        ("CORE", "A", "ticker", "never", "1", None),
        ("CORE", "E", "ticker", "2024-01-02", "1", "2"),
        ("CORE", "E", "ticker", "2024-01-02", "1", "y"),
    ]
    names = ["portfolio_id", "asset_id", "asset_id_type", "date", "share_qty", "nav"]
    checked = upload.validate(pl.DataFrame(rows, schema=names, orient="row"))
    assert checked.rows["asset_id"].to_list() == ["A"]
    assert checked.table.select("rule", "column", "count").rows() == [
        ("unreadable", "date", 3),
        ("unreadable", "share_qty", 1),
        ("unreadable", "nav", 2),
        ("empty", "asset_id", 1),
        ("finite", "share_qty", 1),
        ("size_given", "nav", 1),
        ("duplicate_key", None, 2),
    ]
    assert checked.table["first_rows"][5].to_list()[0].startswith("row 3, ")
    wide = UploadStore(tmp_path).create("series", "s")
    checked = wide.validate(pl.DataFrame({"date": ["2024-01-02", "x"], "a": ["1", "2"], "b": ["y", "inf"]}))
    assert checked.rows.rows() == [(D, "a", 1.0)]
    assert [(f.rule, f.column) for f in checked.faults] == [
        ("unreadable", "date"), ("unreadable", "b"), ("finite", "value"),
    ]  # fmt: skip


def test_a_tree_is_checked_with_what_is_there(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("hierarchies", "h")
    schema = ["level", "code", "label", "parent_code"]

    def tree(*rows: tuple) -> pl.DataFrame:
        return pl.DataFrame(list(rows), schema=schema, orient="row", infer_schema_length=None)

    upload.fast_commit(tree((0, "1", "one", None)), "append")
    upload.fast_commit(tree((1, "11", "eleven", "1")), "append")
    with pytest.raises(DataError, match="parent_unknown"):
        upload.fast_commit(tree((1, "21", "x", "2")), "append")
    with pytest.raises(DataError, match="parent_unknown"):
        upload.fast_commit(tree((1, "11", "eleven", "1")), "overwrite")
    assert upload.version == 2
