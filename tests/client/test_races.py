"""Two clients on one name: what one looked at, the other changes before the first one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openfactor import Client
from openfactor.errors import ConflictError, NotFoundError
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    ModelConstructionSettings,
    RiskDatasetUnitExposureSettings,
    UniverseSettings,
)
from openfactor.workspace.riskdatasets import RiskDatasets
from openfactor.workspace.saved_settings import SavedSettingsStore
from tests.database.raw import execute
from tests.dataset.test_build import GROUPS, tables
from tests.markets import dataset_settings

ROOT = dataset_settings(**GROUPS)
UNIT = RiskDatasetUnitExposureSettings(factor_group="market", factor="m")
UNIVERSE = UniverseSettings(id_type="ticker").with_dataset("root")


def on(reference: str) -> DerivedRiskDatasetSettings:
    return DerivedRiskDatasetSettings(reference_dataset=reference, exposures=[UNIT])


def put(client: Client, name: str, frame: pl.DataFrame) -> None:
    client.equity.uploaders.get_data_type(name).get_or_create_dataset(name).fast_commit(frame, "overwrite")


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[tuple[Client, Client]]:
    with Client.local(tmp_path, progress=False) as one, Client.local(tmp_path, progress=False) as other:
        for name, frame in tables().items():
            put(one, name, frame)
        one.equity.riskdatasets.create_dataset("root", ROOT)
        yield one, other


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let something happen once, after a method has looked and before it writes."""

    def arrange(owner: type, method: str, happens: Callable[[], object]) -> None:
        original, pending = getattr(owner, method), [happens]

        def interrupted(*arguments: Any, **options: Any) -> object:
            result = original(*arguments, **options)
            if pending:
                pending.pop()()
            return result

        monkeypatch.setattr(owner, method, interrupted)

    return arrange


def statuses(client: Client) -> dict[str, str]:
    return dict(client.equity.riskdatasets.list_riskdatasets().select("name", "status").rows())


def caps(factor: float) -> pl.DataFrame:
    return tables()["market_cap"].with_columns(pl.col("market_cap") * factor)


def test_no_circle(clients: tuple[Client, Client], during: Callable[..., None]) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    one.create_dataset("a", on("root"))
    one.create_dataset("b", on("root"))
    during(RiskDatasets, "_build", lambda: other.create_or_replace_dataset("b", on("a")))
    with pytest.raises(ConflictError, match="'a' cannot be its own reference"):
        one.create_or_replace_dataset("a", on("b"))
    assert one.load("a").settings == on("root")
    assert one.load("b").settings == on("a")


def test_a_circle_that_is_there_is_named(clients: tuple[Client, Client], tmp_path: Path) -> None:
    one = clients[0].equity.riskdatasets
    for name, reference in (("a", "root"), ("b", "a"), ("c", "b")):
        one.create_dataset(name, on(reference))
    circle = "UPDATE entries SET value = replace(value, '\"root\"', '\"b\"') WHERE name = 'a'"
    execute(tmp_path, circle)
    assert statuses(clients[0]) == dict.fromkeys("abc", "corrupt") | {"root": "ready"}
    problems = dict(one.list_riskdatasets().select("name", "problem").rows())
    assert problems["a"].startswith("it is built on itself: 'a' on 'b' on 'a'; ")
    assert problems["c"].startswith("it is built on itself: 'c' on 'b' on 'a' on 'b'; ")
    one.create_or_replace_dataset("a", on("root"))
    assert statuses(clients[0]) == dict.fromkeys(["a", "b", "c", "root"], "ready")


def test_a_name_is_given_once(clients: tuple[Client, Client], during: Callable[..., None]) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    during(RiskDatasets, "_build", lambda: other.create_dataset("a", on("root")))
    with pytest.raises(ConflictError, match="there is a risk dataset named 'a' already"):
        one.create_dataset("a", on("root"))
    during(RiskDatasets, "_build", lambda: other.create_dataset("b", on("root")))
    one.create_or_replace_dataset("b", on("a"))
    assert one.load("b").settings == on("a")


