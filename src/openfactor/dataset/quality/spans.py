"""Sources that end, begin or pause while prices go on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check
from openfactor.dataset.quality.sources import Source
from openfactor.results.quality import Example, Freshness

ROUNDED, TELLING = 6, 20
"""Dates that a source needs before its usual interval means something, and one of changes."""


def freshness(evidence: Evidence) -> list[Freshness]:
    """Until when each source goes."""
    last = np.datetime64(evidence.last_price)
    return [
        Freshness(
            upload=source.upload, where=source.where, first_date=_day(source.dates[0]),
            last_date=_day(source.dates[-1]), age=int((last - source.dates[-1]).astype(int)),
            interval=source.usual,
        )
        for source in evidence.sources if len(source.dates)
    ]  # fmt: skip


@check(
    "source_ends",
    looks_at="Last date of exchange rates by currency, market caps, exposures by group and factor, series, "
    "against the last price; and the last price against the last date of caps and exposures.",
    reports="Reported when a source ends more than `ends_days` calendar days, and 1.5 of its usual "
    "intervals, before prices; severe from `ends_severe_days` and two intervals on. A source with one date "
    "may stand for `static_days`. One of changes only is reported after three times the longest interval "
    "between two dates, where it has twenty.",
    thresholds=("ends_days", "ends_severe_days", "static_days"),
    remedy="upload the missing days; until then the last values are carried on",
)
def source_ends(evidence: Evidence) -> Iterator[Draft]:
    settings, last = evidence.settings, np.datetime64(evidence.last_price)
    for source in evidence.sources:
        if not len(source.dates) or (source.changes and len(source.dates) < TELLING):
            continue
        lag = int((last - source.dates[-1]).astype(int))
        usual = 2 * source.longest if source.changes else source.usual
        static = settings.static_days if len(source.dates) == 1 else 0
        if lag <= max(settings.ends_days, 1.5 * usual, static):
            continue
        severe = lag >= max(settings.ends_severe_days, 2 * usual, static)
        end = _day(source.dates[-1])
        after = evidence.days[: evidence.newest + 1] > source.dates[-1]
        yield {
            "upload": source.upload,
            "where": source.where,
            "severity": "severe" if severe else "warning",
            "message": f"{source.label} ends on {end}, {lag:,} days before prices, which go on to "
            f"{evidence.last_price}",
            "count": int(after.sum()),
            "share": float(np.mean(after)),
            "cap_share": _cap_share(evidence, source),
            "first_date": end,
            "last_date": evidence.last_price,
            "newest": True,
        }
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
    lag, chosen = (end - evidence.last_price).days, evidence.settings
    priced = evidence.days[evidence.n_priced > 0]
    usual = Source("price", None, priced).usual
    if lag > max(chosen.ends_days, 1.5 * usual):
        yield {
            "upload": "price",
            "severity": "severe" if lag >= max(chosen.ends_severe_days, 2 * usual) else "warning",
            "message": f"prices end on {evidence.last_price}, {lag:,} days before {upload}, which goes on to "
            f"{end}",
            "remedy": "upload the missing prices; models end with the last of them",
            "count": lag,
            "cap_share": 1.0,
            "first_date": evidence.last_price,
            "last_date": end,
            "newest": True,
        }


def _cap_share(evidence: Evidence, source: Source) -> float | None:
    """Share of the newest day's cap that stands on a source; None where no names do."""
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
    looks_at="Last closed day of each exchange, weekends included, against the last price.",
    reports="Severe when an exchange closes for good in the upload more than `ends_days` calendar days, and "
    "twice the longest interval between its closed days, before the last price; later days then all "
    "count as trading days.",
    thresholds=("ends_days",),
    remedy="upload exchange_dates up to the last price, and beyond for holidays known in advance",
    needs="exchange_dates",
)
def closures_end(evidence: Evidence) -> Iterator[Draft]:
    closures, last = evidence.dataset.closures, evidence.last_price
    for (exchange,), rows in closures.group_by("exchange", maintain_order=True):
        dates = np.unique(rows["date"].to_numpy().astype("datetime64[D]"))
        gaps = np.diff(dates).astype(int)
        lag = int((np.datetime64(last) - dates[-1]).astype(int))
        if len(dates) >= ROUNDED and lag > max(evidence.settings.ends_days, 2 * int(gaps.max())):
            end = _day(dates[-1])
            yield {
                "upload": "exchange_dates",
                "where": exchange,
                "severity": "severe",
                "message": f"closed days of {exchange} end on {end}, {lag:,} days before prices, which go on "
                f"to {last}",
                "count": int((evidence.days > dates[-1]).sum()),
                "share": float(np.mean(evidence.days > dates[-1])),
                "cap_share": 1.0,
                "first_date": end,
                "last_date": last,
                "newest": True,
            }


