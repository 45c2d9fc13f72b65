"""How far a sheet extends."""

from __future__ import annotations

from typing import NamedTuple


class Extent(NamedTuple):
    """The last row and column of a sheet that have content, from 1, and its number of cells with content."""

    rows: int
    columns: int
    cells: int
