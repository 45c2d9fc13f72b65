"""Layouts, names of columns, dates: what a user's table is taken for."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from openfactor.errors import NotFoundError
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.parsing import parse
from openfactor.uploads.validation import ROW, validate

EXPOSURES, RATES, SERIES = DATA_TYPES["exposures"], DATA_TYPES["exchange_rates"], DATA_TYPES["series"]
D = dt.date(2025, 5, 1)


def rows(frame: pl.DataFrame, data_type=EXPOSURES, **options) -> list[tuple]:
    read = parse(frame, data_type, "t", **options)
    assert read.rows is not None
    assert read.success, read.faults
    return read.rows.drop(ROW).rows()


def refused(frame: pl.DataFrame, data_type=EXPOSURES, **options) -> set[str]:
    read = parse(frame, data_type, "t", **options)
    assert not read.success
    assert not any(result.success for result in read.results)
    return {f"{fault.rule}:{fault.column}" for fault in read.faults}


def test_wide_exposures_with_the_date_in_the_file_name() -> None:
    frame = pl.DataFrame(
        {
            "Ticker": ["A", "B"],
            "style.size": ["0.5", ""],
            "industry.Oil & Gas": [None, "1"],
            "market.x.y": [1, 1],
        }
    )
    read = parse(frame, EXPOSURES, "t", file_name="exposures_2025-05-01.csv")
    assert [(r.parser, r.success) for r in read.results] == [("long", False), ("wide", True)]
    assert "is missing" in read.results[0].messages[0]
    assert read.rows is not None
    assert sorted(read.rows.rows()) == [
        (0, D, "A", "ticker", "market", "x.y", 1.0),
        (0, D, "A", "ticker", "style", "size", 0.5),
        (1, D, "B", "ticker", "industry", "Oil & Gas", 1.0),
        (1, D, "B", "ticker", "market", "x.y", 1.0),
    ]


def test_a_parser_by_name() -> None:
    long = EXPOSURES.example()
    read = parse(long, EXPOSURES, "t", parser="long")
    assert [r.parser for r in read.results] == ["long"]
    assert refused(long, parser="wide") >= {"not_wide:factor_group", "not_wide:factor"}
    with pytest.raises(NotFoundError, match="known: long, wide"):
        parse(long, EXPOSURES, "t", parser="tall")
    with pytest.raises(NotFoundError, match="known: table"):
        parse(long, RATES, "t", parser="long")


def test_faults_are_those_of_the_layout_that_it_is() -> None:
    ids = {"date": [D], "asset_id": ["A"], "asset_id_type": ["ticker"]}
    assert refused(pl.DataFrame({**ids, "style.size": ["x"]})) == {"unreadable:style.size"}
    assert refused(pl.DataFrame({**ids, "size": [1.0], "style.": [1.0], ".x": [2.0]})) == {
        "unknown_column:size", "unknown_column:style.", "unknown_column:.x",
    }  # fmt: skip
    long = pl.DataFrame({**ids, "factor_group": ["style"], "factor": ["size"], "exposure": ["x"]})
    assert refused(long) == {"unreadable:exposure"}
    assert refused(pl.DataFrame(ids)) == {"not_wide:None"}


def test_wide_series_may_have_any_name() -> None:
    frame = pl.DataFrame({"date": [D], "SPX": [1.0], "value": [2.0], "a.b": [3.0]})
    assert rows(frame, SERIES) == [(D, "SPX", 1.0), (D, "value", 2.0), (D, "a.b", 3.0)]
    assert refused(pl.DataFrame({"date": [D], "_row": [1.0]}), SERIES) == {"unknown_column:_row"}
    assert "unknown_column:_row" in refused(
        pl.DataFrame({"date": [D], "ccy": ["A"], "fx_rate": [1.0], "_row": [1]}), RATES
    )


def test_names_in_another_case_and_aliases() -> None:
    frame = pl.DataFrame({" FX-Rate ": [0.9], "Currency Code": ["EUR"], "As Of Date": [D]})
    assert rows(frame, RATES) == [(D, "EUR", 0.9)]
    exact_wins = pl.DataFrame({"date": [D], "ccy": ["EUR"], "fx_rate": [0.9], "Rate": [1.0]})
    assert refused(exact_wins, RATES) == {"unknown_column:Rate"}


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("exposures_2025-05-01.csv", D),
        ("x20250501y.csv", D),
        ("2025-05-01_2025-05-01.csv", D),
        ("2025-05-01_2025-05-02.csv", None),
        ("2025-0501.csv", None),
        ("120250501.csv", None),
        ("2025-13-01.csv", None),
        ("exposures.csv", None),
    ],
)
def test_the_date_of_a_file_name(name: str, day: dt.date | None) -> None:
    frame = pl.DataFrame({"ccy": ["EUR"], "fx_rate": [0.9]})
    if day is None:
        assert refused(frame, RATES, file_name=name) == {"missing_column:date"}
    else:
        assert rows(frame, RATES, file_name=name) == [(day, "EUR", 0.9)]
    own = frame.with_columns(date=dt.date(2020, 2, 2))
    assert rows(own, RATES, file_name=name) == [(dt.date(2020, 2, 2), "EUR", 0.9)], "a column comes first"


@pytest.mark.parametrize(
    "texts",
    [
        ("2024-12-31", "2024-02-01"), ("20241231", "20240201"), ("2024/12/31", "2024/02/01"),
        ("2024.12.31", "2024.02.01"), ("31.12.2024", "01.02.2024"), ("31-Dec-2024", "01-Feb-2024"),
        ("31 December 2024", "1 February 2024"), ("Dec 31, 2024", "February 1, 2024"),
        ("31Dec2024", "01Feb2024"),
        ("12/31/2024", "02/01/2024"), ("31/12/2024", "01/02/2024"), (" 2024-12-31 ", "2024-02-01"),
        ("2024-12-31T00:00:00", "2024-02-01 00:00:00.000"),
        ("2024-12-31T00:00:00Z", "2024-02-01T00:00:00+00:00"),
    ],
)  # fmt: skip
def test_dates(texts: tuple[str, str]) -> None:
    frame = pl.DataFrame({"date": texts, "ccy": "EUR", "fx_rate": 1.0})
    assert [row[0] for row in rows(frame, RATES)] == [dt.date(2024, 12, 31), dt.date(2024, 2, 1)]


@pytest.mark.parametrize(
    "text", ["01/02/24", "24-01-02", "2024-02-30", "45000", "yesterday", "2024-01-02 09:30:00"]
)
def test_what_is_no_date(text: str) -> None:
    frame = pl.DataFrame({"date": ["2024-01-01", text], "ccy": "EUR", "fx_rate": 1.0})
    assert refused(frame, RATES) == {"unreadable:date"}


def test_two_formats_in_one_column() -> None:
    frame = pl.DataFrame({"date": ["2024-12-30", "2024-12-31", "01.01.2025"], "ccy": "EUR", "fx_rate": 1.0})
    assert refused(frame, RATES) == {"unreadable:date"}


def test_days_and_months_that_could_be_either() -> None:
    frame = pl.DataFrame({"date": ["01/02/2024", "03/04/2024"], "ccy": "EUR", "fx_rate": 1.0})
    assert refused(frame, RATES) == {"ambiguous_date:date"}
    same = pl.DataFrame({"date": ["01/01/2024", "03/03/2024"], "ccy": "EUR", "fx_rate": 1.0})
    assert [row[0] for row in rows(same, RATES)] == [dt.date(2024, 1, 1), dt.date(2024, 3, 3)]


def test_numbers_and_what_stands_for_empty() -> None:
    texts = ["1.5", " 2e3 ", "-4", "", "NA", "n/a", "NaN", "null", "-"]
    n = len(texts)
    frame = pl.DataFrame(
        {"date": [D] * n, "id": [f"A{i}" for i in range(n)], "id_type": ["x"] * n, "ccy": ["USD"] * n,
         "market_cap": [1] * n, "volume": texts, "idio_vol": [None] * n}
    )  # fmt: skip
    volumes = [row[5] for row in rows(frame, DATA_TYPES["market_cap"])]
    assert volumes == [1.5, 2000.0, -4.0, *[None] * 6]
    assert refused(frame.with_columns(volume=pl.lit("1,5")), DATA_TYPES["market_cap"]) == {
        "unreadable:volume"
    }


def test_text_is_taken_as_it_is_but_for_blanks_around() -> None:
    frame = pl.DataFrame({"date": [D, D, D], "ccy": ["NA", " null ", "001"], "fx_rate": [1.0, 2.0, 3.0]})
    assert [row[1] for row in rows(frame, RATES)] == ["NA", "null", "001"]


def test_empty_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    frame = pl.DataFrame(
        {"date": ["2024-01-01", None, "x"], "ccy": ["EUR", None, "EUR"], "fx_rate": ["1", None, "2"]}
    )
    read = parse(frame, RATES, "t")
    assert read.faults[0].examples == ("row 2, date x",)


ODD = {
    "wide integers": pl.Series([2**63, 1], dtype=pl.UInt64),
    "wider integers": pl.Series([2**100, 1], dtype=pl.Int128),
    "not a number": pl.Series([float("nan"), float("inf")]),
    "decimals": pl.Series([Decimal("1.5"), None]),
    "flags": pl.Series([True, None]),
    "enumeration": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
    "date-times": pl.Series([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 3)]),
    "zoned": pl.Series([dt.datetime(2024, 1, 1)] * 2).dt.replace_time_zone("America/New_York"),
    "times": pl.Series([dt.time(1), None]),
    "durations": pl.Series([dt.timedelta(1), None]),
    "lists": pl.Series([[1], [2]]),
    "structures": pl.Series([{"a": 1}, {"a": 2}]),
    "bytes": pl.Series([b"x", b"\xff"]),
    "nothing": pl.Series([None, None]),
    "objects": pl.Series([object(), 1], dtype=pl.Object),
    "odd text": pl.Series(["\U0001f600", "\x00"]),
}


@pytest.mark.parametrize("kind", ODD)
def test_columns_of_every_type_are_read_or_refused(kind: str) -> None:
    for data_type in DATA_TYPES.values():
        for column in data_type.columns:
            frame = data_type.example().with_columns(ODD[kind].alias(column.name))
            read = parse(frame, data_type, "t")
            assert read.rows is not None
            assert dict(read.rows.select(*data_type.schema).schema) == data_type.schema
            assert validate(read.rows, data_type).table.height >= 0
            if not read.success:
                assert {fault.column for fault in read.faults} == {column.name}
