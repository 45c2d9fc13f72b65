"""The rows of a panel that a frame shows, and the identifiers that it shows them under.

All output that names assets goes through this module. A row shows the identifier of the asset on the date of
the row. Assets without an identifier on a date are left out, with a warning.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.naming import Naming
from openfactor.datawarnings import warn

if TYPE_CHECKING:
    from openfactor.dataset.riskdataset import RiskDataset

Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass
class Shown:
    """Shows assets in an id type, and counts those without an identifier."""

    dataset: RiskDataset
    inside: Mask
    """(rows of the panel,) the rows to show."""
    id_type: str
    unnamed: int = 0
    """Rows without an identifier, of those asked for so far."""
    seen: int = 0
    """Rows asked for so far."""

    @cached_property
    def naming(self) -> Naming:
        """The identifiers of listings."""
        return self.dataset.identifiers.naming(self.id_type)

    def rows(self, rows: slice, date: dt.date) -> tuple[NDArray[np.int64], Codes]:
        """The rows of a day that are shown at a date.

        Of listings with the same identifier, the company's main listing is shown, else the first by rank.

        Returns
        -------
        (n,) places among the rows, and (n,) codes of identifiers, ascending.
        """
        panel, identifiers = self.dataset.panel, self.dataset.identifiers
        place = np.flatnonzero(self.inside[rows])
        listing = panel.listing[rows][place]
        code = self.naming.at(date)[listing]
        named = code >= 0
        self.seen += len(code)
        self.unnamed += len(code) - int(named.sum())
        place, code, listing = place[named], code[named], listing[named]
        if not identifiers.is_shared.any():
            order = np.argsort(code)
            return place[order], code[order]
        rank = identifiers.ranks(pl.repeat(date, len(listing), dtype=pl.Date, eager=True), listing)
        order = np.lexsort((rank, ~panel.is_main_listing[rows][place], code))
        first = order[np.diff(code[order], prepend=-1) != 0]
        return place[first], code[first]

    def warn(self) -> None:
        """Issue a DataWarning about the rows without an identifier."""
        if self.unnamed:
            self._warn(f"{self.unnamed:,} of {self.seen:,} rows are left out: their assets have no", "the")

    def ever(self, *, next_day: bool = False) -> Codes:
        """Codes of the identifiers that listings have on days on which they are inside, ascending.

        Issues a DataWarning if listings have none on any of these days.

        next_day : include the identifier on the stored day after, under which values of a day are shown
        """
        days, panel = self.dataset.days, self.dataset.panel
        is_used = np.zeros(len(self.naming.names), np.bool_)
        is_shown, is_named = np.zeros((2, self.dataset.identifiers.n_listings), np.bool_)
        for d, date in enumerate(days):
            rows = panel.rows_of(d)
            listing = panel.listing[rows][self.inside[rows]]
            is_shown[listing] = True
            for shown in {date, days[min(d + 1, len(days) - 1)]} if next_day else {date}:
                code = self.naming.at(shown)[listing]
                is_used[code[code >= 0]] = True
                is_named[listing[code >= 0]] = True
        if missing := int((is_shown & ~is_named).sum()):
            self._warn(f"{missing:,} of {int(is_shown.sum()):,} listings are left out: they have no", "any")
        return np.flatnonzero(is_used).astype(np.int32)

    def _warn(self, what: str, which: str) -> None:
        warn(f"{what} {self.id_type} on {which} day, or one that leads to two companies")
