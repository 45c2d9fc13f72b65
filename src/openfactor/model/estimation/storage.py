"""Estimates on disk: three Parquet files and one JSON file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from openfactor.errors import StorageError
from openfactor.folders import write_whole
from openfactor.model.estimation.estimates import Estimates

_BY_FACTOR = ("factor_returns", "standard_errors", "vif", "effective_names", "exposed")
_BY_DATE = ("status", "solver", "n", "rank", "r2", "condition")


def save(estimates: Estimates, folder: Path) -> None:
    """Write to `folder`, which appears complete or not at all; one that is there stays."""
    write_whole(folder, "the estimates", lambda part: _write(estimates, part))


def _write(estimates: Estimates, folder: Path) -> None:
    t, k = estimates.factor_returns.shape
    dates = np.array(estimates.dates, "datetime64[D]")
    by_factor = {name: getattr(estimates, name).ravel() for name in _BY_FACTOR}
    pl.DataFrame(
        {"date": np.repeat(dates, k), "factor": list(estimates.factors) * t, **by_factor}
    ).write_parquet(folder / "factors.parquet")
    n_stages = len(estimates.status)
    by_date = {name: getattr(estimates, name).ravel() for name in _BY_DATE}
    stages = {"stage": np.repeat(np.arange(n_stages), t), "date": np.tile(dates, n_stages)}
    pl.DataFrame(stages | by_date).write_parquet(folder / "dates.parquet")
    by_row = {"asset_return": estimates.asset_return, "specific_return": estimates.specific_return}
    by_row |= {f"weight.{s}": weight for s, weight in enumerate(estimates.weight)}
    pl.DataFrame(by_row).write_parquet(folder / "rows.parquet")
    meta = {
        "fingerprint": estimates.fingerprint,
        "factors": estimates.pairs,
        "stage": estimates.stage.tolist(),
    }
    (folder / "estimates.json").write_text(json.dumps(meta, indent=1))


def load(folder: Path) -> Estimates:
    """Read stored estimates.

    Raises
    ------
    StorageError: a file is missing or damaged.
    """
    try:
        meta = json.loads((folder / "estimates.json").read_text())
        factors = pl.read_parquet(folder / "factors.parquet")
        dates = pl.read_parquet(folder / "dates.parquet")
        rows = pl.read_parquet(folder / "rows.parquet")
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"the estimates in {folder} cannot be read ({error}); delete the folder"
        ) from error
    n_stages = max(meta["stage"], default=0) + 1
    by_date = {name: dates[name].to_numpy().reshape(n_stages, -1) for name in _BY_DATE}
    shape = (by_date["n"].shape[1], len(meta["factors"]))
    return Estimates(
        fingerprint=meta["fingerprint"],
        dates=tuple(dates["date"][: shape[0]]),
        pairs=tuple((group, factor) for group, factor in meta["factors"]),
        stage=np.array(meta["stage"], np.int64),
        **{name: factors[name].to_numpy().reshape(shape) for name in _BY_FACTOR},
        **by_date,
        asset_return=rows["asset_return"].to_numpy(),
        specific_return=rows["specific_return"].to_numpy(),
        weight=rows.select(pl.col("^weight.*$")).to_numpy().T,
    )
