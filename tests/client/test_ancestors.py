"""Estimates are extended from what is stored of the same settings, whoever fitted it and on which data."""

from __future__ import annotations

from pathlib import Path

from openfactor import Client
from openfactor.settings import (
    FactorRiskModelSettings,
)
from tests.client.test_riskmodels import (  # noqa: F401
    DAYS,
    MARKET,
    SETTINGS,
    assert_same,
    client_with,
    commit,
    counted,
    fitted,
)
from tests.handles import arrays_of
from tests.markets import dataset_settings, until
from tests.stored import contents_of


def fit(client: Client, settings: FactorRiskModelSettings = SETTINGS, name: str = "d"):
    return client.equity.riskmodels.load(settings.with_dataset(name)).get_model()


def test_another_user_takes_over_what_is_stored(tmp_path: Path, counted: list[int]) -> None:  # noqa: F811
    """A fits and updates the dataset by a day; B, in a process of its own, regresses that day alone."""
    first = client_with(tmp_path, until(MARKET.uploads, DAYS[50]))
    fit(first)
    commit(first, until(MARKET.uploads, DAYS[51]))
    assert first.equity.riskdatasets.load("d").update()
    counted.clear()
    second = Client.local(tmp_path, progress=False)
    model = fit(second)
    assert sum(counted) == 1
    assert_same(arrays_of(model), until(MARKET.uploads, DAYS[51]))
    counted.clear()
    fit(first)
    assert sum(counted) == 0


def test_of_several_the_one_that_keeps_most_days(tmp_path: Path, counted: list[int]) -> None:  # noqa: F811
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[40]))
    fit(client)
    client.equity.riskdatasets.create_dataset("other", dataset_settings(exposure_dtype="float32"))
    fit(client, name="other")  # the same settings on data that differ on every day, and stored later
    commit(client, until(MARKET.uploads, DAYS[45]))
    client.equity.riskdatasets.load("d").update()
    counted.clear()
    model = fit(client)
    assert sum(counted) == 5
    assert_same(arrays_of(model), until(MARKET.uploads, DAYS[45]))


def test_data_that_went_back_find_their_estimates_again(tmp_path: Path, counted: list[int]) -> None:  # noqa: F811
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[40]))
    model = fit(client)
    commit(client, until(MARKET.uploads, DAYS[41]))
    model.update()
    commit(client, until(MARKET.uploads, DAYS[40]))
    counted.clear()
    again = model.update()
    assert sum(counted) == 0
    assert again.fret().equals(model.fret())
    assert_same(arrays_of(again), until(MARKET.uploads, DAYS[40]))


def test_other_settings_and_damaged_ancestors_are_fitted_anew(
    tmp_path: Path,
    counted: list[int],  # noqa: F811
) -> None:
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[30]))
    fit(client)
    for made in contents_of(tmp_path).list("estimates"):
        (tmp_path / "store" / "manifests" / made.content[:2] / made.content).write_text("{")
    commit(client, until(MARKET.uploads, DAYS[31]))
    client.equity.riskdatasets.load("d").update()
    counted.clear()
    model = fit(Client.local(tmp_path, progress=False))
    assert sum(counted) == 31
    assert_same(arrays_of(model), until(MARKET.uploads, DAYS[31]))
    counted.clear()
    fit(client, SETTINGS.model_copy(update={"halflife_idio_vra": 9}))  # matters for forecasts alone
    assert sum(counted) == 0


def test_a_model_is_what_it_was_after_its_dataset_is_updated_and_deleted(tmp_path: Path) -> None:
    """The handle stands on content, which stays until it is pruned."""
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[30]))
    model = fit(client)
    universe = client.equity.universes.load(SETTINGS.universe[0].with_dataset("d"))
    before = [model.fret(), model.exposures(), model.forecast().specific_volatility(), universe.get()]
    commit(client, until(MARKET.uploads, DAYS[35]))
    model.update()
    client.equity.riskdatasets.delete_dataset("d")
    after = [model.fret(), model.exposures(), model.forecast().specific_volatility(), universe.get()]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))


def test_another_dataset_is_deleted(tmp_path: Path, counted: list[int]) -> None:  # noqa: F811
    client = client_with(tmp_path, until(MARKET.uploads, DAYS[40]))
    client.equity.riskdatasets.create_dataset("unrelated", dataset_settings(exposure_dtype="float32"))
    fit(client)
    commit(client, until(MARKET.uploads, DAYS[41]))
    client.equity.riskdatasets.load("d").update()
    client.equity.riskdatasets.delete_dataset("unrelated")
    counted.clear()
    fit(client)
    assert sum(counted) == 1
