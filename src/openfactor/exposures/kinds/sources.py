"""What the columns of a group can be built from."""

from __future__ import annotations

from dataclasses import dataclass

from openfactor.context import Context
from openfactor.dataset import RiskDataset
from openfactor.dataset.reading import UploadReader
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.settings.universe import UniverseSettings


@dataclass(frozen=True)
class Sources:
    """A dataset, and the uploads that settings name beyond it."""

    data: RiskDataset
    menu: ExposureSettingsMenu
    """Of the dataset."""
    universe: UniverseSettings
    """Restricts the categories to what its filters leave, and has the calendar of betas."""
    read: UploadReader
    context: Context
