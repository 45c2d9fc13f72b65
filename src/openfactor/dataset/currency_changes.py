"""Returns of prices whose currency differs from that of the listing's last price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openfactor.dataset.rates import Rates

SAME = 1e-6
"""Relative difference up to which two returns are equal: the precision of published closes and returns."""


@dataclass(frozen=True)
class CurrencyChange:
    """A price in another currency than the listing's last price. Missing numbers are NaN."""

    old: int
    """Currency of the last price."""
    old_date: np.datetime64
    """Date of the last price."""
    old_close: float
    """Close of the last price."""
    new: int
    """Currency of the price."""
    date: np.datetime64
    """Date of the price."""
    close: float
    """Close of the price."""
    worth: float
    """Value at the close of one share held at the listing's previous price in the new currency."""
    stated: float
    """The return as stated or derived."""
    same_date: np.datetime64 | None
    """Date of the listing's previous price in the new currency."""


def return_across(change: CurrencyChange, rates: Rates) -> tuple[float, bool]:
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
    days = np.array([change.old_date, change.date])
    into, out_of = rates.on(change.new, days), rates.on(change.old, days)
    stated = change.stated
    if change.same_date == change.old_date:
        return float((1 + stated) * (into[1] / into[0]) / (out_of[1] / out_of[0]) - 1), False
    closes = change.worth / change.old_close
    last_rate = max(rates.last_date(change.old, change.date), change.old_date)
    cross = rates.on(change.new, np.array([last_rate]))[0] / rates.on(change.old, np.array([last_rate]))[0]
    bare = [change.close / change.old_close, closes]
    misread = [growth * unit for growth in bare for unit in (1.0, into[0] / out_of[0])]
    misread.append(closes * into[1] / out_of[1])
    has_same = change.same_date is not None
    if has_same or np.isnan(stated + cross) or _any_is(stated, misread, closes * cross):
        return float(closes * into[1] / out_of[1] - 1), bool(np.isfinite(closes))
    return float((1 + stated) * into[1] / out_of[1] / cross - 1), False


def _any_is(stated: float, growth: list[float], right: float) -> bool:
    """Whether a stated return is one of the wrong readings of the closes, and not the right one."""

    def close_to(value: float) -> bool:
        return bool(abs(1 + stated - value) <= SAME * abs(value))

    return not close_to(right) and any(close_to(value) for value in growth)
