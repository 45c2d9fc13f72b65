"""The data types: what is said of each holds for each."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.uploads import DATA_TYPES, DataType
from openfactor.uploads.parsing import parse, parser_example, parser_names, sources
from openfactor.uploads.validation import ROW, validate
from tests.uploads.stores import UploadStore
from tests.uploads.tables import key_sorted

EVERY = pytest.mark.parametrize("data_type", DATA_TYPES.values(), ids=DATA_TYPES)
NAMES = {
    "daily_bars", "exchange_dates", "exchange_rates", "exposures", "fundamentals", "hierarchies", "idmap",
    "market_cap", "portfolios", "price", "series", "tsfactors",
}  # fmt: skip


def test_there_are_twelve() -> None:
    assert set(DATA_TYPES) == NAMES


@EVERY
def test_it_describes_itself(data_type: DataType) -> None:
    assert data_type.description
    assert 0 < len(data_type.key) <= len(data_type.columns)
    assert all(column.description for column in data_type.columns)
    names = [name for c in data_type.columns for name in (c.name, *c.aliases)]
    assert len(names) == len(set(names)), "an alias that means two columns"
    described = data_type.describe()
    assert described["column"].to_list() == list(data_type.schema)
    assert described.filter("key")["column"].to_list() == data_type.key


@EVERY
def test_its_examples_are_valid_in_every_layout(data_type: DataType) -> None:
    for parser in parser_names(data_type):
        read = parse(parser_example(data_type, parser), data_type, "example")
        assert [r.parser for r in read.results if r.success] == [parser]
        assert read.rows is not None
        checked = validate(read.rows, data_type)
        assert checked.faults == ()
        assert_frame_equal(key_sorted(checked.rows, data_type), key_sorted(data_type.example(), data_type))
        assert data_type.table_faults(checked.rows.lazy()) == []


@EVERY
@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "arrow", "xlsx"])
def test_its_example_comes_back_from_every_kind_of_file(
    data_type: DataType, suffix: str, tmp_path: Path
) -> None:
    path, frame = tmp_path / f"x.{suffix}", data_type.example()
    write = {
        "csv": frame.write_csv, "parquet": frame.write_parquet, "arrow": frame.write_ipc,
        "xlsx": frame.write_excel, "tsv": lambda p: frame.write_csv(p, separator="\t"),
    }[suffix]  # fmt: skip
    write(path)
    (source,) = sources(path)
    read = parse(source.read().frame, data_type, source.name)
    assert read.rows is not None, read.faults
    assert_frame_equal(read.rows.drop(ROW), frame)


@EVERY
def test_it_is_committed_and_summarised(data_type: DataType, tmp_path: Path) -> None:
    upload: Upload = UploadStore(tmp_path).create(data_type.name, "x")
    assert upload.stage_df("rows", data_type.example()).success
    for staged, name in ((False, "data"), (True, "staging")):
        frames = (
            (upload.get_staging_data_summary(), upload.get_staging_data_detail_summary())
            if staged
            else (upload.get_data_summary(), upload.get_data_detail_summary())
        )
        assert dict(frames[0].schema) == upload.get_summary_schema(name)
        assert dict(frames[1].schema) == upload.get_detail_summary_schema(name)
    assert upload.commit("append").version == 1
    assert_frame_equal(
        key_sorted(upload.get_data().collect(), data_type), key_sorted(data_type.example(), data_type)
    )
    assert upload.get_data_summary()["n_rows"].to_list() == [2]
    assert upload.get_data_detail_summary().height in (1, 2)


def _breaking(data_type: DataType) -> list[tuple[str, str, dict]]:
    """Rule, column and cells of the first row that break it, written down by hand."""
    d = pl.date
    known: dict[str, list[tuple[str, str, dict]]] = {
        "daily_bars": [
            *(("positive", c, {c: 0.0}) for c in ("close", "adjusted_close", "high", "low")),
            *(("finite", c, {c: float("inf")}) for c in ("close", "adjusted_close", "high", "low", "volume")),
            ("not_negative", "volume", {"volume": -1.0}),
            ("high_low", "high", {"high": 1.0, "low": 2.0}),
        ],
        "exchange_rates": [
            ("positive", "fx_rate", {"fx_rate": 0.0}),
            ("finite", "fx_rate", {"fx_rate": float("nan")}),
        ],
        "exposures": [("finite", "exposure", {"exposure": float("-inf")})],
        "fundamentals": [
            *(("finite", c.name, {c.name: float("nan")}) for c in data_type.columns if c.dtype == pl.Float64),
            ("not_negative", "shares", {"shares": -1.0}),
            ("report_order", "report_date", {"report_date": d(2023, 9, 29)}),
        ],
        "hierarchies": [("not_negative", "level", {"level": -1})],
        "idmap": [("ordered", "end_date", {"end_date": d(1999, 12, 31)})],
        "market_cap": [
            rule
            for c in ("market_cap", "volume", "idio_vol")
            for rule in (("finite", c, {c: float("nan")}), ("not_negative", c, {c: -5.0}))
        ],
        "portfolios": [
            ("finite", "share_qty", {"share_qty": float("inf")}),
            ("finite", "nav", {"nav": float("inf")}),
            ("size_given", "nav", {"nav": None, "share_qty": None}),
        ],
        "price": [
            ("positive", "close", {"close": -1.0}),
            ("finite", "close", {"close": float("inf")}),
            ("finite", "return", {"return": float("nan")}),
            ("return_bound", "return", {"return": -1.5}),
            ("finite", "dividend", {"dividend": float("inf")}),
            ("not_negative", "dividend", {"dividend": -0.1}),
            ("finite", "split", {"split": float("nan")}),
            ("positive", "split", {"split": -2.0}),
        ],
        "series": [("finite", "value", {"value": float("nan")})],
        "tsfactors": [("finite", "value", {"value": float("nan")})],
    }
    return known.get(data_type.name, [])


@EVERY
def test_each_rule_is_broken_by_what_it_forbids(data_type: DataType) -> None:
    cases = _breaking(data_type)
    assert {case[:2] for case in cases} == {(rule.name, rule.column) for rule in data_type.rules}
    first = pl.int_range(pl.len()) == 0
    for rule, column, cells in cases:
        values = [
            pl.when(first).then(v if isinstance(v, pl.Expr) else pl.lit(v)).otherwise(pl.col(k)).alias(k)
            for k, v in cells.items()
        ]
        checked = validate(data_type.example().with_columns(values).cast(data_type.schema), data_type)
        assert (rule, column) in {(f.rule, f.column) for f in checked.faults}
        assert checked.rows.height == 1, "the other row is good"


@EVERY
def test_cells_that_must_not_be_empty(data_type: DataType) -> None:
    for column in data_type.columns:
        frame = data_type.example().with_columns(pl.lit(None, column.dtype).alias(column.name))
        found = {(f.rule, f.column) for f in validate(frame, data_type).faults}
        assert (("empty", column.name) in found) == (not (column.nullable or column.optional))
    for column in data_type.columns:
        if column.dtype == pl.String and not (column.nullable or column.optional):
            frame = data_type.example().with_columns(pl.lit("").alias(column.name))
            assert ("empty", column.name) in {(f.rule, f.column) for f in validate(frame, data_type).faults}


def test_a_tree_hangs_together() -> None:
    def faults(*rows: tuple) -> set[str]:
        frame = pl.DataFrame(list(rows), schema=DATA_TYPES["hierarchies"].schema, orient="row")
        return {f.rule for f in DATA_TYPES["hierarchies"].table_faults(frame.lazy())}

    for first in (0, 1):  # levels count from 1, as in settings; older tables count from 0
        whole = [(first, "1", "one", None), (first + 1, "11", "eleven", "1"), (first + 2, "111", "x", "11")]
        assert faults(*whole, (first, "2", "leaf at the top", None)) == set()
        assert faults(*whole, (first + 1, "2", "x", None)) == {"parent_missing"}
        assert faults(*whole, (first, "2", "x", "1")) == {"top_has_parent"}
        assert faults(*whole, (first + 3, "2", "x", "1")) == {"parent_level"}
    assert faults((2, "1", "one", None)) == {"parent_missing"}  # the top is 1 or 0
    assert faults((0, "1", "one", None), (1, "2", "two", None)) == {"parent_missing"}  # not both
    top, below = (0, "1", "one", None), (1, "11", "eleven", "1")
    assert faults(top, below, (2, "111", "deeper", "11"), (0, "2", "leaf at the top", None)) == set()
    assert faults(top, (1, "11", "x", "9")) == {"parent_unknown"}
    assert faults(top, (1, "11", "x", None)) == {"parent_missing"}
    assert faults((0, "1", "one", "2"), (0, "2", "two", None)) == {"top_has_parent"}
    assert faults(top, below, (3, "111", "x", "11")) == {"parent_level"}
    assert faults(top, (1, "a", "x", "b"), (2, "b", "y", "a")) == {"parent_level"}  # a circle
