"""Errors as values: they cross the seam by kind and fields."""

from __future__ import annotations

from openfactor.errors import DataError, Fault, OpenfactorError, SettingsError
from openfactor.settings.values import Value


class Failure(Value):
    """An error of ours as a value; `error()` is equal to the one that it was made of."""

    kind: str
    """`OpenfactorError.kind`: what the caller can do about it."""
    message: str
    faults: tuple[Fault, ...] = ()
    """Of a DataError."""
    problems: tuple[str, ...] = ()
    """Of a SettingsError."""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: OpenfactorError) -> Failure:
        """The value of an error."""
        return cls(
            kind=error.kind,
            message=str(error),
            faults=error.faults if isinstance(error, DataError) else (),
            problems=error.problems if isinstance(error, SettingsError) else (),
            notes=tuple(getattr(error, "__notes__", ())),
        )

    def error(self) -> OpenfactorError:
        """The error, to be raised; one of a kind that this release does not know is an OpenfactorError."""
        kind = _kinds().get(self.kind, OpenfactorError)
        error = kind.__new__(kind, self.message)
        if isinstance(error, DataError):
            error.faults = self.faults
        if isinstance(error, SettingsError):
            error.problems = self.problems
        for note in self.notes:
            error.add_note(note)
        return error


def _kinds() -> dict[str, type[OpenfactorError]]:
    """Kind to class: the one nearest to the root, of those that share it."""
    found: dict[str, type[OpenfactorError]] = {}
    waiting: list[type[OpenfactorError]] = [OpenfactorError]
    while waiting:
        kind = waiting.pop(0)
        found.setdefault(kind.kind, kind)
        waiting += kind.__subclasses__()
    return found
