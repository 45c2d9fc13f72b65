"""Looking after a workspace: what is damaged, and what nobody needs any more."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from openfactor.context import Context
from openfactor.database import REPLACE, RISK_DATASET, MadeContent, Registry
from openfactor.datawarnings import warn
from openfactor.results import BackupReport, CheckReport, Damage, PruneReport
from openfactor.store import DATASET, LocalObjects
from openfactor.store.leases import leased
from openfactor.store.sweep import damage, sweep
from openfactor.uploads import UploadStore
from openfactor.workspace.backup import UPLOADS, Backup
from openfactor.workspace.identity import open_registry

_HOUR = 3600.0


class Maintenance:
    """Implements `MaintenanceCalls`.

    Parameters
    ----------
    root : folder of the store
    """

    def __init__(self, root: Path, uploads: UploadStore, registry: Registry, context: Context) -> None:
        self._root = root
        self._uploads = uploads
        self._objects = LocalObjects(root)
        self._registry = registry
        self._context = context

    def check(self) -> CheckReport:
        """Read everything that is stored and compare it with what was written."""
        rows = self._registry.contents.list()
        uses: dict[str, list[str]] = defaultdict(list)
        for made in rows:
            uses[made.content].append(self._what(made))
        datasets = {made.content for made in rows if made.kind == DATASET}
        found = [
            Damage(
                problem=str(error),
                serves=sorted({use for content in contents for use in uses[content]}),
                remedy=_remedy(any(content in datasets for content in contents)),
            )
            for error, contents in damage(self._objects, uses)
        ]
        found += self._damaged_entries() + self._damaged_uploads()
        return CheckReport(n_contents=len(uses), damage=found)

    def _damaged_entries(self) -> list[Damage]:
        return [
            Damage(problem=f"{entry.what}: {entry.damage}", serves=[entry.what], remedy=REPLACE)
            for entry in self._registry.entries()
            if entry.damage is not None
        ]

    def _damaged_uploads(self) -> list[Damage]:
        return [
            Damage(
                problem=f"{found.data_type}/{found.name}/{found.damage.file} {found.damage.fault}",
                serves=[f"{found.data_type} upload {found.name!r}{_versions(found.damage.versions)}"],
                remedy=found.damage.remedy,
            )
            for found in self._uploads.upkeep.check()
        ]

    def prune(self, keep: int, grace_hours: float, upload_days: float | None, dry_run: bool) -> PruneReport:
        """Remove what no name, no version that is kept and no running process refers to.

        Parameters
        ----------
        keep : superseded data of a dataset, and superseded estimates of the same settings, that stay: the
            newest so many, so that models can be extended from them
        grace_hours : what was written within these hours stays
        upload_days : versions of uploads that were replaced before these days go; None for none
        """
        in_use = leased(self._root)
        rows = self._registry.contents.list()
        newest = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=grace_hours)
        doomed = [
            made
            for made in self._superseded(rows, keep)
            if made.content not in in_use and made.made_on <= newest
        ]
        if not dry_run:  # but for what was asked for again meanwhile
            doomed = [made for made in doomed if self._registry.contents.remove(made)]
        gone = {made.recipe for made in doomed}
        kept = {made.content for made in rows if made.recipe not in gone}
        # a process that began to use a content meanwhile has its lease before it looks the content up again
        swept = sweep(self._objects, kept | leased(self._root), grace_hours * _HOUR, dry_run=dry_run)
        versions, n_bytes = self._prune_uploads(grace_hours, upload_days, dry_run)
        removed = {"results": len(doomed), **swept.removed, **versions}
        report = PruneReport(removed=removed, n_bytes=swept.n_bytes + n_bytes, dry_run=dry_run)
        self._context.log.info("prune: %s", report)
        return report

    def _prune_uploads(
        self, grace_hours: float, upload_days: float | None, dry_run: bool
    ) -> tuple[dict[str, int], int]:
        """Leftovers and old versions of uploads: how many went, and how many bytes."""
        upkeep = self._uploads.upkeep
        left = upkeep.leftovers(dt.timedelta(hours=grace_hours))
        if not dry_run:
            left = upkeep.remove_leftovers(left)
        old = []
        if upload_days is not None:
            before = dt.datetime.now(dt.UTC) - dt.timedelta(days=upload_days)
            old = [*(upkeep.old_versions if dry_run else upkeep.remove_versions)(before).values()]
        counts = {"upload leftovers": len(left), "upload versions": sum(len(o.versions) for o in old)}
        n_bytes = sum(leftover.size for leftover in left) + sum(o.size for o in old)
        return {kind: n for kind, n in counts.items() if n}, n_bytes

    def backup(self, path: str) -> BackupReport:
        """Copy the workspace to a new folder, beside whoever writes, and check the copy.

        Raises
        ------
        ConflictError: there is something at the path, or it is in the workspace. StorageError: the disk
        refuses. CancelledError: the request was cancelled. Nothing is left behind.
        """
        target = Path(path).expanduser().resolve()
        problems = Backup(self._root.parent, self._registry, self._context).write(target)
        copy = open_registry(target)
        try:
            uploads = UploadStore(target / UPLOADS, context=self._context)
            check = Maintenance(target / self._root.name, uploads, copy, self._context).check()
        finally:
            copy.close()
        files = [file for file in target.rglob("*") if file.is_file()]
        report = BackupReport(
            path=str(target),
            n_files=len(files),
            n_bytes=sum(file.stat().st_size for file in files),
            left_out=problems,
            check=check,
        )
        for problem in [*problems, *(found.problem for found in check.damage)]:
            warn(f"the backup in {target} has what was damaged before: {problem}")
        self._context.log.info("backup: %s", report)
        return report

    def _superseded(self, rows: Iterable[MadeContent], keep: int) -> list[MadeContent]:
        """What was made from data or settings that no dataset has now, but for the newest of each kind."""
        current = {entry.fingerprint for entry in self._registry.entries(RISK_DATASET)}
        superseded, n_newer = [], defaultdict[tuple[str, str | None], int](int)
        newest: set[tuple[str | None, str | None]] = set()
        for made in rows:  # the newest first
            of_data = made.recipe if made.kind == DATASET else made.dataset
            is_newest = made.kind == DATASET or (made.settings, of_data) not in newest
            newest.add((made.settings, of_data))
            if of_data in current and is_newest:
                continue
            n_newer[made.kind, made.settings] += 1
            if n_newer[made.kind, made.settings] > keep:
                superseded.append(made)
        return superseded

    def _what(self, made: MadeContent) -> str:
        """A content, for people."""
        recipe = made.recipe if made.kind == DATASET else made.dataset
        names = [e.name for e in self._registry.entries(RISK_DATASET) if e.fingerprint == recipe]
        data = " and ".join(repr(name) for name in names) or f"data {(recipe or '')[:8]} without a name"
        return f"risk dataset {data}" if made.kind == DATASET else f"a model on {data}"


def _remedy(is_dataset: bool) -> str:
    """How to restore a dataset, or estimates."""
    if is_dataset:
        return "build it again with `update(force=True)`"
    return 'fit it again with `get_model("compute-and-persist")`'


def _versions(numbers: Sequence[int]) -> str:
    """Versions that cannot be read, to follow the name of their upload."""
    if not numbers:
        return ""
    return f", version{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:20]))}"
