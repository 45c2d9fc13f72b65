"""Headings of two levels, field and asset, as `yfinance` gives frames and writes them to files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from openfactor.frames.mixed import MIXED, mixed_series

ASSETS = ("ticker", "tickers", "symbol", "symbols")
"""Names of a level of headings that holds assets."""
FIELDS = ("price", "prices", "field", "fields", "attribute", "attributes", "")
"""Names of a level of headings that holds fields, such as close and volume."""
_USUAL_FIELDS = ("close", "adj_close", "open", "volume", "return")
_VALUE = re.compile(r"[-+]?[\d.]+$|\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[^\W\d][\w ]*")


@dataclass(frozen=True)
class PairedHeadings:
    """Headings of two levels."""

    index: tuple[str, ...]
    """Headings of the first columns, which have one level."""
    pairs: tuple[tuple[str, str], ...]
    """Upper and lower heading of each other column."""
    names: tuple[str, str]
    """Names of the two levels, which may be empty."""

    @property
    def asset_level(self) -> int:
        """The level that is named for assets; without one, the level that has no usual fields."""
        for level, name in enumerate(self.names):
            if snake_case(name) in ASSETS:
                return level
        upper, lower = ({snake_case(pair[level]) for pair in self.pairs} for level in (0, 1))
        return 0 if lower & set(_USUAL_FIELDS) and not upper & set(_USUAL_FIELDS) else 1


def paired(lines: Sequence[Sequence[str]]) -> tuple[PairedHeadings, int] | None:
    """Two levels of headings, and the number of their lines; None if the first lines of a table have others.

    The first cell of each line may hold the name of the level, `Price` or `Ticker`. A third line may name the
    column of dates, and nothing else. A cell that is merged with the one before may be empty.
    """
    if len(lines) < 2 or len(lines[0]) < 2 or len(lines[1]) != len(lines[0]):
        return None
    upper, lower = ([cell.strip() for cell in line] for line in lines[:2])
    third = [cell.strip() for cell in lines[2]] if len(lines) > 2 else []
    named = len(third) == len(upper) and bool(_NAME.fullmatch(third[0])) and not any(third[1:])
    levels = snake_case(upper[0]), snake_case(lower[0])
    of_assets, of_fields = (sum(level in known for level in levels) for known in (ASSETS, FIELDS))
    if of_assets + of_fields < 2 or of_assets > 1:
        return None
    if not named and (not of_assets or not all(levels) or any(map(_VALUE.match, lower[1:]))):
        return None
    if not upper[1] or not all(lower[1:]):
        return None
    for i in range(2, len(upper)):
        upper[i] = upper[i] or upper[i - 1]
    pairs = tuple(zip(upper[1:], lower[1:], strict=True))
    return PairedHeadings((third[0] if named else "date",), pairs, (upper[0], lower[0])), 2 + named


def stack(frame: pl.DataFrame, headings: PairedHeadings) -> tuple[pl.DataFrame, list[int]]:
    """One row per row and asset, without those whose fields are all empty; and the row that each comes from.

    Parameters
    ----------
    frame
        The columns of the index, then those of the pairs.
    headings
        What the columns are.
    """
    level = headings.asset_level
    label = headings.names[level] or "ticker"
    fields = list(dict.fromkeys(pair[1 - level] for pair in headings.pairs))
    index = frame[:, : len(headings.index)]
    index.columns = list(headings.index)
    numbers = pl.int_range(len(frame), eager=True)
    by_asset: dict[str, dict[str, pl.Series]] = {}
    for i, pair in enumerate(headings.pairs):
        by_asset.setdefault(pair[level], {})[pair[1 - level]] = frame.to_series(index.width + i)
    pieces: list[pl.DataFrame] = []
    source_rows: list[int] = []
    for asset, columns in by_asset.items():
        filled = pl.DataFrame([_is_filled(series).alias(str(i)) for i, series in enumerate(columns.values())])
        kept = filled.select(pl.any_horizontal(pl.all())).to_series()
        values = [series.filter(kept).alias(name) for name, series in columns.items()]
        assets = pl.repeat(asset, int(kept.sum()), dtype=pl.String, eager=True).alias(label)
        pieces.append(pl.DataFrame([*index.filter(kept), assets, *values]))
        source_rows += numbers.filter(kept).to_list()
    names = [*index.columns, label, *fields]
    return pl.DataFrame([_joined(name, pieces) for name in names]), source_rows


def snake_case(name: str) -> str:
    """The name of a column in lower case, with underscores between words."""
    return re.sub(r"[\s\-]+", "_", name.strip()).lower()


def _is_filled(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        return (series.str.strip_chars() != "").fill_null(False)
    if series.dtype.is_float():
        return series.fill_nan(None).is_not_null()
    return series.is_not_null()


def _joined(name: str, frames: Sequence[pl.DataFrame]) -> pl.Series:
    """A column of all frames, empty where a frame lacks it; mixed if the types differ."""
    columns = [
        frame.get_column(name) if name in frame.columns else pl.repeat(None, len(frame), eager=True)
        for frame in frames
    ]
    types = {column.dtype for column in columns if column.dtype != pl.Null}
    if MIXED in types or (len(types) > 1 and not all(dtype.is_numeric() for dtype in types)):
        columns = [
            column if column.dtype == MIXED else mixed_series(name, column.to_list()) for column in columns
        ]
    return pl.concat(
        [column.alias(name).to_frame() for column in columns], how="vertical_relaxed"
    ).to_series()
