"""Closing a client ends its work and releases what it holds."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.errors import CancelledError, ConflictError
from openfactor.numerics import normal_equations
from tests.client.test_riskmodels import DAYS, MARKET, SETTINGS, client_with
from tests.handles import engine_of
from tests.markets import dataset_settings, until


def test_a_block_closes_its_client(tmp_path: Path) -> None:
    with Client.local(tmp_path, progress=False) as client:
        upload = client.equity.uploaders["series"].create_dataset("s")
        assert upload.version == 0
    uses = [
        lambda: upload.version,
        client.equity.riskdatasets.get_dataset_names,
        lambda: client.equity.universes.load("none"),
        client.tasks.list,
        lambda: client.equity.uploaders.get_data_types(),
    ]
    for use in uses:
        with pytest.raises(ConflictError, match="this client was closed"):
            use()
    client.close()  # once more does nothing
    assert Client.local(tmp_path, progress=False).equity.uploaders["series"]["s"].version == 0


def test_closing_cancels_tasks_and_waits_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    begun, kernel = threading.Event(), normal_equations.solve_days

    def slow(*args):
        begun.set()
        time.sleep(0.2)  # so that the client is closed meanwhile
        return kernel(*args)

    monkeypatch.setattr(normal_equations, "solve_days", slow)
    task = engine.get_model_as_task()
    assert begun.wait(30)
    tasks = engine_of(client)._tasks
    client.close()
    assert tasks.status(task.id).state == "cancelled"
    assert not list(tmp_path.glob("models/*/*"))
    assert "0/16 dataset" in repr(engine_of(client)._context.cache)


def test_a_task_of_a_build_shows_its_steps_and_can_be_cancelled(tmp_path: Path) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    task = client.equity.riskdatasets.create_dataset_as_task("e", dataset_settings(exposure_dtype="float32"))
    assert task.result(60).describe().build_report.n_days == 23
    status = task.status
    assert (status.state, status.name) == ("done", "risk dataset 'e'")
    assert status.message
    late = client.equity.riskdatasets.create_dataset_as_task("f", dataset_settings(exposure_dtype="float32"))
    late.cancel()
    try:
        late.result(60)
    except CancelledError:
        assert "f" not in client.equity.riskdatasets.get_dataset_names()
    else:  # it had ended before
        assert "f" in client.equity.riskdatasets.get_dataset_names()
