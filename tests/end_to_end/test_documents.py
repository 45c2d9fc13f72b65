"""The documents' own code, run as a user would run it."""

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest

from openfactor import Client
from tests.shared import SHARED, needs_documents

ACCEPTANCE = SHARED / "acceptance"


@needs_documents
def test_custom_dataset_gives_what_the_document_prints() -> None:
    done = subprocess.run(
        [sys.executable, str(ACCEPTANCE / "run.py"), "custom_dataset"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all hold" in done.stdout


@needs_documents
def test_exposure_upload_up_to_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document stages daily files in yearly archives; what follows the commit needs older settings."""
    spec = importlib.util.spec_from_file_location("reference_data", ACCEPTANCE / "reference_data.py")
    assert spec is not None
    assert spec.loader is not None
    reference_data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference_data)
    files = tmp_path / "files"
    files.mkdir()
    reference_data.exposure_files(files)

    code = (ACCEPTANCE / "exposure_upload.py").read_text().replace("PATH/TO/EXPOSURES", str(files))
    upload_part, _, rest = code.partition("risk_datasets = ")
    groups = next(line for line in rest.splitlines() if "factor_group" in line)
    client = Client.local(tmp_path / "workspace")
    modules = {name: types.ModuleType(name) for name in ("bayesline", "bayesline.api")}
    modules["bayesline.apiclient"] = types.ModuleType("apiclient")
    modules["bayesline.apiclient"].BayeslineApiClient = types.SimpleNamespace(new_client=lambda **_: client)  # type: ignore[attr-defined]
    modules["bayesline.api.equity"] = types.ModuleType("equity")
    for name in (
        "ExposureSettings", "IndustrySettings", "RegionSettings", "RiskDatasetSettings",
        "RiskDatasetUploadedExposureSettings", "UniverseSettings",
    ):  # fmt: skip
        setattr(modules["bayesline.api.equity"], name, None)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    scope: dict = {}
    exec(compile(f"{upload_part}\ngroups = {groups}", "exposure_upload.py", "exec"), scope)

    printed = capsys.readouterr().out
    assert "Found 31 files.\nYears: 2025" in printed
    summary = scope["staging_data_summary_df"]
    assert summary.shape == (31, 8)
    assert list(zip(summary.columns, map(str, summary.dtypes), strict=True)) == [
        ("_name", "String"), ("date", "Date"), ("n_assets", "UInt32"), ("min_exposure", "Float32"),
        ("max_exposure", "Float32"), ("mean_exposure", "Float32"), ("median_exposure", "Float32"),
        ("std_exposure", "Float32"),
    ]  # fmt: skip
    assert summary["_name"].to_list() == [f"exposures_2025-05-{day:02}" for day in range(1, 32)]
    uploader = scope["uploader"]
    assert uploader.get_staging_results() == {}
    assert uploader.version == 1
    assert set(scope["groups"]["factor_group"]) == {"market", "style", "industry", "region"}
