"""Exchange rates that jump, are inverted, or do not change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, counted, of_dates, severe_if
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
    reports="A warning above `rate_jump`; severe when the new rate is close to the inverse of the old one, "
    "when it changes by more than `unit_jump`, and when a jump is reversed within five dates.",
    thresholds=("rate_jump", "unit_jump"),
    remedy="check the rates of these days: exchange_rates are units of the currency per USD",
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
        is_inverse = (np.abs(level[jumps + 1] + level[jumps]) < np.log(1.1)) & (
            np.abs(move[jumps]) > np.log(1.3)
        )
        is_unit = np.abs(move[jumps]) > np.log(settings.unit_jump)
        near = np.log1p(settings.rate_jump) / 2
        is_reversed = np.array([np.any(np.abs(level[j + 2 : j + 7] - level[j]) < near) for j in jumps])
        how = ", to about the inverse" if is_inverse.any() else ""
        how = how or (", soon reversed" if is_reversed.any() else "")
        dates = rows["date"].gather(jumps + 1).to_list()
        yield of_dates(
            dates, upload="exchange_rates", where=ccy,
            severity=severe_if((is_inverse | is_unit | is_reversed).any()),
            message=f"{ccy}: {counted(len(jumps), 'change')} of the rate by more than "
            f"{settings.rate_jump:.0%}{how}",
            share=len(jumps) / len(move), newest=dates[-1] >= evidence.last_price,
            examples=tuple(
                Example(date=date, value=f"{np.exp(level[j]):.6g} to {np.exp(level[j + 1]):.6g}")
                for date, j in zip(dates[:3], jumps[:3].tolist(), strict=True)
            ),
        )  # fmt: skip


@check(
    "rate_level",
    looks_at="Rates of currencies of which a dollar buys several, such as JPY, INR, SEK; the rate of USD.",
    reports="Severe when a dollar buys less than 0.35 of them (the rate is inverted), and when the rate of "
    "USD is not 1.",
    remedy="exchange_rates are units of the currency per USD: invert them",
    needs="exchange_rates",
)
def rate_level(evidence: Evidence) -> Iterator[Draft]:
    for ccy, rows in _rates(evidence):
        rate = pl.col("fx_rate")
        wrong = rows.filter((rate - 1).abs() > 1e-6 if ccy == "USD" else rate < 0.35)
        if len(wrong) and (ccy == "USD" or ccy in SEVERAL_PER_USD):
            first = wrong.head(3).select("date", "fx_rate").rows()
            yield of_dates(
                wrong["date"].to_list(), upload="exchange_rates", where=ccy, severity="severe",
                message="the rate of USD against itself is not 1"
                if ccy == "USD"
                else f"one USD buys less than 0.35 {ccy}, which looks like the inverse rate",
                share=len(wrong) / len(rows),
                examples=tuple(Example(date=date, value=f"{value:.6g}") for date, value in first),
            )  # fmt: skip


@check(
    "rate_unchanged",
    looks_at="Consecutive equal rates of the currencies in use.",
    reports="Information when more than `unchanged_days` in a row are equal: a peg, or a source that repeats "
    "its last value.",
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
        equal = dates[starts[longest] : ends[longest] + 1]
        if ccy in evidence.foreign and len(equal) > evidence.settings.unchanged_days:
            yield of_dates(
                equal, upload="exchange_rates", where=ccy, severity="info",
                message=f"{ccy} has the same rate on {len(equal):,} consecutive dates",
                share=len(equal) / len(values),
            )  # fmt: skip
