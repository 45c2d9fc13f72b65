"""Queries of an upload's versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from openfactor.errors import NotFoundError, SettingsError
from openfactor.uploads.filters import Filters, filter_expression
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.damage import deleted
from openfactor.uploads.storage.table import VersionedTable
from openfactor.uploads.summaries import NAME, detail_summary, summary

Which = Literal["data", "staging"]
"""Committed or staged rows."""
Version = int | dt.datetime
"""The number of a version, or a time (of this machine, unless it has a zone) at which it was the latest."""


@dataclass(frozen=True)
class VersionQueries:
    """Reads the versions of the upload in `folder`."""

    folder: Path
    data_type: DataType

    def table(self, version: Version | None = None) -> VersionedTable:
        """The table at a version, by default the latest.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        if version is None:
            return VersionedTable(self.folder, self.data_type)
        number = self._number_at(version) if isinstance(version, dt.datetime) else version
        try:
            return VersionedTable(self.folder, self.data_type, number)
        except NotFoundError:
            latest = VersionedTable(self.folder, self.data_type).version
            if 0 <= number <= latest:
                raise
            raise NotFoundError(f"{self._upload} has versions 0 to {latest}, not {number}") from None

    def _number_at(self, time: dt.datetime) -> int:
        """The version that was the latest at a time."""
        moment = time.astimezone(dt.UTC)
        earlier = [number for number, committed in self.history().items() if committed <= moment]
        if not earlier:
            raise NotFoundError(f"{self._upload} did not exist at {time}")
        return earlier[-1]

    @property
    def _upload(self) -> str:
        return f"{self.data_type.name} upload {self.folder.name!r}"

    def history(self) -> dict[int, dt.datetime]:
        """Version to the time of its commit (UTC), ascending."""
        return self.table().history()

    def last_committed_at(self) -> dt.datetime | None:
        """Time of the latest commit (UTC); None before the first."""
        table = self.table()
        return table.committed_at if table.version else None

    def rows(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        unique: bool = False,
        head: int | None = None,
        version: Version | None = None,
    ) -> pl.LazyFrame:
        """The rows of a version; `Upload.get_data` has the meaning of the arguments."""
        rows = self.table(version).scan()
        if filters:
            rows = rows.filter(filter_expression(filters, dict(rows.collect_schema())))
        if columns is not None:
            rows = select(rows, columns)
        if unique:
            rows = rows.unique()
        return rows if head is None else rows.head(head)

    def collect(self, rows: pl.LazyFrame, engine: Literal["auto", "streaming"] = "auto") -> pl.DataFrame:
        """What is read from a version; NotFoundError if it was deleted or removed meanwhile."""
        try:
            return rows.collect(engine=engine)
        except FileNotFoundError as error:  # of files that were there a moment ago
            raise deleted(self.folder) from error

    def summary(self, version: Version | None = None) -> pl.DataFrame:
        """One row of counts and statistics."""
        return self.collect(summary(self.table(version).scan(), self.data_type), "streaming")

    def detail_summary(self, version: Version | None = None) -> pl.DataFrame:
        """One row of counts and statistics per day, level or kind."""
        return self.collect(detail_summary(self.table(version).scan(), self.data_type), "streaming")

    def schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of committed or staged rows."""
        return _of(self.data_type.schema, which)

    def summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the summary."""
        return _of(dict(summary(self.data_type.empty().lazy(), self.data_type).collect_schema()), which)

    def detail_summary_schema(self, which: Which = "data") -> dict[str, pl.DataType]:
        """Columns and types of the detail summary."""
        frame = detail_summary(self.data_type.empty().lazy(), self.data_type)
        return _of(dict(frame.collect_schema()), which)


def select(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The columns; SettingsError with those that the rows do not have."""
    known = rows.collect_schema().names()
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise SettingsError(f"no columns {', '.join(map(repr, unknown))}:", [", ".join(known)])
    return rows.select(columns)


def _of(schema: dict[str, pl.DataType], which: Which) -> dict[str, pl.DataType]:
    if which not in ("data", "staging"):
        raise SettingsError(f"{which!r} is unknown:", ["data: committed rows", "staging: staged rows"])
    return schema if which == "data" else {NAME: pl.String(), **schema}
