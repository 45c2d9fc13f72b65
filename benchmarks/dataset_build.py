"""Building a root risk dataset, against polars alone.

    make bench

3,000 names, 2,520 days and 73 factors (a market, 12 styles, 60 industries) in the six uploads, of which the
exposures have 106 million rows. Ours is building the dataset and writing it; the floor is polars scanning and
sorting the same six uploads by date and asset. Each run is a process of its own, so that its peak memory is
its own; the size of the panel is that of its arrays. Only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa
from numpy.typing import NDArray

import openfactor.workspace  # noqa: F401  loaded before the clock runs, as polars is
from openfactor import Client
from openfactor.database import Registry
from openfactor.dataset import storage
from openfactor.settings import RootRiskDatasetSettings
from openfactor.store import LocalObjects

TYPES = ("idmap", "price", "market_cap", "exposures", "exchange_dates", "exchange_rates")
STYLES = [f"style{k:02d}" for k in range(12)]
N_INDUSTRIES = 60
AT_ONCE = 60
"""Days of one commit."""
MIB = 2**20
START = dt.date(2015, 1, 5)
"""A Monday."""


def frames(
    names: int, first: int, days: int, rng: np.random.Generator, close: NDArray[np.float64]
) -> dict[str, pl.DataFrame]:
    """Prices, caps and exposures of a run of days, from Monday to Friday; close : (names,) of the day before,
    moved on."""
    ids = [f"US{i:06d}" for i in range(names)]
    dates = [START + dt.timedelta((first + d) // 5 * 7 + (first + d) % 5) for d in range(days)]
    rows = names * days
    base = pl.DataFrame(
        {"date": np.repeat(np.array(dates, "datetime64[D]"), names), "asset_id": ids * days}
    ).with_columns(asset_id_type=pl.lit("bayesid"), ccy=pl.lit("USD"))
    returns = rng.normal(0, 0.02, rows)
    if first == 0:
        returns[:names] = np.nan
    growth = np.cumprod(1 + np.nan_to_num(returns).reshape(days, names), axis=0)
    closes = close * growth
    close[:] = closes[-1]
    shares = np.random.default_rng(1).lognormal(20, 1, names)
    price = base.with_columns(
        pl.Series("close", closes.ravel()),
        pl.Series("return", returns).fill_nan(None),
        delisted=pl.lit(False),
    )
    caps = base.with_columns(
        market_cap=pl.Series((shares * closes).ravel()), volume=pl.lit(1e6), idio_vol=pl.lit(0.02)
    )
    groups = ["market", *["style"] * len(STYLES), "industry"]
    blocks = []
    for date in dates:
        factors = np.empty((names, len(groups)), object)
        factors[:, :-1] = ["market", *STYLES]
        factors[:, -1] = [f"industry{i % N_INDUSTRIES:02d}" for i in range(names)]
        values = np.ones((names, len(groups)))
        values[:, 1:-1] = rng.standard_normal((names, len(STYLES))).astype(np.float16)
        blocks.append(
            pl.DataFrame(
                {
                    "date": pl.repeat(date, names * len(groups), eager=True),
                    "asset_id": np.repeat(ids, len(groups)),
                    "factor_group": groups * names,
                    "factor": pl.Series(factors.ravel().tolist()),
                    "exposure": values.ravel(),
                }
            )
        )
    exposures = pl.concat(blocks).with_columns(asset_id_type=pl.lit("bayesid"))
    return {"price": price, "market_cap": caps, "exposures": exposures}


def upload(folder: Path, names: int, days: int) -> None:
    """Bring everything into a workspace, a run of days at a time."""
    client = Client.local(folder, progress=False)
    upload_of = {t: client.equity.uploaders.get_data_type(t).create_dataset(t) for t in TYPES}
    ids = [f"US{i:06d}" for i in range(names)]
    idmap = pl.DataFrame({"from_id": ids, "to_id": ids}).with_columns(
        start_date=dt.date.min, end_date=dt.date.max, from_id_type=pl.lit("bayesid"),
        to_id_type=pl.lit("bayesid_core"),
    )  # fmt: skip
    upload_of["idmap"].fast_commit(idmap, mode="overwrite")
    closed = pl.DataFrame({"date": [START + dt.timedelta(d) for d in range(days // 5 * 7 + 7)]}).filter(
        pl.col("date").dt.weekday() > 5
    )
    closed = closed.with_columns(exchange=pl.lit("XNYS"))
    upload_of["exchange_dates"].fast_commit(closed, mode="overwrite")
    rates = pl.DataFrame({"date": [START], "ccy": ["USD"], "fx_rate": [1.0]})
    upload_of["exchange_rates"].fast_commit(rates, mode="overwrite")
    rng, close = np.random.default_rng(0), np.full(names, 10.0)
    for first in range(0, days, AT_ONCE):
        for name, frame in frames(names, first, min(AT_ONCE, days - first), rng, close).items():
            upload_of[name].fast_commit(frame, mode="append")
        print(f"\r  uploaded {min(first + AT_ONCE, days):,} of {days:,} days", end="", flush=True)
    print()


def build(folder: Path) -> float:
    """MiB of the panel."""
    client = Client.local(folder, progress=False, new_registry=True)
    settings = RootRiskDatasetSettings.model_validate(
        {f"{t}_source": t for t in TYPES}
        | {
            "dense_factor_groups": {"market": None, "style": None},
            "sparse_factor_groups": {"industry": None},
            "as_of_date": dt.date(2030, 1, 1),
        }
    )
    client.equity.riskdatasets.create_or_replace_dataset("bench", settings)
    objects = LocalObjects(folder / "store")
    registry = Registry(sa.URL.create("sqlite", database=str(folder / "openfactor.sqlite")))
    (made,) = registry.contents.list("dataset")
    panel = storage.load(objects, made.content).panel
    arrays: list[np.ndarray] = [
        panel.listing,
        panel.local_return,
        panel.priced,
        panel.is_main_listing,
        panel.market_cap,
        panel.idio_vol,
    ]
    arrays += [values[:] for factors in panel.dense.values() for values in factors.values()]
    arrays += [codes for group in panel.sparse.values() for codes in group.codes]
    return float(sum(a.nbytes for a in arrays) / MIB)


def scan_and_sort(folder: Path) -> float:
    """Rows."""
    client = Client.local(folder, progress=False)
    rows = 0
    for data_type in TYPES:
        scanned = client.equity.uploaders.get_data_type(data_type).get_dataset(data_type).get_data()
        by = [c for c in ("date", "asset_id") if c in scanned.collect_schema()]
        rows += len((scanned.sort(by) if by else scanned).collect())
    return float(rows)


def alone(work: Callable[[Path], float], folder: Path) -> tuple[float, float, float]:
    """Seconds, peak MiB above what was there before, and what the work returns; in a new process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_measure, args=(work, folder, there))
    process.start()
    there.close()
    result: tuple[float, float, float] = here.recv()
    process.join()
    return result


