"""The processors of a container, on invented control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openfactor import processors
from openfactor.processors import available_processors, control_group_quota


def quota(root: Path, membership: str, files: dict[str, str]) -> float | None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    listing = root / "membership"
    listing.write_text(membership)
    return control_group_quota(root, listing)


def test_version_2(tmp_path: Path) -> None:
    assert quota(tmp_path, "0::/pod\n", {"pod/cpu.max": "150000 100000\n"}) == 1.5


def test_a_limit_of_a_group_above_counts(tmp_path: Path) -> None:
    files = {
        "pod/box/cpu.max": "max 100000\n",
        "pod/cpu.max": "400000 100000\n",
        "cpu.max": "800000 100000\n",
    }
    assert quota(tmp_path, "0::/pod/box\n", files) == 4.0


def test_version_1(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        "memory/job/cpu.cfs_quota_us": "1\n",  # of another controller
        "memory/job/cpu.cfs_period_us": "100000\n",
    }
    assert quota(tmp_path, "4:memory:/job\n3:cpu,cpuacct:/job\n", files) == 2.5


def test_version_1_in_groups_within_groups(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cluster/pod/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cluster/pod/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/cluster/cpu.cfs_quota_us": "50000\n",
        "cpu,cpuacct/cluster/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert quota(tmp_path, "3:cpu,cpuacct:/cluster/pod\n", files) == 0.5


def test_a_container_that_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    """Without a namespace of its own, membership names the path on the host, which is not mounted."""
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    assert quota(tmp_path, "3:cpu,cpuacct:/docker/0123abcd\n", files) == 2.0


def test_both_versions_at_once(tmp_path: Path) -> None:
    files = {
        "cpu/job/cpu.cfs_quota_us": "300000\n",
        "cpu/job/cpu.cfs_period_us": "100000\n",
        "job/cpu.max": "100000 50000\n",
    }
    assert quota(tmp_path, "2:cpu:/job\n0::/job\n", files) == 2.0


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pod/cpu.max": "max 100000\n"},
        {"pod/cpu.max": "nonsense\n"},
        {"pod/cpu.cfs_quota_us": "-1\n", "pod/cpu.cfs_period_us": "100000\n"},
    ],
)
def test_no_limit(tmp_path: Path, files: dict[str, str]) -> None:
    assert quota(tmp_path, "0::/pod\n", files) is None


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert control_group_quota(tmp_path, tmp_path / "absent") is None


@pytest.mark.parametrize(("limit", "expected"), [(None, 8), (2.5, 3), (0.2, 1), (64.0, 8)])
def test_the_smaller_of_both_is_used_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch, limit: float | None, expected: int
) -> None:
    monkeypatch.setattr(processors, "control_group_quota", lambda: limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert available_processors() == expected


def test_a_system_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "control_group_quota", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_processors() == 1
