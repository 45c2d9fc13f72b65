"""The documents' own code, run as a user would run it."""

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import polars as pl
import pytest

from openfactor import Client, settings
from openfactor.client.riskmodel import RiskModel
from openfactor.model import factor_covariance
from openfactor.settings import FactorCovarianceSettings, legacy
from tests.shared import SHARED, needs_documents

ACCEPTANCE = SHARED / "acceptance"


@needs_documents
@pytest.mark.parametrize("document", ["custom_dataset", "exposure_upload"])
def test_a_document_leaves_what_it_prints(document: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ACCEPTANCE / "run.py"), document],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all hold" in done.stdout


def reference_market() -> types.ModuleType:
    """The module that simulates the dataset of the documents."""
    spec = importlib.util.spec_from_file_location("reference_data", ACCEPTANCE / "reference_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported_as(monkeypatch: pytest.MonkeyPatch, client: object, equity: object) -> None:
    """Let the documents' import names lead to a client and to settings."""
    modules = {name: types.ModuleType(name) for name in ("bayesline", "bayesline.api")}
    modules["bayesline.apiclient"] = types.ModuleType("apiclient")
    modules["bayesline.apiclient"].BayeslineApiClient = types.SimpleNamespace(new_client=lambda **_: client)  # type: ignore[attr-defined]
    modules["bayesline.api.equity"] = equity  # type: ignore[assignment]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


@needs_documents
def test_what_the_exposure_document_leaves_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document stages daily files in yearly archives and builds a dataset of the older dialect."""
    reference_data = reference_market()
    files = tmp_path / "files"
    files.mkdir()
    reference_data.exposure_files(files)
    client = Client.local(tmp_path / "workspace")
    reference_data.build(client, settings)

    imported_as(monkeypatch, client, legacy)
    code = (ACCEPTANCE / "exposure_upload.py").read_text().replace("PATH/TO/EXPOSURES", str(files))
    scope: dict = {}
    exec(compile(code, "exposure_upload.py", "exec"), scope)

    assert "Found 31 files.\nYears: 2025" in capsys.readouterr().out
    summary = scope["staging_data_summary_df"]
    assert summary.shape == (31, 8)
    assert list(zip(summary.columns, map(str, summary.dtypes), strict=True)) == [
        ("_name", "String"), ("date", "Date"), ("n_assets", "UInt32"), ("min_exposure", "Float32"),
        ("max_exposure", "Float32"), ("mean_exposure", "Float32"), ("median_exposure", "Float32"),
        ("std_exposure", "Float32"),
    ]  # fmt: skip
    assert summary["_name"].to_list() == [f"exposures_2025-05-{day:02}" for day in range(1, 32)]
    assert scope["uploader"].get_staging_results() == {}
    assert scope["uploader"].version == 1

    frame = scope["df"]
    assert dict(frame.schema) == {
        "date": pl.Date, "bayesid": pl.String, "market.Market": pl.Float32,
        **{f"style.{name}": pl.Float32 for name in reference_data.STYLES},
    }  # fmt: skip
    # the filters keep names with an industry and a region, those that were uploaded; every calendar day
    assert frame.group_by("date").len()["len"].to_list() == [250] * 31
    assert frame["market.Market"].to_list() == [1.0] * 250 * 31
    for name in reference_data.STYLES:
        by_day = frame.group_by("date").agg(
            mean=pl.col(f"style.{name}").mean(), std=pl.col(f"style.{name}").std(ddof=0)
        )
        assert by_day["mean"].abs().max() < 1e-4
        assert (by_day["std"] - 1).abs().max() < 1e-4
    report = scope["my_risk_dataset"].describe().build_report
    assert (report.first_date, report.last_date, report.n_days) == ("2025-05-01", "2025-05-31", 31)
    # names that the upload does not know stay in the dataset: their currency is one of it
    assert report.n_listings == 300


class CovarianceReport:
    """The forecasts in the layout of the report that the document loads, which is still to come: the names of
    factors without their groups, and a first date without a forecast."""

    def __init__(self, model: RiskModel, settings: FactorCovarianceSettings) -> None:
        self._model, self._settings = model, settings

    def calculate(self, **dates: None) -> "CovarianceReport":
        return self

    def get_covariance(self) -> pl.DataFrame:
        frame = factor_covariance(self._model.fret().tail(-1), self._settings)
        frame = frame.rename(lambda c: c.split(".")[-1])
        frame = frame.with_columns(pl.col("factor").str.split(".").list.last())
        first = frame.head(len(frame.columns) - 2).with_columns(date=pl.lit(self._model.dates()[0]))
        names = sorted(frame.columns[2:])
        return pl.concat([first, frame]).sort("date", "factor").select("date", "factor", *names)


@needs_documents
def test_both_comparisons_of_the_covariance_document_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client.local(tmp_path)
    reference_market().build(client, settings)

    class ReportSettings:
        def __init__(self, factor_model_settings: legacy.FactorRiskModelSettings) -> None:
            self.factor_model_settings = factor_model_settings
            self.factor_cov_settings = FactorCovarianceSettings()

    def load(report: ReportSettings) -> CovarianceReport:
        model = client.equity.riskmodels.load(report.factor_model_settings).get_model()
        return CovarianceReport(model, report.factor_cov_settings)

    equity = types.SimpleNamespace(
        riskmodels=client.equity.riskmodels, reports=types.SimpleNamespace(load=load)
    )
    names = {name: getattr(legacy, name) for name in legacy.__all__}
    names["FactorCovarianceReportSettingsV2"] = ReportSettings
    imported_as(monkeypatch, types.SimpleNamespace(equity=equity), types.SimpleNamespace(**names))
    scope: dict = {}
    code = (ACCEPTANCE / "factor_covariance.py").read_text()
    exec(compile(code, "factor_covariance.py", "exec"), scope)  # its two assert_frame_equal pass
    assert scope["df_vcov"].shape == (21 * len(scope["df_vol"]), 21)
    assert '"halflife_vol": 60.0' in capsys.readouterr().out
