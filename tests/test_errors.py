"""Errors cross processes unchanged, so joblib, spawned workers and Dask show what went wrong."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import pickle
import pkgutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import joblib
import pytest

import openfactor
from openfactor.errors import DataError, DataWarning, Fault, NotFoundError, OpenfactorError, SettingsError
from openfactor.settings.factors import FactorsError

FAULTS = [
    Fault("positive", "price 'p'", "must be above 0", "close", 3, ("2024-01-02 A", "2024-01-03 B")),
    Fault("no_rows", "price 'p'", "there are none"),
]
EXAMPLES: dict[type[Exception], Exception] = {
    DataError: DataError("not stored:", FAULTS),
    SettingsError: SettingsError("do not fit:", ["no 'style'", "no 'XNYS'"]),
    NotFoundError: NotFoundError.of("risk dataset", "d", ["a", "b"]),
    DataWarning: DataWarning("prices on a Saturday"),
    FactorsError: FactorsError(["there is no 'size'", "there is no 'value'"]),
}


def tree(kind: type[Exception]) -> list[type[Exception]]:
    return [kind] + [below for child in kind.__subclasses__() for below in tree(child)]


def exceptions_of_the_package() -> list[type[Exception]]:
    """All of them, whichever module has them."""
    for module in pkgutil.walk_packages(openfactor.__path__, "openfactor."):
        importlib.import_module(module.name)
    kinds = {kind for kind in tree(Exception) if kind.__module__.split(".")[0] == "openfactor"}
    return sorted(kinds, key=lambda kind: kind.__name__)


ERRORS = [EXAMPLES.get(kind) or kind("the message") for kind in exceptions_of_the_package()]


def pickled(error: Exception) -> Exception:
    found = pickle.loads(pickle.dumps(error))
    assert isinstance(found, Exception)
    return found


def same(one: BaseException, other: BaseException) -> bool:
    """All that a caller can see."""
    views: list[Callable[[Any], Any]] = [str, repr, vars, lambda e: e.args, lambda e: getattr(e, "kind", "")]
    return type(one) is type(other) and all(view(one) == view(other) for view in views)


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("through", [pickled, copy.copy, copy.deepcopy])
def test_an_error_survives_copies_with_all_its_fields(
    error: Exception, through: Callable[[Exception], Exception]
) -> None:
    error.add_note("while building 'd'")
    again = through(error)
    assert same(again, error)
    assert again.__notes__ == error.__notes__


def test_errors_of_callers_who_extend_the_tree_survive_too() -> None:
    assert same(pickle.loads(pickle.dumps(TeamError("x", 7))), TeamError("x", 7))


class TeamError(DataError):
    def __init__(self, upload: str, batch: int) -> None:
        self.batch = batch
        super().__init__(f"batch {batch}", [Fault("late", upload, "came late")])


def fail(error: Exception) -> None:
    raise error


def test_a_spawned_worker_raises_what_happened() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for error in ERRORS:
            found = pool.submit(fail, error).exception()
            assert found is not None
            assert same(found, error), error
        assert pool.submit(len, "still at work").result() == 13


def test_joblib_raises_what_happened() -> None:
    with pytest.raises(DataError) as caught:
        joblib.Parallel(n_jobs=2)([joblib.delayed(fail)(EXAMPLES[DataError])])
    assert caught.value.faults == tuple(FAULTS)


def test_the_kinds_are_those_that_scripts_compare() -> None:
    ours = [kind for kind in exceptions_of_the_package() if issubclass(kind, OpenfactorError)]
    # a class without a kind of its own is for the engine: across the seam it is the class of its kind
    kinds = {kind.__name__: kind.kind for kind in ours if "kind" in vars(kind)}
    assert kinds == {
        "OpenfactorError": "error",
        "DataError": "invalid_data",
        "SettingsError": "invalid_settings",
        "NotFoundError": "not_found",
        "ConflictError": "conflict",
        "StorageError": "storage",
        "ProcessError": "process",
        "CancelledError": "cancelled",
    }


def test_a_message_is_of_forty_lines_and_the_error_has_the_rest() -> None:
    many = [Fault("empty", "prices", "must not be empty", f"c{i}", 2, ("row 1", "row 2")) for i in range(200)]
    error = DataError("not stored, 200 faults:", many)
    lines = str(error).splitlines()
    assert len(lines) == 40
    assert lines[0] == "not stored, 200 faults (`table` has examples):"
    assert lines[1] == "  [empty] prices.c0: must not be empty (2 rows)"
    assert lines[-1] == "  ... and 162 more faults; `table` has all"
    assert error.faults == tuple(many)
    assert error.table.columns == ["rule", "upload", "column", "message", "count", "first_rows"]
    assert error.table.row(199) == ("empty", "prices", "c199", "must not be empty", 2, ["row 1", "row 2"])
    assert pickled(error).table.equals(error.table)  # type: ignore[attr-defined]
    few = DataError("not stored:", many[:13])
    assert str(few).count("row 2") == 13, "39 lines have room for the examples"
    problems = SettingsError("do not fit:", [f"problem {i}" for i in range(1000)])
    assert len(str(problems).splitlines()) == 40
    assert str(problems).endswith("... and 962 more problems; `problems` has all")


def test_a_long_line_keeps_what_to_do() -> None:
    names = ", ".join(f"column {i}" for i in range(5000))
    text = str(DataError("not stored:", [Fault("unknown", "p", f"columns {names}; leave them out")]))
    assert text.endswith("column 4999; leave them out")
    assert len(text) < 500


def test_of_many_names_those_like_it_are_shown() -> None:
    text = str(NotFoundError.of("upload", "price_2O24", [f"price_{year}" for year in range(1000, 3000)]))
    assert "price_2024" in text
    assert text.endswith("... (2,000 in all)")
    assert len(text) < 1000
    assert "known: a0, a1, " in str(NotFoundError.of("upload", "?", [f"a{i}" for i in range(100)]))
