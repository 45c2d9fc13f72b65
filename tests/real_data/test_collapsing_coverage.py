"""An upload of changes only, under the snapshot rule: one exposure row takes the exposures of all others.

Vendors' daily files often hold only what is new ("delta files"); appended to a table whose every date is a
snapshot, they say that everybody else has no exposure any more.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import polars as pl
import pytest

from openfactor import Client
from openfactor.errors import DataError, DataWarning
from openfactor.settings import (
    DataQualitySettings,
    DerivedRiskDatasetSettings,
    RiskDatasetReferencedExposureSettings,
)
from openfactor.synthetic import simulate
from tests.markets import dataset_settings, model_settings, until

MARKET = simulate(40, 60, industries=3, seed=11)
DAYS = MARKET.uploads["price"]["date"].unique().sort()
LAST = DAYS[-1]


def commit(client: Client, uploads: dict[str, pl.DataFrame]) -> None:
    for name, frame in uploads.items():
        client.equity.uploaders[name].get_or_create_dataset(name).fast_commit(frame, mode="overwrite")


def changes_only() -> dict[str, pl.DataFrame]:
    """All of the market, but of the last day a single exposure row of the market group."""
    tables = dict(MARKET.uploads)
    market = pl.col("factor_group") == "market"
    one = tables["exposures"].filter(market & (pl.col("date") == LAST)).head(1)
    others = tables["exposures"].filter(~(market & (pl.col("date") == LAST)))
    return tables | {"exposures": pl.concat([others, one])}


def test_update_and_forecast_say_so(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    commit(client, until(MARKET.uploads, DAYS[-2]))
    datasets = client.equity.riskdatasets
    dataset = datasets.create_dataset("d", dataset_settings())
    model = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.forecast()
    assert dataset.quality().is_empty()

    commit(client, changes_only())
    with pytest.warns(DataWarning, match=r"group market: 1 on .*upload the complete day again"):
        dataset.update()
    (row,) = dataset.quality().to_dicts()
    assert (row["check"], row["severity"], row["newest"]) == ("coverage_collapse", "severe", True)
    newest = dataset.coverage_changes(start=LAST).filter(pl.col("input") == "with_market").to_dicts()[0]
    assert newest["covered"] == 1
    assert newest["day_before"] == len(MARKET.uploads["price"].filter(pl.col("date") == DAYS[-2]))
    assert newest["change"] == 1 / newest["day_before"] - 1
    new = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    with pytest.warns(
        DataWarning, match="the newest data .* are in doubt: listings with all of group market"
    ):
        new.forecast()

    # what is built on it says so too, where it has taken the group over
    for groups, n in ((["market"], 1), (["style"], 0)):
        entry = RiskDatasetReferencedExposureSettings(continuous_factor_groups=groups)
        settings = DerivedRiskDatasetSettings(reference_dataset="d", exposures=[entry])
        derived = datasets.create_or_replace_dataset(f"of-{groups[0]}", settings)
        assert derived.quality()["upload"].to_list() == ["reference: exposures"] * n


def test_model_update_says_so(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    commit(client, until(MARKET.uploads, DAYS[-2]))
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    model = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    commit(client, changes_only())
    with pytest.warns(DataWarning, match="group market: 1 on"):
        model.update()


def test_an_update_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    commit(client, until(MARKET.uploads, DAYS[-2]))
    quality = DataQualitySettings(treatment={"coverage_collapse": "refuse"})
    dataset = client.equity.riskdatasets.create_dataset("d", dataset_settings(quality=quality))
    commit(client, changes_only())
    with pytest.raises(DataError, match="group market: 1 on"):
        dataset.update()
    assert dataset.status == "data_stale"
    assert dataset.describe().build_report.last_date == str(DAYS[-2])
