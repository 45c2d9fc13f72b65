"""Progress of work that may take a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(what: str, hide: bool | None, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Gives what to call with the days that were done. The bar appears after a second.

    hide : None shows it where standard error is a terminal
    """
    with tqdm(desc=what, unit="day", total=total, disable=hide, delay=1) as bar:

        def advance(days: int) -> None:
            bar.update(days)

        yield advance
