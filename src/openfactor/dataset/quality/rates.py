"""Exchange rates that jump, stand upside down, or stand still."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check
from openfactor.results.quality import Example

SEVERAL_PER_USD = frozenset(
    ["CLP", "CNY", "COP", "CZK", "DKK", "HKD", "HUF", "IDR", "INR", "ISK", "JPY", "KRW",
     "MXN", "NOK", "PHP", "PKR", "RUB", "SEK", "THB", "TWD", "UAH", "VND", "ZAR"]
)  # fmt: skip
"""Currencies of which a dollar has bought at least 2.5 since 1990."""


def _rates(evidence: Evidence) -> Iterator[tuple[str, pl.DataFrame]]:
    table = evidence.uploads["exchange_rates"].select("ccy", "date", "fx_rate").sort("ccy", "date").collect()
    for (ccy,), rows in table.group_by("ccy", maintain_order=True):
        yield str(ccy), rows


@check(
    "rate_jump",
    looks_at="Change of each currency's rate from one date to the next.",
    reports="A warning above `rate_jump`; severe when the new rate is near the inverse of the old one, "
    "when it changes by more than `unit_jump`, and when a jump is taken back within five dates.",
    thresholds=("rate_jump", "unit_jump"),
    remedy="check the rates of these days: exchange_rates are units of the currency that one USD buys",
    needs="exchange_rates",
)
def rate_jump(evidence: Evidence) -> Iterator[Draft]:
    settings = evidence.settings
    for ccy, rows in _rates(evidence):
        level = np.log(rows["fx_rate"].cast(pl.Float64).to_numpy())
        move = np.diff(level)
        jumps = np.flatnonzero(np.abs(move) > np.log1p(settings.rate_jump))
        if not len(jumps):
            continue
        inverted = (np.abs(level[jumps + 1] + level[jumps]) < np.log(1.1)) & (
            np.abs(move[jumps]) > np.log(1.3)
        )
        unit = np.abs(move[jumps]) > np.log(settings.unit_jump)
        back = np.array(
            [
                np.any(np.abs(level[j + 2 : j + 7] - level[j]) < np.log1p(settings.rate_jump) / 2)
                for j in jumps
            ]
        )
        severe = bool((inverted | unit | back).any())
        why = ", to about its inverse" if inverted.any() else ", and back" if back.any() else ""
        dates = rows["date"].to_list()
        yield {
            "upload": "exchange_rates",
            "where": ccy,
            "severity": "severe" if severe else "warning",
            "message": f"{ccy}: {len(jumps)} rate{'s' * (len(jumps) > 1)} change by more than "
            f"{settings.rate_jump:.0%}{why}",
            "count": len(jumps),
            "share": len(jumps) / len(move),
            "first_date": dates[jumps[0] + 1],
            "last_date": dates[jumps[-1] + 1],
            "examples": tuple(
                Example(date=dates[j + 1], value=f"{np.exp(level[j]):.6g} to {np.exp(level[j + 1]):.6g}")
                for j in jumps[:3].tolist()
            ),
            "newest": bool(dates[jumps[-1] + 1] >= evidence.last_price),
        }


@check(
    "rate_level",
    looks_at="Rates of currencies of which a dollar buys several, such as JPY, INR, SEK; the rate of USD.",
    reports="Severe when a dollar buys less than 0.35 of them (the rate is upside down), and when the "
    "rate of USD is not 1.",
    remedy="exchange_rates are units of the currency that one USD buys: invert them",
    needs="exchange_rates",
)
def rate_level(evidence: Evidence) -> Iterator[Draft]:
    for ccy, rows in _rates(evidence):
        rate = pl.col("fx_rate")
        wrong = rows.filter((rate - 1).abs() > 1e-6 if ccy == "USD" else rate < 0.35)
        if len(wrong) and (ccy == "USD" or ccy in SEVERAL_PER_USD):
            shown = wrong.head(3).select("date", "fx_rate").rows()
            yield {
                "upload": "exchange_rates",
                "where": ccy,
                "severity": "severe",
                "message": "the rate of USD against itself is not 1"
                if ccy == "USD"
                else f"one USD buys less than 0.35 {ccy}, which looks like the inverse rate",
                "count": len(wrong),
                "share": len(wrong) / len(rows),
                "first_date": wrong["date"][0],
                "last_date": wrong["date"][-1],
                "examples": tuple(Example(date=date, value=f"{value:.6g}") for date, value in shown),
            }


@check(
    "rate_unchanged",
    looks_at="Rates of the currencies in use that are the same on many dates in a row.",
    reports="Information when `unchanged_days` in a row are the same: a peg, or a source that repeats its "
    "last value.",
    thresholds=("unchanged_days",),
    remedy="nothing, if the currency is pegged",
    needs="exchange_rates",
)
def rate_unchanged(evidence: Evidence) -> Iterator[Draft]:
    for ccy, rows in _rates(evidence):
        values, dates = rows["fx_rate"].to_numpy(), rows["date"].to_list()
        ends = np.flatnonzero(np.append(np.diff(values) != 0, True))
        starts = np.append(0, ends[:-1] + 1)
        longest = int(np.argmax(ends - starts))
        length = int(ends[longest] - starts[longest] + 1)
        if ccy in evidence.foreign and length > evidence.settings.unchanged_days:
            yield {
                "upload": "exchange_rates",
                "where": ccy,
                "severity": "info",
                "message": f"{ccy} has the same rate on {length:,} dates in a row",
                "count": length,
                "share": length / len(values),
                "first_date": dates[starts[longest]],
                "last_date": dates[ends[longest]],
            }
