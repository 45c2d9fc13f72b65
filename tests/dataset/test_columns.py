"""Columns in runs read as one array would."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openfactor.dataset.columns import Column, SparseColumns, SparseGroup


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.data())
def test_rows_of_a_column(sizes: list[int], data: st.DataObject) -> None:
    n = sum(sizes)
    values = np.arange(n, dtype=np.float32)
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    parts: list[np.ndarray | None] = [values[a:b].copy() for a, b in pairwise(bounds)]
    absent = data.draw(st.integers(0, len(sizes) - 1))
    parts[absent] = None
    values[bounds[absent] : bounds[absent + 1]] = np.nan
    column = Column(parts, sizes, np.dtype(np.float32))
    for _ in range(4):
        first = data.draw(st.integers(0, n))
        rows = slice(first, data.draw(st.integers(first, n)))
        np.testing.assert_array_equal(column[rows], values[rows])
    np.testing.assert_array_equal(np.asarray(column), values)
    assert len(column) == n


def test_rows_of_one_run_are_not_copied() -> None:
    parts = [np.arange(3.0), np.arange(4.0)]
    column = Column(parts, [3, 4], np.dtype(float))
    assert np.shares_memory(column[4:6], parts[1])
    assert not np.shares_memory(column[2:4], parts[0])


def test_runs_of_a_categorical_group_with_different_slots() -> None:
    one = SparseGroup(("a", "b"), (np.array([0, 1, -1], np.int16),), None)
    codes = (np.array([1, 2], np.int16), np.array([-1, 0], np.int16))
    loadings = (np.array([1.0, 0.25]), np.array([0.0, 0.75]))
    two = SparseGroup(("a", "b", "c"), codes, loadings)
    group = SparseColumns(("a", "b", "c"), [one, two, None], [3, 2, 1])
    assert [codes.tolist() for codes in group.codes] == [[0, 1, -1, 1, 2, -1], [-1, -1, -1, -1, 0, -1]]
    assert group.loadings is not None
    assert [values.tolist() for values in group.loadings] == [[1, 1, 0, 1, 0.25, 0], [0, 0, 0, 0, 0.75, 0]]
    assert len(group[0:3].codes) == 1
    assert group[0:3].loadings is None
    offsets = np.array([0, 2, 3, 4, 5, 6])
    assert group.slots_by_day(offsets).tolist() == [1, 1, 1, 2, 1]
