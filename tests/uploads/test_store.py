"""Versions on disk."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.errors import ConflictError, DataError, NotFoundError, SettingsError
from openfactor.uploads import UploadStore


def rates(*rows: tuple[int, str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [(dt.date(2024, 1, day), ccy, rate) for day, ccy, rate in rows],
        schema=["date", "ccy", "fx_rate"], orient="row",
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    made = UploadStore(tmp_path)
    made.create("exchange_rates", "fx")
    return made


def read(store: UploadStore, version: int | None = None) -> pl.DataFrame:
    return store.scan("exchange_rates", "fx", version).collect().sort("date", "ccy")


def test_versions(store: UploadStore) -> None:
    first, second = rates((1, "EUR", 0.9)), rates((2, "EUR", 0.8), (2, "JPY", 150.0))
    assert read(store).is_empty()
    assert store.commit("exchange_rates", "fx", first, "overwrite") == 1
    assert store.commit("exchange_rates", "fx", second, "append") == 2
    assert store.commit("exchange_rates", "fx", second, "overwrite") == 3
    assert_frame_equal(read(store, 1), first)
    assert_frame_equal(read(store, 2), pl.concat([first, second]))
    assert_frame_equal(read(store), second)
    assert list(store.history("exchange_rates", "fx")) == [0, 1, 2, 3]
    with pytest.raises(NotFoundError, match="versions 0 to 3, not 4"):
        read(store, 4)


def test_append_adds_new_keys_and_changes_nothing(store: UploadStore) -> None:
    store.commit("exchange_rates", "fx", rates((1, "EUR", 0.9), (2, "EUR", 0.8)), "overwrite")
    store.commit("exchange_rates", "fx", rates((2, "EUR", 7.0), (3, "EUR", 0.7)), "append")
    assert_frame_equal(read(store), rates((1, "EUR", 0.9), (2, "EUR", 0.8), (3, "EUR", 0.7)))


def test_what_failed_leaves_nothing(store: UploadStore) -> None:
    good = rates((1, "EUR", 0.9))
    store.commit("exchange_rates", "fx", good, "overwrite")
    with pytest.raises(DataError):
        store.commit("exchange_rates", "fx", rates((1, "EUR", 0.9), (2, "EUR", -1.0)), "overwrite")
    assert_frame_equal(read(store), good)
    assert store.version("exchange_rates", "fx") == 1


def test_values_come_back_bit_for_bit(store: UploadStore) -> None:
    odd = [5e-324, 0.1 + 0.2, 1.7976931348623157e308, 1 / 3]
    frame = rates(*((i + 1, "EUR", v) for i, v in enumerate(odd)))
    store.commit("exchange_rates", "fx", frame, "overwrite")
    assert read(store)["fx_rate"].to_list() == odd


def test_names(store: UploadStore, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="already"):
        store.create("exchange_rates", "fx")
    with pytest.raises(NotFoundError, match="known: fx"):
        store.scan("exchange_rates", "gx")
    with pytest.raises(NotFoundError, match="known: exchange_dates"):
        store.create("prices", "p")
    for name in ("../x", "a/b", "", "1a", ".hidden", "x" * 129, "a b"):
        with pytest.raises(SettingsError, match="cannot be a name"):
            store.create("price", name)
    with pytest.raises(SettingsError, match=r"append: .*\n.*overwrite"):
        store.commit("exchange_rates", "fx", rates(), "replace")  # type: ignore[arg-type]


def test_delete_and_create_again_is_another_table(store: UploadStore) -> None:
    store.commit("exchange_rates", "fx", rates((1, "EUR", 0.9)), "overwrite")
    before = store.identity("exchange_rates", "fx")
    store.delete("exchange_rates", "fx")
    assert store.names("exchange_rates") == []
    store.create("exchange_rates", "fx")
    store.commit("exchange_rates", "fx", rates((1, "EUR", 0.9)), "overwrite")
    assert store.identity("exchange_rates", "fx") != before
