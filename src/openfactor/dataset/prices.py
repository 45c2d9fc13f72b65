"""Rows of a price upload: one per listing and day, in one currency."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.rates import Rates
from openfactor.dataset.resolving import known_listings
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.total_returns import PAID, with_returns
from openfactor.numerics.listing_lives import choose_currency
from openfactor.settings.riskdataset import EmptyReturns

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

SAME = 1e-6
"""Relative difference up to which two returns are equal: the precision of published closes and returns."""


def read_prices(
    rows: pl.LazyFrame,
    rows_by_type: pl.DataFrame,
    identifiers: Identifiers,
    rates: Rates,
    row_counts: RowCounts,
    empty_returns: EmptyReturns = "none",
) -> pl.DataFrame:
    """Rows of known listings, sorted by date.

    A row with neither close nor return is no price; it may still be flagged `delisted`. If a listing has
    several currencies on a day, one is kept, see `choose_currency`. After a row flagged `delisted`, only rows
    with the flag are kept: some vendors flag every row of a listing that has ended.

    Parameters
    ----------
    rows_by_type : asset_id_type, rows: number of rows of the upload
    row_counts : receives dropped rows and derived returns

    Returns
    -------
    date, listing, return, ccy (code), quoted (whether there is a price), delisted.
    """
    known = known_listings(
        rows.with_columns(pl.col("ccy").cast(pl.Enum(rates.names))),
        ["ccy", "close", "return", "delisted", *(PAID if empty_returns == "close" else ())],
        rows_by_type, identifiers, row_counts, "price",
    )  # fmt: skip
    n_empty = known["return"].null_count()
    known = with_returns(known, empty_returns)
    row_counts.work_out("price", "returns derived from closes", n_empty - known["return"].null_count())
    known = known.with_columns(
        pl.col("ccy").to_physical().cast(pl.Int16), pl.col("delisted").fill_null(False), quoted=_quoted(known)
    )
    known = _keep(known, known["quoted"] | known["delisted"], "neither close nor return", row_counts)
    currencies = known.group_by("listing").agg(pl.col("ccy").n_unique())
    several = currencies.filter(pl.col("ccy") > 1)["listing"]
    if len(several):
        known = _one_currency(known, several, rates, row_counts)
    flagged = known.filter("delisted")["listing"].unique()
    if len(flagged):
        known = _until_delisted(known, flagged, row_counts)
    known = known.select("date", "listing", "return", "ccy", "quoted", "delisted")
    return known if known["date"].is_sorted() else known.sort("date", maintain_order=True)


def _quoted(rows: pl.DataFrame) -> pl.Series:
    """Whether each row has a price.

    On a day without any close, the upload gives returns only, and the first row of a listing is the base of
    its next return.
    """
    empty = rows["close"].is_null() & rows["return"].is_null()
    if not empty.any():
        return ~empty
    closes = rows.group_by("date").agg(has_close=pl.col("close").is_not_null().any())
    without = closes.filter(~pl.col("has_close"))["date"]
    first = rows.select(pl.col("date") == pl.col("date").min().over("listing")).to_series()
    return ~empty | (first & rows["date"].is_in(without.implode()))


def _keep(rows: pl.DataFrame, mask: pl.Series, reason: str, row_counts: RowCounts) -> pl.DataFrame:
    """The rows in a mask; the others are counted."""
    left_out = len(rows) - int(mask.sum())
    row_counts.drop("price", reason, left_out)
    return rows.filter(mask) if left_out else rows


def _until_delisted(rows: pl.DataFrame, flagged: pl.Series, row_counts: RowCounts) -> pl.DataFrame:
    """Drop the rows of `flagged` listings from the first one without the flag that follows one with it."""
    numbered = rows.with_row_index("row")
    history = numbered.filter(pl.col("listing").is_in(flagged.implode())).sort("listing", "date")
    before = pl.col("delisted").cum_max().shift(1, fill_value=False)
    history = history.with_columns(revived=(before & ~pl.col("delisted")).over("listing"))
    dropped = history.filter(pl.col("revived").cum_max().over("listing"))["row"]
    mask = np.ones(len(rows), np.bool_)
    mask[dropped.to_numpy()] = False
    return _keep(rows, pl.Series(mask), "after the delisting", row_counts)


def _one_currency(
    rows: pl.DataFrame, several: pl.Series, rates: Rates, row_counts: RowCounts
) -> pl.DataFrame:
    """One row per day for the listings of `several`, with returns across changes of currency."""
    numbered = rows.with_row_index("row").with_columns(unquoted=~pl.col("quoted"))
    history = numbered.filter(pl.col("listing").is_in(several.implode())).sort(
        "listing", "date", "unquoted", "ccy"
    )
    kept, before, same = choose_currency(
        history["listing"].to_numpy(),
        history["date"].to_physical().cast(pl.Int64).to_numpy(),
        history["quoted"].to_numpy(),
        history["ccy"].to_numpy(),
        len(rates.names),
    )
    ccy = history["ccy"].to_numpy()
    changes = np.flatnonzero(kept & (before >= 0) & (ccy[before] != ccy))
    returns = rows["return"].to_numpy(writable=True)
    index = history["row"].to_numpy()
    worked_out = unknown = 0
    for i in changes.tolist():
        returns[index[i]], from_closes = _across(history, i, int(before[i]), int(same[i]), rates)
        worked_out += from_closes
        unknown += bool(np.isnan(returns[index[i]]))
    row_counts.work_out("price", "returns across a change of currency, derived from closes", worked_out)
    row_counts.drop("price", "no return across a change of currency: no close, or no rate for both", unknown)
    mask = np.ones(len(rows), np.bool_)
    mask[index[~kept]] = False
    rows = rows.with_columns(pl.Series("return", returns).fill_nan(None))
    return _keep(rows, pl.Series(mask), "quoted in another currency", row_counts)


def _across(rows: pl.DataFrame, at: int, before: int, same: int, rates: Rates) -> tuple[float, bool]:
    """The return of a price whose currency differs from that of the listing's last price.

    It is in the currency of the last price, with the new price converted at both rates of its day. A stated
    return is taken to be that, with these exceptions:

    * If the listing had a price in the new currency on the day of the last price, the return is since that
      one.
    * If it is empty, or equals what the two closes give as bare numbers, with the last close converted at the
      rates of its own day, or with a rate that is carried forward, it is derived from the closes.
    * If the old currency has no rate on the day any more, it moves with the new one since its last rate. If
      the new one has no rate on the day of that last rate, the return is derived from the closes, each at the
      rates of its own day.

    Returns
    -------
    The return, and whether it was derived from closes.
    """
    new, old = rows.row(at, named=True), rows.row(before, named=True)
    start, end = np.datetime64(old["date"]), np.datetime64(new["date"])
    days = np.array([start, end])
    into, out_of = rates.on(new["ccy"], days), rates.on(old["ccy"], days)
    stated = np.nan if new["return"] is None else float(new["return"])
    if same >= 0 and rows["date"][same] == old["date"]:
        return float((1 + stated) * (into[1] / into[0]) / (out_of[1] / out_of[0]) - 1), False
    closes = np.nan if new["worth"] is None or old["close"] is None else new["worth"] / old["close"]
    last = np.array([max(rates.last_date(old["ccy"], end), start)])  # of a rate of the old currency
    cross = rates.on(new["ccy"], last)[0] / rates.on(old["ccy"], last)[0]
    bare = [np.nan if new["close"] is None or old["close"] is None else new["close"] / old["close"], closes]
    misread = [growth * unit for growth in bare for unit in (1.0, into[0] / out_of[0])]
    misread.append(closes * into[1] / out_of[1])
    if same >= 0 or np.isnan(stated + cross) or _any_is(stated, misread, closes * cross):
        return float(closes * into[1] / out_of[1] - 1), bool(np.isfinite(closes))
    return float((1 + stated) * into[1] / out_of[1] / cross - 1), False


def _any_is(stated: float, growth: list[float], right: float) -> bool:
    """Whether a stated return is one of the wrong readings of the closes, and not the right one."""

    def close_to(value: float) -> bool:
        return bool(abs(1 + stated - value) <= SAME * abs(value))

    return not close_to(right) and any(close_to(value) for value in growth)
