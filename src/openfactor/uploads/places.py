"""Where the rows and columns of a table are for the one who made it: what faults call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Self

import polars as pl

from openfactor.frames import SOURCE_ROW


@dataclass(frozen=True)
class Places:
    """Of a frame: rows count from 0."""

    columns: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Names of the data type to those of the table."""

    def of(self, row: int, column: str | None = None) -> str:
        """What to call a row, or its cell in a column.

        row : from 0
        """
        return f"row {row}"

    def renamed(self, columns: Mapping[str, str]) -> Self:
        """The same, asked by the names of the data type."""
        return replace(self, columns=columns)


@dataclass(frozen=True)
class Lines(Places):
    """Of a text file: lines count from 1, headings included."""

    first: int
    """The line of row 0."""
    frame: pl.DataFrame
    """The cells, some of which may have line breaks."""
    line_end: str

    def of(self, row: int, column: str | None = None) -> str:
        return f"line {self.first + row + self._breaks[row]}"

    @cached_property
    def _breaks(self) -> list[int]:
        """For each row, how many lines begin within the cells of the rows before it."""
        if not self.frame.width:
            return [0]
        within = self.frame.select(
            pl.sum_horizontal(pl.all().str.count_matches(self.line_end, literal=True)).cum_sum()
        )
        return [0, *within.to_series().to_list()]


@dataclass(frozen=True)
class SheetCells(Places):
    """Of a sheet of a workbook: rows count from 1, columns have letters."""

    sheet: str
    first: int
    """The number of row 0."""
    letters: Mapping[str, str]
    """Of each column of the table."""

    def of(self, row: int, column: str | None = None) -> str:
        letters = self.letters.get(self.columns.get(column, column)) if column else None
        return f"{self.sheet}!{letters or ''}{self.first + row}" if letters else self._row(row)

    def _row(self, row: int) -> str:
        return f"{self.sheet} row {self.first + row}"


@dataclass(frozen=True)
class Stacked(Places):
    """Of a table whose rows come from those of another one."""

    inner: Places
    rows: Sequence[int]
    """Which row of the other one each comes from."""

    def of(self, row: int, column: str | None = None) -> str:
        return self.inner.of(self.rows[row])


class RawTable(NamedTuple):
    """The cells of a table as they were given, and where they are."""

    frame: pl.DataFrame
    places: Places

    @classmethod
    def of(cls, frame: pl.DataFrame) -> RawTable:
        """The table that `frames.as_table` made of a user's frame."""
        if SOURCE_ROW not in frame.columns:
            return cls(frame, Places())
        return cls(frame.drop(SOURCE_ROW), Stacked(Places(), frame[SOURCE_ROW].to_list()))
