"""Returns that are missing or cannot be right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.percent import in_per_cent, without
from openfactor.dataset.quality.registry import Draft, check, of_rows
from openfactor.results.quality import Example


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
    has_before = evidence.previous >= 0
    rows, n = np.flatnonzero(has_before & np.isnan(panel.local_return)), int(has_before.sum())
    share = len(rows) / n if n else 0.0
    if share > evidence.settings.returns_missing:
        which = "all prices" if share == 1 else f"{share:.1%} of prices"
        yield of_rows(
            evidence, rows, upload="price", out_of=n, severity="severe" if share > 0.5 else "warning",
            message=f"{which} have no return",
        )  # fmt: skip
    if share == 1 or not len(rows):
        return
    prices = np.bincount(panel.listing[has_before], minlength=n_listings)
    empty = np.bincount(panel.listing[rows], minlength=n_listings)
    never = (empty == prices) & (prices >= evidence.settings.median_days)
    rows = rows[never[panel.listing[rows]]]
    if len(rows):
        names = np.flatnonzero(never)
        yield of_rows(
            evidence, rows, upload="price", severity="warning",
            message=f"{len(names):,} name{'s' * (len(names) > 1)} with prices never have a return",
            count=len(names), share=len(names) / int((prices > 0).sum()),
            examples=tuple(Example(asset=evidence.names[i]) for i in names[:3].tolist()),
        )  # fmt: skip


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
    unused = evidence.row_counts.unused_returns.sort("date", "listing")
    if not len(unused):
        return
    first, last = unused["date"][0], unused["date"][-1]
    yield {
        "upload": "price",
        "severity": "warning",
        "message": f"{len(unused):,} return{'s' * (len(unused) > 1)} of a first price "
        f"{'are' if len(unused) > 1 else 'is'} not used",
        "count": len(unused),
        "share": len(unused) / max(evidence.row_counts.read.get("price", 0), len(unused)),
        "first_date": first,
        "last_date": last,
        "examples": tuple(
            Example(asset=evidence.names[row["listing"]], date=row["date"], value=f"{row['return']:+.4g}")
            for row in unused.tail(3).reverse().to_dicts()
        ),
        "newest": last >= evidence.last_price,
    }


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
    rows = without(evidence.large, in_per_cent(evidence))
    with np.errstate(divide="ignore"):
        size = np.abs(np.log1p(panel.local_return[rows]))
    rows, size = (
        rows[size > np.log1p(settings.extreme_return)],
        size[size > np.log1p(settings.extreme_return)],
    )
    if len(rows):
        worst = rows[np.argsort(-size, kind="stable")]
        largest = panel.local_return[worst[0]]
        draft = of_rows(
            evidence, rows, upload="price", out_of=int(evidence.n_returns.sum()),
            severity="severe" if panel.local_return[rows].max() > settings.impossible_return else "warning",
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
    before = without(evidence.large, in_per_cent(evidence))
    if not len(before):
        return
    after = evidence.following[before]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.log1p(panel.local_return[before])
        both = first + np.where(after >= 0, np.log1p(panel.local_return[after]), np.nan)
        bad = (np.abs(first) > np.log(evidence.settings.reversal)) & (np.abs(both) < np.log(1.2))
    rows = before[bad]
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{len(rows):,} return{'s' * (len(rows) > 1)} taken back by the next one",
            values=[f"{r:+,.0%}" for r in panel.local_return[rows[:3]]],
            out_of=int(evidence.n_returns.sum()),
        )  # fmt: skip
