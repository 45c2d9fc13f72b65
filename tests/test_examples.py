"""The examples and the benchmarks run, in small, and the page on evidence shows what its example prints."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest

from examples import demo, evidence, us500
from openfactor import Client
from openfactor.synthetic import simulate

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = {
    "dataset_build": "--names 200 --days 40",
    "factor_returns": "--names 200 --days 40 --peer-days 2",
    "forecasts": "--names 200 --days 80",
    "uploads": "--names 200 --days 3 --history-names 50 --history-days 110 --repeats 1",
}


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.main(80, 160, tmp_path)
    plt.close("all")
    printed = capsys.readouterr().out
    rows = re.findall(r"^(market|industry|style) +[\d,]+ +([\d.]+) ", printed, flags=re.MULTILINE)
    assert [group for group, _ in rows] == list(demo.GROUPS)
    assert float(rows[0][1]) > 0.9, "the market is found again"
    assert (tmp_path / "demo.png").stat().st_size > 10_000
    assert (tmp_path / "demo_quality.png").stat().st_size > 10_000
    assert Client.local(tmp_path / "demo").equity.riskdatasets.get_dataset_names() == ["demo"]


def test_us500(tmp_path: Path) -> None:
    """On simulated prices in the layout of the real panel."""
    market = simulate(60, 160, late_listings=0, delistings=0, seed=1)
    prices = market.uploads["price"].join(market.uploads["market_cap"], on=["date", "asset_id"])
    columns = {"ticker": "asset_id", "mcap": "market_cap"}
    prices = prices.select("date", "close", "return", "volume", **{k: pl.col(v) for k, v in columns.items()})
    tickers = prices["ticker"].unique().sort()
    prices.write_parquet(tmp_path / "prices.parquet")
    sectors = pl.DataFrame({"ticker": tickers, "sector": [f"S{i % 3}" for i in range(len(tickers))]})
    sectors.write_parquet(tmp_path / "assets.parquet")
    client = Client.local(tmp_path / "workspace", progress=False)
    summary = us500.summary(us500.fit(client, us500.tables(tmp_path)), prices)
    assert summary["regressions"] > 50
    assert summary["market against the cap-weighted return"] > 0.95


def tables(text: str) -> dict[str, list[list[str]]]:
    """Heading to the rows of the table below it."""
    sections = re.findall(r"^### (.+)\n\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    return {name: [row.strip("| ").split(" | ") for row in rows.splitlines()] for name, rows in sections}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")  # one world's returns leave its closes
def test_the_page_on_evidence_has_the_tables_that_the_example_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["evidence.py"])
    evidence.main()
    printed, page = tables(capsys.readouterr().out), tables((ROOT / "docs" / "evidence.md").read_text())
    assert set(printed) == {name for name in page if not name.startswith("Real prices")}
    for name, rows in printed.items():
        assert [row[0] for row in rows] == [row[0] for row in page[name]], name
        assert rows[0] == page[name][0], name
        values, expected = (
            np.array([[float(cell.removesuffix(" bp")) for cell in row[1:]] for row in table[2:]])
            for table in (rows, page[name])
        )
        np.testing.assert_allclose(values, expected, rtol=0.01, atol=0.002, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_benchmarks(name: str) -> None:
    if name == "factor_returns" and importlib.util.find_spec("toraniko") is None:
        pytest.skip("toraniko is not installed")
    script = ROOT / "benchmarks" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, script, *BENCHMARKS[name].split()], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "ratio" in done.stdout or "times" in done.stdout


@pytest.mark.slow
def test_benchmark_of_days() -> None:
    arguments = ["--names", "60", "--days", "45", "--more", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.daily_update", *arguments], cwd=ROOT, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ratios: day / (build and fit)" in done.stdout
