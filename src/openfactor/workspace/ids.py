"""Identifiers in `idmap` uploads."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from openfactor.uploads import DATA_TYPES, UploadStore

_COLUMNS = ["id", "start_date", "end_date", "from_id_type", "from_id", "to_id_type", "to_id", "idmap"]


class Ids:
    """Implements `IdCalls`."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def lookup(self, ids: Sequence[str], top_n: int) -> pl.DataFrame:
        """Rows of all `idmap` uploads that lead from or to one of the ids; `top_n` rows, 0 for all.

        Columns: id, start_date, end_date, from_id_type, from_id, to_id_type, to_id, idmap (the upload);
        sorted by id and start_date.
        """
        empty = DATA_TYPES["idmap"].empty().with_columns(id=pl.lit(""), idmap=pl.lit(""))
        matches = [empty.select(_COLUMNS)]
        uploads = self._uploads.snapshot()
        for name in self._uploads.names("idmap"):
            rows = uploads("idmap", name)
            for side in ("from_id", "to_id"):
                matched = rows.filter(pl.col(side).is_in(list(ids)))
                named = matched.with_columns(id=pl.col(side), idmap=pl.lit(name))
                matches.append(named.select(_COLUMNS).collect())
        rows_by_id = pl.concat(matches).unique().sort(_COLUMNS)
        return rows_by_id.head(top_n or len(rows_by_id))
