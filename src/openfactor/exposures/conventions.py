"""Conventions of all frames: which day a row carries, and wide or long.

Frames are built wide: one row per date (exposures: per date and asset), one column per factor or asset. The
long layout has the same values, one row per value, in the order of the wide frame and without its nulls:

* `date`
* the id type, such as `ticker`, in frames by asset
* `factor`, as `{group}.{factor}`, in frames by factor; covariances and correlations also have `factor_2`
* the value, named for what it is: `factor_return`, `exposure`, `covariance`, ...

The long layout of memberships lists the members and has no value. Tables whose columns differ in meaning,
such as a status, are the same in both layouts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from openfactor.contract.refs import Dated, FrameQuery, Layout
from openfactor.dataset.calendar import within
from openfactor.errors import SettingsError

_DEFAULTS = {"id_type": None, "stage": 1, "dated": None, "forecast": None}
"""Options that not all frames have."""


class LongForm(NamedTuple):
    """Columns of a frame in its long layout."""

    keys: tuple[str, ...]
    """Columns of the wide frame that identify a row; it is sorted by them."""
    names: str
    """Takes the names of the wide frame's other columns."""
    value: str | None
    """Takes their values; None for Booleans, of which the true ones are listed."""


def in_layout(frame: pl.DataFrame, layout: Layout, form: LongForm) -> pl.DataFrame:
    """A wide frame in a layout."""
    if layout == "wide":
        return frame
    value = form.value or "value"
    long = frame.unpivot(index=form.keys, variable_name=form.names, value_name=value)
    # unpivoted column by column; the long frame goes through the wide one row by row
    long = long[np.arange(len(long)).reshape(-1, max(len(frame), 1)).T.ravel()]
    return long.drop_nulls(value) if form.value else long.filter(pl.col(value)).drop(value)


def shown_days(
    dates: Sequence[dt.date], dated: Dated, start: dt.date | None, end: dt.date | None
) -> list[tuple[int, dt.date]]:
    """The rows of a frame: the day of the exposures, and the date that the row carries.

    Days of exposures are indices of `dates`; -1 on the first if dated by returns, which no exposures explain.

    Parameters
    ----------
    dates
        Ascending; trading days if `dated` is "returns".
    start, end
        First and last date of the rows, both included; None for no bound.
    """
    shift = 1 if dated == "returns" else 0
    return [(i - shift, date) for i, date in enumerate(dates) if within(date, start, end)]


def refuse_options(query: FrameQuery, taken: Sequence[str]) -> None:
    """SettingsError if the query sets an option that its frame does not have.

    Parameters
    ----------
    taken
        Those of id_type, stage, dated, layout and forecast that the frame has.
    """
    problems = []
    for option, default in _DEFAULTS.items():
        if option not in taken and getattr(query, option) != default:
            why = "its rows carry one day only" if option == "dated" else "it has no such option"
            problems.append(f"{option}={getattr(query, option)!r}: {why}")
    if problems:
        raise SettingsError(f"the frame {query.frame!r} does not take these options:", problems)
