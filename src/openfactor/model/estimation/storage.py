"""Estimates on disk: three Parquet files and one JSON file."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import numpy as np
import polars as pl

from openfactor.errors import StorageError
from openfactor.model.estimation.estimates import Estimates

_BY_FACTOR = ("factor_returns", "standard_errors", "effective_names", "exposed")
_BY_DATE = ("status", "solver", "n", "rank", "r2", "condition")
_BY_ROW = ("asset_return", "specific_return", "weight")


def save(estimates: Estimates, folder: Path) -> None:
    """Write to `folder`, which appears complete or not at all; one that is there stays."""
    if folder.exists():
        return
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    t, k = estimates.factor_returns.shape
    try:
        part.mkdir(parents=True)
        pl.DataFrame(
            {
                "date": np.repeat(np.array(estimates.dates, "datetime64[D]"), k),
                "factor": list(estimates.factors) * t,
                **{name: getattr(estimates, name).ravel() for name in _BY_FACTOR},
            }
        ).write_parquet(part / "factors.parquet")
        pl.DataFrame(
            {"date": list(estimates.dates), **{name: getattr(estimates, name) for name in _BY_DATE}},
            schema_overrides={"date": pl.Date},
        ).write_parquet(part / "dates.parquet")
        pl.DataFrame({name: getattr(estimates, name) for name in _BY_ROW}).write_parquet(
            part / "rows.parquet"
        )
        meta = {"fingerprint": estimates.fingerprint, "factors": estimates.factors}
        (part / "estimates.json").write_text(json.dumps(meta, indent=1))
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if not folder.exists():
            raise StorageError(f"cannot write the estimates to {folder}: {error}") from error


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
    shape = (len(dates), len(meta["factors"]))
    return Estimates(
        fingerprint=meta["fingerprint"],
        dates=tuple(dates["date"]),
        factors=tuple(meta["factors"]),
        **{name: factors[name].to_numpy().reshape(shape) for name in _BY_FACTOR},
        **{name: dates[name].to_numpy() for name in _BY_DATE},
        **{name: rows[name].to_numpy() for name in _BY_ROW},
    )
