"""Calls that run in the background, each on a thread of its own."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable

from openfactor.context import Context, Progress
from openfactor.contract import messages
from openfactor.contract.refs import TaskStatus
from openfactor.errors import ConflictError, NotFoundError

RESULTS_KEPT = 256
"""Tasks that have ended and are still listed; the oldest are forgotten first."""

Answer = Callable[[str, str, bytes, Context], bytes]
"""Carries out a call in a context: names of resource and method, message of the arguments."""


class _Task:
    """One call under way."""

    def __init__(self, status: TaskStatus) -> None:
        self.status = status
        self.answer = b""
        self.cancelled = threading.Event()
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None

    def listen(self, progress: Progress) -> None:
        """Show the latest step that has not ended."""
        if not progress.finished:
            self.status = self.status.model_copy(
                update={
                    "message": progress.message, "done": progress.done, "total": progress.total,
                    "unit": progress.unit,
                }
            )  # fmt: skip


class Tasks:
    """Implements `TaskCalls`.

    Parameters
    ----------
    answer : carries out a call
    context : of the workspace; each task has one of its own
    """

    def __init__(self, answer: Answer, context: Context) -> None:
        self._answer = answer
        self._context = context
        self._tasks: OrderedDict[str, _Task] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, name: str, resource: str, method: str, arguments: bytes) -> str:
        """Start a call; the id of its task.

        Raises
        ------
        NotFoundError: there is no such call. ConflictError: tasks cannot start tasks.
        """
        messages.method(resource, method)
        if resource == "tasks":
            raise ConflictError("a task cannot start or watch tasks")
        task = _Task(TaskStatus(id=uuid.uuid4().hex, name=name, state="running"))
        task.thread = threading.Thread(
            target=self._run, args=(task, resource, method, arguments), name=name, daemon=True
        )
        with self._lock:
            self._tasks[task.status.id] = task
            ended = [key for key, other in self._tasks.items() if other.ended.is_set()]
            for key in ended[: max(len(ended) - RESULTS_KEPT, 0)]:
                del self._tasks[key]
        task.thread.start()
        return task.status.id

    def list(self) -> list[TaskStatus]:
        """The states of all tasks, oldest first."""
        with self._lock:
            return [self._shown(task) for task in self._tasks.values()]

    def status(self, task: str) -> TaskStatus:
        """The state of a task; NotFoundError if there is none with the id."""
        return self._shown(self._find(task))

    def wait(self, task: str, seconds: float) -> TaskStatus:
        """The state of a task, as soon as it has ended, or after this many seconds."""
        waited = self._find(task)
        waited.ended.wait(seconds)
        return self._shown(waited)

    def cancel(self, task: str) -> None:
        """Ask a task to stop."""
        self._find(task).cancelled.set()

    def answer(self, task: str) -> bytes:
        """The message of the answer of a task that has ended; ConflictError before."""
        asked = self._find(task)
        if not asked.ended.is_set():
            raise ConflictError(f"the task {asked.status.name} has not ended; wait for it")
        return asked.answer

    def close(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        with self._lock:
            running = [task for task in self._tasks.values() if not task.ended.is_set()]
        for task in running:
            task.cancelled.set()
        for task in running:
            if task.thread is not None and task.thread is not threading.current_thread():
                task.thread.join()

    def _find(self, task: str) -> _Task:
        with self._lock:
            if task not in self._tasks:
                raise NotFoundError(f"there is no task {task}, or it ended long ago")
            return self._tasks[task]

    @staticmethod
    def _shown(task: _Task) -> TaskStatus:
        """The state, with a wish to cancel that has not been met."""
        if task.status.state == "running" and task.cancelled.is_set():
            return task.status.model_copy(update={"state": "cancelling"})
        return task.status

    def _run(self, task: _Task, resource: str, method: str, arguments: bytes) -> None:
        context = self._context.as_request(task.listen, task.cancelled)
        state = "failed"
        try:
            task.answer = self._answer(resource, method, arguments, context)
            state = messages.outcome(resource, method, task.answer)
        except Exception as error:
            context.log.exception("the task %s failed", task.status.name)
            task.answer = messages.internal_failure(error)
        finally:
            task.status = task.status.model_copy(update={"state": state})
            task.ended.set()
