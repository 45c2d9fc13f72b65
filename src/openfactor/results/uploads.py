"""What uploads answer: results of parsers, of staging and of commits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from openfactor.errors import shortened
from openfactor.settings.values import Value


class _Result(Value):
    def __str__(self) -> str:  # pydantic's own has every message
        return repr(self)


class UploadParserResult(_Result):
    """Whether a parser takes a table, and what it has to say."""

    parser: str | None = None
    """Name of the parser; None if the file did not get as far as a parser."""
    success: bool
    messages: list[str] = []
    """Why not; or what was found beside."""

    def __bool__(self) -> bool:
        return self.success

    def __repr__(self) -> str:
        return (
            f"<{self.parser!r} {'takes it' if self.success else 'does not take it'}{_listed(self.messages)}>"
        )


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

    def __repr__(self) -> str:
        how = f"taken by {self.success_parser!r}" if self.success else "no parser takes it"
        return f"<{how}{_listed(_told(self.results, self.success))}>"


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
        how = f"staged by {self.success_parser!r}" if self.success else "could not be staged"
        return f"<{self.name!r} {how}{_listed(_told(self.results, self.success))}>"


def _told(results: Sequence[UploadParserResult], success: bool) -> list[str]:
    """What the parsers say that took a table or, if none did, what all say: first the one that has least to
    say, whose layout it probably is."""
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
