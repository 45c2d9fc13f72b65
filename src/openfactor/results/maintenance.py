"""What looking after a workspace found and did."""

from __future__ import annotations

from openfactor.settings.values import Value


class Damage(Value):
    """Something stored that is missing or not what was written."""

    problem: str
    """What is wrong, and with which file."""
    serves: list[str]
    """What needs it, such as "risk dataset 'us'"."""
    remedy: str
    """How to restore it."""


class CheckReport(Value):
    """What `client.check` found."""

    n_contents: int
    """Datasets and estimates that were read in full, whether or not they have a name."""
    damage: list[Damage] = []
    """Everything that is missing or damaged."""

    @property
    def ok(self) -> bool:
        """Nothing is missing or damaged."""
        return not self.damage

    def __str__(self) -> str:
        head = f"{self.n_contents} datasets and models, and all uploads, were checked; "
        if self.ok:
            return head + "all are as they were written"
        lines = [f"{d.problem}\n    needed by {', '.join(d.serves)}; {d.remedy}" for d in self.damage]
        return "\n  ".join([f"{head}{len(self.damage)} damaged:", *lines])


class PruneReport(Value):
    """What `client.prune` removed, or would remove."""

    removed: dict[str, int]
    """Kind of thing, such as "packs", to how many."""
    n_bytes: int
    """Bytes on disk."""
    dry_run: bool
    """Nothing was removed; these are what a call without `dry_run` would remove."""

    def __str__(self) -> str:
        did = "would remove" if self.dry_run else "removed"
        things = ", ".join(f"{n} {kind}" for kind, n in self.removed.items() if n) or "nothing"
        return f"{did} {things} ({self.n_bytes / 1e6:,.1f} MB)"


class BackupReport(Value):
    """What `client.backup` wrote."""

    path: str
    """Folder of the copy."""
    n_files: int
    """Number of files in it."""
    n_bytes: int
    """Bytes in these files."""
    left_out: list[str] = []
    """What is not in the copy because it cannot be read in the workspace."""
    check: CheckReport
    """What reading everything in the copy found."""

    @property
    def ok(self) -> bool:
        """The copy has everything, undamaged."""
        return not self.left_out and self.check.ok

    def __str__(self) -> str:
        head = f"{self.n_files:,} files ({self.n_bytes / 1e6:,.1f} MB) are copied to {self.path}"
        return "\n  ".join([head, *(f"left out: {what}" for what in self.left_out), str(self.check)])