def test_the_reference_is_deleted_while_a_dataset_is_built(
    clients: tuple[Client, Client], during: Callable[..., None]
) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    one.create_dataset("a", on("root"))
    during(RiskDatasets, "_build", lambda: other.delete_dataset("a"))
    with pytest.raises(NotFoundError, match="no risk dataset named 'a'"):
        one.create_dataset("b", on("a"))
    assert one.get_dataset_names() == ["root"]


def test_a_dataset_is_deleted_while_it_is_updated(
    clients: tuple[Client, Client], during: Callable[..., None]
) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    put(clients[0], "market_cap", caps(2.0))
    during(RiskDatasets, "_build", lambda: other.delete_dataset("root"))
    with pytest.raises(NotFoundError, match="no risk dataset named 'root'"):
        one.load("root").update()
    assert one.get_dataset_names() == []


@pytest.mark.parametrize("force", [False, True])
def test_an_update_never_goes_back(
    clients: tuple[Client, Client], during: Callable[..., None], force: bool
) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    put(clients[0], "market_cap", caps(2.0))

    def overtake() -> None:
        put(clients[1], "market_cap", caps(3.0))
        other.load("root").update()

    during(RiskDatasets, "_build", overtake)
    assert one.load("root").update(force=force)
    assert statuses(clients[1]) == {"root": "ready"}
    assert not other.load("root").update()


def test_settings_that_change_during_an_update_are_built(
    clients: tuple[Client, Client], during: Callable[..., None]
) -> None:
    one, other = (client.equity.riskdatasets for client in clients)
    wider = ROOT.model_copy(update={"exposure_dtype": "float32"})
    put(clients[0], "market_cap", caps(2.0))
    during(RiskDatasets, "_build", lambda: other.create_or_replace_dataset("root", wider))
    assert one.load("root").update()
    assert one.load("root").settings == wider
    assert statuses(clients[0]) == {"root": "ready"}


def test_saved_settings_are_overwritten_or_refused(
    clients: tuple[Client, Client], during: Callable[..., None]
) -> None:
    one, other = (client.equity.universes.settings for client in clients)
    during(SavedSettingsStore, "_check", lambda: other.save("u", UNIVERSE))
    key = one.save("u", UNIVERSE, overwrite=True, description="mine")
    assert one.read(key).description == "mine"
    during(SavedSettingsStore, "_check", lambda: other.save("v", UNIVERSE))
    with pytest.raises(ConflictError, match="overwrite=True"):
        one.save("v", UNIVERSE)
    during(SavedSettingsStore, "_check", lambda: other.delete("u"))
    with pytest.raises(NotFoundError, match=f"the id {key}"):
        one.save(key, UNIVERSE, overwrite=True)


def test_what_settings_refer_to_is_deleted_while_they_are_saved(
    clients: tuple[Client, Client], during: Callable[..., None]
) -> None:
    one, other = clients
    one.equity.universes.settings.save("u", UNIVERSE)
    during(SavedSettingsStore, "_check", lambda: other.equity.universes.settings.delete("u"))
    regression = ModelConstructionSettings(estimation_universe="u").with_dataset("root")
    with pytest.raises(NotFoundError, match="no UniverseSettings named 'u'"):
        one.settings_registry[ModelConstructionSettings].save("r", regression)
    during(SavedSettingsStore, "_check", lambda: other.equity.riskdatasets.delete_dataset("root"))
    with pytest.raises(NotFoundError, match="no risk dataset named 'root'"):
        one.equity.universes.settings.save("u", UNIVERSE)
    assert one.equity.universes.settings.get_identifiers() == {}


@pytest.mark.parametrize("name", ["root", "new"])
def test_what_is_pruned_before_it_has_its_name_is_built_again(
    clients: tuple[Client, Client], during: Callable[..., None], tmp_path: Path, name: str
) -> None:
    put(clients[0], "market_cap", caps(2.0))
    during(RiskDatasets, "_build", lambda: execute(tmp_path, "DELETE FROM contents"))
    one = clients[0].equity.riskdatasets
    if name == "root":
        assert one.load("root").update()
    else:
        one.create_dataset("new", ROOT)
    assert statuses(clients[1])[name] == "ready"
