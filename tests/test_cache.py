"""Results in memory: bounds, eviction, and one computation however many ask."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
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


def test_eight_threads_compute_each_key_once_while_nothing_is_evicted() -> None:
    """In any order, each thread asking for every key; a computation never runs beside another of its key."""
    cache, made, running = Cache({"model": 16}), Counter(), Counter()
    start, lock = threading.Barrier(8), threading.Lock()

    def make(key: int) -> str:
        with lock:
            running[key] += 1
            assert running[key] == 1, "two computations of one key at the same time"
        time.sleep(0.002)
        with lock:
            running[key] -= 1
            made[key] += 1
        return f"result {key}"

    def ask(seed: int) -> None:
        keys = list(range(16))
        random.Random(seed).shuffle(keys)
        start.wait(10)
        for key in keys:
            assert cache.get("model", key, lambda key=key: make(key), nothing) == f"result {key}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert made == Counter(range(16))


def test_eight_threads_keep_to_the_bound_while_results_are_evicted() -> None:
    cache, sizes = Cache({"model": 2}), set()

    def ask(seed: int) -> None:
        numbers = random.Random(seed)
        for _ in range(300):
            key = numbers.randrange(6)
            assert cache.get("model", key, lambda key=key: key + 1, nothing) == key + 1
            sizes.add(repr(cache))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert sizes <= {"<cache: 1/2 model>", "<cache: 2/2 model>"}


def test_one_who_gives_up_does_not_hold_up_the_others() -> None:
    cache, begun, proceed = Cache({"model": 1}), threading.Event(), threading.Event()

    def make() -> int:
        begun.set()
        assert proceed.wait(10)
        return 1

    def give_up() -> None:
        raise CancelledError("the request was cancelled")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(cache.get, "model", "a", make, nothing)
        assert begun.wait(10)
        impatient = pool.submit(cache.get, "model", "a", make, give_up)
        patient = pool.submit(cache.get, "model", "a", make, nothing)
        with pytest.raises(CancelledError):
            impatient.result(10)
        proceed.set()
        assert (first.result(10), patient.result(10)) == (1, 1)


def test_a_used_result_outlives_newer_ones() -> None:
    """A look, a request and a replacement each count as use."""
    uses: list[Callable[[Cache], object]] = [
        lambda cache: cache.peek("model", "a"),
        lambda cache: cache.get("model", "a", lambda: 9, nothing),
        lambda cache: cache.put("model", "a", 1),
    ]
    for use in uses:
        cache = Cache({"model": 3})
        for key in "abc":
            cache.put("model", key, 1)
        use(cache)
        cache.put("model", "d", 1)
        cache.put("model", "e", 1)
        assert [key for key in "abcde" if cache.peek("model", key)] == ["a", "d", "e"]
