"""Warnings about data: one place gives them, so that they point at the user's line and can cross a wire."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from openfactor.errors import DataWarning

_PACKAGE = str(Path(__file__).parent)
_collected: ContextVar[list[str] | None] = ContextVar("openfactor_warnings", default=None)


def warn(message: str) -> None:
    """A DataWarning at the nearest caller outside of openfactor, or for the `collected` block around it."""
    logging.getLogger("openfactor").warning(message, extra={"request": "", "content": ""})
    warn_again(message)


def warn_again(message: str) -> None:
    """The same for a warning that was logged where it arose."""
    collector = _collected.get()
    if collector is not None:
        collector.append(message)
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, DataWarning, stacklevel=level)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collects the warnings that this thread gives in the block, instead of showing them."""
    messages: list[str] = []
    token = _collected.set(messages)
    try:
        yield messages
    finally:
        _collected.reset(token)
