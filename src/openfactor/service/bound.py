"""Settings must name the dataset that they are used on."""

from __future__ import annotations

from openfactor.settings import DatasetSettings


def check_bound(settings: object) -> None:
    """TypeError, with the remedy, for settings without a dataset."""
    if not isinstance(settings, DatasetSettings):
        raise TypeError("bind the settings to a risk dataset first: settings.with_dataset(name)")
