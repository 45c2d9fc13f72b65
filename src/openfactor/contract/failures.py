"""Errors as values, which cross the seam by kind and fields."""

from __future__ import annotations

from openfactor.errors import DataError, Fault, OpenfactorError, SettingsError
from openfactor.settings.values import Value


class Failure(Value):
    """An error as a value; `error()` returns an equal error."""

    kind: str
    """`OpenfactorError.kind`: what the caller can do about it."""
    message: str
    """Text of the error."""
    faults: tuple[Fault, ...] = ()
    """`DataError.faults`."""
    problems: tuple[str, ...] = ()
    """`SettingsError.problems`."""
    notes: tuple[str, ...] = ()
    """Notes added to the error."""

    @classmethod
    def of(cls, error: OpenfactorError) -> Failure:
        """The value of `error`."""
        return cls(
            kind=error.kind,
            message=str(error),
            faults=error.faults if isinstance(error, DataError) else (),
            problems=error.problems if isinstance(error, SettingsError) else (),
            notes=tuple(getattr(error, "__notes__", ())),
        )

    def error(self) -> OpenfactorError:
        """The error to raise; an OpenfactorError if this release does not know its kind."""
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
    """Kind to the class nearest the root that has it."""
    classes: dict[str, type[OpenfactorError]] = {}
    level: list[type[OpenfactorError]] = [OpenfactorError]
    while level:
        for error in level:
            classes.setdefault(error.kind, error)
        level = [below for error in level for below in error.__subclasses__()]
    return classes
