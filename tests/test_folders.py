"""Folders appear complete or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from openfactor.errors import StorageError
from openfactor.folders import write_whole


def test_it_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "data" / "x"

    def write(folder: Path) -> None:
        assert folder.parent == target.parent, "renaming must not leave the file system"
        (folder / "a").write_text("1")
        assert not target.exists()

    write_whole(target, "the data", write)
    assert (target / "a").read_text() == "1"
    assert [path.name for path in target.parent.iterdir()] == ["x"]


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    write_whole(tmp_path / "x", "the data", lambda folder: pytest.fail("written again"))


def test_another_process_may_be_first(tmp_path: Path) -> None:
    target = tmp_path / "x"

    def write(folder: Path) -> None:
        (folder / "a").write_text("second")
        target.mkdir()
        (target / "a").write_text("first")

    write_whole(target, "the data", write)
    assert (target / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyError("a bug")])
def test_what_fails_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    def write(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise error

    expected = StorageError if isinstance(error, OSError) else KeyError
    with pytest.raises(expected) as caught:
        write_whole(tmp_path / "x", "the data", write)
    if expected is StorageError:
        assert str(caught.value) == f"cannot write the data to {tmp_path / 'x'}: disk full"
    assert list(tmp_path.iterdir()) == []
