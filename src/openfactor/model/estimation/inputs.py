"""What a model is estimated from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.reading import UploadReader
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.exposures import FactorColumns, ReferenceMasks, companies, members, resolve
from openfactor.processors import available_processors
from openfactor.settings.model import FactorRiskModelSettings, Stage

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Inputs:
    """A dataset and settings that are valid on it; arrays are worked out once, when they are asked for."""

    dataset: RiskDataset
    settings: FactorRiskModelSettings
    read: UploadReader
    """Gives the uploads that the settings name."""
    threads: int | None

    @cached_property
    def universe(self) -> Mask:
        """(rows,) in the model's universe."""
        return members(self.dataset, self.settings.inline_universe, self.read)

    @cached_property
    def estimation(self) -> list[Mask]:
        """(rows,) of each stage: those of the universe whose returns its regression is estimated on, one
        listing a company."""
        return [self._estimation(stage) for stage in self.settings.stages]

    def _estimation(self, stage: Stage) -> Mask:
        estimation = self.universe & self.dataset.panel.is_main_listing
        if stage.construction.estimated_on is not None:
            estimation &= members(self.dataset, stage.construction.estimated_on, self.read)
        return estimation

    @cached_property
    def columns(self) -> list[FactorColumns]:
        """The exposures of each stage."""
        data, universe = self.dataset, self.settings.inline_universe
        among = companies(data, self.universe)
        return [
            resolve(
                data,
                stage.exposures,
                universe,
                ReferenceMasks(among, mine),
                self.read,
                Context(self.threads or available_processors()),
            )
            for stage, mine in zip(self.settings.stages, self.estimation, strict=True)
        ]
