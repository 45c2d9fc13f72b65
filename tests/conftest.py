"""What all tests share."""

from __future__ import annotations

import os

import pytest

from tests.hypothesis_profiles import register
from tests.warmup import warm_up

register()
if "PYTEST_XDIST_WORKER" in os.environ:
    # workers share the processors: one thread each, set before numpy and polars are loaded
    for variable in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--workspace=loopback` runs tests of clients over messages: every call becomes bytes and back."""
    parser.addoption("--workspace", choices=["local", "loopback"], default="local")


def pytest_configure(config: pytest.Config) -> None:
    """Compile the kernels before several workers start, or each of them would."""
    if config.getoption("workspace") == "loopback":
        from openfactor import workspace
        from openfactor.workspace.loopback import LoopbackWorkspace

        workspace.LocalWorkspace = LoopbackWorkspace  # type: ignore[misc, assignment]
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        warm_up()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without compiled kernels, as in one half of `make coverage`, skip what needs them."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(pytest.mark.skip(reason="needs compiled kernels"))
