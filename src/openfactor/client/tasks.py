"""Long work in the background: watched, waited for, or cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from openfactor.contract.calls import Workspace
from openfactor.contract.refs import TaskStatus

T = TypeVar("T")
_SECONDS_PER_WAIT = 10.0
"""How long one call waits; a longer wait is made of several."""


class Task(Generic[T]):
    """A call that runs in the background, beginning at once.

    Parameters
    ----------
    name : what `repr` calls it
    resource, method, arguments, options : the call; `contract.calls` has its signature
    make : turns the value of the call into the result
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        resource: str,
        method: str,
        arguments: tuple[Any, ...],
        make: Callable[[Any], T],
        **options: Any,
    ) -> None:
        from openfactor.contract import messages  # it loads polars

        self.name = name
        self._workspace = workspace
        self._make = make
        self._method = messages.method(resource, method)
        self.id = workspace.tasks.start(name, resource, method, self._method.pack(*arguments, **options))
        """Identifies the task in `client.tasks`."""

    @property
    def status(self) -> TaskStatus:
        """Its state, and how far the step is that is under way."""
        return self._workspace.tasks.status(self.id)

    @property
    def units_done(self) -> int:
        """Units of work, such as trading days, that are done of the present or last step."""
        return self.status.done

    @property
    def done(self) -> bool:
        """The work has ended, with a result or without."""
        return self.status.ended

    def cancel(self) -> None:
        """Ask the work to stop; `result` then raises CancelledError, unless it had ended before."""
        self._workspace.tasks.cancel(self.id)

    def result(self, timeout: float | None = None) -> T:
        """Wait for the work and give its result.

        Parameters
        ----------
        timeout : seconds; None waits for ever

        Raises
        ------
        TimeoutError: it is not done after `timeout` seconds; it goes on. CancelledError: it was cancelled.
        Whatever the work raised.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._wait(deadline).ended:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"{self.name} is not done after {timeout} seconds; it goes on")
        return self._make(self._method.unpack_answer(self._workspace.tasks.answer(self.id)))

    def _wait(self, deadline: float | None) -> TaskStatus:
        left = _SECONDS_PER_WAIT if deadline is None else max(deadline - time.monotonic(), 0.0)
        return self._workspace.tasks.wait(self.id, min(left, _SECONDS_PER_WAIT))

    def __repr__(self) -> str:
        status = self.status
        total = "" if status.total is None else f" of {status.total:,}"
        units = f", {status.done:,}{total} {status.unit}" if status.unit else ""
        return f"<task {self.name}: {status.state}{units}>"


class Tasks:
    """`client.tasks`: the work in the background."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        running = sum(not status.ended for status in self.list())
        return f"<tasks: {running} running>"

    def list(self) -> list[TaskStatus]:
        """The tasks that are running or whose result was not collected yet, oldest first."""
        return self._workspace.tasks.list()

    def cancel(self, task: str) -> None:
        """Ask a task to stop; NotFoundError if there is none with the id."""
        self._workspace.tasks.cancel(task)
