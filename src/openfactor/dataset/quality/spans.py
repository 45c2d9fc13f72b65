"""Sources that end, begin or pause while prices go on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence, Mask
from openfactor.dataset.quality.registry import Draft, check, counted, severe_if
from openfactor.dataset.quality.sources import Source
from openfactor.results.quality import Example, Freshness

FEWEST_DATES, FEWEST_CHANGES = 6, 20
"""Dates that a source needs for its usual interval to mean something, and one that holds changes only."""


def freshness(evidence: Evidence) -> list[Freshness]:
    """First and last date of each source."""
    last = np.datetime64(evidence.last_price)
    return [
        Freshness(
            upload=source.upload, where=source.where, first_date=_day(source.dates[0]),
            last_date=_day(source.dates[-1]), age=int((last - source.dates[-1]).astype(int)),
            interval=source.usual,
        )
        for source in evidence.sources if len(source.dates)
    ]  # fmt: skip


def _of_span(days: Mask, first: dt.date, last: dt.date, **fields: Any) -> Draft:
    """A finding about the stored days between two dates; days : (D,)."""
    return {
        "count": int(days.sum()),
        "share": float(np.mean(days)),
        "first_date": first,
        "last_date": last,
        **fields,
    }


@check(
    "source_ends",
    looks_at="Last date of exchange rates by currency, market caps, exposures by group or factor, and "
    "series, compared with the last price; and the last price, compared with the last caps and exposures.",
    reports="Reported when a source ends more than `ends_days` calendar days, and 1.5 times its usual "
    "interval, before prices; severe from `ends_severe_days` and twice its usual interval. A source with a "
    "single date may be `static_days` old. A source of changes with at least twenty dates is reported "
    "after three times its longest interval.",
    thresholds=("ends_days", "ends_severe_days", "static_days"),
    remedy="upload the missing days; until then the last values are carried forward",
)
def source_ends(evidence: Evidence) -> Iterator[Draft]:
    settings, last = evidence.settings, np.datetime64(evidence.last_price)
    for source in evidence.sources:
        if not len(source.dates) or (source.changes and len(source.dates) < FEWEST_CHANGES):
            continue
        lag = int((last - source.dates[-1]).astype(int))
        usual = 2 * source.longest if source.changes else source.usual
        static = settings.static_days if len(source.dates) == 1 else 0
        if lag <= max(settings.ends_days, 1.5 * usual, static):
            continue
        end = _day(source.dates[-1])
        yield _of_span(
            evidence.days[: evidence.newest + 1] > source.dates[-1], end, evidence.last_price,
            upload=source.upload, where=source.where, cap_share=_cap_share(evidence, source), newest=True,
            severity=severe_if(lag >= max(settings.ends_severe_days, 2 * usual, static)),
            message=f"{source.label}: last date {end}, {counted(lag, 'day')} before the last price "
            f"({evidence.last_price})",
        )  # fmt: skip
    if "price" in evidence.uploads:
        yield from _prices_end(evidence)


def _prices_end(evidence: Evidence) -> Iterator[Draft]:
    """Caps and exposures that go on after the last price."""
    ends = {}
    if "market_cap" in evidence.uploads:
        ends["market_cap"] = evidence.uploads["market_cap"].select(pl.col("date").max()).collect().item()
    for upload, inventory in evidence.inventories.items():
        ends[upload] = inventory["date"].max()
    known = {upload: day for upload, day in ends.items() if day is not None}
    if not known:
        return
    upload, end = max(known.items(), key=lambda item: item[1])
    lag, settings = (end - evidence.last_price).days, evidence.settings
    usual = Source("price", None, evidence.days[evidence.n_priced > 0]).usual
    if lag > max(settings.ends_days, 1.5 * usual):
        yield {
            "upload": "price",
            "severity": severe_if(lag >= max(settings.ends_severe_days, 2 * usual)),
            "message": f"prices end on {evidence.last_price}, {counted(lag, 'day')} before {upload}, which "
            f"goes on to {end}",
            "remedy": "upload the missing prices; models end with the last price",
            "count": lag,
            "cap_share": 1.0,
            "first_date": evidence.last_price,
            "last_date": end,
            "newest": True,
        }


def _cap_share(evidence: Evidence, source: Source) -> float | None:
    """Share of the newest day's cap that depends on a source; None for sources that listings do not depend
    on.
    """
    newest, where = np.array([evidence.newest]), source.where
    panel = evidence.dataset.panel
    if source.upload == "exchange_rates" and where is not None:
        code = evidence.dataset.currencies.index(where)
        return evidence.cap_share_of(newest, np.asarray(panel.currency == code))
    if source.upload == "market_cap":
        return evidence.cap_share_of(newest)
    if source.upload in evidence.inventories and where is not None:
        group, _, factor = where.partition(".")
        return evidence.cap_share_of(newest, evidence.has(group, factor or None))
    return None


@check(
    "closures_end",
    looks_at="Last closed day of each exchange, weekends included, compared with the last price.",
    reports="Severe when the closures of an exchange end more than `ends_days` calendar days, and twice the "
    "longest interval between its closed days, before the last price: all later days then count as trading "
    "days.",
    thresholds=("ends_days",),
    remedy="upload exchange_dates up to the last price, and beyond for holidays that are known in advance",
    needs="exchange_dates",
)
def closures_end(evidence: Evidence) -> Iterator[Draft]:
    closures, last = evidence.dataset.closures, evidence.last_price
    for (exchange,), rows in closures.group_by("exchange", maintain_order=True):
        dates = np.unique(rows["date"].to_numpy().astype("datetime64[D]"))
        gaps = np.diff(dates).astype(int)
        lag = int((np.datetime64(last) - dates[-1]).astype(int))
        if len(dates) >= FEWEST_DATES and lag > max(evidence.settings.ends_days, 2 * int(gaps.max())):
            end = _day(dates[-1])
            yield _of_span(
                evidence.days > dates[-1], end, last, upload="exchange_dates", where=exchange,
                severity="severe", cap_share=1.0, newest=True,
                message=f"closed days of {exchange} end on {end}, {counted(lag, 'day')} before the last "
                f"price ({last})",
            )  # fmt: skip


@check(
    "source_begins_late",
    looks_at="First date of the same sources, compared with the first price.",
    reports="Information when a source begins more than `ends_severe_days` calendar days, and twice its "
    "usual interval, after prices, as a style with a lookback window does; a warning from `static_days`.",
    thresholds=("ends_severe_days", "static_days"),
    remedy="upload its history, or start models on its first date",
)
def source_begins_late(evidence: Evidence) -> Iterator[Draft]:
    settings, first = evidence.settings, np.datetime64(evidence.first_price)
    for source in evidence.sources:
        lag = int((source.dates[0] - first).astype(int)) if len(source.dates) else 0
        if lag > max(settings.ends_severe_days, 2 * source.usual):
            begin = _day(source.dates[0])
            yield _of_span(
                evidence.days < source.dates[0], evidence.first_price, begin,
                upload=source.upload, where=source.where, cap_share=_cap_share(evidence, source),
                severity="warning" if lag >= settings.static_days else "info",
                message=f"{source.label}: first date {begin}, {counted(lag, 'day')} after the first price "
                f"({evidence.first_price})",
            )  # fmt: skip


@check(
    "source_gap",
    looks_at="Intervals between consecutive dates of the same sources, and between days with prices.",
    reports="A warning when an interval is longer than `gap_days` calendar days and three times the usual "
    "one. Sources of changes are excluded.",
    thresholds=("gap_days",),
    remedy="upload the missing days; until then values are carried forward across them",
)
def source_gap(evidence: Evidence) -> Iterator[Draft]:
    priced = (
        [Source("price", None, evidence.days[evidence.n_priced > 0])] if "price" in evidence.uploads else []
    )
    for source in [*priced, *evidence.sources]:
        if source.changes or len(source.dates) < FEWEST_DATES:
            continue
        usual = int(np.median(source.gaps))
        wide = np.flatnonzero(source.gaps > max(evidence.settings.gap_days, 3 * usual))
        if len(wide):
            longest = wide[np.argmax(source.gaps[wide])]
            yield {
                "upload": source.upload,
                "where": source.where,
                "severity": "warning",
                "message": f"{source.label}: {counted(len(wide), 'gap')}, the longest from "
                f"{_day(source.dates[longest])} to {_day(source.dates[longest + 1])} "
                f"({source.gaps[longest]} days)",
                "count": len(wide),
                "share": len(wide) / len(source.gaps),
                "cap_share": 1.0 if source.upload == "price" else _cap_share(evidence, source),
                "first_date": _day(source.dates[wide[0]]),
                "last_date": _day(source.dates[wide[-1] + 1]),
                "examples": tuple(
                    Example(date=_day(source.dates[i]), value=f"nothing for {source.gaps[i]} days")
                    for i in wide[:3].tolist()
                ),
            }


def _day(value: np.datetime64) -> dt.date:
    day: dt.date = value.astype(object)
    return day
