"""Which versions of a table have which files."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openfactor.uploads.storage.entries import Row
from openfactor.uploads.storage.log import entries


@dataclass
class Lifetimes:
    """The files of all versions of a table, as far as the entries of its log can be read."""

    rows: dict[str, Row] = field(default_factory=dict)
    """Name to row of each file."""
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Name to the first and last version of each time that the file was part of the table."""
    times: dict[int, int] = field(default_factory=dict)
    """Version to the time of its commit, ascending, in milliseconds since 1970 (UTC)."""
    unreadable: list[int] = field(default_factory=list)
    """Versions whose entries cannot be read."""

    @classmethod
    def of(cls, folder: Path, last: int) -> Lifetimes:
        """Those of a table up to a version."""
        lifetimes, open_since, time = cls(), dict[str, int](), 0
        for version, _, entry in entries(folder, last):
            if entry is None:
                lifetimes.unreadable.append(version)
                continue
            time = lifetimes.times[version] = max(time, entry.time)
            for name in [*open_since] if entry.restart else entry.removes:
                if name in open_since:
                    lifetimes.spans.setdefault(name, []).append((open_since.pop(name), version - 1))
            for row in entry.adds:
                open_since[row[0]] = version
                lifetimes.rows[row[0]] = row
        for name, since in open_since.items():
            lifetimes.spans.setdefault(name, []).append((since, last))
        return lifetimes

    def versions_with(self, name: str, versions: Sequence[int]) -> list[int]:
        """Those of some ascending versions that have a file of a name."""
        return [
            version
            for first, last in self.spans.get(name, ())
            for version in versions[bisect.bisect_left(versions, first) : bisect.bisect_right(versions, last)]
        ]
