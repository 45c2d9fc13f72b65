"""Hashes of content. Days whose hash has not changed are not estimated again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel import Panel, PanelRun
from openfactor.dataset.panel_index import PanelIndex

_ROWS = ("local_return", "currency", "priced", "is_main_listing", "market_cap", "idio_vol")


def day_hashes(
    panel: Panel,
    listing_ids: Sequence[str],
    currencies: Sequence[str],
    usd_per_unit: NDArray[np.float64],
    context: Context,
) -> NDArray[np.uint64]:
    """Hashes of all that the panel holds of each stored day: listings, prices, caps, exposures and rates.

    Two datasets in which codes mean the same hold the same data on days with equal hashes. Listings are
    hashed by id, factors and currencies by name.

    Parameters
    ----------
    listing_ids : (listings,)
    currencies : (C,)
    usd_per_unit : (D, C)

    Returns
    -------
    (D,) 64 bits per day.
    """
    ids = np.array([int.from_bytes(_hash(name.encode()), "little") for name in listing_ids], np.uint64)
    hashes = []
    with (
        ThreadPoolExecutor(context.threads) as pool,
        context.step("hashing the data of each day", len(usd_per_unit)) as advance,
    ):
        for run, first in zip(panel.runs, panel.first_days.tolist(), strict=False):
            if run.content_hashes is not None:
                hashes += run.content_hashes.tolist()
                advance(run.n_days)
                continue
            rates = usd_per_unit[first : first + run.n_days]
            for hashed in pool.map(_hash_of_day(run, ids, currencies, rates), range(run.n_days)):
                hashes.append(hashed)
                advance()
    return np.array(hashes, np.uint64)


def _hash_of_day(
    run: PanelRun, ids: NDArray[np.uint64], currencies: Sequence[str], rates: NDArray[np.float64]
) -> Callable[[int], int]:
    """What hashes a day of a run, by its index in the run."""
    ends = np.asarray(np.searchsorted(run.delisted, run.offsets), np.int64)

    def of_day(d: int) -> int:
        rows = slice(int(run.offsets[d]), int(run.offsets[d + 1]))
        ended = run.delisted[ends[d] : ends[d + 1]] - rows.start
        known = np.flatnonzero(np.isfinite(rates[d])).tolist()
        content = hashlib.blake2b(",".join(currencies[c] for c in known).encode(), digest_size=8)
        for values in (rates[d][known], ids[run.listing[rows]], ended):
            content.update(np.ascontiguousarray(values).data)
        for name, values in _columns_of(run, rows):
            content.update(name.encode())
            content.update(np.ascontiguousarray(values).data)
        return int.from_bytes(content.digest(), "little")

    return of_day


def _columns_of(run: PanelRun, rows: slice) -> Iterator[tuple[str, NDArray[Any]]]:
    """Name and values of the columns but for listings, as far as they say anything of some rows: a factor, or
    a second category, that comes later in the run changes no hash of a day before.
    """
    for name in _ROWS:
        yield name, getattr(run, name)[rows]
    for group, factors in run.dense.items():
        for factor, column in factors.items():
            values = column[rows]
            if not (np.isnan(values[:1]).all() and np.isnan(values).all()):
                yield f"{group}/{factor}", values
    for name, categories in run.sparse.items():
        for slot, column in enumerate(categories.codes):
            codes = column[rows]
            if (codes >= 0).any():
                yield f"{name}#{slot}", codes
            if categories.loadings is not None:
                values = categories.loadings[slot][rows]
                if (values != (codes >= 0)).any():
                    yield f"{name}*{slot}", values


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
