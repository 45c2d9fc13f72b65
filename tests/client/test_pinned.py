"""One request sees one state of the uploads and of its dataset, whatever is committed meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor import dataset as datasets
from openfactor.client.riskmodel import RiskModel
from openfactor.errors import NotFoundError
from openfactor.settings import (
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    InlineUploadedExposureGroupSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.handles import arrays_of, dataset_of_name, fitted_of
from tests.markets import dataset_settings, model_settings

MARKET = simulate(30, 50, industries=3, seed=7)
UNIVERSE = UniverseSettings(id_type="ticker")
BETAS = TimeSeriesBetaExposureGroupSettings(
    tsfactors_source="ff", factor_group="ff", window=20, gaussianize=False
)
SCORES = InlineUploadedExposureGroupSettings(exposure_source="scores", factor_group="alpha")


def alpha(seed: int) -> pl.DataFrame:
    """Scores of every name on every day of the exposures."""
    rows = MARKET.uploads["exposures"].filter(factor_group="market")
    values = np.random.default_rng(seed).normal(size=len(rows))
    return rows.with_columns(factor_group=pl.lit("alpha"), factor=pl.lit("one"), exposure=pl.Series(values))


def series(seed: int) -> pl.DataFrame:
    days = MARKET.uploads["price"]["date"].unique().sort()
    values = np.random.default_rng(seed).normal(0, 0.01, len(days))
    return pl.DataFrame({"date": days, "factor": "SMB", "value": values})


def settings_with(group) -> FactorRiskModelSettings:
    plain = model_settings()
    exposures = ExposureSettings(exposures=[ContinuousExposureGroupSettings(hierarchy="market"), group])
    return plain.model_copy(update={
        "exposures": [exposures],
        "modelconstruction": [
            plain.modelconstruction[0].model_copy(update={"zero_sum_constraints": {}})
        ],
    })  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path, progress=False)
    commit(client, MARKET.uploads)
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    put(client, "scores", 1)
    put(client, "ff", 1)
    return client


def put(client: Client, name: str, seed: int) -> None:
    """A new version of the scores or of the series."""
    kind, frame = ("exposures", alpha(seed)) if name == "scores" else ("tsfactors", series(seed))
    client.equity.uploaders[kind].get_or_create_dataset(name).fast_commit(frame, mode="overwrite")


def assert_adds_up(model: RiskModel) -> None:
    """Exposures times factor returns plus the specific return are each asset's return."""
    fitted, estimates = fitted_of(model), arrays_of(model)
    largest = 0.0
    for t in range(1, len(estimates.dates)):
        rows = fitted.rows_on(t - 1)
        explained = fitted.exposures_at(rows) @ estimates.factor_returns[t]
        gap = explained + estimates.specific_return[rows] - estimates.asset_return[rows]
        known = np.isfinite(gap)
        largest = max(largest, np.abs(gap[known]).max(initial=0.0))
    assert estimates.n.max() > 10
    assert largest < 1e-12


@pytest.mark.parametrize(("group", "name"), [(SCORES, "scores"), (BETAS, "ff")])
def test_a_model_keeps_the_uploads_that_it_was_fitted_on(client: Client, group, name: str) -> None:
    engine = client.equity.riskmodels.load(settings_with(group).with_dataset("d"))
    model = engine.get_model()
    put(client, name, 2)
    assert_adds_up(model)  # looks at the exposures for the first time
    assert engine.get_model() == model  # it stands on the data of the moment that it was loaded
    newer = client.equity.riskmodels.load(settings_with(group).with_dataset("d")).get_model()
    assert newer.fingerprint != model.fingerprint
    assert_adds_up(newer)
    assert not newer.fret().equals(model.fret())


def test_a_model_opened_by_a_second_client_goes_with_its_estimates(client: Client, tmp_path: Path) -> None:
    bound = settings_with(BETAS).with_dataset("d")
    first = client.equity.riskmodels.load(bound).get_model()
    other = Client.local(tmp_path, progress=False).equity.riskmodels.load(bound)
    second = other.get_model("get-or-fail")
    put(client, "ff", 2)
    assert second.exposures().equals(first.exposures())
    assert_adds_up(second)


def test_exposures_and_universes_keep_the_uploads_that_they_began_with(client: Client) -> None:
    exposures = client.equity.exposures.load(ExposureSettings(exposures=[SCORES]).with_dataset("d"))
    other = client.equity.exposures.load(ExposureSettings(exposures=[SCORES]).with_dataset("d"))
    put(client, "scores", 2)
    assert other.get(UNIVERSE).equals(exposures.get(UNIVERSE))
    fresh = client.equity.exposures.load(ExposureSettings(exposures=[SCORES]).with_dataset("d"))
    assert not fresh.get(UNIVERSE).equals(exposures.get(UNIVERSE))


def test_an_upload_that_was_replaced_is_told_as_that(client: Client) -> None:
    exposures = client.equity.exposures.load(ExposureSettings(exposures=[SCORES]).with_dataset("d"))
    client.equity.uploaders["exposures"].create_or_replace_dataset("scores").fast_commit(
        alpha(2), mode="overwrite"
    )
    with pytest.raises(NotFoundError, match="'scores' was deleted or replaced"):
        exposures.get(UNIVERSE)
    client.equity.uploaders["exposures"]["scores"].destroy()
    with pytest.raises(NotFoundError, match="'scores' was deleted or replaced"):
        exposures.get(UNIVERSE)


def test_a_commit_during_a_build_is_left_to_the_next_one(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = MARKET.uploads["market_cap"].with_columns(pl.col("market_cap") * 2)
    build = datasets.build

    def late(*args, **kwargs):
        client.equity.uploaders["market_cap"]["market_cap"].fast_commit(doubled, mode="overwrite")
        return build(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(datasets, "build", late)
        client.equity.riskdatasets.create_dataset("during", dataset_settings(exposure_dtype="float32"))
    before, during = (dataset_of_name(client, name) for name in ("d", "during"))
    np.testing.assert_array_equal(during.panel.market_cap, before.panel.market_cap)
    assert client.equity.riskdatasets.load("during").status == "data_stale"
    assert client.equity.riskdatasets.load("during").update()
    after = dataset_of_name(client, "during")
    np.testing.assert_array_equal(after.panel.market_cap, 2 * before.panel.market_cap)
