"""Calls as messages, over a workspace of which a few calls are enough."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.contract import messages
from openfactor.contract.files import UserFile
from openfactor.contract.messages import Proxy, answer
from openfactor.contract.refs import PinnedUpload, RowQuery
from openfactor.datawarnings import warn
from openfactor.errors import DataError, DataWarning, Fault, NotFoundError, SettingsError, StorageError
from openfactor.results import UploadCommitResult
from openfactor.settings import ColumnMapping, UniverseSettings

ROWS = pl.DataFrame({"date": [dt.date(2024, 1, 2)], "x": [1.5]})
FAULT = Fault("empty", "price p", "close is empty", "close", 2, ("row 1", "row 3"))


class Uploads:
    """Answers a few calls, and remembers their arguments."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def names(self, data_type: str) -> list[str]:
        warn("one")
        warn("two")
        return [data_type]

    def rows(self, data_type: str, name: str, query: RowQuery) -> pl.DataFrame:
        self.seen.append(query)
        return ROWS

    def delete(self, data_type: str, name: str) -> None:
        raise DataError("nothing was stored:", [FAULT])

    def create(self, data_type: str, name: str) -> None:
        UniverseSettings.model_validate({"id_type": 3})

    def require(self, data_type: str, name: str) -> None:
        raise ZeroDivisionError("a fault of the engine")

    def fast_commit(self, data_type, name, table, mode, parser, match_columns, mapping) -> UploadCommitResult:
        self.seen.append(sorted(path.name for path in table.path.rglob("*")) or table.path.read_text())
        return UploadCommitResult(version=1)


class Workspace:
    def __init__(self) -> None:
        self.uploads = Uploads()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def proxy(workspace: Workspace) -> Any:
    return Proxy(lambda *call: answer(workspace, *call), "of a test")


def test_values_and_frames(workspace: Workspace, proxy: Any) -> None:
    query = RowQuery(
        columns=["x"],
        filters=[[("ccy", "=", "EUR"), ("date", ">=", dt.date(2024, 1, 1))], [("x", "in", [1, 2.5, None])]],
        version=PinnedUpload(version=3, content="a@3"),
    )
    assert_frame_equal(proxy.uploads.rows("price", "p", query), ROWS)
    (seen,) = workspace.uploads.seen
    # the engine compares dates and their text alike, and JSON has no dates
    assert seen.filters[0][1] in (("date", ">=", dt.date(2024, 1, 1)), ("date", ">=", "2024-01-01"))
    assert seen.model_copy(update={"filters": query.filters}) == query
    assert repr(proxy) == "<workspace of a test>"


def test_warnings_arrive_in_order(proxy: Any) -> None:
    with pytest.warns(DataWarning) as caught:
        assert proxy.uploads.names("price") == ["price"]
    assert [str(warning.message) for warning in caught] == ["one", "two"]
    assert all(warning.filename == __file__ for warning in caught)


def test_errors_arrive_as_they_were(proxy: Any) -> None:
    with pytest.raises(DataError, match="nothing was stored") as error:
        proxy.uploads.delete("price", "p")
    assert error.value.faults == (FAULT,)
    with pytest.raises(SettingsError, match="id_type"):
        proxy.uploads.create("price", "p")
    with pytest.raises(ZeroDivisionError):  # nobody takes a fault of the engine for one of the user
        proxy.uploads.require("price", "p")


def test_arguments_are_checked_before_they_are_sent(proxy: Any) -> None:
    with pytest.raises(TypeError):
        proxy.uploads.names()
    with pytest.raises(TypeError):
        proxy.uploads.names(3)
    with pytest.raises(AttributeError, match="no call 'explode'"):
        _ = proxy.uploads.explode


@pytest.mark.parametrize("message", [b"", b"x" * 40, messages.method("ids", "lookup").pack(["a"], 1)])
def test_a_message_that_does_not_fit_is_an_error(workspace: Workspace, message: bytes) -> None:
    refused = answer(workspace, "uploads", "names", message)
    with pytest.raises(StorageError):
        messages.method("uploads", "names").unpack_answer(refused)
    with pytest.raises(NotFoundError):
        messages.method("uploads", "names").unpack_answer(answer(workspace, "uploads", "explode", message))


def test_files_and_folders(workspace: Workspace, proxy: Any, tmp_path: Path) -> None:
    folder = tmp_path / "päck"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.csv").write_text("x\n1\n")
    (folder / "b.csv").write_text("x\n2\n")
    for path in (folder, folder / "b.csv"):
        proxy.uploads.fast_commit("price", "p", UserFile(path), "append", None, None, ColumnMapping())
    assert workspace.uploads.seen == [["a.csv", "b.csv", "inner"], "x\n2\n"]
    with pytest.raises(StorageError, match="cannot read"):
        UserFile(tmp_path / "none").to_bytes()


def test_a_compressed_file_is_refused(tmp_path: Path) -> None:
    """Its size could be far from what was sent."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 1_000_000)
    with pytest.raises(ValueError, match="compressed"):
        UserFile.from_bytes((tmp_path / "bomb.zip").read_bytes())
    with pytest.raises(ValueError, match="cannot be read"):
        UserFile.from_bytes(b"nothing of the kind")
