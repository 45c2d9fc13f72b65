"""Factors whose returns are given, not estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.timing import Timeline
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.exposures import FactorColumns
from openfactor.settings.hierarchies import unknown
from openfactor.settings.model import Stage

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """The columns of a stage that are given, and those that are left to estimate."""

    pairs: tuple[tuple[str, str], ...]
    columns: NDArray[np.int64]
    """(n,) columns of the known factors, all of them dense."""
    free: NDArray[np.int64]
    """The other columns."""
    returns: Float
    """(T, n) returns of the known factors; NaN on the first day."""


def cannot_be_estimated(faults: Sequence[Fault]) -> DataError:
    """The error of a model whose data do not serve."""
    number = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return DataError(f"the model cannot be estimated, {number}:", faults)


def known_factors(dataset: RiskDataset, time: Timeline, stage: Stage, exposures: FactorColumns) -> Known:
    """The known factors of a stage.

    Raises
    ------
    SettingsError: there is no such dense factor. DataError: trading days without a return; names them.
    """
    asked = stage.construction.known_factor_map
    dense = exposures.pairs[: exposures.n_dense]
    if missing := [f"known_factor_map: {unknown(','.join(p), [','.join(d) for d in dense])}"
                   for p in asked if p not in dense]:  # fmt: skip
        raise SettingsError("the model does not fit the dataset:", missing)
    columns = np.array([k for k, pair in enumerate(dense) if pair in asked], np.int64)
    pairs = tuple(dense[k] for k in columns)
    returns = np.full((len(time.dates), len(columns)), np.nan)
    faults = []
    for k, pair in enumerate(pairs):
        returns[:, k] = _compounded(dataset.series.filter(series=asked[pair]), time)
        empty = np.flatnonzero(~np.isfinite(returns[1:, k])) + 1
        if len(empty):
            faults.append(
                Fault("no_known_return", f"series {asked[pair]}", f"the known factor {'.'.join(pair)} has no "
                      "return; upload the values of these days, or trim the dataset to those that there are",
                      None, len(empty), tuple(str(time.dates[i]) for i in empty[:5]))
            )  # fmt: skip
    if faults:
        raise cannot_be_estimated(faults)
    return Known(pairs, columns, np.setdiff1d(np.arange(len(exposures.pairs)), columns), returns)


def _compounded(series: pl.DataFrame, time: Timeline) -> Float:
    """(T,) the values of all days since the trading day before, compounded; NaN where there is none."""
    rows = series.sort("date")
    bounds = np.searchsorted(
        rows["date"].to_numpy().astype("datetime64[D]"), np.array(time.dates, "datetime64[D]"), side="right"
    )
    values, out = rows["value"].to_numpy(), np.full(len(bounds), np.nan)
    for i in range(1, len(bounds)):
        since = values[bounds[i - 1] : bounds[i]]
        if len(since):  # a single value stays what it is, to the last bit
            out[i] = since[0] if len(since) == 1 else np.prod(1.0 + since) - 1.0
    return out
