"""Number of listings that each input covers, day by day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openfactor.dataset.quality.closures import thin_days
from openfactor.dataset.quality.evidence import Evidence, Mask, upload_of
from openfactor.dataset.quality.registry import Draft, check, counted, of_dates, of_days, severe_if
from openfactor.results.quality import CoverageLine, Example

Counts = np.ndarray


def covered(evidence: Evidence) -> dict[str, tuple[str, Counts]]:
    """Column of the coverage to its upload and (D,) counts. Returns count too: a price without one is of no
    use.
    """
    source = {"priced": "price", "listings": "price", "market_cap": "market_cap"}
    frame = evidence.dataset.coverage
    columns = {
        name: (source.get(name, "exposures"), frame[name].to_numpy())
        for name in frame.columns
        if name != "date"
    }
    return columns | {"with a return": ("price", evidence.n_returns)}


def own(evidence: Evidence) -> dict[str, tuple[str, Counts]]:
    """The same for inputs that come from the dataset's own uploads, with the names of these."""
    columns: dict[str, tuple[str, Counts]] = {}
    for name, (upload, counts) in covered(evidence).items():
        source = upload_of(evidence, name.removeprefix("with_")) if upload == "exposures" else upload
        if source is not None and source in evidence.uploads:
            columns[name] = (source, counts)
    return columns


def newest_lines(evidence: Evidence) -> list[CoverageLine]:
    """Coverage of the newest day with prices, of the day before it, and the median of the days before it."""
    days = np.flatnonzero(evidence.n_priced > 0)
    days = days[days <= evidence.newest]
    if not len(days):
        return []
    before = days[:-1][-evidence.settings.median_days :]
    return [
        CoverageLine(
            what=name,
            newest=int(counts[evidence.newest]),
            day_before=int(counts[before[-1]]) if len(before) else None,
            median=float(np.median(counts[before if len(before) else days])),
        )
        for name, (_, counts) in covered(evidence).items()
    ]


def _what(name: str) -> str:
    texts = {
        "listings": "listings alive",
        "priced": "listings with a price",
        "with a return": "listings with a return",
        "market_cap": "listings with a market cap",
    }
    return texts.get(name, f"listings with all of group {name.removeprefix('with_')}")


def collapses(counts: Counts, days: np.ndarray, window: int, fewest: int, drop: float) -> list[list[int]]:
    """Runs of `days` that begin with a fall by `drop`, against both the day before and the median of the
    window, and last as long as the count stays that much below its level before the fall.

    Counts below `fewest` must fall to 0, or by half and at least two.
    """
    runs: list[list[int]] = []
    level = None
    values = counts[days]
    for i in range(1, len(days)):
        if level is not None:
            if values[i] < (1 - drop) * level:
                runs[-1].append(int(days[i]))
                continue
            level = None
        if values[i] >= (1 - drop) * values[i - 1]:
            continue
        usual = float(np.median(values[max(0, i - window) : i]))
        few = min(usual, values[i - 1]) < fewest
        if few and values[i] > 0 and (values[i] > usual / 2 or values[i] > values[i - 1] - 2):
            continue
        if values[i] < (1 - drop) * usual:
            runs.append([int(days[i])])
            level = min(usual, float(values[i - 1]))
    return runs


@check(
    "coverage_collapse",
    looks_at="Number of listings alive, with a price, a return, a market cap and each factor group, "
    "compared with the day before and with the median of the previous `median_days` days. Prices and "
    "returns on days on which no exchange is closed.",
    reports="A warning when the number falls by `coverage_drop` against both; severe when half is lost, and "
    "when the fall lasts to the newest day. With fewer than `fewest_names` listings, caps and groups are "
    "reported when they lose all, or half and at least two, and prices do not. Days of `thin_day` are not "
    "repeated.",
    thresholds=("coverage_drop", "median_days", "fewest_names"),
    remedy="upload the complete day again: in an exposures upload, each day replaces the earlier values of "
    "its factors, and of its categorical groups, for all assets",
)
def coverage_collapse(evidence: Evidence) -> Iterator[Draft]:
    settings, traded = evidence.settings, evidence.n_priced > 0
    reported = set(thin_days(evidence))
    for name, (upload, counts) in own(evidence).items():
        days = np.flatnonzero(traded & evidence.open_everywhere if upload == "price" else traded)
        runs = collapses(counts, days, settings.median_days, settings.fewest_names, settings.coverage_drop)
        if upload == "price":
            few = [run for run in runs if counts[_before(days, run)] < settings.fewest_names]
            runs = [run for run in runs if run not in few and not reported.issuperset(run)]
        else:
            runs = [run for run in runs if not _prices_fell(evidence, counts, days, run)]
        if name == "priced":
            reported |= {day for run in runs for day in run}  # a missing price has no return either
        if runs:
            yield _collapse(evidence, name, upload, counts, days, runs)


