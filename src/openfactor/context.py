"""How a request is carried out: processors, progress, cancellation, cache, log. It changes no result."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from openfactor.cache import Cache
from openfactor.errors import CancelledError
from openfactor.processors import available_processors

CACHE_BOUNDS = {"dataset": 16, "universe": 8, "model": 8, "unsaved model": 4, "forecast": 8}
"""Results of each kind that are kept in memory. Datasets are mapped files; a forecast of a large model takes
100 MB."""


@dataclass(frozen=True)
class Progress:
    """How far one step of a request is."""

    step: str
    """Identifies the step among all that are under way."""
    message: str
    """What is being done."""
    done: int = 0
    total: int | None = None
    """Units in all; None while it is not known."""
    unit: str = "days"
    finished: bool = False
    """The step has ended, with all of its units or without."""


Listener = Callable[[Progress], None]
"""Told of each change in progress, from any thread, one call at a time."""


def ignore(progress: Progress) -> None:
    """A listener to whom progress means nothing."""


class Step:
    """One step under way, safe to advance from several threads."""

    def __init__(self, start: Progress, context: Context) -> None:
        self.context = context
        """Of the request."""
        self._progress = start
        self._lock = threading.Lock()
        context.listener(start)

    def __call__(self, units: int = 1) -> None:
        """Report that this many more units are done.

        Raises
        ------
        CancelledError: the request was cancelled, or the step has ended: another thread of it failed.
        """
        self._change(units=units)
        self.context.check()

    def check(self) -> None:
        """Raise as a call, before work that would be in vain."""
        with self._lock:
            self._refuse_if_ended()
        self.context.check()

    def say(self, message: str, units: int = 0) -> None:
        """Report what is being done now, and that this many more units have begun; raises as a call."""
        self._change(units=units, message=message)
        self.context.check()

    def finish(self) -> None:
        """Report that the step has ended."""
        self._change(finished=True)

    def _change(self, units: int = 0, **changes: Any) -> None:
        with self._lock:
            self._refuse_if_ended()
            self._progress = replace(self._progress, done=self._progress.done + units, **changes)
            self.context.listener(self._progress)

    def _refuse_if_ended(self) -> None:
        if self._progress.finished:
            raise CancelledError(f"{self._progress.message}: ended before all of its work was done")


class _Tagged(logging.LoggerAdapter[logging.Logger]):
    """Log records that name their request, and the content that they are about."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


@dataclass(frozen=True)
class Context:
    """Handed down from a request through everything that it does, in place of arguments for each part."""

    threads: int = field(default_factory=available_processors)
    """Processors to use."""
    listener: Listener = ignore
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set to stop the request; see `check`."""
    cache: Cache = field(default_factory=lambda: Cache(CACHE_BOUNDS))
    request: str = ""
    """Identifies the request in the log; empty outside of one."""

    def check(self) -> None:
        """Raise CancelledError if the request was cancelled."""
        if self.cancelled.is_set():
            raise CancelledError("the request was cancelled; nothing of it was kept")

    @contextmanager
    def step(self, message: str, total: int | None = None, *, unit: str = "days") -> Iterator[Step]:
        """A step of the work, whose progress is reported until the block ends.

        Raises
        ------
        CancelledError: the request was cancelled before the step began.
        """
        self.check()
        step = Step(Progress(uuid.uuid4().hex, message, 0, total, unit), self)
        try:
            yield step
        finally:
            step.finish()

    def on(self, threads: int) -> Context:
        """The same with another number of processors."""
        return replace(self, threads=threads)

    def __reduce__(self) -> Any:
        """In another process it has a cache of its own, and nobody has cancelled it."""
        return Context, (self.threads, self.listener)

    def as_request(
        self, listener: Listener | None = None, cancelled: threading.Event | None = None
    ) -> Context:
        """For a request of its own, which can be listened to and cancelled."""
        return replace(
            self,
            listener=listener or self.listener,
            cancelled=cancelled or threading.Event(),
            request=uuid.uuid4().hex[:12],
        )

    @property
    def log(self) -> _Tagged:
        """The logger "openfactor"; its records have `request` and `content`, which may be empty."""
        return _Tagged(logging.getLogger("openfactor"), {"request": self.request, "content": ""})

    def log_of(self, content: str) -> _Tagged:
        """The same about some content, such as a dataset or a model, by its hash."""
        return _Tagged(logging.getLogger("openfactor"), {"request": self.request, "content": content})
