"""The log tells what happened, in which request, and to which content."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.test_riskmodels import DAYS, MARKET, SETTINGS, client_with, commit
from tests.markets import until


def request_of(record: logging.LogRecord) -> str:
    return str(vars(record)["request"])


def content_of(record: logging.LogRecord) -> str:
    return str(vars(record)["content"])


def test_commits_builds_and_fits_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openfactor")
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    model = client.equity.riskmodels.load(SETTINGS.with_dataset("d")).get_model()
    commit(client, until(MARKET.uploads, DAYS[21]))
    newer = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    assert newer.get_model() == model  # nothing is new for the dataset
    caplog.clear()
    updated = model.update()
    told = {record.getMessage(): record for record in caplog.records}
    extends = told[f"extends {model.fingerprint}: 21 days are kept"]
    assert content_of(extends) == updated.fingerprint
    (built,) = (record for text, record in told.items() if text.startswith("built in"))
    assert content_of(built) == updated.data.fingerprint
    assert all(len(request_of(record)) == 12 for record in told.values())


def test_a_task_has_a_request_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[20]))
    caplog.set_level(logging.INFO, "openfactor")
    engine = client.equity.riskmodels.load(SETTINGS.with_dataset("d"))
    engine.get_model_as_task().result(60)
    engine.get_model("compute")
    first, second = (request_of(record) for record in caplog.records if "estimated" in record.getMessage())
    assert first != second


def test_nothing_is_printed_unless_asked_for() -> None:
    code = "import openfactor, logging; logging.getLogger('openfactor').warning('x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")
