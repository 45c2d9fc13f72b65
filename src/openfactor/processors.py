"""How many processors this process may use, in containers too."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_processors() -> int:
    """Processors that the affinity mask and the quota of the control group allow; at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        count = os.cpu_count() or 1
    quota = control_group_quota()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def control_group_quota(root: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> float | None:
    """Processors that the control groups of this process allow it; None without a limit.

    Reads version 2 (`cpu.max`) and version 1 (`cpu.cfs_quota_us`). A limit of any group above counts.
    """
    quotas = [quota for folder in _groups(root, membership) if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _groups(root: Path, membership: Path) -> list[Path]:
    """Folders of the groups of this process, and of those above them."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        top = root if not controllers else root / controllers
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = top / path.lstrip("/")
        folders += [folder for folder in (group, *group.parents) if folder.is_relative_to(top)]
    return folders


def _quota_of(folder: Path) -> float | None:
    """Processors that one group allows; None without a limit."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
