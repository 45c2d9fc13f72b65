"""Results of parsing, staging and committing uploads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from openfactor.errors import shortened
from openfactor.settings.values import Value


class _Result(Value):
    def __str__(self) -> str:  # that of pydantic would show every message
        return repr(self)


class UploadParserResult(_Result):
    """Whether a parser accepts a table, and its messages."""

    parser: str | None = None
    """Name of the parser; None if the file could not even be read."""
    success: bool
    """Whether it accepts the table."""
    messages: list[str] = []
    """Why it does not; or remarks on a table that it accepts."""

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        verb = "accepts it" if self.success else "does not accept it"
        return f"<{self.parser!r} {verb}{_listed(self.messages)}>"


class MultiParserResult(_Result):
    """The results of all parsers for a table."""

    results: list[UploadParserResult]
    """One per parser."""

    @property
    def success(self) -> bool:
        """Whether some parser accepts it."""
        return self.success_parser is not None

    @property
    def success_parser(self) -> str | None:
        """Name of the first parser that accepts it; None if none does."""
        return next((r.parser for r in self.results if r.success), None)

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        how = f"accepted by {self.success_parser!r}" if self.success else "no parser accepts it"
        return f"<{how}{_listed(_told(self.results, self.success))}>"


class UploadStagingResult(_Result):
    """The result of staging a table, or all tables of an archive; false if it failed."""

    name: str
    """Name of the staged table."""
    timestamp: dt.datetime
    """When it was staged, UTC."""
    success: bool
    """Whether it was staged."""
    results: list[UploadParserResult]
    """One per parser."""

    @property
    def success_parser(self) -> str | None:
        """Name of the parser that accepted it; None if none did."""
        return next((r.parser for r in self.results if r.success), None)

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        how = f"staged by {self.success_parser!r}" if self.success else "could not be staged"
        return f"<{self.name!r} {how}{_listed(_told(self.results, self.success))}>"


def _told(results: Sequence[UploadParserResult], success: bool) -> list[str]:
    """Messages of the parsers that accepted a table, or of all if none did. The parser with the fewest comes
    first: its layout is probably that of the table.
    """
    return [
        f"{f'{result.parser}: ' if result.parser else ''}{message}"
        for result in sorted(results, key=lambda result: len(result.messages))
        if result.success == success
        for message in result.messages
    ]


def _listed(messages: Sequence[str]) -> str:
    lines = "".join(f"\n  {line}" for line in shortened(messages, "messages"))
    return f":{lines}" if messages else ""


class UploadCommitResult(_Result):
    """What a commit did. Its rows are those added, replaced, unchanged and ignored."""

    version: int
    """The latest version after the commit."""
    committed_names: list[str] = []
    """The staged tables committed, or the tables of a file committed directly."""
    rows_added: int = 0
    """Rows with a new key."""
    rows_replaced: int = 0
    """Rows that replaced a row with the same key and other values."""
    rows_unchanged: int = 0
    """Rows that existed with the same values."""
    rows_ignored: int = 0
    """Rows that `append` skipped, because their key, or with match_columns their slice, existed with other
    values."""
    rows_removed: int = 0
    """Earlier rows whose key no longer exists."""
    notes: list[str] = []
    """What was cleaned or dropped while reading the tables."""


class UploadDataTypeFreshness(_Result):
    """When a data type last received data."""

    data_type: str
    """Name of the data type."""
    last_committed_at: dt.datetime | None = None
    """Time of the last commit to any of its uploads, UTC."""