def _before(days: np.ndarray, run: list[int]) -> int:
    """The day before a run."""
    return int(days[np.searchsorted(days, run[0]) - 1])


def _prices_fell(evidence: Evidence, counts: Counts, days: np.ndarray, run: list[int]) -> bool:
    """Whether the input loses no more listings than the panel does."""
    before = _before(days, run)
    fewer = int(evidence.alive[before] - evidence.alive[run[0]])
    return int(counts[before] - counts[run[0]]) <= fewer


def _collapse(
    evidence: Evidence, name: str, upload: str, counts: Counts, days: np.ndarray, runs: list[list[int]]
) -> Draft:
    """One finding about all falls of an input."""
    dates = evidence.dataset.days
    deepest = max(runs, key=lambda run: 1 - counts[run].min() / counts[_before(days, run)])
    shown = runs[-1] if runs[-1][-1] >= evidence.newest else deepest
    first, before = shown[0], _before(days, shown)
    worst = min(shown, key=lambda d: counts[d])
    message = (
        f"{_what(name)}: {counts[first]:,} on {dates[first]}, down from {counts[before]:,} on {dates[before]}"
    )
    if len(shown) > 1:
        message += f", for {len(shown):,} days"
    if len(runs) > 1:
        message += f"; {counted(len(runs) - 1, 'other fall')}"
    return of_days(
        evidence,
        np.array([runs[0][0], runs[-1][-1]]),
        upload=upload,
        where=name.removeprefix("with_") if name.startswith("with_") else None,
        severity=severe_if(any(_is_severe(evidence, name, counts, days, run) for run in runs)),
        message=message,
        count=int(counts[before] - counts[worst]),
        share=float(1 - counts[worst] / counts[before]),
        cap_share=_lost_cap(evidence, name, first, before),
        examples=tuple(Example(date=dates[d], value=f"{counts[d]:,}") for d in [before, *shown][:4]),
    )


def _is_severe(evidence: Evidence, name: str, counts: Counts, days: np.ndarray, run: list[int]) -> bool:
    lost = 1 - counts[run].min() / counts[_before(days, run)]
    lasts = run[-1] >= evidence.newest
    if name == "listings" and lasts and lost < 0.5 and run[-1] > run[0]:
        lasts = False  # an old change of the market, not of today's delivery
    return bool(lasts or lost >= 0.5)


def _mask(evidence: Evidence, name: str, day: int) -> Mask:
    """Rows of a day that a column of the coverage counts."""
    panel = evidence.dataset.panel
    rows = panel.rows_of(day)
    if name == "listings":
        return np.ones(rows.stop - rows.start, np.bool_)
    if name == "priced":
        return panel.priced[rows]
    if name == "with a return":
        return np.isfinite(panel.local_return[rows])
    if name == "market_cap":
        return np.isfinite(panel.market_cap[rows])
    group = name.removeprefix("with_")
    if group in panel.sparse:
        return np.asarray(panel.sparse[group].codes[0][rows] >= 0)
    complete = np.ones(rows.stop - rows.start, np.bool_)
    for values in panel.dense[group].values():
        complete &= np.isfinite(values[rows])
    return complete


def _cap_of(evidence: Evidence, name: str, day: int) -> float | None:
    """Share of a day's cap of the listings that a column of the coverage counts."""
    panel = evidence.dataset.panel
    rows, total = panel.rows_of(day), evidence.cap_by_day[day]
    has_input = _mask(evidence, name, day) & panel.is_main_listing[rows]
    return float(np.nan_to_num(panel.market_cap[rows][has_input]).sum() / total) if total > 0 else None


