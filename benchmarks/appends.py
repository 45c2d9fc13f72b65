"""What a day costs an upload after ten years, against the first days.

    python -m benchmarks.appends

A day of prices of 3,000 names at a time is appended with `fast_commit`, each flushed to disk. At the end days
go in turn to the long history and to one that has just begun, so that both see the same machine. Then
processes of their own open each history, append a day, read the last day, and list what changed since the
day before. Only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.uploads import measured
from openfactor.uploads import UploadStore

DAYS_AT_END = 60
"""Days that are appended to both histories."""
REPEATS = 5


def prices(names: int, number: int) -> pl.DataFrame:
    """A day of prices of every name."""
    rng = np.random.default_rng(number)
    return pl.DataFrame(
        {
            "date": pl.repeat(dt.date(2014, 1, 1) + dt.timedelta(number), names, eager=True),
            "asset_id": [f"IC{i:07d}" for i in range(names)],
            "asset_id_type": pl.repeat("ticker", names, eager=True),
            "ccy": pl.repeat("USD", names, eager=True),
            "price": np.exp(rng.standard_normal(names)),
        }
    )


def append(store: UploadStore, upload: str, names: int, number: int) -> float:
    """Seconds of a commit."""
    rows, commits = prices(names, number), store.open("price", upload).commits
    begun = time.perf_counter()
    commits.commit_frame(rows, "append")
    return time.perf_counter() - begun


def cold(folder: Path, upload: str, names: int, number: int) -> dict[str, float]:
    """Seconds of each step in a process that has just begun."""
    warnings.simplefilter("ignore")
    store, seconds = UploadStore(folder), {}
    UploadStore(folder).create("price", f"{upload}-{number}")  # loads what is loaded on first use
    begun = time.perf_counter()
    version = store.open("price", upload).queries.table().version
    seconds["open"] = time.perf_counter() - begun
    earlier = store.snapshot([("price", upload)]).pinned[f"price/{upload}"]
    seconds["append a day"] = append(store, upload, names, number)
    begun = time.perf_counter()
    snapshot = store.snapshot([("price", upload)])
    changes = snapshot.changed_since("price", upload, earlier)
    seconds["list changes"] = time.perf_counter() - begun
    assert snapshot.versions[f"price/{upload}"] == version + 1
    assert changes is not None
    begun = time.perf_counter()
    assert len(snapshot.read("price", upload, changes.first_day, changes.last_day).collect()) == names
    seconds["read the day"] = time.perf_counter() - begun
    begun = time.perf_counter()
    snapshot("price", upload).filter(pl.col("date") == changes.last_day).collect()
    seconds["filter the day from all rows"] = time.perf_counter() - begun
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--days", type=int, default=2520)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp())
    try:
        store = UploadStore(folder)
        for upload in ("long", "short"):
            store.create("price", upload)
        for number in range(args.days):
            append(store, "long", args.names, number)
        seconds: dict[str, list[float]] = {"short": [], "long": []}
        for number in range(DAYS_AT_END):
            seconds["short"].append(append(store, "short", args.names, number))
            seconds["long"].append(append(store, "long", args.names, args.days + number))
        first, last = (statistics.median(seconds[upload]) for upload in ("short", "long"))
        print(f"a day of {args.names:,} names, in one process:")
        print(f"  after {DAYS_AT_END // 2} days {first * 1000:6.1f} ms", end="")
        print(f"  after {args.days:,} days {last * 1000:6.1f} ms;  ratio {last / first:.2f}")
        print("in a process that has just begun:")
        runs: dict[str, list[dict[str, float]]] = {"short": [], "long": []}
        for repeat in range(REPEATS):
            for upload, begin in (("short", 0), ("long", args.days)):
                number = begin + DAYS_AT_END + repeat
                _, _, result = measured(cold, folder, upload, args.names, number)
                assert isinstance(result, dict)
                runs[upload].append(result)
        for step in runs["short"][0]:
            first, last = (statistics.median(run[step] for run in runs[u]) for u in ("short", "long"))
            print(f"  {step:28} {first * 1000:7.1f} ms {last * 1000:7.1f} ms;  ratio {last / first:.2f}")
        log = sum(path.stat().st_size for path in (folder / "price/long/_delta_log").iterdir())
        data = sum(path.stat().st_size for path in (folder / "price/long").glob("*.parquet"))
        print(f"the log is {log / 2**20:.1f} MiB beside {data / 2**20:.1f} MiB of rows")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
