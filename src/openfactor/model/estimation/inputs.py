"""What a model is estimated from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from openfactor.cache import Cache
from openfactor.context import Context
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.exposures import FactorColumns, ReferenceMasks, company_rows, members, resolve
from openfactor.settings.model import FactorRiskModelSettings, Stage

Mask = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True)
class Inputs:
    """A dataset and settings that are valid on it; arrays are computed once, when first needed."""

    dataset: RiskDataset
    settings: FactorRiskModelSettings
    read: UploadReader
    """Gives the uploads that the settings name."""
    context: Context
    results: Cache = field(default_factory=lambda: Cache({"input": 8}), kw_only=True, repr=False)
    """What is expensive to compute, computed once; shared by the same object `on` other contexts."""

    @property
    def universe(self) -> Mask:
        """(rows,) the panel's rows in the model's universe."""
        return self._once("universe", lambda: members(self.dataset, self.settings.inline_universe, self.read))

    @property
    def estimation(self) -> list[Mask]:
        """(rows,) for each stage: the rows of the universe whose returns its regression is estimated on, one
        listing per company.
        """
        return self._once("estimation", lambda: [self._estimation(s) for s in self.settings.stages])

    def _estimation(self, stage: Stage) -> Mask:
        estimation = self.universe & self.dataset.panel.is_main_listing
        if stage.construction.estimated_on is not None:
            estimation &= members(self.dataset, stage.construction.estimated_on, self.read)
        return estimation

    @property
    def columns(self) -> list[FactorColumns]:
        """The exposures of each stage."""
        return self._once("columns", self._columns)

    def _columns(self) -> list[FactorColumns]:
        data, universe = self.dataset, self.settings.inline_universe
        companies = company_rows(data, self.universe)
        return [
            resolve(
                data, stage.exposures, universe, ReferenceMasks(companies, estimation), self.read,
                self.context,
            )
            for stage, estimation in zip(self.settings.stages, self.estimation, strict=True)
        ]  # fmt: skip

    def _once(self, name: str, compute: Callable[[], T]) -> T:
        """A result by name; raises CancelledError if the request is cancelled while another computes it."""
        return self.results.get("input", name, compute, self.context.check)
