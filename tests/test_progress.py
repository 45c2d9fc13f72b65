"""Bars in notebooks, where standard error is no terminal, and where nobody looks."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from openfactor import progress
from openfactor.context import Context
from openfactor.progress import ProgressBars, in_notebook


def drawn(capsys: pytest.CaptureFixture[str], hide: bool | None) -> str:
    with Context(listener=ProgressBars(hide)).step("regressions", 3) as advance:
        advance(3)
    return capsys.readouterr().err


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars appear at once."""
    monkeypatch.setattr(progress, "SECONDS_BEFORE_A_BAR", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_log_file_gets_no_bar_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    assert drawn(capsys, None) == ""
    assert drawn(capsys, True) == ""
    assert "regressions: 100%" in drawn(capsys, False)


@pytest.mark.usefixtures("at_once")
def test_a_notebook_gets_a_bar_unless_it_is_hidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", types.ModuleType("ipykernel.zmqshell"))
    assert in_notebook()
    assert "regressions: 100%" in drawn(capsys, None)
    assert drawn(capsys, True) == ""


def test_short_work_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(capsys, False) == ""


def test_work_of_a_second_shows_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Context(listener=ProgressBars(False)).step("forecasts", 2) as advance:
        advance()
        time.sleep(1.1)
        advance()
    assert "forecasts: 100%" in capsys.readouterr().err


@pytest.mark.usefixtures("at_once")
def test_each_step_has_a_bar_of_its_own_that_says_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    bars = ProgressBars(False)
    context = Context(listener=bars)
    with context.step("building", unit="steps") as outer:
        outer.say("prices", 1)
        with context.step("reading", 2, unit="files") as inner:
            inner()
            assert len(bars._bars) == 2
            inner()
        outer.say("market caps", 1)
        assert len(bars._bars) == 1
    assert bars._bars == {}
    err = capsys.readouterr().err
    assert "reading: 100%" in err
    assert "2/2 [" in err
    assert "market caps: 2steps" in err


@pytest.mark.usefixtures("at_once")
def test_a_bar_of_failed_work_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    bars = ProgressBars(False)
    with pytest.raises(ValueError, match="no"), Context(listener=bars).step("regressions", 3):
        raise ValueError("no")
    assert bars._bars == {}
    assert "0/3" in capsys.readouterr().err


def test_they_are_shown_in_another_process_as_here() -> None:
    assert pickle.loads(pickle.dumps(ProgressBars(True)))._hide is True


def test_all_bars_are_of_one_kind() -> None:
    """The one that knows notebooks."""
    source = Path(__file__).parents[1] / "src" / "openfactor"
    importers = [p.name for p in source.rglob("*.py") if "tqdm" in p.read_text()]
    assert importers == ["progress.py"]


def test_widgets_are_used_where_there_are_any() -> None:
    """What tqdm chooses in a kernel with ipywidgets, of which stand-ins are enough to see it choose."""
    code = """
import sys, types, warnings
kernel = types.SimpleNamespace(config={"IPKernelApp": {}})  # what older tqdm looks for
shell = types.ModuleType("IPython"); shell.get_ipython = lambda: kernel
for name in ("ipykernel", "ipykernel.zmqshell"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["IPython"] = shell
import tqdm.notebook
tqdm.notebook.IProgress = object
from openfactor import progress
print(issubclass(progress.tqdm, tqdm.notebook.tqdm))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "True", done.stderr
