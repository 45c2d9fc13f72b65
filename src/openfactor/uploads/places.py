"""What faults call the rows and cells of a table: by the numbers and letters that its user sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Self

import polars as pl

from openfactor.frames import SOURCE_ROW


@dataclass(frozen=True)
class Places:
    """Rows of a frame, which count from 0."""

    columns: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Column of the data type to the table's name for it."""

    def label(self, row: int, column: str | None = None) -> str:
        """What to call a row, counted from 0, or its cell in a column."""
        return f"row {row}"

    def renamed(self, columns: Mapping[str, str]) -> Self:
        """The same places by the column names of the data type."""
        return replace(self, columns=columns)


@dataclass(frozen=True)
class Lines(Places):
    """Lines of a text file, which count from 1, headings included."""

    first: int
    """The line of row 0."""
    frame: pl.DataFrame
    """The cells, which may have line breaks."""
    line_end: str

    def label(self, row: int, column: str | None = None) -> str:
        return f"line {self.first + row + self._breaks[row]}"

    @cached_property
    def _breaks(self) -> list[int]:
        """Per row, the number of line breaks in cells of the rows above."""
        if not self.frame.width:
            return [0]
        breaks = self.frame.select(
            pl.sum_horizontal(pl.all().str.count_matches(self.line_end, literal=True)).cum_sum()
        )
        return [0, *breaks.to_series().to_list()]


@dataclass(frozen=True)
class SheetCells(Places):
    """Cells of a sheet of a workbook, whose rows count from 1 and whose columns have letters."""

    sheet: str
    first: int
    """The number of row 0."""
    letters: Mapping[str, str]
    """Column of the table to its letters."""

    def label(self, row: int, column: str | None = None) -> str:
        number = self.first + row
        letters = self.letters.get(self.columns.get(column, column)) if column else None
        return f"{self.sheet}!{letters}{number}" if letters else f"{self.sheet} row {number}"


@dataclass(frozen=True)
class StackedRows(Places):
    """Rows that were made from those of another table."""

    inner: Places
    """Places in that table."""
    rows: Sequence[int]
    """Per row, the row of that table."""

    def label(self, row: int, column: str | None = None) -> str:
        return self.inner.label(self.rows[row])


class RawTable(NamedTuple):
    """The cells of a table as they were given, and their places."""

    frame: pl.DataFrame
    places: Places

    @classmethod
    def of(cls, frame: pl.DataFrame) -> RawTable:
        """The table that `frames.as_table` made of a user's frame."""
        if SOURCE_ROW not in frame.columns:
            return cls(frame, Places())
        return cls(frame.drop(SOURCE_ROW), StackedRows(Places(), frame[SOURCE_ROW].to_list()))
