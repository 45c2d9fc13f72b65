"""Results kept in memory: a bound per kind, a lock, and one computation per key however many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
_SECONDS_BETWEEN_CHECKS = 0.1
"""How often a request that waits for another one's computation checks whether it was cancelled."""


class Cache:
    """Results by kind and key; of each kind the least recently used are evicted first.

    Parameters
    ----------
    bounds : kind to the number of results that are kept; no other kinds can be cached
    """

    def __init__(self, bounds: Mapping[str, int]) -> None:
        self._bounds = dict(bounds)
        self._results: dict[str, OrderedDict[Hashable, Any]] = {kind: OrderedDict() for kind in bounds}
        self._lock = threading.Lock()
        self._flights: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()

    def __repr__(self) -> str:
        with self._lock:
            sizes = {kind: len(results) for kind, results in self._results.items()}
        return f"<cache: {', '.join(f'{n}/{self._bounds[kind]} {kind}' for kind, n in sizes.items())}>"

    def peek(self, kind: str, key: Hashable) -> Any | None:
        """The result, now the most recently used of its kind; None if it is not kept."""
        with self._lock:
            results = self._results[kind]
            if key in results:
                results.move_to_end(key)
            return results.get(key)

    def put(self, kind: str, key: Hashable, result: T) -> T:
        """Keep a result, in place of one with the same key."""
        with self._lock:
            results = self._results[kind]
            results[key] = result
            results.move_to_end(key)
            while len(results) > self._bounds[kind]:
                results.popitem(last=False)
        return result

    def discard(self, kind: str, key: Hashable) -> None:
        """Forget a result, if it is kept."""
        with self._lock:
            self._results[kind].pop(key, None)

    def clear(self) -> None:
        """Forget all results."""
        with self._lock:
            for results in self._results.values():
                results.clear()

    def get(self, kind: str, key: Hashable, make: Callable[[], T], check: Callable[[], None]) -> T:
        """The result, made and kept if it is not there yet.

        Parameters
        ----------
        check : called while another request makes it; what it raises ends the wait
        """
        result = self.peek(kind, key)
        if result is None:
            with self.single_flight(kind, key, check):
                result = self.peek(kind, key)
                if result is None:
                    result = self.put(kind, key, make())
        return result

    @contextmanager
    def single_flight(self, kind: str, key: Hashable, check: Callable[[], None]) -> Iterator[None]:
        """Hold the key: one request at a time is in the block. Requests of one thread can be nested.

        Parameters
        ----------
        check : called while another request holds it; what it raises ends the wait
        """
        with self._lock:
            # the dictionary forgets a lock that no request holds or waits for
            flight = self._flights.setdefault((kind, key), _Flight())
        while not flight.lock.acquire(timeout=_SECONDS_BETWEEN_CHECKS):
            check()
        try:
            yield
        finally:
            flight.lock.release()


class _Flight:
    """A lock that a weak dictionary can hold."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
