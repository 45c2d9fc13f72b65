"""Everything openfactor raises on purpose: one tree, grouped by what the caller does about it.

==================  ==========================================================
`kind`              what to do
==================  ==========================================================
invalid_data        mend the uploaded table; `faults` says where it is wrong
invalid_settings    mend the settings; the message lists what is allowed
not_found           use one of the names that the message lists
conflict            choose another name, or delete what is there first
storage             mend the folder, the disk or the file the message names
process             use it where it was opened, or open it again in the other process
cancelled           nothing: it was you
==================  ==========================================================

`kind` is stable: it travels over the wire and scripts may compare it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a table: which rule, where, how often, and the first places."""

    rule: str
    upload: str
    message: str
    column: str | None = None
    count: int = 1
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.upload}.{self.column}" if self.column else self.upload
        rows = f" ({self.count:,} {'row' if self.count == 1 else 'rows'})" if self.examples else ""
        first = "".join(f"\n      {example}" for example in self.examples)
        more = "\n      ..." if self.count > len(self.examples) > 0 else ""
        return f"[{self.rule}] {where}: {self.message}{rows}{first}{more}"


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
    """A table breaks its rules. Nothing was stored; `faults` holds every fault that was found."""

    kind = "invalid_data"

    def __init__(self, heading: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([heading, *(str(fault) for fault in self.faults)]))


class SettingsError(OpenfactorError, ValueError):
    """Settings that do not fit the dataset they are used on."""

    kind = "invalid_settings"

    def __init__(self, heading: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  - ".join([heading, *self.problems]))


class NotFoundError(OpenfactorError, KeyError):
    """A name that does not exist; the message lists those that do."""

    kind = "not_found"

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])

    @classmethod
    def of(cls, what: str, name: str, known: Sequence[str]) -> NotFoundError:
        """The usual message: what was asked for, and what there is."""
        return cls(f"there is no {what} named {name!r}; known: {', '.join(sorted(known)) or 'none yet'}")


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
