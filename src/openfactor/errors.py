"""The errors that openfactor raises on purpose: one tree, grouped by what the caller can do about them.

==================  ==========================================================
`kind`              what to do
==================  ==========================================================
invalid_data        fix the uploaded table; `faults` says where it is wrong
invalid_settings    fix the settings; the message lists what is allowed
not_found           use one of the names that the message lists
conflict            choose another name, or delete what has it first
storage             fix the folder, the disk or the file the message names
process             use the object in the process that opened it, or open it again here
cancelled           nothing: the user cancelled
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
"""Largest number of lines in a message."""
LONGEST_LINE = 400
"""Largest number of characters in a line of a message."""
MOST_NAMES = 50
"""Largest number of names that a message lists."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a table: the broken rule, where, how often, and the first places."""

    rule: str
    """Name of the rule."""
    upload: str
    """The upload, or what else the table is called."""
    message: str
    """What is wrong, and often what to do, to follow the name of the column."""
    column: str | None = None
    """The column; None if the fault is not about a single one."""
    count: int = 1
    """Number of rows at fault."""
    examples: tuple[str, ...] = ()
    """The first of these rows, each by its key."""

    @property
    def line(self) -> str:
        """The fault in one line, without examples."""
        where = f"{self.upload}.{self.column}" if self.column else self.upload
        rows = f" ({self.count:,} {'row' if self.count == 1 else 'rows'})" if self.examples else ""
        return f"[{self.rule}] {where}: {self.message}{rows}"

    def __str__(self) -> str:
        first = "".join(f"\n      {example}" for example in self.examples)
        more = "\n      ..." if self.count > len(self.examples) > 0 else ""
        return f"{self.line}{first}{more}"


def shortened(items: Sequence[str], rest: str, most: int = MOST_LINES) -> list[str]:
    """The items, or as many as fit on `most` lines and a last one with the number of the others.

    Parameters
    ----------
    items
        Texts of one or more lines.
    rest
        What the items are and where to find all of them, such as "faults; `table` has all".
    most
        Largest number of lines.
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
    """A line, without its middle if it is too long: its end often says what to do."""
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE * 2 // 3]} ... {line[5 - LONGEST_LINE // 3 :]}"


class OpenfactorError(Exception):
    """Base of all errors raised on purpose. Worker processes can raise them: they survive pickling."""

    kind: ClassVar[str] = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        # constructors take more than the message, and Exception would pass them nothing else
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[OpenfactorError], args: tuple[Any, ...], fields: dict[str, Any]) -> OpenfactorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class DataError(OpenfactorError):
    """A table breaks its rules, and nothing was stored. `faults` and `table` have every fault.

    The message has at most 40 lines: if the faults need more, it omits their examples, then the last faults.

    Parameters
    ----------
    heading
        First line of the message.
    faults
        All of them.
    """

    kind = "invalid_data"

    def __init__(self, heading: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        texts, room = [str(fault) for fault in self.faults], MOST_LINES - len(heading.splitlines())
        if sum(len(text.splitlines()) for text in texts) > room:
            texts = [fault.line for fault in self.faults]
            heading = f"{heading.removesuffix(':')} (`table` has examples):"
        super().__init__("\n  ".join([heading, *shortened(texts, "faults; `table` has all", room)]))

    @property
    def table(self) -> pl.DataFrame:
        """One row per fault: rule, upload, column, message, count (of rows), first_rows."""
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
    """Settings that do not fit the dataset they are used on.

    Parameters
    ----------
    heading
        First line of the message.
    problems
        One sentence each.
    """

    kind = "invalid_settings"

    def __init__(self, heading: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        room = MOST_LINES - len(heading.splitlines())
        texts = shortened(self.problems, "problems; `problems` has all", room)
        super().__init__("\n  - ".join([heading, *texts]))


class NotFoundError(OpenfactorError, KeyError):
    """A name that does not exist; the message lists those that do."""

    kind = "not_found"

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])

    @classmethod
    def of(cls, what: str, name: str, known: Sequence[str]) -> NotFoundError:
        """The error about an unknown name, with the known ones; if they are many, with the most similar."""
        shown = sorted(known)
        if len(shown) > MOST_NAMES:
            like = get_close_matches(name, shown, MOST_NAMES, 0.6)
            shown = [*(like or shown[:MOST_NAMES]), f"... ({len(shown):,} in all)"]
        return cls(f"there is no {what} named {name!r}; known: {', '.join(shown) or 'none yet'}")


class ConflictError(OpenfactorError):
    """A name is taken, or a change conflicts with something else."""

    kind = "conflict"


class StorageError(OpenfactorError):
    """The workspace cannot be read or written."""

    kind = "storage"


class ProcessError(OpenfactorError):
    """An object was used in a process where it cannot work, such as one forked after its first use."""

    kind = "process"


class CancelledError(OpenfactorError):
    """The work was cancelled; none of it was kept."""

    kind = "cancelled"


class DataWarning(UserWarning):
    """Valid data that is probably not what was meant, such as prices on a Saturday."""
