"""Warnings about data point at the user's line, however deep they arise, and can be collected instead."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.datawarnings import collected, warn
from openfactor.errors import DataWarning


def test_they_point_at_the_line_of_the_user(tmp_path: Path) -> None:
    upload = Client.local(tmp_path, progress=False).equity.uploaders["series"].create_dataset("s")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = inspect.currentframe()
        assert frame is not None
        line = frame.f_lineno + 1
        upload.commit("append")
    assert [(w.filename, w.lineno, w.category) for w in caught] == [(__file__, line, DataWarning)]
    assert "nothing is staged" in str(caught[0].message)


def test_a_block_collects_its_own(recwarn: pytest.WarningsRecorder) -> None:
    with collected() as outer:
        warn("one")
        with collected() as inner:
            warn("two")
        warn("three")
    assert (outer, inner) == (["one", "three"], ["two"])
    assert not list(recwarn)
