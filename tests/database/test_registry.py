"""Changes of entries say what they expect; damaged and foreign rows do not break the others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from openfactor.database import RISK_DATASET, EntryChangedError, Registry, tables
from openfactor.errors import ConflictError, NotFoundError, SettingsError, StorageError
from openfactor.settings import UniverseSettings
from tests.database.raw import execute, opened

KIND = "UniverseSettings"
ONE, TWO = UniverseSettings(id_type="ticker"), UniverseSettings(id_type="cusip")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = opened(tmp_path)
    with registry.changing() as entries:
        for name in ("a", "b"):
            entries.add(KIND, name, ONE, dataset="d", description=f"about {name}")
    return registry


def test_a_change_of_what_was_changed_is_refused(registry: Registry) -> None:
    read = registry.get(KIND, "a")
    with registry.changing() as entries:
        entries.change(read, value=TWO)
    with pytest.raises(EntryChangedError, match="'a' was changed meanwhile"), registry.changing() as entries:
        entries.change(read, description="lost")
    now = registry.get(KIND, "a")
    assert (now.settings, now.description, now.revision) == (TWO, "about a", 2)
    with registry.changing() as entries:
        entries.remove(KIND, "a")
    with pytest.raises(NotFoundError, match="named 'a'; known: b"), registry.changing() as entries:
        entries.change(now, description="nobody")


def test_a_block_that_raises_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    before = execute(tmp_path, "SELECT * FROM entries")

    def change_and_fail() -> None:
        with registry.changing() as entries:
            entries.add(KIND, "c", ONE)
            entries.remove(KIND, "a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change_and_fail()
    assert execute(tmp_path, "SELECT * FROM entries") == before


def test_names(registry: Registry) -> None:
    with registry.reading() as entries:
        assert entries.replaceable(KIND, "c", replace=False) is None
        assert entries.replaceable(KIND, "a", replace=True) == entries.get(KIND, "a")
        with pytest.raises(ConflictError, match="overwrite=True"):
            entries.replaceable(KIND, "a", replace=False)
        with pytest.raises(NotFoundError, match="the id 99"):
            entries.replaceable(KIND, 99, replace=True)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("""value = '{"id_type": "tickes"}'""", "not those that were written"),
        ("value = '{\"id_type\"'", "no JSON object"),
        ("value = '[]'", "no JSON object"),
        ("value = X'FF00FE'", "no JSON object"),
        ("fingerprint = 'other'", "not those that were written"),
        ("dataset = CAST(X'FFFE' AS TEXT)", "not those that were written"),
    ],
)
def test_a_damaged_row_is_told_and_spares_the_others(
    registry: Registry, tmp_path: Path, damage: str, why: str
) -> None:
    execute(tmp_path, f"UPDATE entries SET created_on = 'never', {damage} WHERE name = 'a'")
    a, b = registry.entries(KIND)
    assert (a.name, b.name, b.settings) == ("a", "b", ONE)
    with pytest.raises(StorageError, match=f"'a' is damaged: .*{why}"):
        assert a.settings
    with pytest.raises(StorageError, match="is damaged"), registry.changing() as entries:
        entries.change(a, description="the damage would be signed")
    with registry.changing() as entries:
        entries.change(a, value=TWO, dataset="d", fingerprint=None)
    assert registry.get(KIND, "a").settings == TWO


def test_settings_of_another_release_are_told_and_spare_the_others(
    registry: Registry, tmp_path: Path
) -> None:
    with registry.changing() as entries:
        key = entries.add("RiskBudgetSettings", "a", ONE, dataset="d")
        entries.add(RISK_DATASET, "d", TWO)
    with pytest.raises(SettingsError, match="does not know the kind 'RiskBudgetSettings'"):
        assert registry.get("RiskBudgetSettings", key).settings
    with pytest.raises(SettingsError, match="not valid in this version"):
        assert registry.get(RISK_DATASET, "d").settings
    assert registry.get(KIND, "b").settings == ONE
    users = "in use by RiskBudgetSettings 'a', UniverseSettings 'a'"
    with pytest.raises(ConflictError, match=users), registry.changing() as entries:
        entries.remove(RISK_DATASET, "d")


def test_times_follow_the_order_of_changes_when_the_clock_goes_back(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = registry.contents
    contents.put("one", "dataset", "1")
    before = registry.get(KIND, "a")
    past = dt.datetime(2001, 1, 1)
    for module in ("registry", "contents"):
        monkeypatch.setattr(f"openfactor.database.{module}.now", lambda: past)
    assert tables.now() > past
    with registry.changing() as entries:
        entries.change(before, description="later")
    contents.put("two", "dataset", "2")
    assert registry.get(KIND, "a").last_updated_on > before.last_updated_on
    assert [made.recipe for made in contents.list()] == ["two", "one"]
    assert contents.touch("one")
    assert [made.recipe for made in contents.list()] == ["one", "two"]


def test_a_content_that_is_asked_for_meanwhile_is_not_removed(registry: Registry) -> None:
    contents = registry.contents
    contents.put("r", "dataset", "1")
    (made,) = contents.list()
    assert contents.touch("r")
    assert not contents.remove(made)
    assert contents.find("r") == "1"
    (made,) = contents.list()
    assert contents.remove(made)
    assert contents.find("r") is None
    assert not contents.touch("r")
