"""Exposures whose scale, categories or ids change in ways that no market does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.quality.evidence import Evidence, Float, upload_of
from openfactor.dataset.quality.registry import Draft, check, counted, of_days, severe_if
from openfactor.numerics.half_precision import widen
from openfactor.numerics.panel_scan import moments
from openfactor.results.quality import Example

Days = np.ndarray
SAMPLED = 128
"""Listings whose exposures are compared with those of the day before: enough to see a correlation fall."""
Cells = tuple[np.ndarray, np.ndarray]


def spread_by_day(evidence: Evidence, values: Exposure) -> tuple[Days, Float, Float]:
    """(D,) number, mean and standard deviation of the exposures of each day; NaN without any."""
    offsets, n = evidence.dataset.panel.offsets.astype(np.int64), len(evidence.days)
    count, mean, std = np.zeros(n, np.int64), np.full(n, np.nan), np.full(n, np.nan)
    for block in evidence.blocks():
        rows = offsets[block.start : block.stop + 1]
        some = values[rows[0] : rows[-1]]
        if some.dtype == np.float16:
            wide = np.empty(len(some))
            widen(some.view(np.uint16), wide)
        else:
            wide = some.astype(np.float64)
        moments(wide, rows, count[block], mean[block], std[block])
    return count, mean, std


@check(
    "exposure_scale",
    looks_at="Standard deviation of each continuous factor across listings, from one day to the next.",
    reports="Severe when it changes by a factor of more than `scale_jump`: per cent for fractions, raw "
    "values for scores, or one absurd value. A warning when all exposures of a day are 0, or all the same "
    "number other than 1.",
    thresholds=("scale_jump", "fewest_names"),
    remedy="upload these days again on one scale",
)
def exposure_scale(evidence: Evidence) -> Iterator[Draft]:
    for group, factors in evidence.dataset.panel.dense.items():
        upload = upload_of(evidence, group)
        for factor, column in factors.items() if upload else ():
            values = np.asarray(column)
            count, mean, std = spread_by_day(evidence, values)
            days = np.flatnonzero(count >= evidence.settings.fewest_names)
            if len(days):
                of_factor = {"upload": upload, "where": f"{group}.{factor}"}
                yield from _flat(evidence, of_factor, values, days, mean, std)
                yield from _scale(evidence, of_factor, values, days[std[days] > 0], std)


def _flat(
    evidence: Evidence, of_factor: Draft, values: Exposure, days: Days, mean: Float, std: Float
) -> Iterator[Draft]:
    """Days on which all exposures are one number other than 1."""
    flat = (std[days] == 0) & (mean[days] != 1)
    if flat[-1] or flat.mean() > 0.5:
        number = "0" if mean[days[flat][-1]] == 0 else "the same"
        yield of_days(
            evidence, days[flat], **of_factor, severity="warning",
            message=f"{of_factor['where']}: exposures are all {number} on {flat.sum():,} of {len(days):,} "
            "days",
            remedy="upload its exposures, or leave out the factor", share=float(flat.mean()),
            cap_of=np.isfinite(values), newest=bool(flat[-1]),
        )  # fmt: skip


def _scale(evidence: Evidence, of_factor: Draft, values: Exposure, days: Days, std: Float) -> Iterator[Draft]:
    """Days on which the dispersion changes; days : those with dispersion."""
    change = np.diff(np.log(std[days]))
    jumps = np.flatnonzero(np.abs(change) > np.log(evidence.settings.scale_jump))
    if len(jumps):
        largest = float(np.exp(np.abs(change[jumps]).max()))
        yield of_days(
            evidence, days[jumps + 1], **of_factor, severity="severe",
            message=f"{of_factor['where']}: the dispersion of exposures changes by a factor of up to "
            f"{largest:,.3g} from one day to the next",
            out_of=max(len(days) - 1, 1), cap_of=np.isfinite(values),
            examples=tuple(
                Example(date=evidence.dataset.days[after], value=f"{std[before]:.3g} to {std[after]:.3g}")
                for before, after in zip(days[jumps[:3]], days[jumps[:3] + 1], strict=True)
            ),
        )  # fmt: skip


@check(
    "category_empties",
    looks_at="Number of listings in each category, from one day to the next.",
    reports="A warning when a category of at least `fewest_names` listings has none the next day; severe "
    "when they were `quiet_severe` of all listings in the group. Days on which the whole group collapses "
    "are left to `coverage_collapse`.",
    thresholds=("fewest_names", "quiet_severe", "coverage_drop"),
    remedy="check whether its code changed or its listings were left out",
)
def category_empties(evidence: Evidence) -> Iterator[Draft]:
    settings, dates = evidence.settings, evidence.dataset.days
    for group, columns in evidence.dataset.panel.sparse.items():
        sparse = columns[:]
        upload = upload_of(evidence, group)
        if upload is None or not sparse.categories:
            continue
        counts = _category_counts(evidence, sparse)
        total = counts.sum(axis=1)
        collapsed = total[1:] < (1 - settings.coverage_drop) * total[:-1]
        emptied = (counts[:-1] >= settings.fewest_names) & (counts[1:] == 0) & ~collapsed[:, None]
        for code in np.flatnonzero(emptied.any(axis=0)).tolist():
            days = np.flatnonzero(emptied[:, code])
            share = float((counts[days, code] / total[days]).max())
            n = int(counts[days[0], code])
            yield of_days(
                evidence, days + 1, upload=upload, where=f"{group}.{sparse.categories[code]}",
                severity=severe_if(share >= settings.quiet_severe),
                message=f"{group}.{sparse.categories[code]} has {counted(n, 'listing')} on {dates[days[0]]} "
                f"and none on {dates[days[0] + 1]}",
                count=n, share=share, cap_share=evidence.cap_share_of(days, sparse.codes[0] == code),
                newest=bool(counts[evidence.newest, code] == 0),
            )  # fmt: skip


def _category_counts(evidence: Evidence, group: SparseGroup) -> np.ndarray:
    """(D, categories) number of listings in each category."""
    n_days, n = len(evidence.days), len(group.categories)
    counts = np.zeros(n_days * n, np.int64)
    for codes in group.codes:
        has_category = np.flatnonzero(codes >= 0)
        cell = evidence.day[has_category].astype(np.int64) * n + codes[has_category]
        counts += np.bincount(cell, minlength=n_days * n)
    return counts.reshape(n_days, n)


@check(
    "exposure_churn",
    looks_at="Category of each listing, from one day to the next; correlation across listings of each "
    "continuous exposure with that of the day before.",
    reports="A warning when more than `churn` of at least `fewest_names` listings change their category, or "
    "when a correlation that is usually above 0.9 falls below 0.5: rows with the wrong ids, or codes with "
    "another meaning.",
    thresholds=("churn", "fewest_names"),
    remedy="check that ids and codes of these days are those of the days before",
)
def exposure_churn(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    rows, cells = _sample(evidence)
    for group, sparse in panel.sparse.items():
        if not upload_of(evidence, group):
            continue
        shares = _changes(cells, sparse.codes[0][rows], evidence)
        days = np.flatnonzero(shares > evidence.settings.churn)
        if len(days):
            message = f"{group}: {shares[days[0]]:.0%} of the listings change their category"
            yield _churn(evidence, group, days, message)
    for group, columns in panel.dense.items():
        for factor, values in columns.items() if upload_of(evidence, group) else ():
            correlation = _correlations(cells, np.asarray(values)[rows], evidence)
            known = np.isfinite(correlation)
            days = np.flatnonzero(known & (correlation < 0.5))
            if len(days) and np.median(correlation[known]) > 0.9:
                message = (
                    f"{group}.{factor}: exposures have a correlation of {correlation[days[0]]:.2f} with "
                    f"those of the day before, usually {np.median(correlation[known]):.2f}"
                )
                yield _churn(evidence, f"{group}.{factor}", days, message)


def _sample(evidence: Evidence) -> tuple[np.ndarray, Cells]:
    """Rows of about SAMPLED listings, and the cell of each in a table of days by listings."""
    listing = evidence.dataset.panel.listing
    step = max(1, len(evidence.listing_ids) // SAMPLED)
    rows = np.flatnonzero(listing % step == 0)
    return rows, (evidence.day[rows], listing[rows] // step)


def _table(cells: Cells, values: np.ndarray, n_days: int) -> Float:
    """(D, listings) values; NaN where a listing has none."""
    out = np.full((n_days, int(cells[1].max(initial=0)) + 1), np.nan)
    out[cells] = values
    return out


def _changes(cells: Cells, codes: np.ndarray, evidence: Evidence) -> Float:
    """(D,) share of listings whose category differs from that of the day before."""
    table = _table(cells, np.where(codes >= 0, codes, np.nan), len(evidence.days))
    both = np.isfinite(table[1:]) & np.isfinite(table[:-1])
    moved = (both & (table[1:] != table[:-1])).sum(axis=1)
    number = both.sum(axis=1)
    shares = np.where(number >= evidence.settings.fewest_names, moved / np.maximum(number, 1), 0.0)
    return np.append(0.0, shares)


def _correlations(cells: Cells, values: Exposure, evidence: Evidence) -> Float:
    """(D,) correlation across listings with the day before; NaN with too few listings or no dispersion."""
    table = _table(cells, values, len(evidence.days))
    both = np.isfinite(table[1:]) & np.isfinite(table[:-1])
    number = both.sum(axis=1)
    x, y = np.where(both, table[:-1], 0.0), np.where(both, table[1:], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(both, x - (x.sum(axis=1) / number)[:, None], 0.0)
        y = np.where(both, y - (y.sum(axis=1) / number)[:, None], 0.0)
        correlation = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    correlation[number < evidence.settings.fewest_names] = np.nan
    return np.append(np.nan, correlation)


def _churn(evidence: Evidence, factor: str, days: Days, message: str) -> Draft:
    others = f" and {counted(len(days) - 1, 'other day')}" if len(days) > 1 else ""
    return of_days(
        evidence, days,
        upload=upload_of(evidence, factor) or upload_of(evidence, factor.split(".")[0]) or "exposures",
        where=factor, severity="warning",
        message=f"{message}, on {evidence.dataset.days[days[0]]}{others}",
        out_of=len(evidence.days), cap_of=evidence.has(*factor.split(".", 1)),
    )  # fmt: skip
