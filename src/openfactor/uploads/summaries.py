"""Counts and statistics of an upload: one row, or one per day.

The columns follow from those of the data type: counts of distinct values (UInt32) where it has a plural for
them, first and last of dates, counts of set flags (UInt32), and minimum, maximum, mean, median and sample
standard deviation of numbers (Float32).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from openfactor.uploads.schema import FLAG, NUMBER, Column, DataType

NAME = "_name"
STATISTICS = ("min", "max", "mean", "median", "std")


def summary(rows: pl.LazyFrame, data_type: DataType, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """One row, or one per value of `by`: number of rows, dates, counts, statistics."""
    days = [column for column in data_type.columns if column.dtype == pl.Date]
    counts = [column for column in data_type.columns if column.counted]
    aggregates = [
        pl.len().cast(pl.UInt32).alias("n_rows"),
        *(
            getattr(pl.col(day.name), end)().alias(f"{end}_{day.name}")
            for day in days
            for end in ("min", "max")
        ),
        *_counts(counts),
        *_statistics(data_type.columns),
    ]
    return _aggregate(rows, aggregates, by)


def detail_summary(rows: pl.LazyFrame, data_type: DataType, by: tuple[str, ...] = ()) -> pl.LazyFrame:
    """One row per value of the data type's `detail_by` (and of `by`): counts, statistics.

    Only the first counted column is counted, for most data types the assets.
    """
    key = (*by, *data_type.detail_by)
    counts = [column for column in data_type.columns if column.counted and column.name not in key]
    aggregates = [*_counts(counts[:1]), *_statistics(c for c in data_type.columns if c.name not in key)]
    return _aggregate(rows, aggregates or [pl.len().cast(pl.UInt32).alias("n_rows")], key)


def _aggregate(rows: pl.LazyFrame, aggregates: list[pl.Expr], by: tuple[str, ...]) -> pl.LazyFrame:
    return rows.group_by(by).agg(aggregates).sort(by) if by else rows.select(aggregates)


def _counts(columns: list[Column]) -> list[pl.Expr]:
    return [pl.col(c.name).n_unique().cast(pl.UInt32).alias(f"n_{c.counted}") for c in columns]


def _statistics(columns: Iterable[Column]) -> list[pl.Expr]:
    expressions = []
    for column in columns:
        values = pl.col(column.name)
        if column.dtype == FLAG:
            expressions.append(values.sum().cast(pl.UInt32).alias(f"n_{column.name}"))
        elif column.dtype == NUMBER:
            expressions += [
                getattr(values, statistic)().cast(pl.Float32).alias(f"{statistic}_{column.name}")
                for statistic in STATISTICS
            ]
    return expressions
