"""The engine in other processes: a forked child that cannot use it says so at once.

A fork copies memory, but of all threads only the one that forks. polars (rayon) and Delta Lake (tokio) start
threads when they are first used; in a child that is forked afterwards, the next query would wait for them
forever. A child that is forked earlier, or spawned, is sound.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from openfactor.errors import ProcessError

_TASKS = Path("/proc/self/task")
_ENGINE_THREAD = re.compile(r"polars-\d|tokio-|async-executor")

_runs_at_fork = False
"""Whether the engine had threads at the latest fork."""
_left_behind = False
"""Whether it had them when this process was forked."""


class EngineObject:
    """Base of what runs on threads of the engine; any use in a child that lacks them is a ProcessError."""


def refuse_after_fork() -> None:
    """ProcessError in a forked child whose parent had started the threads of the engine."""
    if _left_behind:
        raise ProcessError(
            f"process {os.getpid()} was forked after polars or openfactor had started threads, which a fork "
            'does not copy, so a query would never end: start workers by "spawn" or "forkserver", as with '
            'multiprocessing.get_context("spawn"), and open the client in the worker'
        )


def _engine_runs() -> bool:
    """Whether the engine has threads; where they cannot be listed, whether it is loaded."""
    if not _TASKS.is_dir():
        return "openfactor.workspace" in sys.modules
    return any(_ENGINE_THREAD.match(_name(task)) for task in _TASKS.iterdir())


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # the thread ended meanwhile
        return ""


def _before_fork() -> None:
    global _runs_at_fork
    _runs_at_fork = _engine_runs()


def _after_fork_in_child() -> None:
    global _left_behind
    _left_behind = _left_behind or _runs_at_fork
    if _left_behind:
        # set in such a child only, so that attribute access costs nothing elsewhere
        setattr(EngineObject, "__getattribute__", _guarded)  # noqa: B010


def _guarded(self: EngineObject, name: str) -> Any:
    if not name.startswith("__"):
        refuse_after_fork()
    return object.__getattribute__(self, name)


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
