"""Exposures whose scale, categories or names change in a way that no market does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.panel import Exposure
from openfactor.dataset.quality.evidence import Evidence, Float, upload_of
from openfactor.dataset.quality.registry import Draft, check
from openfactor.numerics.half_precision import widen
from openfactor.numerics.panel_scan import moments
from openfactor.results.quality import Example

Days = np.ndarray


def spread_by_day(evidence: Evidence, values: Exposure) -> tuple[Days, Float, Float]:
    """(D,) number, mean and standard deviation of an exposure on each day."""
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
    looks_at="Standard deviation of each continuous factor across names, from one day to the next.",
    reports="Severe when it changes by a factor of more than `scale_jump` (per cent for fractions, scores "
    "for "
    "raw values, one absurd value). A warning when the exposures of several names are all 0, or all one "
    "number other than 1.",
    thresholds=("scale_jump", "fewest_names"),
    remedy="upload the days again on one scale",
)
def exposure_scale(evidence: Evidence) -> Iterator[Draft]:
    settings = evidence.settings
    for group, factors in evidence.dataset.panel.dense.items():
        upload = upload_of(evidence, group)
        for factor, values in factors.items() if upload else ():
            count, mean, std = spread_by_day(evidence, values)
            days = np.flatnonzero(count >= settings.fewest_names)
            if not len(days):
                continue
            given = {"upload": upload, "where": f"{group}.{factor}"}
            flat = (std[days] == 0) & (mean[days] != 1)
            if flat[-1] or flat.mean() > 0.5:
                number = "0" if mean[days[flat][-1]] == 0 else "the same"
                yield given | {
                    "severity": "warning",
                    "message": f"{group}.{factor}: exposures are all {number} on {flat.sum():,} of "
                    f"{len(days):,} days",
                    "remedy": "upload its exposures, or leave the factor out",
                    "count": int(flat.sum()),
                    "share": float(flat.mean()),
                    "cap_share": evidence.cap_share_of(days[flat], np.isfinite(values)),
                    "first_date": evidence.dataset.days[days[flat][0]],
                    "last_date": evidence.dataset.days[days[flat][-1]],
                    "newest": bool(flat[-1]),
                }
            moving = days[std[days] > 0]
            change = np.diff(np.log(std[moving]))
            jumps = np.flatnonzero(np.abs(change) > np.log(settings.scale_jump))
            if len(jumps):
                cap = {"cap_share": evidence.cap_share_of(moving[jumps + 1], np.isfinite(values))}
                yield given | cap | _scale(evidence, f"{group}.{factor}", moving, jumps, std, change)


def _scale(
    evidence: Evidence, factor: str, days: Days, jumps: np.ndarray, std: Float, change: Float
) -> Draft:
    after = days[jumps + 1]
    largest = float(np.exp(np.abs(change[jumps]).max()))
    return {
        "severity": "severe",
        "message": f"{factor}: the spread of exposures changes by a factor of up to {largest:,.3g} from "
        "one day to the next",
        "count": len(jumps),
        "share": len(jumps) / max(len(days) - 1, 1),
        "first_date": evidence.dataset.days[after[0]],
        "last_date": evidence.dataset.days[after[-1]],
        "examples": tuple(
            Example(
                date=evidence.dataset.days[days[j + 1]], value=f"{std[days[j]]:.3g} to {std[days[j + 1]]:.3g}"
            )
            for j in jumps[:3].tolist()
        ),
        "newest": bool(after[-1] >= evidence.newest),
    }


@check(
    "category_empties",
    looks_at="Names in each category, from one day to the next.",
    reports="A warning when a category of at least `fewest_names` names has none the next day; severe "
    "when they "
    "are `quiet_severe` of all names in the group. Days on which the whole group collapses are left to "
    "`coverage_collapse`.",
    thresholds=("fewest_names", "quiet_severe", "coverage_drop"),
    remedy="see whether its code changed or its names were left out",
)
def category_empties(evidence: Evidence) -> Iterator[Draft]:
    settings, n_days = evidence.settings, len(evidence.days)
    for group, sparse in evidence.dataset.panel.sparse.items():
        upload = upload_of(evidence, group)
        if upload is None or not sparse.categories:
            continue
        n = len(sparse.categories)
        counts = np.zeros(n_days * n, np.int64)
        for codes in sparse.codes:
            held = np.flatnonzero(codes >= 0)
            counts += np.bincount(evidence.day[held].astype(np.int64) * n + codes[held], minlength=n_days * n)
        table = counts.reshape(n_days, n)
        total = table.sum(axis=1)
        whole = total[1:] < (1 - settings.coverage_drop) * total[:-1]
        gone = (table[:-1] >= settings.fewest_names) & (table[1:] == 0) & ~whole[:, None]
        for at in np.flatnonzero(gone.any(axis=0)).tolist():
            days = np.flatnonzero(gone[:, at])
            share = float((table[days, at] / total[days]).max())
            empty_now = bool(table[evidence.newest, at] == 0)
            yield {
                "upload": upload,
                "where": f"{group}.{sparse.categories[at]}",
                "severity": "severe" if share >= settings.quiet_severe else "warning",
                "message": f"{group}.{sparse.categories[at]} has {table[days[0], at]:,} names on "
                f"{evidence.dataset.days[days[0]]} and none on {evidence.dataset.days[days[0] + 1]}",
                "count": int(table[days[0], at]),
                "share": share,
                "cap_share": evidence.cap_share_of(days, sparse.codes[0] == at),
                "first_date": evidence.dataset.days[days[0] + 1],
                "last_date": evidence.dataset.days[days[-1] + 1],
                "newest": empty_now,
            }


@check(
    "exposure_churn",
    looks_at="Category of each name, from one day to the next; correlation of each continuous exposure with "
    "that of the day before, across names.",
    reports="A warning when more than `churn` of at least `fewest_names` names change their category, or "
    "when "
    "a correlation that is usually above 0.9 falls below 0.5: rows laid beside the wrong ids, or codes with "
    "another meaning.",
    thresholds=("churn", "fewest_names"),
    remedy="check that ids and codes of the day are those of the days before",
)
def exposure_churn(evidence: Evidence) -> Iterator[Draft]:
    groups = {
        name: g.codes[0] for name, g in evidence.dataset.panel.sparse.items() if upload_of(evidence, name)
    }
    factors = {
        f"{name}.{factor}": values
        for name, columns in evidence.dataset.panel.dense.items()
        if upload_of(evidence, name)
        for factor, values in columns.items()
    }
    rows, at = _sample(evidence)
    changed = {name: _changes(at, codes[rows], evidence) for name, codes in groups.items()}
    alike = {name: _correlations(at, values[rows], evidence) for name, values in factors.items()}
    for name, shares in changed.items():
        days = np.flatnonzero(shares > evidence.settings.churn)
        if len(days):
            yield _churn(
                evidence, name, days, f"{name}: {shares[days[0]]:.0%} of names change their category"
            )
    for name, values in alike.items():
        known = np.isfinite(values)
        days = np.flatnonzero(known & (values < 0.5))
        if len(days) and np.median(values[known]) > 0.9:
            yield _churn(
                evidence, name, days,
                f"{name}: exposures have a correlation of {values[days[0]]:.2f} with those of the day "
                f"before, usually {np.median(values[known]):.2f}",
            )  # fmt: skip


LOOKED_AT = 128
"""Names whose exposures are compared with those of the day before; enough to see a correlation fall."""
Cells = tuple[np.ndarray, np.ndarray]


def _sample(evidence: Evidence) -> tuple[np.ndarray, Cells]:
    """Rows of about LOOKED_AT listings, and the place of each in a table of days by listings."""
    listing = evidence.dataset.panel.listing
    step = max(1, len(evidence.names) // LOOKED_AT)
    rows = np.flatnonzero(listing % step == 0)
    return rows, (evidence.day[rows], listing[rows] // step)


def _laid_out(at: Cells, values: np.ndarray, n_days: int) -> Float:
    """(D, names) values, NaN where a name has none."""
    out = np.full((n_days, int(at[1].max(initial=0)) + 1), np.nan)
    out[at] = values
    return out


def _changes(at: Cells, codes: np.ndarray, evidence: Evidence) -> Float:
    """(D,) share of names whose category is another one than on the day before."""
    table = _laid_out(at, np.where(codes >= 0, codes, np.nan), len(evidence.days))
    both = np.isfinite(table[1:]) & np.isfinite(table[:-1])
    moved = (both & (table[1:] != table[:-1])).sum(axis=1)
    number = both.sum(axis=1)
    shares = np.where(number >= evidence.settings.fewest_names, moved / np.maximum(number, 1), 0.0)
    return np.append(0.0, shares)


def _correlations(at: Cells, values: Exposure, evidence: Evidence) -> Float:
    """(D,) correlation across names with the day before; NaN with too few names or none that differ."""
    table = _laid_out(at, values, len(evidence.days))
    both = np.isfinite(table[1:]) & np.isfinite(table[:-1])
    number = both.sum(axis=1)
    x, y = np.where(both, table[:-1], 0.0), np.where(both, table[1:], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(both, x - (x.sum(axis=1) / number)[:, None], 0.0)
        y = np.where(both, y - (y.sum(axis=1) / number)[:, None], 0.0)
        alike = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    alike[number < evidence.settings.fewest_names] = np.nan
    return np.append(np.nan, alike)


def _churn(evidence: Evidence, factor: str, days: np.ndarray, message: str) -> Draft:
    return {
        "upload": upload_of(evidence, factor) or upload_of(evidence, factor.split(".")[0]) or "exposures",
        "where": factor,
        "severity": "warning",
        "message": f"{message}, on {evidence.dataset.days[days[0]]}"
        + (f" and {len(days) - 1:,} other days" if len(days) > 1 else ""),
        "count": len(days),
        "share": len(days) / len(evidence.days),
        "cap_share": evidence.cap_share_of(days, evidence.has(*factor.split(".", 1))),
        "first_date": evidence.dataset.days[days[0]],
        "last_date": evidence.dataset.days[days[-1]],
        "newest": bool(days[-1] >= evidence.newest),
    }
