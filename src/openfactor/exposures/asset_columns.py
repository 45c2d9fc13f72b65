"""Wide frames with one column per asset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import RiskDataset
from openfactor.dataset.shown import Shown

Mask = NDArray[np.bool_]


def by_asset(
    dataset: RiskDataset,
    inside: Mask,
    days: Sequence[tuple[dt.date, slice]],
    values: Callable[[slice], NDArray[Any]],
    id_type: str,
    *,
    missing: float | bool = np.nan,
) -> pl.DataFrame:
    """date and one column per identifier of assets that are inside on any day, sorted by identifier.

    A column has, on each date, the value of the asset that has the identifier on the date; see `Shown`. An
    asset whose identifier changes goes on in another column.

    Parameters
    ----------
    inside
        (rows of the panel,) the assets to show.
    days
        Date of each row of the frame, and the panel's rows that it shows.
    values
        Gives (n,) values of the panel's rows of a day.
    missing
        Of assets without a value: NaN for Float32 columns, in which it becomes null, False for Booleans.
    """
    shown = Shown(dataset, inside, id_type)
    cells = [shown.rows(rows, date) for date, rows in days]
    has_column = np.zeros(len(shown.naming.names), np.bool_)
    has_column[shown.ever(next_day=True)] = True
    for _, codes in cells:  # after a holiday, identifiers can be new that neither day before it had
        has_column[codes] = True
    kept, column = np.flatnonzero(has_column).astype(np.int32), np.cumsum(has_column) - 1
    kind = np.bool_ if isinstance(missing, bool) else np.float32
    out: NDArray[Any] = np.full((len(days), len(kept)), missing, kind)
    for i, ((_, rows), (place, codes)) in enumerate(zip(days, cells, strict=True)):
        out[i, column[codes]] = values(rows)[place]
    shown.warn()
    names = shown.naming.texts(kept).to_list()
    dates = pl.Series([date for date, _ in days], dtype=pl.Date)
    frame = pl.DataFrame({"date": dates, **{name: out[:, k] for k, name in enumerate(names)}})
    return frame.with_columns(pl.col(pl.Float32).fill_nan(None))
