"""Trees of codes with labels."""

import polars as pl

from openfactor.errors import Fault
from openfactor.settings.hierarchies import MAX_LEVELS
from openfactor.uploads.schema import INTEGER, TEXT, Column, DataType, not_negative
from openfactor.uploads.validation import example_rows


class Hierarchies(DataType):
    """A tree of codes with labels, such as an industry classification; branches may differ in depth."""

    name = "hierarchies"
    columns = (
        Column("level", INTEGER, "1 at the top, one more per step down; may also start at 0", (1, 2),
               aliases=("depth",)),
        Column("code", TEXT, "code, unique in the tree", ("57", "5720"), key=True, counted="codes"),
        Column("label", TEXT, "name of the code", ("Technology", "Software"), aliases=("name",)),
        Column("parent_code", TEXT, "code one level up; empty at the top", (None, "57"), nullable=True,
               aliases=("parent",)),
    )  # fmt: skip
    rules = (not_negative("level"),)
    dated_by = None
    detail_by = ("level",)

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """Every code must be below a code that exists, one level up, which excludes cycles.

        The top is level 1, as in settings, or 0 if the table has such a level.
        """
        parents = rows.select(pl.col("code").alias("parent_code"), pl.col("level").alias("_above"))
        tree = rows.join(parents, on="parent_code", how="left").collect()
        first = 0 if (tree["level"] == 0).any() else 1
        top, given = pl.col("level") == first, pl.col("parent_code").is_not_null()
        unknown = given & pl.col("_above").is_null()
        if first == 0:  # else a level 0 may be missing, which is reported
            unknown &= ~top
        checks = {
            "too_deep": (
                pl.col("level") >= first + MAX_LEVELS,
                f"is more than {MAX_LEVELS} levels down; leave out levels with one code each",
            ),
            "parent_missing": (~top & ~given, "must be given below the top"),
            "top_has_parent": (
                top & given & ~unknown,
                f"must be empty at the top, which is level {first}",
            ),
            "parent_unknown": (unknown, "is no code of this tree"),
            "parent_level": (
                ~top & (pl.col("_above") != pl.col("level") - 1),
                "must be a code exactly one level up",
            ),
        }
        faults = []
        for rule, (broken, message) in checks.items():
            rows_broken = tree.filter(broken)
            if len(rows_broken):
                shown = example_rows(rows_broken, ["code", "level", "parent_code"])
                column = "level" if rule == "too_deep" else "parent_code"
                faults.append(Fault(rule, self.name, message, column, len(rows_broken), shown))
        return faults
