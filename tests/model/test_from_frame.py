"""Covariances from frames as other people hold them: pandas with dates in the index, rows in any order, text
from spreadsheets, a day twice after two files were put together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.errors import DataError, SettingsError
from openfactor.model import factor_covariance
from openfactor.settings import FactorCovarianceSettings

RNG = np.random.default_rng(3)
DAYS = [d.date() for d in pd.bdate_range("2024-01-01", periods=60)]
FRAME = pl.DataFrame(
    {"date": DAYS, **{f"style.{name}": 0.01 * RNG.standard_normal(60) for name in ("value", "size", "beta")}}
)
SETTINGS = FactorCovarianceSettings(halflife_vol=20, halflife_cor=20)
EXPECTED = factor_covariance(FRAME, SETTINGS)


def test_the_covariance_is_that_of_pandas() -> None:
    """With one half-life for both, F = 252 EWMA(f f')."""
    frame = FRAME.to_pandas().set_index("date")
    names = sorted(frame.columns)
    products = {(a, b): (frame[a] * frame[b]).ewm(halflife=20).mean() for a in names for b in names}
    covariance = EXPECTED.to_pandas().set_index(["date", "factor"])
    for (a, b), series in products.items():
        np.testing.assert_allclose(covariance.xs(a, level="factor")[b], 252 * series, rtol=2e-5, atol=1e-9)


def pandas_with(index: Any) -> pd.DataFrame:
    frame = FRAME.to_pandas().set_index("date")
    frame.index = index(frame.index)
    return frame


FORMS: dict[str, Callable[[], Any]] = {
    "lazy": lambda: FRAME.lazy(),
    "pyarrow": lambda: FRAME.to_arrow(),
    "pandas": lambda: FRAME.to_pandas(),
    "pandas, dates in the index": lambda: FRAME.to_pandas().set_index("date"),
    "pandas, dates in an index without a name": lambda: pandas_with(lambda i: pd.DatetimeIndex(i, name=None)),
    "pandas, python dates": lambda: pandas_with(lambda i: pd.Index([d.date() for d in pd.DatetimeIndex(i)])),
    "time zone": lambda: FRAME.with_columns(
        pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Tokyo")
    ),
    "newest first": lambda: FRAME.reverse(),
    "columns in another order": lambda: FRAME.select(reversed(FRAME.columns)),
    "decimals": lambda: FRAME.with_columns(pl.exclude("date").cast(pl.Decimal(38, 25))),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_is_what_it_holds(form: str) -> None:
    assert_frame_equal(factor_covariance(FORMS[form](), SETTINGS), EXPECTED, rel_tol=1e-5)


def test_whole_numbers_are_numbers() -> None:
    whole = FRAME.with_columns((pl.exclude("date") * 1e6).round().cast(pl.Int64))
    as_floats = whole.with_columns(pl.exclude("date").cast(pl.Float64))
    assert_frame_equal(factor_covariance(whole), factor_covariance(as_floats))


def at(row: int, column: str, value: Any) -> pl.DataFrame:
    is_row = pl.int_range(pl.len()) == row
    return FRAME.with_columns(pl.when(is_row).then(pl.lit(value)).otherwise(column).alias(column))


FAULTS: dict[str, tuple[Callable[[], Any], list[tuple[str, str | None, tuple[str, ...]]]]] = {
    "no date": (lambda: FRAME.rename({"date": "day"}), [("missing_column", "date", ())]),
    "a date is missing": (lambda: at(2, "date", None), [("missing", "date", ("row 3",))]),
    "a date twice": (lambda: at(2, "date", DAYS[5]), [("repeated", "date", (str(DAYS[5]),))]),
    "a date twice in pandas": (
        lambda: pd.concat([FRAME.to_pandas().set_index("date")] * 2).sort_index().iloc[:4],
        [("repeated", "date", (str(DAYS[0]), str(DAYS[1])))],
    ),
    "dates as text": (
        lambda: FRAME.with_columns(pl.col("date").cast(pl.String)), [("wrong_type", "date", ())],
    ),
    "dates as numbers": (
        lambda: FRAME.with_columns(pl.lit(20240102).alias("date")), [("wrong_type", "date", ())],
    ),
    "a time of day": (
        lambda: FRAME.with_columns(pl.col("date").cast(pl.Datetime("us")) + dt.timedelta(hours=16)).head(1),
        [("time_of_day", "date", (f"{DAYS[0]} 16:00:00",))],
    ),
    "text": (
        lambda: FRAME.with_columns(pl.col("style.size").cast(pl.String)), [("wrong_type", "style.size", ())],
    ),
    "a long frame": (
        lambda: FRAME.unpivot(index="date", variable_name="factor", value_name="value").head(3),
        [("wrong_type", "factor", ())],
    ),
    "true and false": (
        lambda: FRAME.with_columns(pl.lit(True).alias("style.size")), [("wrong_type", "style.size", ())],
    ),
    "a missing return": (
        lambda: at(3, "style.size", None), [("not_a_number", "style.size", (str(DAYS[3]),))],
    ),
    "NaN in pandas": (
        lambda: at(3, "style.size", None).to_pandas(), [("not_a_number", "style.size", (str(DAYS[3]),))],
    ),
    "an infinite return": (
        lambda: at(3, "style.size", np.inf), [("not_a_number", "style.size", (str(DAYS[3]),))],
    ),
    "an empty column": (
        lambda: FRAME.head(1).with_columns(pl.lit(None).alias("x")), [("not_a_number", "x", (str(DAYS[0]),))],
    ),
    "no factor": (lambda: FRAME.select("date"), [("no_factors", None, ())]),
    "several": (
        lambda: FRAME.head(1).with_columns(pl.lit("a").alias("note"), pl.lit(np.nan).alias("z")),
        [("wrong_type", "note", ()), ("not_a_number", "z", (str(DAYS[0]),))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_named_with_its_place(name: str) -> None:
    make, expected = FAULTS[name]
    with pytest.raises(DataError) as caught:
        factor_covariance(make())
    assert [(fault.rule, fault.column, fault.examples) for fault in caught.value.faults] == expected


@pytest.mark.parametrize("other", [None, [1.0], "fret.csv", np.ones((3, 3)), pd.Series([1.0])])
def test_what_is_no_frame_is_refused(other: object) -> None:
    with pytest.raises(SettingsError, match="is no table"):
        factor_covariance(other)


def test_no_days_have_no_covariance() -> None:
    assert factor_covariance(FRAME.clear()).shape == (0, 5)
    assert factor_covariance(FRAME.clear().to_pandas()).shape == (0, 5)
