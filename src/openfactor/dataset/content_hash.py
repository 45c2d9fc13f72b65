"""Hashes of content. Days whose hash has not changed are not estimated again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel
from openfactor.dataset.panel_index import PanelIndex
from openfactor.settings.hierarchies import Tree


def day_hashes(
    panel: Panel, listing_ids: Sequence[str], usd_per_unit: NDArray[np.float64], context: Context
) -> NDArray[np.uint64]:
    """Hashes of all that the panel holds of each stored day: listings, prices, caps, exposures and rates.

    Two datasets with equal `dictionary_hash` hold the same data on days with equal hashes. Listings are
    hashed by id, because a new listing may change the codes of others.

    Parameters
    ----------
    listing_ids : (listings,)
    usd_per_unit : (D, C)

    Returns
    -------
    (D,) 64 bits per day.
    """
    ids = np.array([int.from_bytes(_hash(name.encode()), "little") for name in listing_ids], np.uint64)
    columns = _columns(panel)
    ends = np.asarray(np.searchsorted(panel.delisted, panel.offsets), np.int64)

    def of_day(d: int) -> int:
        rows = panel.rows_of(d)
        ended = panel.delisted[ends[d] : ends[d + 1]] - rows.start
        content = hashlib.blake2b(digest_size=8)
        for values in (ids[panel.listing[rows]], ended, usd_per_unit[d], *(c[rows] for c in columns)):
            content.update(np.ascontiguousarray(values).data)
        return int.from_bytes(content.digest(), "little")

    hashes = np.empty(len(usd_per_unit), np.uint64)
    with (
        ThreadPoolExecutor(context.threads) as pool,
        context.step("hashing the data of each day", len(hashes)) as advance,
    ):
        for d, hashed in enumerate(pool.map(of_day, range(len(hashes)))):
            hashes[d] = hashed
            advance()
    return hashes


def _columns(panel: Panel) -> list[NDArray[Any]]:
    """All columns of a panel but for listings, each (rows,)."""
    columns: list[NDArray[Any]] = [
        panel.local_return, panel.currency, panel.priced, panel.is_main_listing, panel.market_cap,
        panel.idio_vol,
    ]  # fmt: skip
    columns += [values for factors in panel.dense.values() for values in factors.values()]
    for group in panel.sparse.values():
        columns += [*group.codes, *(group.loadings or ())]
    return columns


def dictionary_hash(panel: Panel, dtype: str, currencies: Sequence[str], trees: Mapping[str, Tree]) -> str:
    """Hash of the names that the columns and codes of a panel refer to."""
    names = {
        "dtype": dtype,
        "currencies": list(currencies),
        "dense": {group: list(factors) for group, factors in panel.dense.items()},
        "sparse": {
            name: [group.categories, len(group.codes), group.loadings is None]
            for name, group in panel.sparse.items()
        },
        "trees": {name: [tree.hierarchy, tree.labels] for name, tree in trees.items()},
    }
    return _hash(json.dumps(names).encode()).hex()


def index_hash(index: PanelIndex, identifiers: Identifiers) -> str:
    """Hash of the rows of a panel and of how identifiers lead to them."""
    content = hashlib.sha256()
    for array in (index.offsets, index.listing, index.priced):
        content.update(array.tobytes())
    content.update(",".join(map(str, index.days)).encode())
    for frame in (identifiers.table, identifiers.spans, identifiers.aliases, identifiers.carriers):
        buffer = BytesIO()
        frame.write_ipc(buffer)
        content.update(buffer.getvalue())
    return content.hexdigest()


def _hash(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).digest()
