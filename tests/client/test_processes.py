"""A workspace in processes that others start: forked, spawned, by joblib, and in a read-only container.

Where such processes come from: `multiprocessing` forks on Linux up to Python 3.13, joblib and Dask spawn, web
servers fork after loading the application, and images run as a user without a home directory.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import multiprocessing
import os
import pickle
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import openfactor
from openfactor import Client
from openfactor.errors import NotFoundError
from openfactor.settings import FactorCovarianceSettings, RiskForecastSettings
from openfactor.synthetic import simulate
from tests.markets import SOURCES, dataset_settings, model_settings

MODEL = model_settings().with_dataset("d")


@functools.cache
def market() -> Mapping[str, pl.DataFrame]:
    """Not a constant: it starts threads, and workers import this module."""
    return simulate(30, 30, industries=3, seed=5).uploads


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    client = Client.local(tmp_path_factory.mktemp("workspace"), threads=2, progress=False)
    for name in SOURCES:
        client.equity.uploaders[name].create_dataset(name).fast_commit(market()[name], "overwrite")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return client


def returns_of(client: Client, model: Any = MODEL) -> pl.DataFrame:
    return client.equity.riskmodels.load(model).get_model().fret()


def uses(client: Client) -> dict[str, Callable[[], object]]:
    """Things that a forked child may do with what its parent had opened."""
    equity, model = client.equity, client.equity.riskmodels.load(MODEL).get_model()
    universe = equity.universes.load(MODEL.setting.universe[0].with_dataset("d"))
    exposures = equity.exposures.load(MODEL.setting.exposures[0].with_dataset("d"))
    upload, dataset, forecast = (
        equity.uploaders["price"]["price"],
        equity.riskdatasets.load("d"),
        model.forecast(),
    )
    task = equity.riskmodels.load(MODEL).get_model_as_task()
    task.result()
    return {
        "a new client": lambda: Client.local(folder_of(client)),
        "model.fret": model.fret,
        "model.update": model.update,
        "forecast.factor_covariance": forecast.factor_covariance,
        "universe.get": universe.get,
        "exposures.get": lambda: exposures.get(universe),
        "upload.get_data": upload.get_data,
        "upload.fast_commit": lambda: upload.fast_commit(market()["price"], "append"),
        "uploads": lambda: equity.uploaders["price"].create_dataset("other"),
        "dataset.describe": dataset.describe,
        "dataset.counts": dataset.counts,
        "dataset.update": dataset.update,
        "settings": equity.universes.settings.list,
        "load": lambda: equity.riskmodels.load(MODEL),
        "a task": task.result,
    }  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_after_use_is_told_and_does_not_hang(client: Client) -> None:
    wanted = uses(client)
    outcomes = in_fork(lambda: {name: kind_of(use) for name, use in wanted.items()})
    assert outcomes == dict.fromkeys(wanted, "process")
    assert kind_of(lambda: returns_of(client)) == "none"  # the parent goes on
    message = in_fork(lambda: str(error_of(lambda: returns_of(client))))
    assert "forked" in message
    assert 'multiprocessing.get_context("spawn")' in message
    # nor does a fork of the fork
    assert in_fork(lambda: in_fork(lambda: kind_of(lambda: returns_of(client)))) == "process"


def in_fork(work: Callable[[], Any], seconds: float = 60) -> Any:
    """What the work gives in a forked child of this process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, pickle.dumps(work()))
        os._exit(0)
    os.close(write)
    try:
        assert select.select([read], [], [], seconds)[0], "the child hangs"
        with os.fdopen(read, "rb") as file:
            return pickle.loads(file.read())
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def error_of(use: Callable[[], object]) -> Exception | None:
    try:
        use()
    except Exception as error:
        return error
    return None


def kind_of(use: Callable[[], object]) -> str:
    error = error_of(use)
    return "none" if error is None else str(getattr(error, "kind", repr(error)))


