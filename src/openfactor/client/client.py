"""The one interface, whether the engine runs in this process or elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from openfactor import kernelcache
from openfactor.client.calendars import Calendar
from openfactor.client.exposures import ExposureLoader
from openfactor.client.ids import Ids
from openfactor.client.loader import Loader
from openfactor.client.riskdatasets import RiskDatasets
from openfactor.client.riskmodels import RiskModelEngine
from openfactor.client.savedsettings import SettingsRegistries
from openfactor.client.tasks import Tasks
from openfactor.client.universes import Universe
from openfactor.client.uploaders import Uploaders
from openfactor.contract.calls import Workspace
from openfactor.processes import refuse_after_fork
from openfactor.results import BackupReport, CheckReport, PruneReport
from openfactor.settings import CalendarSettings, FactorRiskModelSettings, UniverseSettings
from openfactor.settings.exposures import ExposureSettings


class Equity:
    """Everything about equities."""

    def __init__(self, workspace: Workspace) -> None:
        self.uploaders = Uploaders(workspace)
        self.riskdatasets = RiskDatasets(workspace)
        saved = SettingsRegistries(workspace)
        self.calendars: Loader[CalendarSettings, Calendar] = Loader(
            "calendars", workspace, "calendars", Calendar, saved[CalendarSettings]
        )
        self.ids = Ids(workspace)
        self.universes: Loader[UniverseSettings, Universe] = Loader(
            "universes", workspace, "universes", Universe, saved[UniverseSettings]
        )
        self.exposures = ExposureLoader(workspace, saved[ExposureSettings])
        self.riskmodels: Loader[FactorRiskModelSettings, RiskModelEngine] = Loader(
            "risk models", workspace, "riskmodels", RiskModelEngine, saved[FactorRiskModelSettings]
        )

    def __repr__(self) -> str:
        return f"<equity: {', '.join(vars(self))}>"


class Client:
    """The way in: `Client.local(path)`. Close it when done, or use it in a `with` block."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.equity = Equity(workspace)
        self.settings_registry = SettingsRegistries(workspace)
        self.tasks = Tasks(workspace)

    def __repr__(self) -> str:
        return f"<openfactor client of {self._workspace!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the tasks of this client, wait for them, and release what it holds. Calls that follow raise
        ConflictError; closing again does nothing.
        """
        self._workspace.close()

    def check(self) -> CheckReport:
        """Read everything that is stored and compare it with what was written; says what is damaged, what
        needs it, and how to restore it.
        """
        return self._workspace.maintenance.check()

    def prune(
        self,
        *,
        keep: int = 2,
        grace_hours: float = 24.0,
        upload_days: float | None = None,
        dry_run: bool = False,
    ) -> PruneReport:
        """Remove stored data that nobody needs any more. Nothing else ever removes any.

        What a risk dataset has now stays, with the models fitted on it, and so does what a running process
        has open. Earlier data and models go, and everything that was half written.

        Parameters
        ----------
        keep : of the data and models that newer ones replaced, the newest so many stay for each settings
        grace_hours : what was written within these hours stays, since it may be in use without a name yet
        upload_days : versions of uploads that newer ones replaced more than these days ago go, with the files
            that only they have; None keeps them for ever. Models that read such a version cannot be opened.
        dry_run : only say what would be removed
        """
        return self._workspace.maintenance.prune(keep, grace_hours, upload_days, dry_run)

    def backup(self, path: str | Path) -> BackupReport:
        """Copy the workspace to a new folder, beside whoever works on it, and read the copy to check it. Open
        the copy like any workspace, or put it in the place of a lost one. Staged tables are not copied.

        Parameters
        ----------
        path : folder that does not exist yet, on the machine of the workspace

        Raises
        ------
        ConflictError: there is something at the path, or it is in the workspace. StorageError: the disk
        refuses; nothing is left behind.
        """
        return self._workspace.maintenance.backup(str(path))

    @classmethod
    def local(
        cls,
        path: str | Path,
        *,
        threads: int | None = None,
        progress: bool | None = None,
        new_registry: bool = False,
    ) -> Client:
        """Work on a folder of this machine, created if it does not exist.

        Parameters
        ----------
        path : keeps uploads, datasets and results; open it again to go on
        threads : processors to use; by default all that the machine, or its container, has
        progress : show progress bars; by default in notebooks and where standard error is a terminal
        new_registry : where the registry of datasets and saved settings is missing, damaged or of another
            workspace, set aside what there is and begin an empty one; the uploads are kept

        Raises
        ------
        StorageError: the folder cannot be written, or has data without their registry. ProcessError: this
        process was forked after the engine had been used; see docs/processes.md.
        """
        refuse_after_fork()
        kernelcache.prefer(path)
        from openfactor.workspace import LocalWorkspace

        return cls(LocalWorkspace(path, threads=threads, progress=progress, new_registry=new_registry))
