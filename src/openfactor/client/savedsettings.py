"""Settings that are kept under a name: `client.settings_registry[UniverseSettings]` and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openfactor.contract.calls import Workspace
from openfactor.errors import SettingsError
from openfactor.results import SavedSettings
from openfactor.settings import (
    CalendarSettings,
    DatasetSettings,
    ExposureSettings,
    ModelConstructionSettings,
    Settings,
    UniverseSettings,
)
from openfactor.settings.menus import Menu
from openfactor.settings.saved import KINDS

if TYPE_CHECKING:
    import polars as pl

S = TypeVar("S", bound=Settings)


class SettingsRegistry(Generic[S]):
    """Saved settings of one kind, by name or id. Names are unique within the kind, ids over all kinds."""

    def __init__(self, workspace: Workspace, kind: type[S]) -> None:
        self._workspace = workspace
        self.settings_type = kind

    def __repr__(self) -> str:
        return f"<saved {self._kind}: {', '.join(self.get_identifiers()) or 'none yet'}>"

    def get_identifiers(self) -> dict[str, int]:
        """Name to id."""
        return self._workspace.saved.names(self._kind)

    def list(self) -> pl.DataFrame:
        """One row each: name, id, dataset, valid, description, created_on, last_updated_on."""
        import polars as pl

        saved = [self.read(key) for key in self.get_identifiers().values()]
        rows = [
            {
                "name": s.name, "id": s.id, "dataset": s.value.dataset if s.value else None,
                "valid": s.value is not None, "description": s.description, "created_on": s.created_on,
                "last_updated_on": s.last_updated_on,
            }
            for s in saved
        ]  # fmt: skip
        time = pl.Datetime("us")
        schema: dict[str, pl.DataType | type[pl.DataType]] = {
            "name": pl.String, "id": pl.Int64, "dataset": pl.String, "valid": pl.Boolean,
            "description": pl.String, "created_on": time, "last_updated_on": time,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema)

    def save(
        self,
        name_or_id: str | int,
        settings: DatasetSettings[S],
        *,
        overwrite: bool = False,
        description: str | None = None,
    ) -> int:
        """Keep settings, bound to a dataset by `with_dataset`; their id.

        name_or_id : letters, digits, `_` and `-`, beginning with a letter; or the id of settings to replace
        overwrite : replace settings of that name, which keep their id and, with description=None, their
            description

        Raises
        ------
        TypeError: settings of another kind, or without a dataset. ConflictError: the name is taken.
        NotFoundError: the dataset or saved settings that they refer to do not exist. SettingsError: with
        everything that the dataset does not have.
        """
        if not isinstance(settings, DatasetSettings) or not isinstance(settings.setting, self.settings_type):
            raise TypeError(f"this registry keeps {self._kind} that are bound by with_dataset(name)")
        return self._workspace.saved.save(
            self._kind, name_or_id, settings, overwrite=overwrite, description=description
        )

    def read(self, name_or_id: str | int) -> SavedSettings:
        """All that is known of saved settings, also when they are not valid any more; else NotFoundError."""
        return self._workspace.saved.read(self._kind, name_or_id)

    def get(self, name_or_id: str | int) -> DatasetSettings[S]:
        """The settings themselves.

        Raises
        ------
        NotFoundError: there are none. SettingsError: they are not valid any more, with the reasons.
        """
        saved = self.read(name_or_id)
        if saved.value is None:
            raise SettingsError(f"the saved {self._kind} {saved.name!r} is not valid any more:", saved.issues)
        return saved.value

    def update_description(self, name_or_id: str | int, description: str | None) -> None:
        """Replace the description; None or "" clears it."""
        self._workspace.saved.describe(self._kind, name_or_id, description)

    def delete(self, name_or_id: str | int) -> None:
        """Delete saved settings; ConflictError when others refer to them, NotFoundError when not there."""
        self._workspace.saved.delete(self._kind, name_or_id)

    def available_settings(self, dataset: str) -> Menu:
        """The menu that settings of this kind choose from on a dataset."""
        menu = self._workspace.riskdatasets.describe(dataset).factor_risk_model_settings_menu
        menus: dict[type[Settings], Menu] = {
            CalendarSettings: menu.calendar_settings_menu,
            UniverseSettings: menu.universe_settings_menu,
            ExposureSettings: menu.exposure_settings_menu,
            ModelConstructionSettings: menu.modelconstruction_settings_menu,
        }
        return menus.get(self.settings_type, menu)

    @property
    def _kind(self) -> str:
        return self.settings_type.settings_kind


class SettingsRegistries:
    """Saved settings of all kinds: `registry[UniverseSettings]`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<saved settings: {', '.join(KINDS)}>"

    def __getitem__(self, kind: type[S]) -> SettingsRegistry[S]:
        if kind not in KINDS.values():
            raise TypeError(f"settings that can be saved are {', '.join(KINDS)}")
        return SettingsRegistry(self._workspace, kind)

    def get_settings_types(self) -> list[type[Any]]:
        """The kinds of settings that can be saved."""
        return list(KINDS.values())
