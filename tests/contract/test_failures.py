"""Errors as values and back."""

from __future__ import annotations

import pytest

from openfactor import errors
from openfactor.contract.codec import pack, unpack
from openfactor.contract.failures import Failure
from openfactor.errors import DataError, OpenfactorError
from tests.test_errors import ERRORS, TeamError, same


def is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, OpenfactorError)


OURS = [error for error in ERRORS if type(error) in vars(errors).values() and is_error(type(error))]


@pytest.mark.parametrize("error", OURS, ids=lambda e: type(e).__name__)
def test_an_error_crosses_as_bytes(error: OpenfactorError) -> None:
    error.add_note("while building 'd'")
    again = unpack(Failure, pack(Failure, Failure.of(error))).error()
    assert same(again, error)
    assert again.__notes__ == error.__notes__


def test_an_error_of_an_unknown_kind_keeps_its_message() -> None:
    found = Failure(kind="of_next_year", message="what happened").error()
    assert type(found) is OpenfactorError
    assert str(found) == "what happened"


def test_a_subclass_arrives_as_the_error_that_callers_know() -> None:
    sent = TeamError("x", 7)
    found = Failure.of(sent).error()
    assert type(found) is DataError
    assert found.faults == sent.faults
    assert str(found) == str(sent)
