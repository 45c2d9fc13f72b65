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
class KnownFactors:
    """The columns of a stage whose returns are given, and those that are left to estimate."""

    pairs: tuple[tuple[str, str], ...]
    """Group and factor."""
    columns: NDArray[np.int64]
    """(n,) columns of the known factors, all of them dense."""
    free: NDArray[np.int64]
    """The other columns, ascending."""
    returns: Float
    """(T, n) per trading period, fractions; NaN on the first day."""


def cannot_be_estimated(faults: Sequence[Fault]) -> DataError:
    """DataError for data that cannot support estimation."""
    number = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return DataError(f"the model cannot be estimated, {number}:", faults)


def known_factors(
    dataset: RiskDataset, time: Timeline, stage: Stage, exposures: FactorColumns
) -> KnownFactors:
    """The known factors of a stage, with returns from the series of the dataset.

    Raises
    ------
    SettingsError
        The stage has no such dense factor.
    DataError
        Trading days on which a series has no value; names them.
    """
    series = stage.construction.known_factor_map
    dense = exposures.pairs[: exposures.n_dense]
    names = [",".join(pair) for pair in dense]
    if problems := [
        f"known_factor_map: {unknown(','.join(pair), names)}" for pair in series if pair not in dense
    ]:
        raise SettingsError("the model does not fit the dataset:", problems)
    columns = np.array([k for k, pair in enumerate(dense) if pair in series], np.int64)
    pairs = tuple(dense[k] for k in columns)
    returns = np.full((len(time.dates), len(columns)), np.nan)
    faults = []
    for k, pair in enumerate(pairs):
        returns[:, k] = _compounded(dataset.series.filter(series=series[pair]), time)
        missing = np.flatnonzero(~np.isfinite(returns[1:, k])) + 1
        if len(missing):
            problem = (
                f"the known factor {'.'.join(pair)} has no return; upload the values of these days, or trim "
                "the dataset to the days that have them"
            )
            examples = tuple(str(time.dates[t]) for t in missing[:5])
            faults.append(
                Fault("no_known_return", f"series {series[pair]}", problem, None, len(missing), examples)
            )
    if faults:
        raise cannot_be_estimated(faults)
    return KnownFactors(pairs, columns, np.setdiff1d(np.arange(len(exposures.pairs)), columns), returns)


def _compounded(series: pl.DataFrame, time: Timeline) -> Float:
    """(T,) the values of all days since the trading day before, compounded; NaN where there is none."""
    rows = series.sort("date")
    bounds = np.searchsorted(
        rows["date"].to_numpy().astype("datetime64[D]"), np.array(time.dates, "datetime64[D]"), side="right"
    )
    values, returns = rows["value"].to_numpy(), np.full(len(bounds), np.nan)
    for t in range(1, len(bounds)):
        period = values[bounds[t - 1] : bounds[t]]
        if len(period):  # a single value stays what it is, to the last bit
            returns[t] = period[0] if len(period) == 1 else np.prod(1.0 + period) - 1.0
    return returns
