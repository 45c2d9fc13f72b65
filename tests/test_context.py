"""How a request is carried out: steps, cancellation, log."""

from __future__ import annotations

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from openfactor.context import Context, Progress
from openfactor.errors import CancelledError


def test_a_step_reports_each_change_and_its_end() -> None:
    reports: list[Progress] = []
    context = Context(listener=reports.append)
    with context.step("reading", total=10) as step:
        step(4)
        step.say("writing", units=6)
    assert [(p.message, p.done, p.total, p.finished) for p in reports] == [
        ("reading", 0, 10, False),
        ("reading", 4, 10, False),
        ("writing", 10, 10, False),
        ("writing", 10, 10, True),
    ]
    assert len({p.step for p in reports}) == 1
    assert {p.unit for p in reports} == {"days"}


def test_a_step_counts_what_several_threads_do() -> None:
    reports: list[Progress] = []
    with Context(listener=reports.append).step("days") as step, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: step(), range(200)))
    assert reports[-1].done == 200
    assert [p.done for p in reports] == [*range(201), 200]


def test_a_cancelled_request_begins_no_step_and_goes_on_with_none() -> None:
    context = Context()
    with context.step("days") as step:
        step()
        context.cancelled.set()
        with pytest.raises(CancelledError, match="nothing of it was kept"):
            step()
    with pytest.raises(CancelledError), context.step("more"):
        raise AssertionError("it has begun")


def test_a_step_that_has_ended_stops_the_threads_that_go_on() -> None:
    with Context().step("days") as step:
        pass
    with pytest.raises(CancelledError, match="days: ended before all of its work was done"):
        step()


def test_a_step_ends_when_its_work_fails() -> None:
    reports: list[Progress] = []
    with pytest.raises(ValueError, match="no"), Context(listener=reports.append).step("days"):
        raise ValueError("no")
    assert reports[-1].finished


def test_requests_share_the_cache_and_are_cancelled_each_for_itself() -> None:
    context = Context(threads=3)
    one, other = context.as_request(), context.as_request()
    assert one.cache is other.cache is context.cache
    assert one.request
    assert one.request != other.request
    one.cancelled.set()
    other.check()
    context.check()
    with pytest.raises(CancelledError):
        one.check()
    assert one.on(1).threads == 1
    assert one.on(1).request == one.request


def test_the_log_names_the_request_and_the_content(caplog: pytest.LogCaptureFixture) -> None:
    request = Context().as_request()
    with caplog.at_level(logging.INFO, "openfactor"):
        request.log.info("begun")
        request.log_of("a1b2").info("built", extra={"rows": 3})
    assert [(r.getMessage(), r.request, r.content) for r in caplog.records] == [  # type: ignore[attr-defined]
        ("begun", request.request, ""),
        ("built", request.request, "a1b2"),
    ]
    assert caplog.records[1].rows == 3  # type: ignore[attr-defined]


def test_in_another_process_it_is_a_new_one() -> None:
    context = Context(threads=3).as_request()
    context.cancelled.set()
    context.cache.put("model", "a", 1)
    again = pickle.loads(pickle.dumps(context))
    again.check()
    assert again.threads == 3
    assert again.request == ""
    assert again.cache.peek("model", "a") is None
