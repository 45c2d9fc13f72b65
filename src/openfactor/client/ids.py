"""`client.equity.ids`: what identifiers stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openfactor.contract.calls import Workspace

if TYPE_CHECKING:
    import polars as pl


class Ids:
    """Identifiers in the `idmap` uploads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __repr__(self) -> str:
        return "<identifiers; lookup(ids)>"

    def lookup(self, ids: str | Sequence[str], top_n: int = 0) -> pl.DataFrame:
        """Every mapping from or to one of the ids, in all `idmap` uploads; `top_n` of them, 0 for all.

        Columns: id, start_date, end_date (both included), from_id_type, from_id, to_id_type, to_id, idmap
        (name of the upload); sorted by id and start_date.
        """
        return self._workspace.ids.lookup([ids] if isinstance(ids, str) else list(ids), top_n)