FORK_BEFORE_USE = """
import os, sys
from openfactor import Client
import tests.client.test_processes as here
client = Client.local(sys.argv[1], progress=False)
print(client.equity.riskdatasets.get_dataset_names(), flush=True)
child = os.fork()
if not child:
    print(here.kind_of(lambda: here.returns_of(client, here.MODEL)), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed on Linux alone")
def test_a_child_forked_before_use_works(client: Client) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK_BEFORE_USE, str(folder_of(client))],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "['d']\nnone\n", done.stderr


def folder_of(client: Client) -> Path:
    return Path(re.split("[,>]", repr(client).split("workspace ")[1])[0])


def test_a_client_is_opened_again_in_a_spawned_worker(client: Client) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert_frame_equal(pool.submit(returns_of, client).result(), returns_of(client))
        missing = MODEL.model_copy(update={"dataset": "no such"})
        with pytest.raises(NotFoundError, match="no such"):
            pool.submit(returns_of, client, missing).result()


def test_a_client_is_opened_again_by_joblib(client: Client) -> None:
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(returns_of)(client, MODEL) for _ in range(2))
    for frame in found:
        assert_frame_equal(frame, returns_of(client))


def test_handles_are_pickled(client: Client) -> None:
    equity, model = client.equity, client.equity.riskmodels.load(MODEL).get_model()
    universe = equity.universes.load(MODEL.setting.universe[0].with_dataset("d"))
    exposures = equity.exposures.load(MODEL.setting.exposures[0].with_dataset("d"))
    handles = [client, equity.riskdatasets.load("d"), equity.uploaders["price"]["price"], equity.universes]
    for handle in (*handles, equity.riskmodels.load(MODEL), equity.universes.settings):
        assert repr(pickle.loads(pickle.dumps(handle))) == repr(handle)
    for content in (model, model.forecast(), universe, exposures, equity.riskmodels.load(MODEL)):
        again = pickle.loads(pickle.dumps(content))
        assert again == content
        assert hash(again) == hash(content)
    assert pickle.loads(pickle.dumps(model)).fret().equals(model.fret())
    diagnostics = model.diagnostics(burn_in=2, n_portfolios=2)
    assert pickle.loads(pickle.dumps(diagnostics)).kinds().equals(diagnostics.kinds())


RUN_A_KERNEL = """
import os, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    if len(sys.argv) > 1:
        from openfactor import Client
        for _ in range(2):
            Client.local(sys.argv[1])
    from openfactor.numerics import ewma
    import numpy as np
    print(f"{ewma.ewma_means(np.arange(3.0), 2.0)[-1]:.12f}")
print(*[w.category.__name__ for w in caught if "compiled kernels" in str(w.message)])
folder = os.environ["NUMBA_CACHE_DIR"]
print(folder, bool(os.listdir(folder)))
"""
NOBODY = "import pwd; pwd.getpwuid = lambda uid: {}[uid]"
"""A user that the system does not know has no home at all."""
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24


def obey_permissions() -> None:
    """Let root be refused like others."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="root can give up its rights on Linux alone")
@pytest.mark.parametrize("home", ["read-only", "none"])
def test_an_installation_that_is_read_only_without_a_home(tmp_path: Path, home: str) -> None:
    """Kernels go to the workspace if there is one, else to a temporary folder that is gone afterwards."""
    installed = tmp_path / "site-packages"
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(openfactor.__file__).parent, installed / "openfactor", ignore=no_caches)
    work, temporary, workspace = tmp_path / "work", tmp_path / "tmp", tmp_path / "workspace"
    for folder in (work, temporary, workspace, tmp_path / "home"):
        folder.mkdir()
    closed = [folder for folder in installed.rglob("*") if folder.is_dir()] + [installed, tmp_path / "home"]
    for folder in closed:
        folder.chmod(0o555)
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "PYTHONPATH": str(installed)}
    code = RUN_A_KERNEL if home == "read-only" else NOBODY + RUN_A_KERNEL

    def run(*arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=work, capture_output=True, text=True, timeout=300,
            env=environment | ({"HOME": str(tmp_path / "home")} if home == "read-only" else {}),
            preexec_fn=obey_permissions,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    decay = 0.5 ** (1 / 2)
    value = f"{(2 + decay) / (1 + decay + decay**2):.12f}"
    try:
        assert run(str(workspace)) == [value, "RuntimeWarning", f"{workspace / 'kernels'} True"]
        again, said, where = run()
    finally:
        for folder in closed:
            folder.chmod(0o755)
    assert (again, said) == (value, "RuntimeWarning")
    assert where.startswith(str(temporary / "openfactor-kernels-"))
    assert where.endswith("True")
    assert not list(temporary.glob("openfactor-*"))
    assert not list(work.iterdir())  # no folder "~"
    assert not list(installed.rglob("__pycache__"))


def test_the_code_on_processes_runs(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "processes.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "study.py").write_text(code)  # a module, as spawned workers import it
    monkeypatch.syspath_prepend(tmp_path)
    frames = importlib.import_module("study").compare(folder_of(client), MODEL)
    model = client.equity.riskmodels.load(MODEL).get_model()
    for halflife, frame in zip((20, 60, 120), frames, strict=True):
        settings = RiskForecastSettings(factor_cov=FactorCovarianceSettings(halflife_vol=halflife))
        assert_frame_equal(frame, model.forecast(settings).factor_volatility().tail(1))
