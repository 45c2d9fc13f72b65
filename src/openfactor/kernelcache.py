"""Where compiled kernels are kept when neither the installation nor a home directory can be written.

numba keeps them beside the source or below the home directory, and refuses to import a kernel when it can
write to neither, as in a container with a read-only image and a user without a home.
"""

from __future__ import annotations

import atexit
import inspect
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "NUMBA_CACHE_DIR"
_workspace: Path | None = None


def prefer(workspace: str | Path) -> None:
    """Use a folder of this workspace, if one is needed and no kernel is loaded yet."""
    global _workspace
    _workspace = Path(workspace)


def provide(kernel: Callable[..., Any]) -> None:
    """Make sure that numba can cache the kernels that stand in the folder of `kernel`.

    Where it cannot, they go to `kernels` in the workspace, else to a temporary folder that is deleted when
    the process ends; a warning says which. Processes that are started from this one use the same folder.
    """
    if _has_place(kernel):
        return
    folder = _in_workspace() or _temporary()
    os.environ[VARIABLE] = str(folder)  # before any kernel is imported, and for the workers of this process
    from numba import config

    config.reload_config()  # type: ignore[no-untyped-call]
    warnings.warn(
        f"neither the installation nor a home directory can be written, so compiled kernels are kept in "
        f"{folder}; set {VARIABLE} to choose another folder",
        RuntimeWarning,
        stacklevel=2,
    )


def _has_place(kernel: Callable[..., Any]) -> bool:
    beside = Path(inspect.getfile(kernel)).parent
    if not os.path.isabs(os.path.expanduser("~")) and not (
        os.environ.get(VARIABLE) or os.environ.get("XDG_CACHE_HOME") or _writable(beside)
    ):
        return False  # numba would make a folder named "~" in the working directory
    from numba import njit

    try:
        njit(cache=True)(kernel)
    except RuntimeError:
        return False
    return True


def _writable(folder: Path) -> bool:
    cache = folder / "__pycache__"
    return os.access(cache if cache.is_dir() else folder, os.W_OK)


def _in_workspace() -> Path | None:
    if _workspace is None:
        return None
    folder = _workspace.expanduser().resolve() / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="openfactor-kernels-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child
        shutil.rmtree(folder, ignore_errors=True)
