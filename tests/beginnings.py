"""Whether a dataset is the beginning of another one, to the last bit."""

from __future__ import annotations

import numpy as np
import polars as pl

from openfactor.dataset import RiskDataset
from openfactor.dataset.columns import SparseGroup

_ROWS = ("listing", "local_return", "currency", "priced", "is_main_listing", "market_cap", "idio_vol")


def assert_beginning(early: RiskDataset, late: RiskDataset) -> None:
    """All that the earlier dataset has of its days, codes included, is in the later one."""
    n_days, n_rows = len(early.days), early.panel.n_rows
    assert late.days[:n_days] == early.days
    assert late.currencies[: len(early.currencies)] == early.currencies
    n_known = len(early.currencies)
    _same(early.usd_per_unit, late.usd_per_unit[:n_days, :n_known], "rates")
    assert np.isnan(late.usd_per_unit[:n_days, n_known:]).all()
    _same(early.panel.offsets, late.panel.offsets[: n_days + 1], "offsets")
    for name in _ROWS:
        _same(getattr(early.panel, name), getattr(late.panel, name)[:n_rows], name)
    ends = late.panel.delisted
    _same(early.panel.delisted, ends[ends < n_rows], "delisted")
    assert_same_identifiers(early, late)
    assert early.panel.dense.keys() == late.panel.dense.keys()
    for group, factors in late.panel.dense.items():
        assert early.panel.dense[group].keys() <= factors.keys()
        for factor, values in factors.items():
            known = early.panel.dense[group].get(factor)
            if known is None:
                assert np.isnan(values[:n_rows]).all(), factor
            else:
                _same(known[:], values[:n_rows], factor)
    assert early.panel.sparse.keys() == late.panel.sparse.keys()
    for name, columns in late.panel.sparse.items():
        first, second = early.panel.sparse[name][:], columns[:n_rows]
        assert second.categories[: len(first.categories)] == first.categories
        for one, other in zip(_slots(first, second), _slots(second, first), strict=True):
            _same(one, other, name)
    _same(early.content_hashes, late.content_hashes[:n_days], "content hashes")


def assert_same_identifiers(early: RiskDataset, late: RiskDataset) -> None:
    """Listings with rows have the same codes, companies and first dates; new ones come after all of them."""
    columns = ["listing", "id", "company", "company_id", "first_date"]
    listings = np.unique(early.panel.listing)
    first, second = (dataset.identifiers.table[listings].select(columns) for dataset in (early, late))
    assert first.equals(second)
    priced = pl.col("first_date").is_not_null()
    n_priced = len(early.identifiers.table.filter(priced))
    assert (
        early.identifiers.table[:n_priced]
        .select(columns)
        .equals(late.identifiers.table[:n_priced].select(columns))
    )


def _slots(group: SparseGroup, other: SparseGroup) -> list[np.ndarray]:
    """Codes and loadings of a group, in as many slots as the wider of two has."""
    n_rows = len(group.codes[0])
    empty = np.full(n_rows, -1, np.int16)
    n_slots = max(len(group.codes), len(other.codes))
    codes = [*group.codes, *[empty] * (n_slots - len(group.codes))]
    given = group.loadings or ()
    loadings = [
        given[slot] if slot < len(given) else (codes[slot] >= 0).astype(np.float32) for slot in range(n_slots)
    ]
    return [*codes, *(values.astype(np.float32) for values in loadings)]


def _same(first: np.ndarray, second: np.ndarray, what: str) -> None:
    first, second = np.asarray(first), np.asarray(second)
    assert first.dtype == second.dtype, what
    np.testing.assert_array_equal(first, second, what)  # NaN equals NaN
    if first.dtype.kind == "f":
        known = np.isfinite(first)
        assert first[known].tobytes() == second[known].tobytes(), what