@check(
    "source_begins_late",
    looks_at="First date of the same sources, against the first price.",
    reports="Information when a source begins more than `ends_severe_days` calendar days and two of its "
    "usual intervals after prices, as a style does that looks back; a warning from `static_days` on.",
    thresholds=("ends_severe_days", "static_days"),
    remedy="upload its history, or start models on its first date",
)
def source_begins_late(evidence: Evidence) -> Iterator[Draft]:
    first = np.datetime64(evidence.first_price)
    for source in evidence.sources:
        late = int((source.dates[0] - first).astype(int)) if len(source.dates) else 0
        if late > max(evidence.settings.ends_severe_days, 2 * source.usual):
            begin = _day(source.dates[0])
            yield {
                "upload": source.upload,
                "where": source.where,
                "severity": "warning" if late >= evidence.settings.static_days else "info",
                "message": f"{source.label} begins on {begin}, {late:,} days after prices, which begin on "
                f"{evidence.first_price}",
                "count": int((evidence.days < source.dates[0]).sum()),
                "share": float(np.mean(evidence.days < source.dates[0])),
                "cap_share": _cap_share(evidence, source),
                "first_date": evidence.first_price,
                "last_date": begin,
            }


@check(
    "source_gap",
    looks_at="Intervals between two dates of the same sources, and between two days with prices.",
    reports="A warning when an interval is longer than `gap_days` calendar days and three times the usual "
    "one. Groups of changes only may pause.",
    thresholds=("gap_days",),
    remedy="upload the missing days; meanwhile values are carried across them",
)
def source_gap(evidence: Evidence) -> Iterator[Draft]:
    priced = (
        [Source("price", None, evidence.days[evidence.n_priced > 0])] if "price" in evidence.uploads else []
    )
    for source in [*priced, *evidence.sources]:
        if source.changes or len(source.dates) < ROUNDED:
            continue
        usual = int(np.median(source.gaps))
        wide = np.flatnonzero(source.gaps > max(evidence.settings.gap_days, 3 * usual))
        if len(wide):
            longest = wide[np.argmax(source.gaps[wide])]
            places = tuple(
                Example(date=_day(source.dates[i]), value=f"then {source.gaps[i]} days nothing")
                for i in wide[:3].tolist()
            )
            yield {
                "upload": source.upload,
                "where": source.where,
                "severity": "warning",
                "message": f"{source.label} has {len(wide)} gap{'s' * (len(wide) > 1)}, the longest from "
                f"{_day(source.dates[longest])} to {_day(source.dates[longest + 1])} "
                f"({source.gaps[longest]} days)",
                "count": len(wide),
                "share": len(wide) / len(source.gaps),
                "cap_share": 1.0 if source.upload == "price" else _cap_share(evidence, source),
                "first_date": _day(source.dates[wide[0]]),
                "last_date": _day(source.dates[wide[-1] + 1]),
                "examples": places,
            }


def _day(value: np.datetime64) -> dt.date:
    day: dt.date = value.astype(object)
    return day
