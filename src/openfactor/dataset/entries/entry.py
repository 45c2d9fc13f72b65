"""What every kind of entry can do."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.factor_groups import FactorGroups
from openfactor.dataset.panel_index import PanelIndex
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import Fault
from openfactor.settings.riskdataset import DerivedRiskDatasetSettings
from openfactor.settings.values import Settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Derivation:
    """What the entries of a derived dataset work with."""

    settings: DerivedRiskDatasetSettings
    reference: RiskDataset
    read: UploadReader
    row_counts: RowCounts
    """Receives the dropped rows."""
    reuse: GroupReuse
    context: Context


@dataclass(frozen=True)
class DerivedRows:
    """The rows of the derived panel, and where they come from."""

    index: PanelIndex
    source: NDArray[np.int64]
    """(rows,) row of the reference's panel."""
    source_day: NDArray[np.int64]
    """(D,) latest stored day of the reference on or before each day, -1 before the first."""


class Entry(ABC, Generic[S]):
    """An entry of a derived dataset, in the order in which its methods are called.

    settings : of the entry; derivation : what it works with
    """

    keeps_reference_days: ClassVar[bool] = False
    """Whether the days of the reference count where the settings trim days."""
    depends_on_others: ClassVar[bool] = False
    """Whether it is built after the other entries, whose groups it uses."""

    def __init__(self, settings: S, derivation: Derivation) -> None:
        self.settings = settings
        self.derivation = derivation

    def inspect(self) -> list[Fault]:
        """Read what is needed to choose rows; faults of the uploads."""
        return []

    @abstractmethod
    def continuous_groups(self) -> Sequence[str]:
        """The continuous groups that it adds."""

    @abstractmethod
    def categorical_groups(self) -> Sequence[str]:
        """The categorical groups that it adds."""

    def problems(self, continuous: Collection[str]) -> list[str]:
        """What the settings ask for and the reference lacks; continuous : groups of all entries."""
        return []

    def dates(self) -> set[dt.date]:
        """Dates of its uploads that become days of the dataset."""
        return set()

    def first_named(self, sources: Collection[str] | None) -> NDArray[np.datetime64]:
        """(companies,) the first date on which its uploads name each, if they are among `sources`; NaT: none.

        sources : None for all uploads
        """
        return np.full(self.derivation.reference.identifiers.n_companies, np.datetime64("NaT", "D"))

    @abstractmethod
    def build(self, rows: DerivedRows, groups: FactorGroups) -> list[Fault]:
        """Add its groups to those of the dataset; faults of the uploads."""

    def uploads(self) -> Mapping[str, pl.LazyFrame]:
        """Uploads that it reads, as "<data type> <name>", for the data quality checks."""
        return {}

    def inventories(self) -> Mapping[str, pl.DataFrame]:
        """Inventories of the exposures among these uploads."""
        return {}
