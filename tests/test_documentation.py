"""What the documentation says is so."""

import os
import re
import warnings
import zipfile
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.dataset.quality import CHECKS
from openfactor.dataset.quality.document import rewrite as rewrite_checks
from openfactor.errors import DataWarning
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.document import rewrite
from tests.markets import SOURCES

ROOT = Path(__file__).resolve().parents[1]


def test_the_readme_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(compile(code, "README.md", "exec"), scope)
    assert scope["model"].fret().shape == (252, 1 + 1 + 12 + 4)
    assert "shape: (252, 18)" in capsys.readouterr().out
    assert os.listdir(tmp_path) == ["my-workspace"]


def test_the_code_on_uploads_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "uploads.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    example = DATA_TYPES["exposures"].example()
    with zipfile.ZipFile("exposures_2025.zip", "w") as archive:
        archive.writestr("exposures_2025-05-01.csv", example.write_csv())
    scope: dict = {
        "client": Client.local(tmp_path / "workspace"),
        "frame": example.with_columns(exposure=2.0),
    }
    exec(compile(code, "uploads.md", "exec"), scope)
    assert scope["upload"].version == 3
    assert scope["upload"].get_data().collect()["exposure"].sort().to_list() == [-1.2, 0.31]


def test_the_code_on_datasets_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "datasets.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(compile("\n".join(blocks), "datasets.md", "exec"), scope)
    assert (tmp_path / "coverage.png").stat().st_size > 10_000
    assert scope["derived"].status == "ready"
    found = scope["matrix"].factors(scope["all_assets"])
    assert found["industry"] == ["Banks", "Funds", "Heavy", "Light", "Media"]
    assert found["made"] == ["Making", "Rest"]
    assert found["industry:size"] == [f"{name}:size" for name in found["industry"]]
    assert set(found) == {"market", "industry", "made", "style", "theme", "alpha", "industry:size"}
    printed = capsys.readouterr().out
    assert "I00 Steel" in printed
    assert "industry_level_2" in printed
    assert found["theme"] == ["momentum"]


def test_the_code_on_models_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(compile("\n".join(blocks), "models.md", "exec"), scope)
    assert (tmp_path / "bias.png").stat().st_size > 10_000
    assert 0.9 < scope["found"].summary()["random_bias"] < 1.1
    assert scope["task"].result() == scope["model"]
    printed = capsys.readouterr().out
    assert "minimum-variance" in printed
    parts = scope["model"].forecast(scope["better"]).specific_risk().columns
    assert parts[-3:] == ["structural_volatility", "own_weight", "decile_weight"]


def test_the_code_on_data_quality_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    page = (ROOT / "docs" / "data_quality.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # it is about faults
        exec(compile("\n".join(blocks), "data_quality.md", "exec"), scope)
    found = {finding.check for finding in scope["report"].quality}
    split = {"unadjusted_split", "extreme_return", "close_against_return"}
    assert found == {"coverage_collapse", "source_ends"} | split
    assert (tmp_path / "quality.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "A00007" in printed
    assert "data quality checks refuse the uploads" in printed


def test_the_page_of_checks_follows_from_them(tmp_path: Path) -> None:
    page = tmp_path / "data_quality.md"
    page.write_text((ROOT / "docs" / "data_quality.md").read_text())
    rewrite_checks(page)
    assert page.read_text() == (ROOT / "docs" / "data_quality.md").read_text(), "run `make docs`"
    assert all(f"### `{check.name}`" in page.read_text() for check in CHECKS)


def test_the_page_of_uploads_follows_from_the_types(tmp_path: Path) -> None:
    page = tmp_path / "uploads.md"
    page.write_text((ROOT / "docs" / "uploads.md").read_text())
    rewrite(page)
    assert page.read_text() == (ROOT / "docs" / "uploads.md").read_text(), "run `make docs`"
    assert all(f"### `{name}`" in page.read_text() for name in DATA_TYPES)


def test_the_readme_lists_the_uploads_of_a_dataset_as_they_are() -> None:
    text = (ROOT / "README.md").read_text()
    for name in SOURCES:
        data_type = DATA_TYPES[name]
        (row,) = re.findall(rf"^\| `{name}` \| (.*?) \|$", text, flags=re.MULTILINE)
        listed = row.split(":")[0]
        names = [part.strip() for part in listed.split(",")]
        assert [n.strip("*") for n in names] == list(data_type.schema)
        assert {n.strip("*") for n in names if n.startswith("**")} == set(data_type.key)


def test_relative_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_and_folders_that_pages_name_exist() -> None:
    folders = ("src", "tests", "examples", "benchmarks")
    paths = [f"/{p.relative_to(ROOT).as_posix()}" for part in folders for p in (ROOT / part).rglob("*.py")]
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for name in re.findall(r"`([\w./]+(?:\.py|/))`", page.read_text()):
            known = any(p.endswith(f"/{name}") if name.endswith(".py") else f"/{name}" in p for p in paths)
            assert known, f"{page.name}: {name}"
