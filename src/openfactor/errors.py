"""Everything openfactor raises on purpose: one tree, grouped by what the caller does about it.

==================  ==========================================================
`kind`              what to do
==================  ==========================================================
invalid_data        fix the uploaded table; `faults` says where it is wrong
invalid_settings    fix the settings; the message lists what is allowed
not_found           use one of the names that the message lists
conflict            choose another name, or delete what is there first
storage             fix the folder, the disk or the file the message names
process             use it where it was opened, or open it again in the other process
cancelled           nothing: it was you
==================  ==========================================================

`kind` is stable: it travels over the wire and scripts may compare it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # importing openfactor does not load polars
    import polars as pl

MOST_LINES = 40
"""Lines of a message."""
LONGEST_LINE = 400
"""Characters of a line of a message."""
MOST_NAMES = 50
"""Names that a message lists."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a table: which rule, where, how often, and the first places."""

    rule: str
    upload: str
    message: str
    column: str | None = None
    count: int = 1
    examples: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The fault without examples."""
        where = f"{self.upload}.{self.column}" if self.column else self.upload
        rows = f" ({self.count:,} {'row' if self.count == 1 else 'rows'})" if self.examples else ""
        return f"[{self.rule}] {where}: {self.message}{rows}"

    def __str__(self) -> str:
        first = "".join(f"\n      {example}" for example in self.examples)
        more = "\n      ..." if self.count > len(self.examples) > 0 else ""
        return f"{self.line}{first}{more}"


def shortened(items: Sequence[str], rest: str, most: int = MOST_LINES) -> list[str]:
    """The items: all of them, or as many as `most` lines can hold, and how many are left.

    rest : what the items are and where all of them are, such as "faults; `table` has all"
    """
    texts = [item.splitlines() for item in items]
    kept: list[str] = []
    used, fits = 0, sum(map(len, texts)) <= most
    for number, lines in enumerate(texts):
        used += len(lines)
        if not fits and used > most - 1:
            return [*kept, f"... and {len(texts) - number:,} more {rest}"]
        kept.append("\n".join(map(_cut, lines)))
    return kept


def _cut(line: str) -> str:
    """A line that is too long without its middle: its end often says what to do."""
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE * 2 // 3]} ... {line[5 - LONGEST_LINE // 3 :]}"


class OpenfactorError(Exception):
    """Base of every error raised on purpose. Worker processes can raise it: it survives pickling."""

    kind: ClassVar[str] = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        # the constructor takes more than the message, which is all that Exception would pass to it again
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[OpenfactorError], args: tuple[Any, ...], fields: dict[str, Any]) -> OpenfactorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class DataError(OpenfactorError):
    """A table breaks its rules. Nothing was stored; `faults` and `table` hold every fault that was found.

    The message has no more than 40 lines. If the faults need more, it leaves out their examples, and then
    the last faults.
    """

    kind = "invalid_data"

    def __init__(self, heading: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        told, room = [str(fault) for fault in self.faults], MOST_LINES - len(heading.splitlines())
        if sum(len(text.splitlines()) for text in told) > room:
            told = [fault.line for fault in self.faults]
            heading = f"{heading.removesuffix(':')} (`table` has examples):"
        super().__init__("\n  ".join([heading, *shortened(told, "faults; `table` has all", room)]))

    @property
    def table(self) -> pl.DataFrame:
        """The faults: rule, upload, column, message, count (of rows), first_rows."""
        import polars as pl

        return pl.DataFrame(
            [(f.rule, f.upload, f.column, f.message, f.count, list(f.examples)) for f in self.faults],
            schema={
                "rule": pl.String, "upload": pl.String, "column": pl.String, "message": pl.String,
                "count": pl.Int64, "first_rows": pl.List(pl.String),
            },
            orient="row",
        )  # fmt: skip


class SettingsError(OpenfactorError, ValueError):
    """Settings that do not fit the dataset they are used on."""

    kind = "invalid_settings"

    def __init__(self, heading: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        room = MOST_LINES - len(heading.splitlines())
        told = shortened(self.problems, "problems; `problems` has all", room)
        super().__init__("\n  - ".join([heading, *told]))


class NotFoundError(OpenfactorError, KeyError):
    """A name that does not exist; the message lists those that do."""

    kind = "not_found"

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])

    @classmethod
    def of(cls, what: str, name: str, known: Sequence[str]) -> NotFoundError:
        """The usual message: what was asked for, and what there is; of many names those most like it."""
        shown = sorted(known)
        if len(shown) > MOST_NAMES:
            like = get_close_matches(name, shown, MOST_NAMES, 0.6)
            shown = [*(like or shown[:MOST_NAMES]), f"... ({len(shown):,} in all)"]
        return cls(f"there is no {what} named {name!r}; known: {', '.join(shown) or 'none yet'}")


class ConflictError(OpenfactorError):
    """A name that is taken, or a change that something else stands in the way of."""

    kind = "conflict"


class StorageError(OpenfactorError):
    """The workspace folder cannot be read or written as it should."""

    kind = "storage"


class ProcessError(OpenfactorError):
    """Something of the engine in a process where it cannot work, such as one forked after use."""

    kind = "process"


class CancelledError(OpenfactorError):
    """Work that was cancelled; nothing was kept of it."""

    kind = "cancelled"


class DataWarning(UserWarning):
    """Legal data that is probably not what was meant, such as prices on a Saturday."""
