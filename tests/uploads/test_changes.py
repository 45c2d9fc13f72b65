"""Days and files that differ between versions, and reading some days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.contract.refs import PinnedUpload
from openfactor.errors import NotFoundError
from openfactor.uploads import UploadSnapshot, UploadStore
from tests.uploads.tables import rates

KIND = "exchange_rates"


def day(number: int) -> dt.date:
    return dt.date(2024, 1, number)


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    """Versions 1 to 4 append days 1 to 4, 5 changes days 2 and 3, 6 goes back to 4, 7 has a late row."""
    store = UploadStore(tmp_path)
    commits = store.create(KIND, "fx").commits
    for number in range(1, 5):
        commits.commit_frame(rates((number, "EUR", 1.0 + number), (number, "JPY", 2.0 + number)), "append")
    commits.commit_frame(rates((2, "EUR", 9.0), (3, "JPY", 9.0)), "upsert")
    commits.restore(4)
    commits.commit_frame(rates((1, "CHF", 0.5)), "append")
    return store


def at(store: UploadStore, version: int) -> UploadSnapshot:
    table = store.open(KIND, "fx").queries.table(version)
    return store.snapshot_of({f"{KIND}/fx": PinnedUpload(version=version, content=table.content_id)})


@pytest.mark.parametrize("later", range(8))
@pytest.mark.parametrize("earlier", range(8))
def test_days_outside_of_the_changes_have_the_same_rows(store: UploadStore, earlier: int, later: int) -> None:
    new, old = at(store, later), at(store, earlier)
    changes = new.changed_since(KIND, "fx", old.pinned[f"{KIND}/fx"])
    after, before = (x(KIND, "fx").collect().sort("date", "ccy") for x in (new, old))
    if changes is None:
        assert_frame_equal(after, before)
        return
    assert not after.equals(before)
    rows = [
        pl.concat([pl.read_parquet(f.path) for f in files] or [after.clear()])
        for files in (changes.added, changes.removed)
    ]
    different = pl.concat(
        [after.join(before, on=after.columns, how="anti"), before.join(after, on=after.columns, how="anti")]
    )
    assert changes.first_day is not None
    assert changes.last_day is not None
    assert changes.first_day <= different["date"].min()
    assert changes.last_day >= different["date"].max()
    assert {*rows[0]["date"], *rows[1]["date"]} <= {
        day(i) for i in range(changes.first_day.day, changes.last_day.day + 1)
    }
    replaced = pl.concat([before.join(rows[1], on=before.columns, how="anti"), rows[0]]).sort("date", "ccy")
    assert_frame_equal(replaced, after)


def test_an_appended_day_is_the_only_one_that_changed(store: UploadStore) -> None:
    changes = at(store, 4).changed_since(KIND, "fx", at(store, 3).pinned[f"{KIND}/fx"])
    assert changes is not None
    assert (changes.first_day, changes.last_day) == (day(4), day(4))
    assert (len(changes.added), len(changes.removed)) == (1, 0)


def test_going_back_changes_nothing_since_the_version_before(store: UploadStore) -> None:
    assert at(store, 6).changed_since(KIND, "fx", at(store, 4).pinned[f"{KIND}/fx"]) is None


def test_changes_since_another_upload_of_that_name_are_refused(store: UploadStore) -> None:
    old = at(store, 3).pinned[f"{KIND}/fx"]
    store.delete(KIND, "fx")
    commits = store.create(KIND, "fx").commits
    for number in range(1, 4):
        commits.commit_frame(rates((number, "EUR", 7.0)), "append")
    with pytest.raises(NotFoundError, match="deleted or replaced"):
        store.snapshot().changed_since(KIND, "fx", old)


def test_rows_without_days_have_no_bounds(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    commits = store.create("hierarchies", "h").commits
    example = store.data_type("hierarchies").example()
    before = store.snapshot([("hierarchies", "h")]).pinned["hierarchies/h"]
    commits.commit_frame(example, "append")
    now = store.snapshot()
    changes = now.changed_since("hierarchies", "h", before)
    assert changes is not None
    assert (changes.first_day, changes.last_day, len(changes.added)) == (None, None, 1)
    assert now.read("hierarchies", "h", day(1), day(2)).collect().height == 2


@pytest.mark.parametrize(("first", "last"), [(2, 3), (None, 2), (3, None), (1, 1), (9, 20), (None, None)])
def test_some_days(store: UploadStore, first: int | None, last: int | None) -> None:
    rows = store.snapshot()(KIND, "fx").collect().sort("date", "ccy")
    bounds = [None if n is None else day(n) for n in (first, last)]
    some = store.snapshot().read(KIND, "fx", *bounds).collect().sort("date", "ccy")
    expected = rows.filter(pl.col("date") >= (bounds[0] or day(1)), pl.col("date") <= (bounds[1] or day(31)))
    assert_frame_equal(some, expected)


def test_files_of_other_days_are_not_opened(store: UploadStore) -> None:
    rows = store.snapshot()(KIND, "fx").filter(pl.col("date") == day(4)).collect()
    for file in store.open(KIND, "fx").queries.table().files():
        if file.first_day != day(4):
            file.path.unlink()
    assert_frame_equal(store.snapshot().read(KIND, "fx", day(4), day(4)).collect(), rows)


def test_a_filter_by_days_does_not_open_files_of_other_days(store: UploadStore) -> None:
    rows = store.snapshot()(KIND, "fx")
    expected = rows.filter(pl.col("date") == day(4)).collect()
    assert expected.height == 2
    for file in store.open(KIND, "fx").queries.table().files():
        if file.first_day != day(4):
            file.path.unlink()
    assert_frame_equal(rows.filter(pl.col("date") == day(4)).collect(), expected)
    assert_frame_equal(rows.filter(pl.col("date") > day(3), pl.col("ccy") != "X").collect(), expected)
