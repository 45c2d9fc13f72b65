"""Results in memory: bounds, eviction, and one computation however many ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from openfactor.cache import Cache
from openfactor.errors import CancelledError


def nothing() -> None:
    """A request that nobody cancels."""


def test_the_least_recently_used_go_first() -> None:
    cache = Cache({"model": 2, "dataset": 1})
    for key in "ab":
        cache.put("model", key, key.upper())
    assert cache.peek("model", "a") == "A"  # now "b" is the older one
    cache.put("model", "c", "C")
    assert [cache.peek("model", key) for key in "abc"] == ["A", None, "C"]
    assert repr(cache) == "<cache: 2/2 model, 0/1 dataset>"


def test_kinds_do_not_evict_each_other() -> None:
    cache = Cache({"model": 1, "dataset": 1})
    cache.put("model", "a", 1)
    cache.put("dataset", "a", 2)
    assert (cache.peek("model", "a"), cache.peek("dataset", "a")) == (1, 2)
    with pytest.raises(KeyError):
        cache.put("universe", "a", 3)


def test_forgetting() -> None:
    cache = Cache({"model": 3})
    for key in "abc":
        cache.put("model", key, key)
    cache.discard("model", "a")
    cache.discard("model", "never kept")
    assert [cache.peek("model", key) for key in "abc"] == [None, "b", "c"]
    cache.clear()
    assert repr(cache) == "<cache: 0/3 model>"


def test_one_computation_for_all_who_ask() -> None:
    cache, made, begun, proceed = Cache({"model": 1}), [], threading.Event(), threading.Event()

    def make() -> object:
        begun.set()
        assert proceed.wait(10)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(cache.get, "model", "a", make, nothing) for _ in range(4)]
        assert begun.wait(10)
        proceed.set()
        results = [each.result(10) for each in asked]
    assert len(made) == 1
    assert results == made * 4


def test_what_fails_is_not_kept_and_the_next_one_tries() -> None:
    cache = Cache({"model": 1})

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("model", "a", fail, nothing)
    assert cache.get("model", "a", lambda: 7, nothing) == 7


def test_who_waits_can_be_cancelled() -> None:
    cache = Cache({"model": 1})

    def cancelled() -> None:
        raise CancelledError("the request was cancelled")

    with ThreadPoolExecutor(1) as pool, cache.single_flight("model", "a", nothing):
        waiting = pool.submit(cache.get, "model", "a", lambda: 1, cancelled)
        with pytest.raises(CancelledError):
            waiting.result(10)
        other = pool.submit(cache.get, "model", "b", lambda: 2, cancelled)
        assert other.result(10) == 2, "another key is not held"
    assert cache.get("model", "a", lambda: 3, cancelled) == 3


def test_requests_of_one_thread_can_be_nested() -> None:
    cache = Cache({"model": 1})
    with cache.single_flight("model", "a", nothing):
        assert cache.get("model", "a", lambda: 1, nothing) == 1
