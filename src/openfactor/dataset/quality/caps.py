"""Market caps and uploaded volatilities that cannot be meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.coding import code_companies
from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, of_rows
from openfactor.results.quality import Example


@check(
    "cap_jump",
    looks_at="Change of a company's market cap since its price before, against its return.",
    reports="A warning when they differ by more than a factor of `cap_jump`; severe by more than "
    "`unit_jump`: thousands or millions for units, or another currency.",
    thresholds=("cap_jump", "unit_jump"),
    remedy="check caps and currency of these days; caps are whole units of their currency",
    needs="market_cap",
)
def cap_jump(evidence: Evidence) -> Iterator[Draft]:
    panel, settings = evidence.dataset.panel, evidence.settings
    found, n, limit = [], 0, settings.cap_jump
    for rows, before in evidence.moves():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = panel.market_cap[rows] / panel.market_cap[before]
        n += int(np.isfinite(ratio).sum())
        found.append(rows[((ratio > limit) | (ratio < 1 / limit)) & (ratio > 0) & np.isfinite(ratio)])
    rows = np.concatenate([np.zeros(0, np.int64), *found])
    rows = rows[panel.is_main_listing[rows]]
    with np.errstate(divide="ignore"):
        cap = np.log(panel.market_cap[rows] / panel.market_cap[evidence.previous[rows]])
        moved = np.log1p(np.nan_to_num(panel.local_return[rows]))
    # a return that is wrong itself does not make a cap suspect
    size = np.minimum(np.abs(cap - np.where(np.isfinite(moved), moved, 0)), np.abs(cap))
    rows, size = rows[size > np.log(limit)], size[size > np.log(limit)]
    for severity, which, factor in (
        ("severe", size > np.log(settings.unit_jump), settings.unit_jump),
        ("warning", size <= np.log(settings.unit_jump), settings.cap_jump),
    ):
        some = rows[which]
        if len(some):
            shown = [
                f"{panel.market_cap[evidence.previous[r]]:.3g} to {panel.market_cap[r]:.3g} USD"
                for r in some[:3]
            ]
            yield of_rows(
                evidence, some, upload="market_cap", severity=severity, values=shown, out_of=n,  # type: ignore[arg-type]
                message=f"{len(some):,} market cap{'s' * (len(some) > 1)} change by a factor of more than "
                f"{factor:g} beside the price",
            )  # fmt: skip


@check(
    "cap_concentration",
    looks_at="Largest market cap of each day, as a share of all.",
    reports="A warning when it exceeds `cap_concentration` of at least `fewest_names` caps, and three times "
    "the second largest; severe above 90 %: the cap of one name is in another unit than the others.",
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
        mine = caps[panel.rows_of(d)]
        if (mine > 0).sum() >= settings.fewest_names and largest[d] > 3 * np.partition(mine, -2)[-2]:
            rows.append(panel.rows_of(d).start + int(np.argmax(mine)))
            shares.append(float(largest[d] / total[d]))
    if rows:
        yield of_rows(
            evidence, np.array(rows), upload="market_cap",
            severity="severe" if max(shares) > 0.9 else "warning",
            message=f"one company has up to {max(shares):.0%} of all market cap, on {len(rows):,} "
            f"day{'s' * (len(rows) > 1)}",
            values=[f"{share:.0%}" for share in shares[:3]], out_of=len(evidence.days),
        )  # fmt: skip


@check(
    "cap_level",
    looks_at="Median market cap on the newest day in USD, of all and by currency of the price; caps of 0.",
    reports="A warning when the median of at least `fewest_names` caps is below 1,000,000 USD (caps in "
    "thousands or millions; weights are right all the same, bounds on caps are not), when the medians of "
    "two currencies of prices differ by more than a factor of `unit_jump` (pence, or yen said to be "
    "dollars), and when caps are 0.",
    thresholds=("fewest_names", "unit_jump"),
    remedy="give caps in whole units of their currency, and leave unknown ones out",
    needs="market_cap",
)
def cap_level(evidence: Evidence) -> Iterator[Draft]:
    panel = evidence.dataset.panel
    zero = np.flatnonzero((panel.market_cap == 0) & panel.is_main_listing)
    if len(zero):
        yield of_rows(
            evidence, zero, upload="market_cap", severity="warning",
            out_of=int(np.isfinite(panel.market_cap).sum()),
            message=f"{len(zero):,} market caps are 0, which is a weight of 0",
        )  # fmt: skip
    today = panel.market_cap[panel.rows_of(evidence.newest)]
    known = today[np.isfinite(today)]
    if len(known) >= evidence.settings.fewest_names and 0 < np.median(known) < 1e6:
        yield {
            "upload": "market_cap",
            "severity": "warning",
            "message": f"the median market cap of {evidence.last_price} is {np.median(known):,.6g} USD",
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
        mine = rows[panel.currency[rows] == code]
        if len(mine) >= settings.fewest_names:
            medians[code] = float(np.median(panel.market_cap[mine]))
    usual = float(np.median(panel.market_cap[rows])) if len(rows) else 0.0
    for code, median in medians.items():
        others = [m for other, m in medians.items() if other != code]
        away = min((abs(np.log(median / other)) for other in others), default=0.0)
        # of two that differ, the one that is farther from all names
        farthest = all(abs(np.log(median / usual)) >= abs(np.log(other / usual)) for other in others)
        if away > np.log(settings.unit_jump) and farthest:
            mine = rows[panel.currency[rows] == code]
            names = evidence.dataset.currencies
            told = " and ".join(f"{median:,.3g} USD in {names[c]}" for c, median in medians.items())
            yield of_rows(
                evidence, mine, upload="market_cap", where=names[code], severity="warning", out_of=len(rows),
                message=f"median market caps by currency of the price are {told}",
            )  # fmt: skip


@check(
    "cap_carried",
    looks_at="Date of each company's latest market cap in the upload, against the last price.",
    reports="A warning for companies alive on the newest day whose cap is older than `carried_days`, "
    "where the upload itself goes on; severe when they are `quiet_severe` of the names or of the cap.",
    thresholds=("carried_days", "quiet_severe", "fewest_names"),
    remedy="upload their caps; until then the last ones weigh",
    needs="market_cap",
)
def cap_carried(evidence: Evidence) -> Iterator[Draft]:
    dataset, last = evidence.dataset, evidence.last_price
    limit = np.datetime64(last - dt.timedelta(evidence.settings.carried_days))
    if not len(evidence.cap_dates) or evidence.cap_dates["date"].to_numpy()[-1] < limit:
        return  # the whole upload has ended, which is another finding
    latest = _latest(evidence, pl.col("date").is_between(limit.astype(object), last))
    if np.isnat(latest[dataset.company[dataset.panel.listing[dataset.panel.rows_of(evidence.newest)]]]).any():
        latest = _latest(evidence, pl.col("date") <= last)
    panel = dataset.panel
    rows = np.arange(panel.rows_of(evidence.newest).start, panel.rows_of(evidence.newest).stop)
    rows = rows[panel.is_main_listing[rows]]
    age = latest[dataset.company[panel.listing[rows]]]
    old = rows[age < limit]
    if len(old):
        share = max(len(old) / len(rows), evidence.cap_share(old) or 0.0)
        many = share >= evidence.settings.quiet_severe and len(rows) >= evidence.settings.fewest_names
        yield of_rows(
            evidence, old, upload="market_cap", severity="severe" if many else "warning", out_of=len(rows),
            message=f"{len(old):,} compan{'ies' if len(old) > 1 else 'y'} with a market cap older than "
            f"{evidence.settings.carried_days} days on the newest day",
            values=[f"of {a}" for a in age[age < limit][:3]],
        )  # fmt: skip


def _latest(evidence: Evidence, some: pl.Expr) -> np.ndarray:
    """(companies,) date of each company's last market cap among some rows of the upload; NaT without one."""
    identifiers = evidence.dataset.identifiers
    rows = evidence.uploads["market_cap"].filter(some)
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
    reports="Severe when their median exceeds 1 (per cent instead of fractions). A warning for values of 0, "
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
            message=f"{len(zero):,} uploaded specific volatilities are 0",
        )  # fmt: skip


