"""Exchange rates by currency and date."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Float = NDArray[np.float64]
Days = NDArray[np.datetime64]


class Rates:
    """USD per unit of each currency.

    fx : date, ccy, fx_rate (units of ccy per USD), as in an `exchange_rates` upload
    used : currencies in use, with or without rates
    """

    def __init__(self, fx: pl.DataFrame, used: Iterable[str] = ()) -> None:
        first_dates = fx.group_by("ccy").agg(pl.col("date").min()).sort("date", "ccy")
        self.currencies: tuple[str, ...] = tuple(dict.fromkeys(["USD", *first_dates["ccy"]]))
        """Currencies with rates: USD, then the others by the date of their first rate and by name, so that a
        new one does not change the codes of others; codes are indices."""
        self.names = (*self.currencies, *sorted(set(used) - set(self.currencies)))
        """The same, followed by those in use without rates."""
        self._dates: list[Days] = []
        self._usd: list[Float] = []
        for ccy in self.names:
            rows = fx.filter(pl.col("ccy") == ccy).sort("date")
            self._dates.append(rows["date"].to_numpy().astype("datetime64[D]"))
            self._usd.append(1.0 / rows["fx_rate"].cast(pl.Float64).to_numpy())

    def on(self, code: int, dates: Days) -> Float:
        """(n,) latest rate of a currency on or before each date; NaN before the first."""
        if not len(self._dates[code]):
            return np.full(len(dates), 1.0 if self.names[code] == "USD" else np.nan)
        at = np.searchsorted(self._dates[code], dates, side="right") - 1
        return np.where(at >= 0, self._usd[code][at], np.nan)

    def precedence(self, dates: Days) -> NDArray[np.int16]:
        """(D, names) order of currencies on each date: those with a rate on or before it by name, then the
        others.
        """
        by_name = np.argsort(np.argsort(self.names))
        first = [of[0] if len(of) else np.datetime64("9999-12-31") for of in self._dates]
        is_rated = np.array(first) <= dates[:, np.newaxis]
        is_rated |= np.array([name == "USD" for name in self.names])
        return np.where(is_rated, by_name, by_name + len(self.names)).astype(np.int16)

    def last_date(self, code: int, date: np.datetime64) -> np.datetime64:
        """Date of the latest rate on or before a date; the date itself if there is none."""
        at = int(np.searchsorted(self._dates[code], date, side="right")) - 1
        return np.datetime64(self._dates[code][at]) if at >= 0 else date

    def table(self, days: Days) -> Float:
        """(D, C) rates on each day."""
        return np.column_stack([self.on(code, days) for code in range(len(self.currencies))])
