"""The result of validating a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openfactor.errors import Fault

if TYPE_CHECKING:  # results are loaded without polars
    import polars as pl


@dataclass(frozen=True)
class Validation:
    """The rows of a table that break no rule, and the faults of the others."""

    rows: pl.DataFrame
    faults: tuple[Fault, ...]

    def __repr__(self) -> str:
        return f"<{len(self.rows):,} good rows, {len(self.faults)} faults>"

    @property
    def table(self) -> pl.DataFrame:
        """One row per fault: rule, column, message, count (of rows), first_rows."""
        return fault_table(self.faults)


def fault_table(faults: Sequence[Fault]) -> pl.DataFrame:
    """One row per fault: rule, column, message, count (of rows), first_rows."""
    import polars as pl

    return pl.DataFrame(
        [(f.rule, f.column, f.message, f.count, list(f.examples)) for f in faults],
        schema={
            "rule": pl.String, "column": pl.String, "message": pl.String, "count": pl.Int64,
            "first_rows": pl.List(pl.String),
        },
        orient="row",
    )  # fmt: skip
