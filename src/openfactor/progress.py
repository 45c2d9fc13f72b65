"""Progress of work that may take a while."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from openfactor.context import Progress

SECONDS_BEFORE_A_BAR = 1.0
"""Shorter steps show no bar."""


def progress_bar(
    what: str, hide: bool | None, total: int | None = None, *, unit: str = "day", delay: float = 0.0
) -> tqdm[Any]:
    """A bar for a `with` block: a widget in notebooks that have widgets, text elsewhere.

    hide : None shows it in notebooks and where standard error is a terminal
    delay : seconds before it appears
    """
    if hide is None and in_notebook():
        hide = False  # what a notebook writes to is no terminal, by which tqdm would decide
    return tqdm(desc=what, unit=unit, total=total, disable=hide, delay=delay)


@contextmanager
def counted_days(what: str, hide: bool | None, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yields a callback taking the number of days completed; its bar appears after a second."""
    with progress_bar(what, hide, total, delay=1) as bar:

        def advance(days: int) -> None:
            bar.update(days)

        yield advance


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    return "ipykernel.zmqshell" in sys.modules


class ProgressBars:
    """Shows the steps of requests as bars, each once it has taken a second; a `Listener` of contexts.

    Parameters
    ----------
    hide : None shows them in notebooks and where standard error is a terminal
    """

    def __init__(self, hide: bool | None = None) -> None:
        self._hide = hide
        self._bars: dict[str, tqdm[Any]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        return ProgressBars, (self._hide,)

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            bar = self._bars.get(progress.step)
            if bar is None:
                bar = progress_bar(
                    progress.message,
                    self._hide,
                    progress.total,
                    unit=progress.unit,
                    delay=SECONDS_BEFORE_A_BAR,
                )
                self._bars[progress.step] = bar
            bar.set_description_str(progress.message, refresh=False)
            bar.update(progress.done - bar.n)
            if progress.finished:
                del self._bars[progress.step]
                bar.close()
