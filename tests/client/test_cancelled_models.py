"""What a cancelled fit, frame or diagnosis leaves behind, at whichever point it is cancelled: nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.context import Context
from openfactor.contract.refs import DiagnosticsQuery, FrameQuery
from openfactor.settings import RiskForecastSettings
from openfactor.synthetic import simulate
from openfactor.workspace.local import LocalWorkspace
from tests.cancelling import cancel_everywhere
from tests.markets import dataset_settings, model_settings
from tests.stored import contents_of


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a dataset on which models can be fitted."""
    folder = tmp_path_factory.mktemp("market")
    client = Client.local(folder, progress=False)
    for name, frame in simulate(40, 30, industries=3, seed=5).uploads.items():
        client.equity.uploaders[name].create_dataset(name).fast_commit(frame, "append")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    return folder


def test_a_cancelled_fit_leaves_nothing(market: Path) -> None:
    settings = LocalWorkspace(market).riskmodels.bind(model_settings().with_dataset("d"))

    def check() -> None:
        assert contents_of(market).list("estimates") == []

    def fit(context: Context) -> None:
        LocalWorkspace(market).on(context).riskmodels.fit(settings, "get-or-compute-and-persist")

    assert cancel_everywhere(fit, check) >= 16  # each run of days is a chance
    assert len(contents_of(market).list("estimates")) == 1


QUERIES = {
    "covariances": FrameQuery(frame="factor_covariance", forecast=RiskForecastSettings()),
    "Newey-West": FrameQuery(
        frame="factor_covariance", forecast=RiskForecastSettings(factor_cov={"nw_lags_cor": 1})
    ),
    "structural volatilities": FrameQuery(
        frame="specific_volatility",
        forecast=RiskForecastSettings(structural={"min_history": 5, "min_companies_per_factor": 1}),
    ),
    "exposures": FrameQuery(frame="exposures"),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_cancelled_frames_leave_nothing_half_done_in_memory(market: Path, query: FrameQuery) -> None:
    workspace = LocalWorkspace(market)
    settings = workspace.riskmodels.bind(model_settings().with_dataset("d"))
    model = workspace.riskmodels.fit(settings, "compute")
    frames = []

    def compute(context: Context) -> None:
        shared = replace(context, cache=workspace._context.cache)
        frames.append(workspace.on(shared).riskmodels.frame(model, query))

    assert cancel_everywhere(compute, lambda: None) >= 1
    other = LocalWorkspace(market).riskmodels
    assert frames[0].equals(other.frame(other.fit(settings, "compute"), query))


def test_cancelled_diagnostics_can_be_asked_for_again(market: Path) -> None:
    workspace = LocalWorkspace(market)
    settings = workspace.riskmodels.bind(model_settings().with_dataset("d"))
    model = workspace.riskmodels.fit(settings, "compute")
    query = DiagnosticsQuery(burn_in=5, n_portfolios=2)
    tables = []

    def compute(context: Context) -> None:
        shared = replace(context, cache=workspace._context.cache)
        tables.append(workspace.on(shared).riskmodels.diagnose(model, query))

    assert cancel_everywhere(compute, lambda: None) >= 20
    for name, table in workspace.riskmodels.diagnose(model, query).items():
        assert tables[0][name].equals(table)
