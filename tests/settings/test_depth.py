"""Hierarchies of many levels are refused before anything recurses through them, or work."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import TypeAdapter

from openfactor.settings import hierarchy_from_df
from openfactor.settings.hierarchies import MAX_LEVELS, Hierarchy, Tree, flatten
from openfactor.uploads.types import DATA_TYPES


def chain(depth: int) -> pl.DataFrame:
    rows = [(i + 1, f"c{i}", f"c{i}", f"c{i - 1}" if i else None) for i in range(depth)]
    return pl.DataFrame(rows, schema=["level", "code", "label", "parent_code"], orient="row")


def test_the_deepest_hierarchy_that_uploads_can_be_used() -> None:
    rows = chain(MAX_LEVELS)
    assert not DATA_TYPES["hierarchies"].table_faults(rows.lazy())
    hierarchy, labels = hierarchy_from_df(rows)
    tree = Tree(hierarchy, labels)
    assert tree.depth == MAX_LEVELS
    assert flatten(tree.below(tree.leaves).hierarchy) == rows["code"].to_list()
    adapter: TypeAdapter[Hierarchy] = TypeAdapter(Hierarchy)
    assert adapter.validate_json(adapter.dump_json(hierarchy)) == hierarchy


@pytest.mark.parametrize("depth", [MAX_LEVELS + 1, 600, 5000])
def test_deeper_ones_are_refused_at_upload_and_in_settings(depth: int) -> None:
    rows = chain(depth)
    (fault,) = DATA_TYPES["hierarchies"].table_faults(rows.lazy())
    assert (fault.rule, fault.column, fault.count) == ("too_deep", "level", depth - MAX_LEVELS)
    with pytest.raises(ValueError, match="more than 64 levels"):
        hierarchy_from_df(rows)
    hierarchy: Hierarchy = []
    for code in reversed(rows["code"].to_list()):
        hierarchy = {code: hierarchy}
    with pytest.raises(ValueError, match="more than 64 levels"):
        Tree(hierarchy)


def test_a_code_below_itself_is_refused() -> None:
    rows = chain(2).vstack(chain(2)[1:].with_columns(code=pl.lit("c0")))
    with pytest.raises(ValueError, match="more than 64 levels"):
        hierarchy_from_df(rows)
