"""Returns that are missing, in another unit, or cannot be right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence, Float
from openfactor.dataset.quality.registry import Draft, check, of_rows
from openfactor.settings.findings import Example


@check(
    "returns_missing",
    looks_at="Prices, but for each listing's first, without a return; names that never have one.",
    reports="Severe when all, or more than half, lack it; a warning above `returns_missing`, and when a name "
    "with `median_days` prices never has one.",
    thresholds=("returns_missing", "median_days"),
    remedy="upload returns, or let the dataset derive them from closes with empty_returns",
    needs="price",
)
def returns_missing(evidence: Evidence) -> Iterator[Draft]:
    panel, n_listings = evidence.dataset.panel, len(evidence.names)
    n, lacking = 0, []
    prices, empty = np.zeros(n_listings, np.int64), np.zeros(n_listings, np.int64)
    for rows, _ in evidence.moves():
        n += len(rows)
        none = rows[np.isnan(panel.local_return[rows])]
        lacking.append(none)
        prices += np.bincount(panel.listing[rows], minlength=n_listings)
        empty += np.bincount(panel.listing[none], minlength=n_listings)
    rows = np.concatenate([np.zeros(0, np.int64), *lacking])
    share = len(rows) / n if n else 0.0
    if share > evidence.settings.returns_missing:
        which = "all prices" if share == 1 else f"{share:.1%} of prices"
        yield of_rows(
            evidence, rows, upload="price", out_of=n, severity="severe" if share > 0.5 else "warning",
            message=f"{which} have no return",
        )  # fmt: skip
    never = np.flatnonzero((empty == prices) & (prices >= evidence.settings.median_days))
    if len(never) and share < 1:
        yield {
            "upload": "price",
            "severity": "warning",
            "message": f"{len(never):,} name{'s' * (len(never) > 1)} with prices never have a return",
            "count": len(never),
            "share": len(never) / int((prices > 0).sum()),
            "examples": tuple(Example(asset=evidence.names[i]) for i in never[:3].tolist()),
        }


@check(
    "first_return",
    looks_at="Returns of prices that begin a life: the first of a name, and the first after its life had "
    "ended.",
    reports="A warning: such a return is not used, for its price is the base of the next one. Refused when "
    "half of the names begin with a return.",
    remedy="leave it empty, or upload the price from which it runs",
    needs="price",
)
def first_return(evidence: Evidence) -> Iterator[Draft]:
    unused = evidence.tally.unused_returns.sort("date", "listing")
    if not len(unused):
        return
    first, last = unused["date"][0], unused["date"][-1]
    yield {
        "upload": "price",
        "severity": "warning",
        "message": f"{len(unused):,} return{'s' * (len(unused) > 1)} of a first price "
        f"{'are' if len(unused) > 1 else 'is'} not used",
        "count": len(unused),
        "share": len(unused) / max(evidence.tally.read.get("price", 0), len(unused)),
        "first_date": first,
        "last_date": last,
        "examples": tuple(
            Example(asset=evidence.names[row["listing"]], date=row["date"], value=f"{row['return']:+.4g}")
            for row in unused.tail(3).reverse().to_dicts()
        ),
        "newest": last >= evidence.last_price,
    }


def typical_returns(evidence: Evidence) -> Float:
    """(D,) median absolute return of each day; NaN with fewer than `fewest_names` returns."""
    panel, settings = evidence.dataset.panel, evidence.settings
    out = np.full(len(evidence.days), np.nan)
    for d in range(len(out)):
        values = np.abs(panel.local_return[panel.rows_of(d)])
        values = values[np.isfinite(values)]
        if len(values) >= settings.fewest_names:
            out[d] = np.median(values)
    return out


@check(
    "returns_unit",
    looks_at="Median absolute return of each day, and share of each name's absolute returns that exceed "
    "`typical_return`.",
    reports="Severe for days, and for names, whose typical return exceeds `typical_return`: per cent instead "
    "of fractions. A warning when all days are below 0.00002.",
    thresholds=("typical_return", "fewest_names", "median_days"),
    remedy="give returns as fractions: 0.01 for 1 %",
    needs="price",
)
def returns_unit(evidence: Evidence) -> Iterator[Draft]:
    typical, limit = typical_returns(evidence), evidence.settings.typical_return
    known = np.flatnonzero(np.isfinite(typical))
    large = known[typical[known] > limit]
    if len(large):
        yield {
            "upload": "price",
            "severity": "severe",
            "message": f"returns look like per cent on {len(large):,} of {len(known):,} days: their median "
            f"absolute return is {np.median(typical[large]):.2g}",
            "count": len(large),
            "share": len(large) / len(known),
            "first_date": evidence.dataset.days[large[0]],
            "last_date": evidence.dataset.days[large[-1]],
            "newest": bool(large[-1] >= evidence.newest),
        }
        if len(large) > len(known) / 2:
            return
    if len(known) and np.nanmax(typical) < 2e-5 and np.nanmax(typical) > 0:
        yield {
            "upload": "price",
            "severity": "warning",
            "message": f"the median absolute return is {np.nanmax(typical):.1g} at most, on any day",
            "count": len(known),
        }
    yield from _names(evidence, limit)


def _names(evidence: Evidence, limit: float) -> Iterator[Draft]:
    panel, n = evidence.dataset.panel, len(evidence.names)
    has = np.isfinite(panel.local_return)
    counted = np.bincount(panel.listing[has], minlength=n)
    big = np.flatnonzero(np.abs(panel.local_return) > limit)
    names = np.flatnonzero(
        (np.bincount(panel.listing[big], minlength=n) > counted / 3)
        & (counted >= evidence.settings.median_days)
    )
    if len(names):
        rows = big[np.isin(panel.listing[big], names)]
        yield of_rows(
            evidence, rows, upload="price", out_of=int(has.sum()), severity="severe",
            message=f"returns of {len(names):,} name{'s' * (len(names) > 1)} look like per cent: a third of "
            f"them exceed {limit:g}",
            values=[f"{r:+.4g}" for r in panel.local_return[rows[:3]]],
        )  # fmt: skip


@check(
    "extreme_return",
    looks_at="Returns.",
    reports="A warning when a price gains more than `extreme_return`, or loses as much as takes such a "
    "gain to win back (half of it for 100 %); severe when it gains more than `impossible_return`.",
    thresholds=("extreme_return", "impossible_return"),
    remedy="check them against another source; correct them, or leave the return empty",
    needs="price",
)
def extreme_return(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    gross = 1 + panel.local_return
    with np.errstate(divide="ignore"):
        size = np.abs(np.log(gross))
    rows = np.flatnonzero(size > np.log1p(settings.extreme_return))
    if len(rows):
        worst = rows[np.argsort(-size[rows], kind="stable")]
        largest = panel.local_return[worst[0]]
        draft = of_rows(
            evidence, rows, upload="price", out_of=int(np.isfinite(size).sum()),
            severity="severe" if gross[rows].max() > 1 + settings.impossible_return else "warning",
            message=f"{len(rows):,} return{'s' * (len(rows) > 1)} beyond {settings.extreme_return:+.0%} "
            f"or the loss that undoes it, the largest {largest:+,.0%}",
        )  # fmt: skip
        shown = [f"{r:+,.0%}" for r in panel.local_return[worst[:3]]]
        yield draft | {"examples": evidence.examples(worst, shown)}


@check(
    "reversed_return",
    looks_at="Two returns of a listing, one after the other.",
    reports="Severe when the first moves the price by more than a factor of `reversal` and the second "
    "takes it back to within a fifth of where it was: one bad price in between.",
    thresholds=("reversal",),
    remedy="correct the price in between and both returns",
    needs="price",
)
def reversed_return(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    found = []
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            first = np.log1p(panel.local_return[before])
            both = first + np.log1p(panel.local_return[rows])
            bad = (np.abs(first) > np.log(evidence.settings.reversal)) & (np.abs(both) < np.log(1.2))
        found.append(before[bad])
    rows = np.sort(np.concatenate([np.zeros(0, np.int64), *found]))
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{len(rows):,} return{'s' * (len(rows) > 1)} taken back by the next one",
            values=[f"{r:+,.0%}" for r in panel.local_return[rows[:3]]],
            out_of=int(np.isfinite(panel.local_return).sum()),
        )  # fmt: skip
