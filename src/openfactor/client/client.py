"""The one interface, whether the engine runs in this process or elsewhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from openfactor import kernelcache
from openfactor.client.exposures import ExposureLoader
from openfactor.client.ids import Ids
from openfactor.client.loader import Loader
from openfactor.client.protocol import Workspace
from openfactor.client.riskdatasets import RiskDatasets
from openfactor.client.riskmodels import load_engine
from openfactor.client.savedsettings import SettingsRegistries
from openfactor.client.uploaders import Uploaders
from openfactor.processes import refuse_after_fork
from openfactor.settings import CalendarSettings, ExposureSettings, FactorRiskModelSettings, UniverseSettings


class Equity:
    """Everything about equities."""

    def __init__(self, workspace: Workspace) -> None:
        self.uploaders = Uploaders(workspace)
        self.riskdatasets = RiskDatasets(workspace)
        saved = SettingsRegistries(workspace)
        self.calendars = Loader("calendars", workspace, workspace.calendar, saved[CalendarSettings])
        self.ids = Ids(workspace)
        self.universes = Loader("universes", workspace, workspace.universe, saved[UniverseSettings])
        self.exposures = ExposureLoader(workspace, saved[ExposureSettings])
        self.riskmodels = Loader(
            "risk models", workspace, partial(load_engine, workspace), saved[FactorRiskModelSettings]
        )

    def __repr__(self) -> str:
        return f"<equity: {', '.join(vars(self))}>"


class Client:
    """The way in: `Client.local(path)`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.equity = Equity(workspace)
        self.settings_registry = SettingsRegistries(workspace)

    def __repr__(self) -> str:
        return f"<openfactor client of {self._workspace!r}>"

    @classmethod
    def local(cls, path: str | Path, *, threads: int | None = None, progress: bool | None = None) -> Client:
        """Work on a folder of this machine, created when it is not there.

        path : keeps uploads, datasets and results; open it again to go on
        threads : processors to use, by default all
        progress : show progress bars; by default where standard error is a terminal

        Raises
        ------
        StorageError: the folder cannot be written. ProcessError: this process was forked after the engine had
        been used; see docs/processes.md.
        """
        refuse_after_fork()
        kernelcache.prefer(path)
        from openfactor.workspace import LocalWorkspace

        return cls(LocalWorkspace(path, threads=threads, progress=progress))
