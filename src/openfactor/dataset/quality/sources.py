"""Sources: the parts of uploads that are delivered together, with the dates that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from openfactor.dataset.quality.evidence import Evidence


@dataclass(frozen=True)
class Source:
    upload: str
    where: str | None
    dates: np.ndarray
    """Sorted, as days; those up to the last price."""
    changes: bool = False
    """It holds changes only: it ends when nothing changes any more, too."""

    @property
    def gaps(self) -> np.ndarray:
        """Days from each date to the next."""
        return np.asarray(np.diff(self.dates).astype(np.int64))

    @property
    def usual(self) -> int:
        """The interval that 95 % of intervals do not exceed."""
        return int(np.quantile(self.gaps, 0.95, method="higher")) if len(self.gaps) else 0

    @property
    def longest(self) -> int:
        """The longest interval."""
        return int(self.gaps.max(initial=0))

    @property
    def label(self) -> str:
        return f"{self.upload}{f' of {self.where}' if self.where else ''}"


def _source(evidence: Evidence, upload: str, where: str | None, dates: pl.Series) -> Source:
    known = np.unique(dates.to_numpy().astype("datetime64[D]"))
    group = where.split(".")[0] if where is not None and upload in evidence.inventories else None
    changes = group is not None and evidence.has_changes(group)
    return Source(upload, where, known[known <= np.datetime64(evidence.last_price)], changes)


def sources(evidence: Evidence) -> list[Source]:
    """The parts of uploads that are delivered together: a currency's rates, caps, a factor group or a
    continuous factor, an exchange's closures, a series."""
    found: list[Source] = []
    dataset = evidence.dataset
    if "exchange_rates" in evidence.uploads:
        rates = evidence.uploads["exchange_rates"].select("ccy", "date").collect()
        found.extend(
            _source(evidence, "exchange_rates", ccy, _of(rates, "ccy", ccy)["date"])
            for ccy in evidence.foreign
        )
    if "market_cap" in evidence.uploads:
        found.append(_source(evidence, "market_cap", None, evidence.cap_dates["date"]))
    for upload, inventory in evidence.inventories.items():
        for group in inventory["factor_group"].unique().sort():
            rows = _of(inventory, "factor_group", group)
            if group in dataset.panel.sparse:
                found.append(_source(evidence, upload, group, rows["date"]))
            elif group in dataset.panel.dense:
                by_factor = [
                    _source(evidence, upload, f"{group}.{factor}", _of(rows, "factor", factor)["date"])
                    for factor in rows["factor"].unique().sort()
                ]
                same = len({tuple(source.dates.tolist()) for source in by_factor}) == 1
                found += [_source(evidence, upload, group, rows["date"])] if same else by_factor
    for upload in evidence.uploads:
        if upload == "series" or upload.startswith("tsfactors"):
            column = "series" if upload == "series" else "factor"
            table = evidence.uploads[upload].select(column, "date").collect()
            names = table[column].unique().sort()
            found += [_source(evidence, upload, name, _of(table, column, name)["date"]) for name in names]
    return found


def _of(rows: pl.DataFrame, column: str, value: str) -> pl.DataFrame:
    return rows.filter(pl.col(column) == value)
