"""Long work in the background: watched, waited for, or cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Generic, TypeVar

from openfactor.processes import BoundToProcess

T = TypeVar("T")


class Task(BoundToProcess, Generic[T]):
    """Work that runs on a thread of its own, beginning at once.

    run : gets the function to report progress to, with the units done since the last report, and the event
    that is set when the work is to stop
    """

    def __init__(self, name: str, run: Callable[[Callable[[int], None], threading.Event], T]) -> None:
        self.name = name
        self._cancel = threading.Event()
        self._units = 0
        self._result: Future[T] = Future()
        threading.Thread(target=self._run, args=(run,), name=name, daemon=True).start()

    def _run(self, run: Callable[[Callable[[int], None], threading.Event], T]) -> None:
        try:
            self._result.set_result(run(self._advance, self._cancel))
        except BaseException as error:  # it belongs to whoever waits for the result
            self._result.set_exception(error)

    def _advance(self, units: int) -> None:
        self._units += units

    @property
    def units_done(self) -> int:
        """Units of work, such as trading days, that are done."""
        return self._units

    @property
    def done(self) -> bool:
        """The work has ended, with a result or without."""
        return self._result.done()

    def cancel(self) -> None:
        """Ask the work to stop; `result` then raises CancelledError, unless it had ended before."""
        self._cancel.set()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the work and give what it gave.

        Raises
        ------
        TimeoutError: it is not done after `timeout` seconds; it goes on. CancelledError: it was cancelled.
        Whatever the work raised.
        """
        try:
            return self._result.result(timeout)
        except NotYet:
            if self.done:
                raise
            raise TimeoutError(f"{self.name} is not done after {timeout} seconds; it goes on") from None

    def __repr__(self) -> str:
        if not self.done:
            state = "stopping" if self._cancel.is_set() else "running"
        else:
            state = "done" if self._result.exception() is None else type(self._result.exception()).__name__
        return f"<task {self.name}: {state}, {self._units:,} units done>"
