"""Market caps and uploaded volatilities that look wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.coding import code_companies
from openfactor.dataset.quality.evidence import Evidence, Float, RowNumbers
from openfactor.dataset.quality.registry import Draft, check, counted, of_rows, severe_if
from openfactor.results.quality import Example


@check(
    "cap_jump",
    looks_at="Change of a company's market cap since its previous price, compared with its return.",
    reports="A warning when the two differ by more than a factor of `cap_jump`; severe by more than "
    "`unit_jump`: thousands or millions instead of units, or another currency.",
    thresholds=("cap_jump", "unit_jump"),
    remedy="check the caps of these days and their currency; caps are whole units of their currency",
    needs="market_cap",
)
def cap_jump(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    rows, n_compared = evidence.jumps(panel.market_cap, settings.cap_jump)
    known = (panel.market_cap[rows] > 0) & (panel.market_cap[evidence.previous[rows]] > 0)
    rows = rows[known & panel.is_main_listing[rows]]
    with np.errstate(divide="ignore"):
        change = np.log(panel.market_cap[rows] / panel.market_cap[evidence.previous[rows]])
        moved = np.log1p(np.nan_to_num(panel.local_return[rows]))
    # a wrong return does not make a cap suspect
    size = np.minimum(np.abs(change - np.where(np.isfinite(moved), moved, 0)), np.abs(change))
    rows, size = rows[size > np.log(settings.cap_jump)], size[size > np.log(settings.cap_jump)]
    is_unit = size > np.log(settings.unit_jump)
    for is_severe, jumps, factor in (
        (True, rows[is_unit], settings.unit_jump),
        (False, rows[~is_unit], settings.cap_jump),
    ):
        if len(jumps):
            before, after = panel.market_cap[evidence.previous[jumps]], panel.market_cap[jumps]
            yield of_rows(
                evidence, jumps, upload="market_cap", severity=severe_if(is_severe), out_of=n_compared,
                values=[f"{a:.3g} to {b:.3g} USD" for a, b in zip(before[:3], after[:3], strict=True)],
                message=f"{counted(len(jumps), 'market cap change')} by a factor of more than {factor:g} "
                "without a matching return",
            )  # fmt: skip


@check(
    "cap_concentration",
    looks_at="Share of the largest company in the total market cap of each day.",
    reports="A warning when it exceeds `cap_concentration`, on days with at least `fewest_names` caps, and "
    "the cap is three times the second largest; severe above 90 %: the largest cap is in another unit.",
    thresholds=("cap_concentration", "fewest_names"),
    remedy="check unit and currency of the largest cap",
    needs="market_cap",
)
def cap_concentration(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    caps = np.where(panel.is_main_listing, np.nan_to_num(panel.market_cap), 0.0)
    filled = np.flatnonzero(evidence.alive)
    largest, total = np.zeros(len(evidence.days)), evidence.cap_by_day
    largest[filled] = np.maximum.reduceat(caps, panel.offsets[filled]) if len(filled) else 0
    rows, shares = [], []
    for d in np.flatnonzero(largest > settings.cap_concentration * total).tolist():
        of_day = caps[panel.rows_of(d)]
        if (of_day > 0).sum() >= settings.fewest_names and largest[d] > 3 * np.partition(of_day, -2)[-2]:
            rows.append(panel.rows_of(d).start + int(np.argmax(of_day)))
            shares.append(float(largest[d] / total[d]))
    if rows:
        yield of_rows(
            evidence, np.array(rows), upload="market_cap", severity=severe_if(max(shares) > 0.9),
            message=f"one company has up to {max(shares):.0%} of the total market cap, on "
            f"{counted(len(rows), 'day')}",
            values=[f"{share:.0%}" for share in shares[:3]], out_of=len(evidence.days),
        )  # fmt: skip


@check(
    "cap_level",
    looks_at="Median market cap on the newest day in USD, overall and by currency of the price; caps of 0.",
    reports="A warning when the median of at least `fewest_names` caps is below 1,000,000 USD (caps in "
    "thousands or millions: weights are unaffected, but cap filters are not), when the medians for two "
    "currencies differ by more than a factor of `unit_jump` (pence for pounds, or yen labelled as dollars), "
    "and when caps are 0.",
    thresholds=("fewest_names", "unit_jump"),
    remedy="give caps in whole units of their currency, and leave out unknown ones",
    needs="market_cap",
)
def cap_level(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    zero = np.flatnonzero((panel.market_cap == 0) & panel.is_main_listing)
    if len(zero):
        yield of_rows(
            evidence, zero, upload="market_cap", severity="warning",
            out_of=int(np.isfinite(panel.market_cap).sum()),
            message=f"{counted(len(zero), 'market cap')} of 0, which get no weight",
        )  # fmt: skip
    today = panel.market_cap[panel.rows_of(evidence.newest)]
    known = today[np.isfinite(today)]
    if len(known) >= evidence.settings.fewest_names and 0 < np.median(known) < 1e6:
        yield {
            "upload": "market_cap",
            "severity": "warning",
            "message": f"the median market cap on {evidence.last_price} is {np.median(known):,.6g} USD",
            "count": len(known),
            "share": 1.0,
            "cap_share": 1.0,
            "first_date": evidence.last_price,
            "last_date": evidence.last_price,
            "newest": True,
        }
    yield from _by_currency(evidence)


def _by_currency(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    today = panel.rows_of(evidence.newest)
    rows = today.start + np.flatnonzero((panel.market_cap[today] > 0) & panel.is_main_listing[today])
    medians = {}
    for code in np.unique(panel.currency[rows]).tolist():
        quoted = rows[panel.currency[rows] == code]
        if len(quoted) >= settings.fewest_names:
            medians[code] = float(np.median(panel.market_cap[quoted]))
    overall = float(np.median(panel.market_cap[rows])) if len(rows) else 0.0
    for code, median in medians.items():
        others = [m for other, m in medians.items() if other != code]
        distance = min((abs(np.log(median / other)) for other in others), default=0.0)
        # of two that differ, the one farther from the overall median
        farthest = all(abs(np.log(median / overall)) >= abs(np.log(other / overall)) for other in others)
        if distance > np.log(settings.unit_jump) and farthest:
            names = evidence.dataset.currencies
            levels = " and ".join(f"{median:,.3g} USD in {names[c]}" for c, median in medians.items())
            yield of_rows(
                evidence, rows[panel.currency[rows] == code], upload="market_cap", where=names[code],
                severity="warning", out_of=len(rows),
                message=f"median market caps by currency of the price differ: {levels}",
            )  # fmt: skip


@check(
    "cap_carried",
    looks_at="Age of each company's latest market cap in the upload on the newest day.",
    reports="A warning for companies alive on the newest day whose cap is older than `carried_days`, "
    "although the upload goes on; severe when they are `quiet_severe` of the companies or of the cap.",
    thresholds=("carried_days", "quiet_severe", "fewest_names"),
    remedy="upload their caps; until then the old ones are used",
    needs="market_cap",
)
def cap_carried(evidence: Evidence) -> Iterator[Draft]:
    dataset, last, settings = evidence.dataset, evidence.last_price, evidence.settings
    limit = np.datetime64(last - dt.timedelta(settings.carried_days))
    if not len(evidence.cap_dates) or evidence.cap_dates["date"].to_numpy()[-1] < limit:
        return  # the whole upload has ended, which another check reports
    panel = dataset.panel
    latest = _latest(evidence, pl.col("date").is_between(limit.astype(object), last))
    if np.isnat(latest[dataset.company[panel.listing[panel.rows_of(evidence.newest)]]]).any():
        latest = _latest(evidence, pl.col("date") <= last)
    rows = evidence.main_rows(evidence.newest)
    dates = latest[dataset.company[panel.listing[rows]]]
    old = rows[dates < limit]
    if len(old):
        share = max(len(old) / len(rows), evidence.cap_share(old) or 0.0)
        yield of_rows(
            evidence, old, upload="market_cap", out_of=len(rows),
            severity=severe_if(share >= settings.quiet_severe and len(rows) >= settings.fewest_names),
            message=f"{counted(len(old), 'company', 'companies')} with a market cap older than "
            f"{settings.carried_days} days on the newest day",
            values=[f"of {date}" for date in dates[dates < limit][:3]],
        )  # fmt: skip


def _latest(evidence: Evidence, condition: pl.Expr) -> np.ndarray:
    """(companies,) date of each company's last market cap among the rows of the upload that meet a condition;
    NaT without one.
    """
    identifiers = evidence.dataset.identifiers
    rows = evidence.uploads["market_cap"].filter(condition)
    coded = code_companies(identifiers, rows, [], evidence.id_types("market_cap"))
    table = coded.group_by("source").agg(latest=pl.col("date").max()).collect(engine="streaming")
    table = table.sort("latest")
    latest = np.full(identifiers.n_companies, np.datetime64("NaT"), "datetime64[D]")
    company = identifiers.source_company[table["source"].to_numpy()]
    latest[company] = table["latest"].to_numpy().astype("datetime64[D]")
    return latest


@check(
    "volatility_unit",
    looks_at="Uploaded specific volatilities (`idio_vol`).",
    reports="Severe when their median exceeds 1: per cent instead of fractions. A warning for values of 0, "
    "whose inverse is no weight.",
    remedy="give idio_vol as a fraction, and leave unknown ones empty",
    needs="market_cap",
)
def volatility_unit(evidence: Evidence) -> Iterator[Draft]:
    vol = evidence.dataset.panel.idio_vol
    known = vol[np.isfinite(vol)]
    if len(known) and np.median(known) > 1:
        yield {
            "upload": "market_cap",
            "where": "idio_vol",
            "severity": "severe",
            "message": f"the median uploaded specific volatility is {np.median(known):,.3g}, which looks "
            "like per cent",
            "count": len(known),
            "share": 1.0,
            "cap_share": 1.0,
        }
    zero = np.flatnonzero(vol == 0)
    if len(zero):
        yield of_rows(
            evidence, zero, upload="market_cap", where="idio_vol", severity="warning", out_of=len(known),
            message=f"{counted(len(zero), 'uploaded specific volatility', 'uploaded specific volatilities')} "
            "of 0",
        )  # fmt: skip


@check(
    "same_company",
    looks_at="Companies with equal market caps on three days, and with equal returns on the last "
    "`median_days` days.",
    reports="A warning for companies that share both, or that share every return while their caps differ: a "
    "company under two ids counts twice. Needs `fewest_names` listings.",
    thresholds=("median_days", "fewest_names"),
    remedy="map share classes and old names to one company in the id map, and upload each listing once",
    needs="idmap",
)
def same_company(evidence: Evidence) -> Iterator[Draft]:
    dataset = evidence.dataset
    days = np.flatnonzero(evidence.n_priced[: evidence.newest + 1] > 0)[-evidence.settings.median_days :]
    n = dataset.identifiers.n_companies
    if len(days) < 3 or evidence.n_priced[evidence.newest] < evidence.settings.fewest_names:
        return
    returns = _by_company(evidence, days, dataset.panel.local_return)
    moving = (np.isfinite(returns).sum(axis=1) >= 3) & ((returns != 0) & np.isfinite(returns)).any(axis=1)
    caps = _by_company(evidence, days[[0, len(days) // 2, -1]], dataset.panel.market_cap)
    distinct = np.isfinite(caps).all(axis=1) & (caps[:, 0] != caps[:, 2])
    ids = dataset.identifiers.table.unique("company").sort("company")["company_id"].to_list()
    for what, values, usable in (("returns", returns, moving), ("market caps", caps, distinct)):
        groups = _equal(values, usable)
        if groups and sum(map(len, groups)) < 0.2 * n:
            extra = sum(len(group) - 1 for group in groups)
            verb = "has" if extra == 1 else "have"
            yield {
                "upload": "idmap",
                "where": what,
                "severity": "warning",
                "message": f"{counted(extra, 'company', 'companies')} {verb} exactly the {what} of another "
                f"company up to {evidence.last_price}",
                "count": extra,
                "share": extra / n,
                "examples": tuple(Example(asset=" = ".join(ids[i] for i in g[:3])) for g in groups[:3]),
                "newest": True,
            }


def _by_company(evidence: Evidence, days: RowNumbers, values: Float) -> Float:
    """(companies, days) values of the main listings; NaN without one."""
    dataset = evidence.dataset
    out = np.full((dataset.identifiers.n_companies, len(days)), np.nan)
    for i, d in enumerate(days.tolist()):
        rows = evidence.main_rows(d)
        out[dataset.company[dataset.panel.listing[rows]], i] = values[rows]
    return out


def _equal(values: Float, usable: np.ndarray) -> list[list[int]]:
    """Groups of usable rows that are equal to the last digit."""
    seen: dict[bytes, list[int]] = {}
    for i in np.flatnonzero(usable).tolist():
        seen.setdefault(values[i].tobytes(), []).append(i)
    return [group for group in seen.values() if len(group) > 1]
