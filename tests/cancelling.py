"""Requests that are cancelled at each of the points at which they can be."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from openfactor.context import Context, Progress
from openfactor.errors import CancelledError


def cancelled_at(report: int) -> Context:
    """A context that is cancelled as soon as it has been told of so many changes in progress."""
    count = itertools.count(1)

    def listen(progress: Progress) -> None:
        if next(count) == report:
            context.cancelled.set()

    context = Context(threads=2, listener=listen)
    return context


def cancel_everywhere(work: Callable[[Context], object], check: Callable[[], object]) -> int:
    """Do work that is cancelled at its first report, at its second, and so on until it succeeds.

    Parameters
    ----------
    check : called after each cancelled try

    Returns
    -------
    How many tries were cancelled.
    """
    for report in itertools.count(1):
        try:
            work(cancelled_at(report))
        except CancelledError:
            check()
        else:
            return report - 1
    raise AssertionError("the count has no end")


def files_below(folder: Path) -> set[Path]:
    """Everything in a folder, hidden files included."""
    return set(folder.rglob("*"))
