"""A day at a time, against building and fitting the whole history.

    make bench

1,000 names and 73 factors, as in `dataset_build.py`. After the first build and fit each further day is
committed to three uploads, the dataset and the model are updated, and the newest forecast is asked for.
Ratios
are those of the median day to the build with its fit, of the last day to the first, and of the disk after all
days, pruned, to that after the first build.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.dataset_build import TYPES, frames, upload
from openfactor import Client
from openfactor.settings import FactorRiskModelSettings, RootRiskDatasetSettings

SETTINGS = RootRiskDatasetSettings.model_validate(
    {f"{t}_source": t for t in TYPES}
    | {
        "dense_factor_groups": {"market": None, "style": None},
        "sparse_factor_groups": {"industry": None},
        "as_of_date": "2030-01-01",
    }
)
PARTS = ("commits", "dataset", "model", "forecast")


def model_settings(client: Client) -> FactorRiskModelSettings:
    """All groups of the dataset, with industries that sum to zero."""
    groups = [
        {"exposure_type": "continuous", "hierarchy": "market"},
        {"exposure_type": "continuous", "hierarchy": "style"},
        {"exposure_type": "categorical", "hierarchy": "industry"},
    ]
    return FactorRiskModelSettings.model_validate(
        {
            "universe": [{"id_type": "bayesid"}],
            "exposures": [{"exposures": groups}],
            "modelconstruction": [{"zero_sum_constraints": {"industry": "mcap_weighted"}}],
        }
    )


def disk(folder: Path) -> int:
    """Bytes of the store."""
    return sum(path.stat().st_size for path in (folder / "store").rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--days", type=int, default=1260, help="before the first update")
    parser.add_argument("--more", type=int, default=30, help="days that are added one by one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), args.names, args.days, args.more)


def run(folder: Path, names: int, days: int, more: int) -> None:
    """Print seconds and ratios."""
    upload(folder, names, days)
    client = Client.local(folder, progress=False)
    began = time.perf_counter()
    client.equity.riskdatasets.create_dataset("bench", SETTINGS)
    built = time.perf_counter() - began
    engine = client.equity.riskmodels.load(model_settings(client).with_dataset("bench"))
    model = engine.get_model()
    whole = time.perf_counter() - began
    size = disk(folder)
    print(f"build {built:.2f} s, fit {whole - built:.2f} s, store {size / 2**20:,.0f} MiB")
    rng, close = np.random.default_rng(days), np.full(names, 50.0)
    took = np.empty((more, len(PARTS)))
    for n in range(more):
        tables = frames(names, days + n, 1, rng, close)
        clock = [time.perf_counter()]
        for upload_name, frame in tables.items():
            client.equity.uploaders[upload_name][upload_name].fast_commit(frame, "append")
        clock.append(time.perf_counter())
        client.equity.riskdatasets.load("bench").update()
        clock.append(time.perf_counter())
        model = model.update()
        clock.append(time.perf_counter())
        forecast, day = model.forecast(), model.dates()[-1]
        forecast.factor_covariance(start=day, end=day)
        forecast.specific_volatility(start=day, end=day)
        clock.append(time.perf_counter())
        took[n] = np.diff(clock)
    total, parts = took.sum(axis=1), np.median(took, axis=0)
    print("median day: " + ", ".join(f"{part} {s:.3f} s" for part, s in zip(PARTS, parts, strict=True)))
    client.close()
    with Client.local(folder, progress=False) as other:
        other.prune(keep=0, grace_hours=0)
    print(
        f"ratios: day / (build and fit) {np.median(total) / whole:.4f}, "
        f"last day / first day {np.median(total[-5:]) / np.median(total[:5]):.2f}, "
        f"disk after {more} days / after the build {disk(folder) / size:.3f}"
    )


if __name__ == "__main__":
    main()
