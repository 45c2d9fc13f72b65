"""What is in a folder of uploads, for tests that compare it before and after an accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openfactor.errors import NotFoundError
from openfactor.uploads import UploadStore
from tests.uploads.killing import KIND, write_archive
from tests.uploads.tables import rates

Upload = tuple[dict[int, Any], dict[str, Any]]
"""Rows by version, and rows by name of a staged table."""
State = dict[str, Upload]


def write_template(folder: Path) -> None:
    """An upload of 19 versions, so that the next one writes a checkpoint; staged tables, stumps and parts."""
    store = UploadStore(folder)
    upload = store.create(KIND, "fx")
    for number in range(1, 20):
        upload.commits.commit_frame(rates((1 + number % 5, "EUR", number / 10)), "upsert")
    for name, day in (("one", 20), ("two", 21)):
        upload.staging.stage_frame(name, rates((day, "EUR", 0.7)))
    other = store.create(KIND, "other")
    other.commits.commit_frame(rates((1, "JPY", 150.0)), "append")
    (folder / KIND / "stump" / "_staging" / "x").mkdir(parents=True)
    for path in (
        folder / KIND / f".part-{'0' * 32}",
        folder / KIND / "fx" / "_staging" / f".part-{'1' * 32}",
    ):
        path.mkdir()
        (path / "x").write_bytes(b"123")
    write_archive(folder.parent)


def rows_of(upload: Any, version: int) -> Any:
    try:
        return sorted(upload.queries.rows(version=version).collect().rows())
    except NotFoundError:
        return "removed"


def state_of(folder: Path) -> State:
    store, state = UploadStore(folder), {}
    for kind in (KIND, "price"):
        for name in store.names(kind):
            upload = store.open(kind, name)
            staged = upload.staging.rows().collect()
            state[f"{kind}/{name}"] = (
                {v: rows_of(upload, v) for v in range(upload.queries.table().version + 1)},
                {key[0]: sorted(rows.rows()) for key, rows in staged.group_by("_name")},
            )
    return state


def between(job: str, before: State, after: State) -> list[State]:
    """Other states that a killed job may leave: those between its steps."""
    fx = f"{KIND}/fx"
    if job == "commit of what is staged":
        versions, staged = after[fx][0], before[fx][1]
        only_two = {name: rows for name, rows in staged.items() if name != "one"}
        return [{**before, fx: (versions, staged)}, {**before, fx: (versions, only_two)}]
    if job == "wipe all":
        versions, staged = before[fx]
        return [{**before, fx: (versions, {"two": staged["two"]})}]
    if job == "delete and create":
        return [{name: upload for name, upload in before.items() if name != fx}]
    if job == "remove versions":
        other = f"{KIND}/other"
        return [{**before, fx: after[fx]}, {**before, other: after[other]}]
    return []
