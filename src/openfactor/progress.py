"""Progress of work that may take a while."""

from __future__ import annotations

import sys
import threading
from typing import Any

from tqdm.auto import tqdm

from openfactor.context import Progress

SECONDS_BEFORE_A_BAR = 1.0
"""Shorter steps show no bar."""


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
        """Show a change in progress."""
        with self._lock:
            bar = self._bars.get(progress.step)
            if bar is None:
                bar = self._bars[progress.step] = self._bar(progress)
            bar.set_description_str(progress.message, refresh=False)
            bar.update(progress.done - bar.n)
            if progress.finished:
                del self._bars[progress.step]
                bar.close()

    def _bar(self, progress: Progress) -> tqdm[Any]:
        """A widget in notebooks that have widgets, text elsewhere."""
        # what a notebook writes to is no terminal, by which tqdm would decide
        hide = False if self._hide is None and in_notebook() else self._hide
        return tqdm(
            desc=progress.message, unit=progress.unit, total=progress.total, disable=hide,
            delay=SECONDS_BEFORE_A_BAR,
        )  # fmt: skip
