"""Trees of codes with labels."""

import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.schema import INTEGER, TEXT, Column, DataType, not_negative
from openfactor.uploads.validation import example_rows


class Hierarchies(DataType):
    """A tree of codes with labels, such as an industry classification; branches may differ in depth."""

    name = "hierarchies"
    columns = (
        Column("level", INTEGER, "1 for the top, one more for each step down; or from 0", (1, 2),
               aliases=("depth",)),
        Column("code", TEXT, "code, unique in the tree", ("57", "5720"), key=True, counted="codes"),
        Column("label", TEXT, "what people call it", ("Technology", "Software"), aliases=("name",)),
        Column("parent_code", TEXT, "code one level up; empty at the top", (None, "57"), nullable=True,
               aliases=("parent",)),
    )  # fmt: skip
    rules = (not_negative("level"),)
    dated_by = None
    detail_by = ("level",)

    def table_faults(self, rows: pl.LazyFrame) -> list[Fault]:
        """Every code hangs below one that is there and one level up, which excludes cycles.

        The top is level 1, as in settings and counts, or 0 where the table has such a level.
        """
        parents = rows.select(pl.col("code").alias("parent_code"), pl.col("level").alias("_above"))
        tree = rows.join(parents, on="parent_code", how="left").collect()
        first = 0 if (tree["level"] == 0).any() else 1
        top, given = pl.col("level") == first, pl.col("parent_code").is_not_null()
        unknown = given & pl.col("_above").is_null()
        lost = unknown & ~top if first == 0 else unknown  # without a level 0, that is what may be missing
        checks = {
            "parent_missing": (~top & ~given, "below the top a parent_code must be given"),
            "top_has_parent": (
                top & given & ~lost,
                f"at level {first}, the top, the parent_code must be empty",
            ),
            "parent_unknown": (lost, "is not a code of this tree"),
            "parent_level": (
                ~top & (pl.col("_above") != pl.col("level") - 1),
                "must be exactly one level up",
            ),
        }
        faults = []
        for rule, (broken, message) in checks.items():
            found = tree.filter(broken)
            if len(found):
                shown = example_rows(found, ["code", "level", "parent_code"])
                faults.append(Fault(rule, self.name, message, "parent_code", len(found), shown))
        return faults
