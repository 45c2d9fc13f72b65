"""Returns that are missing or look wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.percent import in_per_cent, without
from openfactor.dataset.quality.registry import Draft, check, counted, of_dates, of_rows, severe_if
from openfactor.results.quality import Example


@check(
    "returns_missing",
    looks_at="Prices without a return, other than each listing's first; listings that never have a return.",
    reports="Severe when more than half of the prices lack one; a warning above `returns_missing`, and "
    "when a listing with `median_days` prices never has one.",
    thresholds=("returns_missing", "median_days"),
    remedy="upload returns, or let the dataset derive them from closes with empty_returns",
    needs="price",
)
def returns_missing(evidence: Evidence) -> Iterator[Draft]:
    panel, n_listings = evidence.dataset.panel, len(evidence.listing_ids)
    has_before = evidence.previous >= 0
    rows, n = np.flatnonzero(has_before & np.isnan(panel.local_return)), int(has_before.sum())
    share = len(rows) / n if n else 0.0
    if share > evidence.settings.returns_missing:
        which = "all prices" if share == 1 else f"{share:.1%} of prices"
        yield of_rows(
            evidence, rows, upload="price", out_of=n, severity=severe_if(share > 0.5),
            message=f"{which} have no return",
        )  # fmt: skip
    if share == 1 or not len(rows):
        return
    prices = np.bincount(panel.listing[has_before], minlength=n_listings)
    empty = np.bincount(panel.listing[rows], minlength=n_listings)
    never = (empty == prices) & (prices >= evidence.settings.median_days)
    rows = rows[never[panel.listing[rows]]]
    if len(rows):
        listings = np.flatnonzero(never)
        yield of_rows(
            evidence, rows, upload="price", severity="warning",
            message=f"{counted(len(listings), 'listing')} with prices that never have a return",
            count=len(listings), share=len(listings) / int((prices > 0).sum()),
            examples=tuple(Example(asset=evidence.listing_ids[i]) for i in listings[:3].tolist()),
        )  # fmt: skip


@check(
    "first_return",
    looks_at="Returns of the first price of a listing, and of the first price after its life had ended.",
    reports="A warning: such a return is not used, because its price is the base of the next one. An error "
    "when half of the listings begin with a return.",
    remedy="leave it empty, or upload the price it starts from",
    needs="price",
)
def first_return(evidence: Evidence) -> Iterator[Draft]:
    unused = evidence.row_counts.unused_returns.sort("date", "listing")
    if not len(unused):
        return
    verb = "is" if len(unused) == 1 else "are"
    yield of_dates(
        unused["date"].to_list(), upload="price", severity="warning",
        message=f"{counted(len(unused), 'return')} of a first price {verb} not used",
        share=len(unused) / max(evidence.row_counts.read.get("price", 0), len(unused)),
        examples=tuple(
            Example(asset=evidence.listing_ids[listing], date=date, value=f"{value:+.4g}")
            for date, listing, value in unused.tail(3).reverse().iter_rows()
        ),
        newest=unused["date"][-1] >= evidence.last_price,
    )  # fmt: skip


@check(
    "extreme_return",
    looks_at="Returns.",
    reports="A warning when a price gains more than `extreme_return`, or loses what such a gain would "
    "recover (half of it for 100 %); severe when it gains more than `impossible_return`.",
    thresholds=("extreme_return", "impossible_return"),
    remedy="check them against another source; correct them, or leave the return empty",
    needs="price",
)
def extreme_return(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    rows = without(evidence.large, in_per_cent(evidence))
    with np.errstate(divide="ignore"):
        size = np.abs(np.log1p(panel.local_return[rows]))
    is_extreme = size > np.log1p(settings.extreme_return)
    rows, size = rows[is_extreme], size[is_extreme]
    if len(rows):
        returns = panel.local_return[rows]
        worst = np.argsort(-size, kind="stable")
        draft = of_rows(
            evidence, rows, upload="price", out_of=int(evidence.n_returns.sum()),
            severity=severe_if(returns.max() > settings.impossible_return),
            message=f"{counted(len(rows), 'return')} beyond {settings.extreme_return:+.0%} or the loss that "
            f"it would recover, the largest {returns[worst[0]]:+,.0%}",
        )  # fmt: skip
        values = [f"{r:+,.0%}" for r in returns[worst[:3]]]
        yield draft | {"examples": evidence.examples(rows[worst], values)}


@check(
    "reversed_return",
    looks_at="Two consecutive returns of a listing.",
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
        is_reversed = (np.abs(first) > np.log(evidence.settings.reversal)) & (np.abs(both) < np.log(1.2))
    rows = before[is_reversed]
    if len(rows):
        yield of_rows(
            evidence, rows, upload="price", severity="severe",
            message=f"{counted(len(rows), 'return')} reversed by the next one",
            values=[f"{r:+,.0%}" for r in panel.local_return[rows[:3]]],
            out_of=int(evidence.n_returns.sum()),
        )  # fmt: skip
