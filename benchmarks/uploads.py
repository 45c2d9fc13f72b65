"""Uploads at size, against polars alone.

    make bench

The archive: 35,800 names, 31 days, 10 factors in long form, daily CSV files in one ZIP. Ours is staging and
committing it; the floor is polars reading the unpacked files and writing one Parquet file. The history: one
day of exposures at a time, up to 2,520 days, most of them of 3,000 names to save time; ours is appending a
day of 3,000 or 35,800 names to the long history, the floor the same at its beginning. Each run is a process
of its own, so that its peak memory is its own; only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import polars as pl

import openfactor.workspace  # noqa: F401  loaded before the clock runs, as polars is
from openfactor import Client
from openfactor.client.upload import Upload

GROUPS = ["market", *["style"] * 7, "industry", "region"]
FACTORS = [
    "Market",
    "Size",
    "Value",
    "Momentum",
    "Growth",
    "Quality",
    "Dividend",
    "Leverage",
    "Energy",
    "Europe",
]
MIB = 2**20
AT_ONCE = 20
"""Days that are appended by one process, to find the median."""


def exposures(names: int, day: dt.date) -> pl.DataFrame:
    """A day of loadings of every name on ten factors, as far apart as half precision has them."""
    rng = np.random.default_rng(day.toordinal())
    values = rng.standard_normal((names, len(FACTORS))).astype(np.float16).astype(np.float64)
    rows = names * len(FACTORS)
    return pl.DataFrame(
        {
            "date": pl.repeat(day, rows, eager=True),
            "asset_id": np.repeat([f"IC{i:07d}" for i in range(names)], len(FACTORS)),
            "asset_id_type": pl.repeat("bayesid", rows, eager=True),
            "factor_group": GROUPS * names,
            "factor": FACTORS * names,
            "exposure": values.ravel(),
        }
    )


def write_archive(folder: Path, names: int, days: int) -> Path:
    """Daily CSV files in `folder`/csv, and all of them in one ZIP."""
    (folder / "csv").mkdir()
    with zipfile.ZipFile(folder / "exposures.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(days):
            day = dt.date(2025, 5, 1) + dt.timedelta(i)
            path = folder / "csv" / f"exposures_{day}.csv"
            exposures(names, day).write_csv(path)
            archive.write(path, path.name)
    return folder / "exposures.zip"


def floor(folder: Path) -> None:
    pl.read_csv(folder / "csv" / "*.csv", try_parse_dates=True).write_parquet(folder / "one.parquet")


def ours(folder: Path) -> None:
    upload = Client.local(folder / "archive").equity.uploaders["exposures"].create_dataset("x")
    assert upload.stage_file(folder / "exposures.zip").success
    assert upload.commit("append").version == 1


def history(folder: Path) -> Upload:
    return Client.local(folder / "history").equity.uploaders["exposures"].get_or_create_dataset("x")


def append(folder: Path, names: int, first: int, days: int) -> list[float]:
    """Seconds of each of the commits that append the days."""
    upload, seconds = history(folder), []
    for i in range(first, first + days):
        rows = exposures(names, dt.date(2015, 1, 1) + dt.timedelta(i))
        begun = time.perf_counter()
        upload.fast_commit(rows, "append")
        seconds.append(time.perf_counter() - begun)
    return seconds


def appended(folder: Path, args: argparse.Namespace, first: int) -> list[tuple[float, float]]:
    """For days of the names of the history and of the archive: median seconds of a commit, peak memory."""
    found = []
    for i, names in enumerate((args.history_names, args.names)):
        _, peak, seconds = measured(append, folder, names, first + i * AT_ONCE, AT_ONCE)
        assert isinstance(seconds, list)
        found.append((statistics.median(seconds), peak))
    return found


def measured(run: Callable[..., object], *args: object) -> tuple[float, float, object]:
    """Seconds and peak memory in bytes of a process of its own, and what it gives."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(there, run, args))
    process.start()
    seconds, peak, result = here.recv()
    process.join()
    return seconds, peak, result


def _measure(parent: Connection, run: Callable[..., object], args: tuple[object, ...]) -> None:
    begun = time.perf_counter()
    result = run(*args)
    seconds = time.perf_counter() - begun
    parent.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0, result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=35_800)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--history-names", type=int, default=3000)
    parser.add_argument("--history-days", type=int, default=2520)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        archive = write_archive(folder, args.names, args.days)
        size = sum(path.stat().st_size for path in (folder / "csv").iterdir())
        rows = args.names * args.days * len(FACTORS)
        packed = archive.stat().st_size
        print(f"archive: {rows:,} rows, {size / MIB:,.0f} MiB of CSV, {packed / MIB:,.0f} MiB packed")
        ratios = []
        for _ in range(args.repeats):  # side by side, because a shared machine is not always as fast
            plain, plain_peak, _ = measured(floor, folder)
            seconds, peak, _ = measured(ours, folder)
            shutil.rmtree(folder / "archive")
            ratios.append(seconds / plain)
            print(
                f"  polars reads and writes: {plain:5.2f} s, {plain_peak / MIB:6,.0f} MiB;"
                f"  stage and commit: {seconds:5.2f} s, {peak / MIB:6,.0f} MiB;  ratio {ratios[-1]:.2f}"
            )
        print(f"  median ratio {statistics.median(ratios):.2f}, of {min(ratios):.2f} to {max(ratios):.2f}")

        print(f"history: {args.history_days:,} days of {args.history_names:,} names, appended one at a time")
        first, last = AT_ONCE, args.history_days - 2 * AT_ONCE
        append(folder, args.history_names, 0, first)
        begin = appended(folder, args, first)
        append(folder, args.history_names, 3 * AT_ONCE, last - 3 * AT_ONCE)
        end = appended(folder, args, last)
        sizes = (args.history_names, args.names)
        for names, (seconds, peak), (later, more) in zip(sizes, begin, end, strict=True):
            print(
                f"  a day of {names:6,} names:"
                f" at the beginning {seconds * 1000:5.1f} ms, {peak / MIB:,.0f} MiB;"
                f" at the end {later * 1000:5.1f} ms, {more / MIB:,.0f} MiB;"
                f"  ratios {later / seconds:.2f}, {more / peak:.2f}"
            )
        assert history(folder).version == args.history_days
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
