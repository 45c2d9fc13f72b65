"""What uploads answer: results of parsers, of staging and of commits."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict

from openfactor.errors import shortened


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)


class UploadParserResult(_Result):
    """Whether a parser takes a table, and what it has to say."""

    parser: str | None = None
    """Name of the parser; None if the file did not get as far as a parser."""
    success: bool
    messages: list[str] = []
    """Why not; or what was found beside."""

    def __bool__(self) -> bool:
        return self.success


class MultiParserResult(_Result):
    """What every parser says of a table."""

    results: list[UploadParserResult]

    @property
    def success(self) -> bool:
        """Some parser takes it."""
        return self.success_parser is not None

    @property
    def success_parser(self) -> str | None:
        """The first parser that takes it."""
        return next((r.parser for r in self.results if r.success), None)

    def __bool__(self) -> bool:
        return self.success


class UploadStagingResult(_Result):
    """What came of staging a table, or all tables of an archive; false if it failed."""

    name: str
    timestamp: dt.datetime
    success: bool
    results: list[UploadParserResult]

    @property
    def success_parser(self) -> str | None:
        """The parser that took it."""
        return next((r.parser for r in self.results if r.success), None)

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        told = [
            f"{f'{result.parser}: ' if result.parser else ''}{message}"
            for result in self.results
            if result.success == self.success
            for message in result.messages
        ]
        how = f"staged by {self.success_parser!r}" if self.success else "could not be staged"
        lines = "".join(f"\n  {line}" for line in shortened(told, "messages; `results` has all"))
        return f"<{self.name!r} {how}{':' if told else ''}{lines}>"


class UploadCommitResult(_Result):
    """What a commit did. Added, replaced, unchanged and ignored rows are all rows of the commit."""

    version: int
    """The latest version after it."""
    committed_names: list[str] = []
    """The staged tables that went into it; of a file that was committed directly, its tables."""
    rows_added: int = 0
    """Rows with a key that was not there."""
    rows_replaced: int = 0
    """Rows that took the place of a row with the same key and other values."""
    rows_unchanged: int = 0
    """Rows that were there already, with the same values."""
    rows_ignored: int = 0
    """Rows that `append` left out, because their key, or with match_columns their slice, was there with
    other values."""
    rows_removed: int = 0
    """Rows that were there before and whose key is not there any more."""
    notes: list[str] = []
    """What was cleaned or left out as the tables were read."""


class UploadDataTypeFreshness(_Result):
    """When a data type got data last."""

    data_type: str
    last_committed_at: dt.datetime | None = None
