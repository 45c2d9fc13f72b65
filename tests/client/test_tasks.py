"""Work in the background, and what loaded handles say of themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor.contract.refs import FrameQuery
from openfactor.errors import CancelledError, ConflictError, NotFoundError, SettingsError
from openfactor.settings import CalendarSettings, UniverseSettings
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.handles import engine_of
from tests.markets import dataset_settings, model_settings, until

MARKET = simulate(20, 14, industries=2, styles=("size",), seed=5)
DAYS = MARKET.factor_returns["date"].to_list()
MODEL = model_settings().with_dataset("d")
UNIVERSE = UniverseSettings(id_type="ticker").with_dataset("d")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path, progress=False, threads=1)
    commit(client, until(MARKET.uploads, DAYS[-2]))
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return client


def test_an_update_in_the_background_is_an_update(client: Client) -> None:
    model = client.equity.riskmodels.load(MODEL).get_model()
    commit(client, MARKET.uploads)
    task = model.update_as_task()
    newer = task.result()
    assert newer.dates() == DAYS
    assert_frame_equal(newer.fret(), model.update().fret())
    assert model.dates() == DAYS[:-1], "the old one stays as it is"
    assert task.done
    assert repr(task).startswith("<task update of the risk model on 'd': done")


def test_a_task_is_watched_and_cancelled_by_its_id(client: Client) -> None:
    task = client.equity.riskmodels.load(MODEL).get_model_as_task()
    assert [status.id for status in client.tasks.list()] == [task.id]
    client.tasks.cancel(task.id)
    try:
        task.result(30)
    except CancelledError:
        assert task.status.state == "cancelled"
    else:  # it had ended before
        assert task.status.state == "done"
    assert repr(client.tasks) == "<tasks: 0 running>"
    with pytest.raises(NotFoundError, match="there is no task nobody"):
        client.tasks.cancel("nobody")


def test_a_task_starts_no_tasks(client: Client) -> None:
    workspace: Any = client._workspace
    with pytest.raises(ConflictError, match="cannot start"):
        workspace.tasks.start("x", "tasks", "list", b"")


def test_members_in_wide_layout_are_those_in_long(client: Client) -> None:
    universe = client.equity.universes.load(UNIVERSE)
    long, wide = universe.get(), universe.get(layout="wide")
    assert wide.columns == ["date", *sorted(long["ticker"].unique())]
    melted = wide.unpivot(index="date", variable_name="ticker", value_name="inside").filter("inside")
    assert_frame_equal(melted.select("date", "ticker").sort("date", "ticker"), long)


def test_frames_that_do_not_exist(client: Client) -> None:
    model = client.equity.riskmodels.load(MODEL).get_model()
    exposures = client.equity.exposures.load(model_settings().stages[0].exposures.with_dataset("d"))
    workspace: Any = client._workspace
    query = FrameQuery(frame="nonsense")
    universe = client.equity.universes.load(UNIVERSE)
    for ask in (
        lambda: workspace.riskmodels.frame(model.ref, query),
        lambda: workspace.universes.frame(universe.pinned, query),
        lambda: workspace.exposures.frame(exposures.pinned, universe.pinned, None, query),
    ):
        with pytest.raises(SettingsError, match="there is no such frame") as caught:
            ask()
        assert "'nonsense'" in str(caught.value)


def test_calendars(client: Client) -> None:
    settings = CalendarSettings(filters=[["XNYS"]])
    calendar = client.equity.calendars.load(settings.with_dataset("d"))
    assert calendar.get() == DAYS[:-1]
    assert calendar.get(start=DAYS[2], end=str(DAYS[4])) == DAYS[2:5]
    assert (calendar.settings, calendar.dataset) == (settings, "d")
    assert calendar.data == client.equity.riskdatasets.load("d").data


def test_the_client_lists_what_it_has(client: Client) -> None:
    parts = "uploaders, riskdatasets, calendars, ids, universes, exposures, riskmodels"
    assert repr(client.equity) == f"<equity: {parts}>"
    for part in re.split(", ", parts):
        assert repr(getattr(client.equity, part)).startswith("<"), part
        assert "object at" not in repr(getattr(client.equity, part)), part


def test_a_request_of_its_own_shares_the_workspace(tmp_path: Path) -> None:
    client = Client.local(tmp_path, progress=False)
    workspace = engine_of(client)
    other = workspace.on(workspace._context.as_request())
    assert other.tasks is workspace.tasks
    assert other._registry is workspace._registry
    assert other._context.cache is workspace._context.cache
    assert other._context.request != workspace._context.request
