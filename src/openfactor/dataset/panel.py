"""The risk dataset: a ragged panel sorted by date, and what is needed to read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import closed_days
from openfactor.dataset.describe import describe
from openfactor.dataset.digests import day_digests, structure
from openfactor.dataset.identifiers import Identifiers
from openfactor.settings.hierarchies import Tree
from openfactor.settings.menus import BuildReport, RiskDatasetProperties
from openfactor.settings.riskdataset import AnyRiskDatasetSettings

Float = NDArray[np.float64]
Exposure = NDArray[Any]  # float16 or float32, as the dataset's exposure_dtype says


@dataclass(frozen=True)
class SparseGroup:
    """A categorical group: each row's categories in a few slots, most often one."""

    categories: tuple[str, ...]
    codes: tuple[NDArray[np.int16], ...]
    """One array (rows,) a slot: index into `categories`, -1 for none."""
    loads: tuple[Exposure, ...] | None
    """One array (rows,) a slot; None where every loading is 1."""


@dataclass(frozen=True)
class Panel:
    """One row for each listing and stored day between its first and its last price, by day, then listing."""

    offsets: NDArray[np.int64]
    """(D + 1,) rows of day d are offsets[d]:offsets[d + 1]."""
    listing: NDArray[np.int32]
    local_return: Float
    """Simple return in the currency of the price, as a fraction; NaN where there is none."""
    priced: NDArray[np.bool_]
    main: NDArray[np.bool_]
    """The listing stands for its entity on that day: its return is the entity's."""
    cap: Float
    """Market cap of the entity in USD, the latest on or before the day."""
    idio_vol: Float
    """Uploaded estimate of the entity's specific volatility."""
    dense: dict[str, dict[str, Exposure]]
    """Group to factor to exposures (rows,); NaN where missing."""
    sparse: dict[str, SparseGroup]

    @property
    def n_rows(self) -> int:
        return len(self.listing)

    @cached_property
    def day(self) -> NDArray[np.int32]:
        """(rows,) stored day of each row."""
        days = np.arange(len(self.offsets) - 1, dtype=np.int32)
        return np.repeat(days, np.diff(self.offsets))

    def rows_of(self, day: int) -> slice:
        """The rows of a stored day."""
        return slice(int(self.offsets[day]), int(self.offsets[day + 1]))

    def since(self, day: int) -> Panel:
        """The rows of the stored days from one on; nothing is copied."""
        start = int(self.offsets[day])
        return Panel(
            offsets=self.offsets[day:] - start,
            listing=self.listing[start:],
            local_return=self.local_return[start:],
            priced=self.priced[start:],
            main=self.main[start:],
            cap=self.cap[start:],
            idio_vol=self.idio_vol[start:],
            dense={
                group: {factor: values[start:] for factor, values in factors.items()}
                for group, factors in self.dense.items()
            },
            sparse={
                name: SparseGroup(
                    group.categories,
                    tuple(codes[start:] for codes in group.codes),
                    None if group.loads is None else tuple(loads[start:] for loads in group.loads),
                )
                for name, group in self.sparse.items()
            },
        )


@dataclass(frozen=True)
class RiskDataset:
    """Everything that models need, and the fingerprint of what it was made from."""

    fingerprint: str
    settings: AnyRiskDatasetSettings
    exposure_dtype: str
    """Precision of the exposures: "float16" or "float32"."""
    days: tuple[dt.date, ...]
    """(D,) stored days: those with prices or exposures."""
    identifiers: Identifiers
    currencies: tuple[str, ...]
    currency: NDArray[np.int32]
    """(listings,) index into `currencies` of each listing's prices."""
    usd: Float
    """(D, C) USD that one unit of each currency buys, the latest on or before the day."""
    closures: pl.DataFrame
    """The days on which each exchange is closed, stored days or not: exchange, date."""
    panel: Panel
    trees: dict[str, Tree]
    """Factor group to the tree of its factors."""
    series: pl.DataFrame
    """Time series that belong to no asset: date, series, value."""
    coverage: pl.DataFrame
    """How many listings there are on each stored day; see `coverage_by_date`."""
    report: BuildReport
    parts: dict[str, str] = field(default_factory=dict)
    """Upload to what stands for all that its factor groups were made from; see `parts`."""
    stored_digests: NDArray[np.uint64] | None = None
    """`digests`, where they are known."""

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """(D,) what stands for the data of each day."""
        return day_digests(self) if self.stored_digests is None else self.stored_digests

    @cached_property
    def properties(self) -> RiskDatasetProperties:
        """What it offers to settings, and how it was built."""
        return describe(self)

    @cached_property
    def structure(self) -> str:
        """What stands for the names that columns and codes refer to."""
        return structure(self)

    def since(self, day: int) -> RiskDataset:
        """The dataset from a stored day on; nothing is copied."""
        later = replace(
            self,
            days=self.days[day:],
            usd=self.usd[day:],
            panel=self.panel.since(day),
            stored_digests=None if self.stored_digests is None else self.stored_digests[day:],
        )
        # what is known of the whole need not be worked out again
        later.__dict__["properties"] = self.properties
        later.__dict__["closed"] = {exchange: closed[day:] for exchange, closed in self.closed.items()}
        return later

    @cached_property
    def closed(self) -> dict[str, NDArray[np.bool_]]:
        """Exchange to (D,): closed on that day."""
        return closed_days(self.closures, self.days)

    def index_of(self, dates: Sequence[dt.date]) -> NDArray[np.int64]:
        """Indices of stored days."""
        at = {day: d for d, day in enumerate(self.days)}
        return np.array([at[date] for date in dates], np.int64)

    @cached_property
    def has_idio_vol(self) -> bool:
        """Any row has an uploaded specific volatility."""
        return bool(np.isfinite(self.panel.idio_vol).any())

    @cached_property
    def entity(self) -> NDArray[np.int32]:
        """(listings,) entity of each listing."""
        return self.identifiers.table["entity"].to_numpy()

    def __repr__(self) -> str:
        return (
            f"<RiskDataset {self.days[0]} to {self.days[-1]}: {len(self.days)} days, "
            f"{self.identifiers.n_listings} listings, {self.panel.n_rows:,} rows>"
        )
