"""Bad tables: one error that names every fault and its place."""

import datetime as dt

import polars as pl
import pytest

from openfactor.errors import DataError
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.validation import validate

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


def faults(frame: pl.DataFrame, data_type: str = "price", whole: bool = True) -> dict[str, str]:
    with pytest.raises(DataError) as caught:
        validate(frame, DATA_TYPES[data_type], whole=whole)
    assert caught.value.kind == "invalid_data"
    for fault in caught.value.faults:  # the message shows all of them
        assert str(fault) in str(caught.value)
    return {f"{f.rule}:{f.column}": str(f) for f in caught.value.faults}


def test_a_good_table_comes_back_in_its_types() -> None:
    frame = price(close=pl.Series([10, 11], dtype=pl.Int16)).select(
        pl.all().exclude("date"), pl.col("date").cast(pl.Datetime("us"))
    )
    rows = validate(frame, DATA_TYPES["price"], whole=True)
    assert rows.schema == DATA_TYPES["price"].schema
    assert rows["close"].to_list() == [10.0, 11.0]
    assert rows["date"].to_list() == [D, D + dt.timedelta(1)]


def test_missing_and_misspelt_columns() -> None:
    found = faults(price().drop("ccy").rename({"close": "Close"}))
    assert set(found) == {"missing_column:ccy", "missing_column:close"}
    assert "Close" in found["missing_column:close"]


def test_unknown_column() -> None:
    assert "note" in faults(price(note=["a", "b"]))["unknown_column:None"]


@pytest.mark.parametrize(
    ("column", "values", "named"),
    [
        ("close", ["10", "11"], "String"),
        ("date", ["2024-01-02", "2024-01-03"], "String"),
        ("date", [dt.datetime(2024, 1, 2, 9), dt.datetime(2024, 1, 3)], "Datetime"),
        ("asset_id", [1, 2], "Int64"),
        ("delisted", [0, 0], "Int64"),
    ],
)
def test_wrong_type(column: str, values: list, named: str) -> None:
    assert named in faults(price(**{column: values}))[f"wrong_type:{column}"]


def test_duplicate_keys_are_named_with_their_rows() -> None:
    message = faults(price(date=[D, D]))["duplicate_key:None"]
    assert "row 0, date 2024-01-02, asset_id A" in message
    assert "2 rows" in message


def test_first_row_with_a_return() -> None:
    message = faults(price(**{"return": [0.5, 0.1]}))["first_return:return"]
    assert "row 0, date 2024-01-02, asset_id A" in message
    assert "return 0.5" in message


def test_first_row_rule_waits_for_the_whole_history() -> None:
    assert len(validate(price(**{"return": [0.5, 0.1]}), DATA_TYPES["price"], whole=False)) == 2


def test_all_faults_at_once() -> None:
    found = faults(price(close=[-1.0, float("nan")], asset_id=[None, "A"], **{"return": [None, -1.5]}))
    assert set(found) == {"empty:asset_id", "positive:close", "finite:close", "return_bound:return"}


def test_negative_cap() -> None:
    frame = pl.DataFrame(
        {
            "date": [D], "asset_id": ["A"], "asset_id_type": ["ticker"], "ccy": ["USD"],
            "market_cap": [-5.0], "volume": [None], "idio_vol": [None],
        }
    )  # fmt: skip
    assert "market_cap -5.0" in faults(frame, "market_cap")["not_negative:market_cap"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_exposure_that_is_not_finite(value: float) -> None:
    frame = pl.DataFrame(
        {
            "date": [D], "asset_id": ["A"], "asset_id_type": ["ticker"], "factor_group": ["style"],
            "factor": ["size"], "exposure": [value],
        }
    )  # fmt: skip
    message = faults(frame, "exposures")["finite:exposure"]
    assert "asset_id A" in message
    assert "factor size" in message


def test_rate_of_zero_and_mapping_that_ends_before_it_starts() -> None:
    rates = pl.DataFrame({"date": [D], "ccy": ["EUR"], "fx_rate": [0.0]})
    assert "positive:fx_rate" in faults(rates, "exchange_rates")
    idmap = pl.DataFrame(
        {
            "start_date": [D], "end_date": [D - dt.timedelta(1)], "from_id_type": ["a"], "from_id": ["x"],
            "to_id_type": ["b"], "to_id": ["x"],
        }
    )  # fmt: skip
    assert "ordered:end_date" in faults(idmap, "idmap")


def test_only_the_first_rows_are_shown() -> None:
    n = 50
    frame = pl.DataFrame({"date": [D] * n, "ccy": [f"C{i}" for i in range(n)], "fx_rate": [-1.0] * n})
    message = faults(frame, "exchange_rates")["positive:fx_rate"]
    assert "50 rows" in message
    assert message.count("\n") == 6


def test_every_data_type_describes_itself() -> None:
    for name, data_type in DATA_TYPES.items():
        assert data_type.name == name
        assert set(data_type.key) <= set(data_type.schema)
        assert all(column.description for column in data_type.columns)
        assert validate(data_type.empty(), data_type, whole=True).schema == data_type.schema
