"""The staging area."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.errors import (
    ConflictError,
    DataError,
    DataWarning,
    NotFoundError,
    SettingsError,
    StorageError,
)
from openfactor.uploads.storage.staging_area import StagingArea
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path).create("exchange_rates", "fx")


def test_stage_look_commit(upload: Upload) -> None:
    assert upload.stage_df("b", rates((2, "EUR", 0.8)))
    result = upload.stage_df("a", rates((1, "EUR", 0.9), (1, "JPY", 150.0)))
    assert (result.name, result.success, result.success_parser) == ("a", True, "table")
    assert repr(result) == "<'a' staged by 'table'>"
    assert list(upload.get_staging_results()) == ["a", "b"]
    assert upload.get_staging_results(["a", "unknown"]) == {"a": result}
    assert read(upload).is_empty()
    staged = upload.get_staging_data().collect().sort("date", "ccy")
    assert staged.columns == ["_name", "date", "ccy", "fx_rate"]
    assert staged["_name"].to_list() == ["a", "a", "b"]
    with pytest.raises(SettingsError, match="no columns 'rate'"):
        upload.get_staging_data(columns=["rate"])
    assert upload.get_staging_data(["b"], columns=["ccy"]).collect().rows() == [("b", "EUR")]
    assert upload.get_staging_data(columns=["_name"], unique=True).collect().height == 2
    assert upload.get_staging_data_summary()["n_rows"].to_list() == [2, 1]
    assert upload.validate_staging_data() == {}
    assert "2 staged" in repr(upload)
    committed = upload.commit("append", names=["b", "unknown"])
    assert (committed.version, committed.committed_names) == (1, ["b"])
    assert list(upload.get_staging_results()) == ["a"]
    assert upload.commit("append").committed_names == ["a"]
    assert upload.get_staging_results() == {}
    assert read(upload).height == 3
    for names in (None, ["a"]):
        with pytest.warns(DataWarning, match="is staged, so nothing was committed"):
            again = upload.commit("append", names=names)
        assert (again.version, again.committed_names) == (2, [])


def test_staging_outlives_the_session(upload: Upload, tmp_path: Path) -> None:
    result = upload.stage_df("a", rates((1, "EUR", 0.9)))
    again = UploadStore(tmp_path).open("exchange_rates", "fx")
    assert again.get_staging_results() == {"a": result}
    assert again.commit("append").version == 1


def test_a_name_is_taken_until_it_is_replaced_or_wiped(upload: Upload) -> None:
    upload.stage_df("a", rates((1, "EUR", 0.9)))
    with pytest.raises(ConflictError, match=r"already staged: a; set replace=True"):
        upload.stage_df("a", rates((1, "EUR", 0.8)))
    upload.stage_df("a", rates((1, "EUR", 0.7)), replace=True)
    assert upload.get_staging_data().collect()["fx_rate"].to_list() == [0.7]
    assert list(upload.wipe_staging(["a", "b"])) == ["a"]
    assert upload.wipe_staging() == {}
    assert upload.stage_df("a", rates((1, "EUR", 0.6))).success


def test_what_cannot_be_read_is_kept_as_a_result(upload: Upload) -> None:
    failed = upload.stage_df("a", rates((1, "EUR", 0.9)).rename({"ccy": "money"}))
    assert not failed.success
    assert not failed, "`assert upload.stage_file(...)` must not pass"
    assert not failed.results[0]
    assert not upload.can_handle(rates((1, "EUR", 0.9)).rename({"ccy": "money"}))
    assert repr(failed).startswith("<'a' could not be staged:\n  table: [missing_column] a.ccy: is missing; ")
    assert upload.get_staging_results() == {"a": failed}
    assert upload.get_staging_data().collect().is_empty()
    assert set(upload.validate_staging_data()) == {"missing_column", "unknown_column"}
    with pytest.raises(DataError, match=r"wipe_staging.*\n.*missing_column"):
        upload.commit("append")
    assert upload.stage_df("a", rates((1, "EUR", 0.9))).success, "nothing is lost, so no replace is needed"
    assert upload.commit("append").version == 1


def test_a_wide_table_of_unknown_columns_does_not_fill_the_screen(upload: Upload) -> None:
    wide = pl.DataFrame({f"c{i}": [1.0] for i in range(3000)})
    failed = upload.stage_df("a", wide)
    with pytest.raises(DataError) as caught:
        upload.commit("append")
    for text in (repr(failed), str(caught.value)):
        assert len(text.splitlines()) <= 41
        assert len(text) < 15_000
    unknown = caught.value.table.filter(rule="unknown_column")
    assert "c2999" in str(unknown.rows())


def test_results_print_as_they_are_shown(upload: Upload) -> None:
    """print(result) had every message, 745,000 characters for 2,000 columns."""
    frame = pl.DataFrame({"date": ["2024-01-02"], **{f"f{i}": ["x"] for i in range(2000)}})
    staged, asked = upload.stage_df("x", frame), upload.can_handle(frame)
    for result in (staged, asked, asked.results[0]):
        assert str(result) == repr(result)
        assert len(str(result).splitlines()) <= 41
        assert len(str(result)) < 10_000
        assert "'f18' and 1,981 more" in str(result)
    assert len(asked.results[0].messages) == 2002, "all are there"


def test_rows_that_break_rules_can_be_looked_at_but_not_committed(upload: Upload) -> None:
    upload.stage_df("good", rates((1, "EUR", 0.9)))
    result = upload.stage_df("bad", rates((2, "EUR", -0.9), (3, "EUR", 0.0)))
    assert result.success
    assert "positive" in result.results[0].messages[0]
    assert upload.get_staging_data(["bad"]).collect().height == 2
    found = upload.validate_staging_data()
    assert list(found) == ["positive"]
    assert found["positive"].select("_name", "column", "count").rows() == [("bad", "fx_rate", 2)]
    assert upload.validate_staging_data(short=True)["positive"].rows() == [("bad",)]
    assert upload.validate_staging_data(["good"]) == {}
    with pytest.raises(DataError, match="positive"):
        upload.commit("append")
    assert len(upload.get_staging_results()) == 2
    assert upload.commit("append", ["good"]).version == 1


def test_keys_in_two_staged_tables(upload: Upload) -> None:
    upload.stage_df("a", rates((1, "EUR", 0.9), (2, "EUR", 0.8)))
    upload.stage_df("b", rates((2, "EUR", 0.8), (3, "EUR", 0.7)))
    upload.stage_df("c", rates((2, "JPY", 150.0)))
    upload.stage_df("d", rates((9, "EUR", 0.8)))
    found = upload.validate_staging_data()
    assert list(found) == ["staged_twice"]
    assert found["staged_twice"]["_name"].to_list() == ["a, b"]
    assert found["staged_twice"]["first_rows"][0].to_list() == ["date 2024-01-02, ccy EUR"]
    assert upload.validate_staging_data(short=True)["staged_twice"].rows() == [("a",), ("b",)]
    with pytest.raises(DataError, match="staged_twice"):
        upload.commit("append")
    assert upload.commit("append", ["a", "c", "d"]).version == 1


def test_undated_tables_are_compared_too(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("hierarchies", "h")
    for name in ("a", "b"):
        upload.stage_df(
            name, pl.DataFrame({"level": [0], "code": ["1"], "label": ["x"], "parent_code": [None]})
        )
    assert list(upload.validate_staging_data()) == ["staged_twice"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "..", "a\\b", "a\nb", "\x00", "x" * 201])
def test_staged_names(upload: Upload, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of a staged table"):
        upload.stage_df(name, rates((1, "EUR", 0.9)))
    assert upload.get_staging_results() == {}


@pytest.mark.parametrize("name", ["../x", "a/b/c", "", "1a", ".hidden", "x" * 129, "a b", "a\\b", "_staging"])
def test_upload_names(tmp_path: Path, name: str) -> None:
    store = UploadStore(tmp_path / "store")
    for use in (store.create, store.open, store.delete):
        with pytest.raises(SettingsError, match="cannot be a name"):
            use("price", name)
    assert not (tmp_path / "store").exists()


def test_names_with_an_owner_are_reserved(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'owner/name', are reserved"):
        UploadStore(tmp_path).create("price", "me/prices")


def test_create_list_delete(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    upload = store.create("exchange_rates", "fx")
    with pytest.raises(ConflictError, match="already"):
        store.create("exchange_rates", "fx")
    with pytest.raises(NotFoundError, match="known: fx"):
        store.open("exchange_rates", "gx")
    with pytest.raises(NotFoundError, match="known: daily_bars"):
        store.create("prices", "p")
    upload.fast_commit(rates((1, "EUR", 0.9)), "append")
    upload.stage_df("a", rates((2, "EUR", 0.9)))
    store.delete("exchange_rates", "fx")
    assert store.names("exchange_rates") == []
    assert [path.name for path in (tmp_path / "exchange_rates").iterdir()] == [".lock"]
    upload = store.create("exchange_rates", "fx")
    assert upload.get_staging_results() == {}
    assert upload.version == 0


def test_freshness(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    store.create("price", "empty")
    assert store.freshness() == []
    for name in ("a", "b"):
        store.create("exchange_rates", name).fast_commit(rates((1, "EUR", 0.9)), "append")
    (found,) = store.freshness()
    newest = store.open("exchange_rates", "b").version_history()[1]
    assert (found.data_type, found.last_committed_at) == ("exchange_rates", newest)


def test_what_a_parser_says(upload: Upload) -> None:
    good = rates((1, "EUR", 0.9)).rename({"fx_rate": "Rate"})
    assert upload.get_parsers() == ["table"]
    assert upload.can_handle(good).success_parser == "table"
    frame, result = upload.parse(good)
    assert result.success
    assert_frame_equal(frame, rates((1, "EUR", 0.9)))
    dated = good.drop("date")
    assert not upload.can_handle(dated).success
    assert upload.can_handle(dated, name="fx_2024-01-01.csv").success
    frame, result = upload.parse(dated, parser="table")
    assert frame.is_empty()
    assert "missing" in result.messages[0]
    assert upload.get_parser_example("table").columns == ["date", "ccy", "fx_rate"]


def test_a_damaged_item_says_so(upload: Upload, tmp_path: Path) -> None:
    upload.stage_df("a", rates((1, "EUR", 0.9)))
    (part,) = tmp_path.rglob("_staging/*/a/*.parquet")
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(StorageError, match=r"bytes, not .*; stage it again with"):
        upload.commit("append")


def test_what_was_staged_anew_stays(upload: Upload, tmp_path: Path) -> None:
    """Someone replaces a table while it is being committed."""
    area = StagingArea(tmp_path / "exchange_rates" / "fx")
    upload.stage_df("a", rates((1, "EUR", 0.9)))
    upload.stage_df("b", rates((2, "EUR", 0.9)))
    committed = area.get()
    upload.stage_df("a", rates((1, "EUR", 0.8)), replace=True)
    area.remove(committed)
    assert list(upload.get_staging_results()) == ["a"]
    assert upload.get_staging_data().collect()["fx_rate"].to_list() == [0.8]