def _lost_cap(evidence: Evidence, name: str, day: int, before: int) -> float | None:
    """Share of the previous day's cap of listings that were covered on it and are alive but not covered."""
    panel = evidence.dataset.panel
    now, then = panel.rows_of(day), panel.rows_of(before)
    still = panel.listing[now][_mask(evidence, name, day)]
    lost = _mask(evidence, name, before) & ~np.isin(panel.listing[then], still) & panel.is_main_listing[then]
    if name != "listings":
        lost &= np.isin(panel.listing[then], panel.listing[now])
    total = evidence.cap_by_day[before]
    return float(np.nan_to_num(panel.market_cap[then][lost]).sum() / total) if total > 0 else None


@check(
    "coverage_low",
    looks_at="Share of the listings alive that have a market cap, and each factor group, on the median day.",
    reports="Severe when no listing ever has one. A warning when caps or a continuous group cover less than "
    "`coverage_low`: most listings then drop out of regressions.",
    thresholds=("coverage_low", "fewest_names"),
    remedy="check the ids and dates of the upload; ids that the id map does not know are under `dropped`",
)
def coverage_low(evidence: Evidence) -> Iterator[Draft]:
    traded = np.flatnonzero(evidence.n_priced > 0)
    if not len(traded):
        return
    for name, (upload, counts) in own(evidence).items():
        if upload == "price":
            continue
        group = name.removeprefix("with_")
        share = float(np.median(counts[traded] / np.maximum(evidence.alive[traded], 1)))
        never = not counts.any()
        enough = np.median(evidence.alive[traded]) >= evidence.settings.fewest_names
        low = enough and group not in evidence.dataset.panel.sparse and share < evidence.settings.coverage_low
        if never or low:
            covers = _cap_of(evidence, name, evidence.newest)
            level = "none on any day" if never else f"{share:.0%} on the median day"
            yield of_days(
                evidence, traded, upload=upload, where=group if name.startswith("with_") else None,
                severity=severe_if(never), message=f"{_what(name)}: {level}",
                count=int(np.median(counts[traded])), share=share,
                cap_share=None if covers is None else 1 - covers, newest=True,
            )  # fmt: skip


@check(
    "delivery_collapse",
    looks_at="Number of market caps on each date of the upload on which no exchange is closed, compared with "
    "the median of the previous `median_days` dates. Caps are carried forward, so coverage does not show it.",
    reports="A warning below half, severe on the newest date. Only for uploads of steady size, within 20 % "
    "of the median on four of five dates: others hold changes only.",
    thresholds=("median_days", "fewest_names"),
    remedy="upload the complete date again; until then older caps are used",
    needs="market_cap",
)
def delivery_collapse(evidence: Evidence) -> Iterator[Draft]:
    shut = evidence.days[~evidence.open_everywhere]
    dates = evidence.cap_dates["date"].to_numpy().astype("datetime64[D]")
    table = evidence.cap_dates.filter(~np.isin(dates, shut))
    counts, window = table["rows"].to_numpy(), evidence.settings.median_days
    if len(counts) < window:
        return
    usual = np.array(
        [np.median(counts[max(0, i - window) : i]) if i else counts[0] for i in range(len(counts))]
    )
    steady = np.mean(np.abs(counts - usual) <= 0.2 * usual) >= 0.8
    few = np.flatnonzero((counts < usual / 2) & (usual >= evidence.settings.fewest_names))
    if steady and len(few):
        newest = bool(few[-1] == len(counts) - 1)
        yield of_dates(
            table["date"].gather(few).to_list(), upload="market_cap", severity=severe_if(newest),
            message=f"{counted(len(few), 'date')} with less than half of the usual rows",
            share=len(few) / len(counts), newest=newest,
            examples=tuple(
                Example(date=table["date"][i], value=f"{counts[i]:,} rows, usually {usual[i]:,.0f}")
                for i in few[:3].tolist()
            ),
        )  # fmt: skip