def _measure(work: Callable[[Path], float], folder: Path, pipe: Connection) -> None:
    before = _memory("VmRSS")
    start = time.perf_counter()
    result = work(folder)
    seconds = time.perf_counter() - start
    pipe.send((seconds, _memory("VmHWM") - before, result))


def _memory(what: str) -> float:
    """MiB of this process, as Linux counts: VmRSS now, VmHWM at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--days", type=int, default=2520)
    parser.add_argument("--folder", type=Path, help="keep the uploads here, and use those that are there")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp())
    try:
        if not (folder / "uploads" / "exposures").exists():
            upload(folder, args.names, args.days)
        shutil.rmtree(folder / "store", ignore_errors=True)
        alone(build, folder)  # compiles the kernels, and reads the files once
        shutil.rmtree(folder / "store", ignore_errors=True)
        (folder / "openfactor.sqlite").unlink(missing_ok=True)
        seconds, peak, panel = alone(build, folder)
        floor, floor_peak, rows = alone(scan_and_sort, folder)
        print(f"{rows:,.0f} rows of uploads, panel {panel:,.0f} MiB")
        print(f"polars scan and sort {floor:6.1f} s, peak {floor_peak:,.0f} MiB")
        print(f"building a dataset   {seconds:6.1f} s, peak {peak:,.0f} MiB")
        print(f"ratios: time {seconds / floor:.2f} (at most 4), peak / panel {peak / panel:.2f} (below 3)")
    finally:
        if args.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
