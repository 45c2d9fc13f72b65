"""A dataset that is updated is, to the last bit and file, the one that a whole build gives."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor.store import LocalObjects, Manifest, read_manifest
from openfactor.synthetic import simulate
from tests.markets import dataset_settings, until
from tests.stored import contents_of

MARKET = simulate(
    25, 130, industries=3, exchanges=("XNYS", "XTKS"), late_listings=0.2, delistings=0.1, seed=8
)
DAYS = MARKET.factor_returns["date"].to_list()
Tables = dict[str, pl.DataFrame]


def in_two_currencies(tables: Tables) -> Tables:
    """The same market with a third of the names in yen."""
    foreign = pl.col("asset_id").str.slice(-1).is_in(["0", "3", "6", "9"])
    ccy = pl.when(foreign).then(pl.lit("JPY")).otherwise("ccy").alias("ccy")
    dollars = tables["exchange_rates"]
    yen = dollars.with_columns(ccy=pl.lit("JPY"), fx_rate=110.0 + pl.int_range(pl.len()) % 7)
    changed = {name: tables[name].with_columns(ccy) for name in ("price", "market_cap")}
    return tables | changed | {"exchange_rates": pl.concat([dollars, yen.select(dollars.columns)])}


UPLOADS = in_two_currencies(MARKET.uploads)
pytestmark = pytest.mark.filterwarnings("ignore::openfactor.errors.DataWarning")


def manifest_of(folder: Path, client: Client) -> Manifest:
    listed = client.equity.riskdatasets.list_riskdatasets()
    content = contents_of(folder).find(listed.filter(name="d")["cache_key"].item())
    assert content is not None
    return read_manifest(LocalObjects(folder / "store"), content)


def assert_same_content(one: Manifest, other: Manifest, change: str) -> None:
    """All packs are the same, and all that the manifests say but for where it came from.

    States may differ in the last bit of sums, as rows of a day can be in another order.
    """
    assert list(one.runs) == list(other.runs), change
    for name, parts in one.runs.items():
        assert parts.keys() == other.runs[name].keys(), (change, name)
        for part in parts.keys() - {"state"}:
            assert parts[part] == other.runs[name][part], (change, name, part)
    assert one.parts == other.parts, change
    origin = {"recipe", "upload_versions", "upload_contents"}
    for key in one.meta.keys() - origin:
        assert one.meta[key] == other.meta[key], (change, key)


class Workspace:
    """A workspace whose dataset is kept up to date."""

    def __init__(self, folder: Path, tables: Tables, **changes: Any) -> None:
        self.folder = folder
        self.client = Client.local(folder, progress=False)
        for name, frame in tables.items():
            self.client.equity.uploaders[name].create_dataset(name).fast_commit(frame, "overwrite")
        self.client.equity.riskdatasets.create_dataset("d", dataset_settings(**changes))

    def commit(self, name: str, frame: pl.DataFrame, mode: str) -> None:
        self.client.equity.uploaders[name][name].fast_commit(frame, mode)

    def update(self) -> Manifest:
        self.client.equity.riskdatasets.load("d").update()
        return manifest_of(self.folder, self.client)


def append_days(tables: Tables, now: Tables, first: int, last: int) -> dict[str, pl.DataFrame]:
    """The rows of some days, by upload."""
    span = pl.col("date").is_between(DAYS[first], DAYS[last])
    rows = {name: frame.filter(span) for name, frame in tables.items() if "date" in now[name].columns}
    return {name: frame for name, frame in rows.items() if len(frame)}


CHANGES: dict[str, Callable[[Tables, np.random.Generator], tuple[str, pl.DataFrame, str]]] = {}


def change(function: Callable[[Tables, np.random.Generator], tuple[str, pl.DataFrame, str]]) -> Any:
    CHANGES[function.__name__] = function
    return function


def some_rows(frame: pl.DataFrame, rng: np.random.Generator, most: int = 3) -> pl.DataFrame:
    return frame[sorted(rng.choice(len(frame), rng.integers(1, most + 1), replace=False).tolist())]


@change
def corrected_returns(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    rows = some_rows(now["price"].filter(pl.col("return").is_not_null()), rng)
    return "price", rows.with_columns(pl.col("return") + 0.001), "upsert"


@change
def corrected_caps(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    return "market_cap", some_rows(now["market_cap"], rng).with_columns(pl.col("market_cap") * 1.5), "upsert"


@change
def corrected_exposures(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    styles = now["exposures"].filter(factor_group="style")
    return "exposures", some_rows(styles, rng).with_columns(exposure=pl.lit(0.25)), "upsert"


@change
def a_new_category(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    members = now["exposures"].filter(factor_group="industry")
    rows = some_rows(members, rng).with_columns(factor=pl.lit(str(rng.choice(["AAA", "ZZZ"]))))
    return "exposures", rows, "upsert"


@change
def removed_prices(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    gone = some_rows(now["price"], rng)
    return "price", now["price"].join(gone, on=["date", "asset_id"], how="anti"), "overwrite"


@change
def corrected_rates(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    rates = now["exchange_rates"].filter(pl.col("ccy") != "USD")
    rows = rates if rates.is_empty() else some_rows(rates, rng)
    return "exchange_rates", rows.with_columns(pl.col("fx_rate") * 1.01), "upsert"


@change
def another_id(now: Tables, rng: np.random.Generator) -> tuple[str, pl.DataFrame, str]:
    rows = now["idmap"].head(1).with_columns(from_id=pl.lit("ANOTHER"), to_id=pl.lit("ANOTHER"))
    return "idmap", rows, "append"


def applied(frame: pl.DataFrame, rows: pl.DataFrame, mode: str) -> pl.DataFrame:
    """An upload after a commit."""
    if mode == "overwrite":
        return rows
    keys = [c for c in ("date", "asset_id", "factor_group", "factor", "ccy", "exchange") if c in rows.columns]
    keys = keys if "date" in keys else rows.columns
    keys = [key for key in keys if key != "ccy" or "asset_id" not in rows.columns]
    return pl.concat([frame.join(rows, on=keys, how="anti", nulls_equal=True), rows.select(frame.columns)])


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"exposure_mode": "changes", "exposure_dtype": "float32"}])
@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes(tmp_path: Path, changes: dict[str, Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    day = int(rng.integers(70, 100))
    now = until(UPLOADS, DAYS[day])
    updated = Workspace(tmp_path / "updated", now, **changes)
    for number, name in enumerate(rng.permutation(["new days", "new days", *CHANGES]).tolist()):
        if name == "new days":
            last = day + int(rng.integers(1, 12))
            new = append_days(UPLOADS, now, day + 1, last)
            commits, day = [(upload, rows, "append") for upload, rows in new.items()], last
        else:
            commits = [CHANGES[name](now, rng)]
        for upload, rows, mode in [commit for commit in commits if len(commit[1])]:
            updated.commit(upload, rows, mode)
            now = now | {upload: applied(now[upload], rows, mode)}
        again = updated.update()
        whole = Workspace(tmp_path / str(number), now, **changes)
        assert_same_content(again, manifest_of(whole.folder, whole.client), name)


def test_a_day_goes_on_after_the_last_month(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Months before are the same packs, and nothing of them is written again."""
    now = until(UPLOADS, DAYS[100])
    workspace = Workspace(tmp_path, now)
    before = manifest_of(workspace.folder, workspace.client)
    for upload, rows in append_days(UPLOADS, now, 101, 101).items():
        workspace.commit(upload, rows, "append")
    with caplog.at_level(logging.INFO, "openfactor"):
        after = workspace.update()
    *months, last = after.runs
    assert f"goes on after {months[-1]}" in caplog.text
    assert all(after.runs[name] == before.runs[name] for name in months[:-2])
    assert all(
        {k: v for k, v in after.runs[name].items() if k != "state"}
        == {k: v for k, v in before.runs[name].items() if k != "state"}
        for name in months
    )
    assert after.runs[last] != before.runs.get(last)


def test_a_forced_update_begins_at_the_beginning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    workspace = Workspace(tmp_path, until(UPLOADS, DAYS[100]))
    before = manifest_of(workspace.folder, workspace.client)
    with caplog.at_level(logging.INFO, "openfactor"):
        assert workspace.client.equity.riskdatasets.load("d").update(force=True)
    assert "goes on" not in caplog.text
    assert manifest_of(workspace.folder, workspace.client) == before
