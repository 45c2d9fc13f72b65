"""Sources: parts of uploads that are delivered together, and their dates."""

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
    """Ascending, as days, up to the last price."""
    changes: bool = False
    """Holds changes only, so that it may end because nothing changes."""

    @property
    def gaps(self) -> np.ndarray:
        """Calendar days from each date to the next."""
        return np.asarray(np.diff(self.dates).astype(np.int64))

    @property
    def usual(self) -> int:
        """Calendar days that 95 % of the gaps do not exceed; 0 for a single date."""
        return int(np.quantile(self.gaps, 0.95, method="higher")) if len(self.gaps) else 0

    @property
    def longest(self) -> int:
        """Calendar days of the longest gap."""
        return int(self.gaps.max(initial=0))

    @property
    def label(self) -> str:
        return f"{self.upload} ({self.where})" if self.where else self.upload


def _source(evidence: Evidence, upload: str, where: str | None, dates: pl.Series) -> Source:
    known = np.unique(dates.to_numpy().astype("datetime64[D]"))
    group = where.split(".")[0] if where is not None and upload in evidence.inventories else None
    changes = group is not None and evidence.has_changes(group)
    return Source(upload, where, known[known <= np.datetime64(evidence.last_price)], changes)


def find_sources(evidence: Evidence) -> list[Source]:
    """The sources of a dataset: rates by currency, caps, factor groups or single factors, series."""
    sources: list[Source] = []
    if "exchange_rates" in evidence.uploads:
        rates = evidence.uploads["exchange_rates"].select("ccy", "date").collect()
        sources += [
            _source(evidence, "exchange_rates", ccy, _of(rates, "ccy", ccy)["date"])
            for ccy in evidence.foreign
        ]
    if "market_cap" in evidence.uploads:
        sources.append(_source(evidence, "market_cap", None, evidence.cap_dates["date"]))
    for upload, inventory in evidence.inventories.items():
        for group in inventory["factor_group"].unique().sort():
            sources += _of_group(evidence, upload, group, _of(inventory, "factor_group", group))
    for upload in evidence.uploads:
        if upload == "series" or upload.startswith("tsfactors"):
            column = "series" if upload == "series" else "factor"
            table = evidence.uploads[upload].select(column, "date").collect()
            names = table[column].unique().sort()
            sources += [_source(evidence, upload, name, _of(table, column, name)["date"]) for name in names]
    return sources


def _of_group(evidence: Evidence, upload: str, group: str, rows: pl.DataFrame) -> list[Source]:
    """A factor group as one source, or a continuous one by factor, if the dates of its factors differ."""
    panel, whole = evidence.dataset.panel, [_source(evidence, upload, group, rows["date"])]
    if group in panel.sparse:
        return whole
    if group not in panel.dense:
        return []
    by_factor = [
        _source(evidence, upload, f"{group}.{factor}", _of(rows, "factor", factor)["date"])
        for factor in rows["factor"].unique().sort()
    ]
    return whole if len({tuple(source.dates.tolist()) for source in by_factor}) == 1 else by_factor


def _of(rows: pl.DataFrame, column: str, value: str) -> pl.DataFrame:
    return rows.filter(pl.col(column) == value)
