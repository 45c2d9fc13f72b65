"""Whether days of two datasets are the same, codes included, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import RiskDataset
from openfactor.dataset.columns import SparseGroup

_ROWS = ("listing", "local_return", "currency", "priced", "is_main_listing", "market_cap", "idio_vol")
_LISTING = ["listing", "id", "company", "company_id", "first_date"]


def assert_beginning(early: RiskDataset, late: RiskDataset) -> None:
    """The earlier dataset is the beginning of the later one; what is new there takes codes after its own."""
    assert_same_days(early, late, len(early.days))
    assert late.currencies[: len(early.currencies)] == early.currencies
    first, second = early.identifiers.table, late.identifiers.table
    n_priced = len(first.filter(pl.col("first_date").is_not_null()))
    assert first[:n_priced].select(_LISTING).equals(second[:n_priced].select(_LISTING))
    for name, categories in early.panel.names.sparse.items():
        assert late.panel.names.sparse[name][: len(categories)] == categories
    for group, factors in early.panel.names.dense.items():
        assert set(factors) <= set(late.panel.names.dense[group])


def assert_same_runs(early: RiskDataset, late: RiskDataset) -> None:
    """Months that are over hold the same arrays, whatever factors and slots later ones have."""
    for run, other in list(zip(early.panel.runs, late.panel.runs, strict=False))[:-1]:
        for group, factors in run.dense.items():
            assert factors.keys() == other.dense[group].keys()
        for name, categories in run.sparse.items():
            assert len(categories.codes) == len(other.sparse[name].codes)
            assert (categories.loadings is None) == (other.sparse[name].loadings is None)


def assert_same_days(one: RiskDataset, other: RiskDataset, n_days: int) -> None:
    """The first stored days have the same rows with the same codes, which mean the same."""
    assert one.days[:n_days] == other.days[:n_days]
    for (name, first), (_, second) in zip(
        _columns(one, other, n_days), _columns(other, one, n_days), strict=True
    ):
        assert first.dtype == second.dtype, name
        np.testing.assert_array_equal(first, second, name)  # NaN equals NaN
        if first.dtype.kind == "f":
            known = np.isfinite(first)
            assert first[known].tobytes() == second[known].tobytes(), name
    listings = np.unique(one.panel.listing[: one.panel.offsets[n_days]])
    tables = [dataset.identifiers.table[listings].select(_LISTING) for dataset in (one, other)]
    assert tables[0].equals(tables[1])


def _columns(dataset: RiskDataset, other: RiskDataset, n_days: int) -> Iterator[tuple[str, NDArray]]:
    """All columns of the first days, for the factors, slots and currencies that either dataset has."""
    panel = dataset.panel
    n_rows = int(panel.offsets[n_days])
    yield "offsets", panel.offsets[: n_days + 1]
    for name in _ROWS:
        yield name, getattr(panel, name)[:n_rows]
    yield "delisted", panel.delisted[panel.delisted < n_rows]
    for currency in sorted({*dataset.currencies, *other.currencies}):
        rates = np.full(n_days, np.nan)
        if currency in dataset.currencies:
            rates = dataset.usd_per_unit[:n_days, dataset.currencies.index(currency)]
        yield currency, rates
    yield "currencies", _used(dataset.currencies, panel.currency[:n_rows])
    for group, factors in panel.names.dense.items():
        for factor in sorted({*factors, *other.panel.names.dense[group]}):
            absent = np.full(n_rows, np.nan, dataset.exposure_dtype)
            yield factor, panel.dense[group][factor][:n_rows] if factor in factors else absent
    for name, columns in panel.sparse.items():
        own, others = columns[:n_rows], other.panel.sparse[name][:n_rows]
        for slot, codes in enumerate(_slots(own, len(others.codes))):
            yield f"{name} {slot}", codes
            yield f"categories of {name}", _used(own.categories, codes)
        yield from ((name, values) for values in _loadings(own, len(others.codes)))
    yield "content hashes", dataset.content_hashes[:n_days]


def _used(names: tuple[str, ...], codes: NDArray) -> NDArray:
    """The names of the codes in use."""
    return np.array([names[code] for code in np.unique(codes[codes >= 0])], "U20")


def _slots(group: SparseGroup, at_least: int) -> list[NDArray]:
    empty = np.full(len(group.codes[0]), -1, np.int16)
    return [*group.codes, *[empty] * (at_least - len(group.codes))]


def _loadings(group: SparseGroup, at_least: int) -> list[NDArray]:
    """1 where a slot has a category, unless the group has other loadings."""
    given = group.loadings or ()
    return [
        (given[slot] if slot < len(given) else codes >= 0).astype(np.float32)
        for slot, codes in enumerate(_slots(group, at_least))
    ]
