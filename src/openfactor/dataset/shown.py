"""Which rows of a panel stand for the assets that a frame shows, and what those are called in it.

Everything that names assets for users goes through here. An asset is called what it is called on the date of
the frame's row. Assets that have no identifier on a date are left out and warned of.
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
    """Shows assets in an id type, and counts those that it cannot name.

    inside : (rows of the panel,) those of the assets to show
    """

    dataset: RiskDataset
    inside: Mask
    id_type: str
    unnamed: int = 0
    seen: int = 0

    @cached_property
    def naming(self) -> Naming:
        """What the listings are called."""
        return self.dataset.identifiers.naming(self.id_type)

    def rows(self, rows: slice, date: dt.date) -> tuple[NDArray[np.int64], Codes]:
        """Which of the rows of a day are shown at a date, as places among them, and the codes of their
        identifiers.

        Of listings that have the same identifier, the company's main listing is shown, else the first by
        rank.
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
            return place, code
        rank = identifiers.ranks(pl.repeat(date, len(listing), dtype=pl.Date, eager=True), listing)
        order = np.lexsort((rank, ~panel.is_main_listing[rows][place], code))
        first = np.sort(order[np.diff(code[order], prepend=-1) != 0])
        return place[first], code[first]

    def warn(self) -> None:
        """DataWarning of the rows that could not be named."""
        if self.unnamed:
            self._warn(f"{self.unnamed:,} of {self.seen:,} rows are left out: their assets have no", "the")

    def ever(self, *, next_day: bool = False) -> Codes:
        """The codes that listings have on a day on which they are inside, ascending.

        next_day : or on the stored day after it, where values of a day are shown

        DataWarning: listings have none on any of these days.
        """
        days, panel = self.dataset.days, self.dataset.panel
        found = np.zeros(len(self.naming.names), np.bool_)
        there, named = np.zeros((2, self.dataset.identifiers.n_listings), np.bool_)
        for d, date in enumerate(days):
            rows = panel.rows_of(d)
            listing = panel.listing[rows][self.inside[rows]]
            there[listing] = True
            for shown in {date, days[min(d + 1, len(days) - 1)]} if next_day else {date}:
                code = self.naming.at(shown)[listing]
                found[code[code >= 0]] = True
                named[listing[code >= 0]] = True
        if missing := int((there & ~named).sum()):
            self._warn(f"{missing:,} of {int(there.sum()):,} listings are left out: they have no", "any")
        return np.flatnonzero(found).astype(np.int32)

    def _warn(self, what: str, which: str) -> None:
        warn(f"{what} {self.id_type} on {which} day, or one that leads to two companies")
