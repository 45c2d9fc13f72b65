"""Validity of mappings: spans that join, and spans that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

SPAN = ("start_date", "end_date")


def merged(spans: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Join spans with equal `by` that overlap or touch; `by`, start_date, end_date, sorted."""
    last = pl.col("end_date").to_physical().cum_max().shift(1).over(by)
    opens = (pl.col("start_date").to_physical() > last + 1).fill_null(True)
    return (
        spans.select(*by, *SPAN)
        .sort(*by, *SPAN)
        .with_columns(run=opens.cum_sum())
        .group_by(*by, "run", maintain_order=True)
        .agg(pl.col("start_date").min(), pl.col("end_date").max())
        .drop("run")
    )


def overlaps(spans: pl.DataFrame, target: str) -> pl.DataFrame:
    """Pairs of targets to which an id leads on the same days.

    Parameters
    ----------
    spans : id_type, id, start_date, end_date and `target`, merged

    Returns
    -------
    id_type, id, first, second (the targets), start_date, end_date (of the common days), and the spans of both
    as first_start, first_end, second_start, second_end.
    """
    by = ["id_type", "id"]
    last = pl.col("end_date").to_physical().cum_max().shift(1).over(by)
    ordered = spans.select(*by, *SPAN, of=target).sort(*by, *SPAN)
    repeated = ordered.filter(pl.col("start_date").to_physical() <= last).select(by).unique()
    candidates = ordered.join(repeated, on=by)
    pairs = candidates.join(candidates, on=by, suffix="_2").filter(
        (pl.col("of") < pl.col("of_2"))
        & (pl.col("start_date") <= pl.col("end_date_2"))
        & (pl.col("start_date_2") <= pl.col("end_date"))
    )
    return (
        pairs.select(
            *by,
            pl.max_horizontal("start_date", "start_date_2"),
            pl.min_horizontal("end_date", "end_date_2"),
            first="of",
            second="of_2",
            first_start="start_date",
            first_end="end_date",
            second_start="start_date_2",
            second_end="end_date_2",
        )
        .select(*by, "first", "second", *SPAN, "first_start", "first_end", "second_start", "second_end")
        .sort(pl.all())
    )


def described(pairs: pl.DataFrame, to: str) -> tuple[str, ...]:
    """The first overlaps as text; to : id type of the targets."""
    return tuple(
        f"{row['id_type']} {row['id']}: {to} {row['first']} ({row['first_start']} to {row['first_end']}) and "
        f"{to} {row['second']} ({row['second_start']} to {row['second_end']}), both from {row['start_date']} "
        f"to {row['end_date']}"
        for row in pairs.head(5).to_dicts()
    )
