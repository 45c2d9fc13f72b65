"""`client.equity.universes`, `.exposures` and `.riskmodels`: settings become what they describe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from openfactor.settings import DatasetSettings, Settings

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


class Loader(Generic[S, T]):
    """What settings of one kind describe, on a risk dataset."""

    def __init__(self, what: str, load: Callable[[DatasetSettings[S]], T]) -> None:
        self._what = what
        self._load = load

    def __repr__(self) -> str:
        return f"<{self._what}; load(settings.with_dataset(name))>"

    def load(self, settings: DatasetSettings[S]) -> T:
        """Settings bound by `with_dataset(name)`, checked against that dataset.

        Raises
        ------
        TypeError: settings without a dataset. NotFoundError: no dataset of that name. SettingsError: with all
        that the dataset does not have.
        """
        if not isinstance(settings, DatasetSettings):
            raise TypeError("bind the settings to a risk dataset first: settings.with_dataset(name)")
        return self._load(settings)