@check(
    "same_company",
    looks_at="Companies with equal market caps on three days, and with equal returns on the last "
    "`median_days` days.",
    reports="A warning for companies that share both or, with caps that differ, every return: one company "
    "under two names counts twice. Needs `fewest_names` names.",
    thresholds=("median_days", "fewest_names"),
    remedy="map share classes and old names to one company in the id map, and upload each listing once",
    needs="idmap",
)
def same_company(evidence: Evidence) -> Iterator[Draft]:
    dataset, panel = evidence.dataset, evidence.dataset.panel
    days = np.flatnonzero(evidence.n_priced[: evidence.newest + 1] > 0)[-evidence.settings.median_days :]
    n = dataset.identifiers.n_companies
    if len(days) < 3 or evidence.n_priced[evidence.newest] < evidence.settings.fewest_names:
        return
    returns, caps = np.full((n, len(days)), np.nan), np.full((n, 3), np.nan)
    for i, d in enumerate(days):
        rows = np.arange(panel.rows_of(d).start, panel.rows_of(d).stop)
        rows = rows[panel.is_main_listing[rows]]
        returns[dataset.company[panel.listing[rows]], i] = panel.local_return[rows]
    for i, d in enumerate((days[0], days[len(days) // 2], days[-1])):
        rows = np.arange(panel.rows_of(d).start, panel.rows_of(d).stop)
        caps[dataset.company[panel.listing[rows]], i] = panel.market_cap[rows]
    moving = (np.isfinite(returns).sum(axis=1) >= 3) & ((returns != 0) & np.isfinite(returns)).any(axis=1)
    distinct = np.isfinite(caps).all(axis=1) & (caps[:, 0] != caps[:, 2])
    ids = dataset.identifiers.table.unique("company").sort("company")["company_id"].to_list()
    for what, values, usable in (("returns", returns, moving), ("market caps", caps, distinct)):
        groups = _equal(values, usable)
        if groups and sum(map(len, groups)) < 0.2 * n:
            extra = sum(len(group) - 1 for group in groups)
            yield {
                "upload": "idmap",
                "where": what,
                "severity": "warning",
                "message": f"{extra:,} compan{'ies have' if extra > 1 else 'y has'} the {what} of another "
                f"one, to the last digit, up to {evidence.last_price}",
                "count": extra,
                "share": extra / n,
                "examples": tuple(Example(asset=" = ".join(ids[i] for i in g[:3])) for g in groups[:3]),
                "newest": True,
            }


def _equal(values: np.ndarray, usable: np.ndarray) -> list[list[int]]:
    """Groups of usable rows that are equal to the last digit."""
    seen: dict[bytes, list[int]] = {}
    for i in np.flatnonzero(usable).tolist():
        seen.setdefault(values[i].tobytes(), []).append(i)
    return [group for group in seen.values() if len(group) > 1]
