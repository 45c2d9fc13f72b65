"""What stands for the data of each day, so that days that did not change need not be done again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.panel import Panel
from openfactor.settings.hierarchies import Tree


def day_digests(panel: Panel, names: Sequence[str], usd: NDArray[np.float64]) -> NDArray[np.uint64]:
    """(D,) 64 bits for all that the panel holds of each stored day: listings, prices, caps, exposures, rates.

    names : of each listing; usd : (D, C)
    Equal digests of two datasets of the same `structure` mean equal days. Listings count by id, not by
    number, which a new listing may change.
    """
    ids = np.array([int.from_bytes(_digest(name.encode()), "little") for name in names], np.uint64)
    columns: list[NDArray[Any]] = [
        panel.local_return,
        panel.currency,
        panel.priced,
        panel.is_main_listing,
        panel.market_cap,
        panel.idio_vol,
    ]
    columns += [values for factors in panel.dense.values() for values in factors.values()]
    for group in panel.sparse.values():
        columns += [*group.codes, *(group.loadings or ())]

    ends = np.asarray(np.searchsorted(panel.delisted, panel.offsets), np.int64)

    def of_day(d: int) -> int:
        rows = panel.rows_of(d)
        ended = panel.delisted[ends[d] : ends[d + 1]] - rows.start
        digest = hashlib.blake2b(digest_size=8)
        for values in (ids[panel.listing[rows]], ended, usd[d], *(c[rows] for c in columns)):
            digest.update(np.ascontiguousarray(values).data)
        return int.from_bytes(digest.digest(), "little")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(of_day, range(len(usd)))), np.uint64)


def structure(panel: Panel, dtype: str, currencies: Sequence[str], trees: Mapping[str, Tree]) -> str:
    """What stands for the names that the panel's columns and codes refer to."""
    known = {
        "dtype": dtype,
        "currencies": list(currencies),
        "dense": {group: list(factors) for group, factors in panel.dense.items()},
        "sparse": {
            name: [group.categories, len(group.codes), group.loadings is None]
            for name, group in panel.sparse.items()
        },
        "trees": {name: [tree.hierarchy, tree.labels] for name, tree in trees.items()},
    }
    return _digest(json.dumps(known).encode()).hex()


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).digest()
