"""Faults of whole deliveries, each told once, with its place and the share of the market that it concerns.

Vendors' files that repeat yesterday's prices, give one exchange's returns in per cent, list sessions as
closures from one month on, adjust closes but not returns, or lose the zeros in front of their ids.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.results.quality import Finding
from openfactor.synthetic import simulate
from tests.markets import dataset_of

TWO = {"exchanges": ("XNYS", "XLON"), "currencies": ("USD", "GBP")}
MARKET = simulate(40, 200, industries=3, seed=7, late_listings=0, delistings=0, **TWO).uploads
DAYS = MARKET["price"]["date"].unique().sort()
DATE, ID, RETURN, CLOSE = pl.col("date"), pl.col("asset_id"), pl.col("return"), pl.col("close")
NUMBER = ID.str.slice(1).cast(pl.Int64)
BRITISH = NUMBER % 2 == 1
Tables = dict[str, pl.DataFrame]


def found(tables: Tables, level: str = "warning", **settings: object) -> list[Finding]:
    """Findings from a severity up."""
    levels = ("severe", "warning", "info")
    quality = dataset_of({**MARKET, **tables}, **settings).report.quality
    return [f for f in quality if levels.index(f.severity) <= levels.index(level)]


def change(data_type: str, condition: pl.Expr, column: str, value: pl.Expr) -> Tables:
    chosen = pl.when(condition).then(value).otherwise(pl.col(column))
    return {data_type: MARKET[data_type].with_columns(chosen.alias(column))}


def cap_share(names: pl.Expr) -> float:
    """Share of the cap of the last day in USD."""
    caps = MARKET["market_cap"].filter(DAYS[-1] == DATE)
    caps = caps.join(MARKET["exchange_rates"].filter(DAYS[-1] == DATE), on="ccy")
    usd = pl.col("market_cap") / pl.col("fx_rate")
    return float(caps.filter(names).select(usd).sum().item() / caps.select(usd).sum().item())


@pytest.mark.parametrize("back", [22, 44, 120])
def test_sources_that_end_early_are_severe(back: int) -> None:
    end = DAYS[-back]
    (of_caps,) = found({"market_cap": MARKET["market_cap"].filter(end >= DATE)})
    assert (of_caps.check, of_caps.severity, of_caps.first_date) == ("source_ends", "severe", end)
    assert of_caps.cap_share == pytest.approx(1)
    (of_rates,) = found({"exchange_rates": MARKET["exchange_rates"].filter(end >= DATE)})
    assert (of_rates.where, of_rates.severity) == ("GBP", "severe")
    # on the last day all names have a price, so their caps are of that day, at the last rate that is known
    assert of_rates.cap_share == pytest.approx(cap_share(BRITISH), rel=0.1)


def test_prices_that_end_before_everything_else() -> None:
    (finding,) = found({"price": MARKET["price"].filter(DAYS[-40] >= DATE)})
    assert (finding.check, finding.upload, finding.severity) == ("source_ends", "price", "severe")
    assert finding.count == (DAYS[-1] - DAYS[-40]).days


@pytest.mark.parametrize(("days", "severity"), [(63, "severe"), (21, "warning")])
def test_one_exchange_lists_its_sessions_from_some_month_on(days: int, severity: str) -> None:
    closed, exchange = MARKET["exchange_dates"], pl.col("exchange")
    sessions = pl.DataFrame({"date": DAYS[-days:]}).with_columns(exchange=pl.lit("XLON"))
    good = closed.filter((exchange == "XNYS") | (DAYS[-days] > DATE))
    (finding,) = found({"exchange_dates": pl.concat([good, sessions])})
    assert (finding.check, finding.where, finding.severity) == ("closures_are_sessions", "XLON", severity)
    assert finding.newest


@pytest.mark.parametrize(
    ("when", "names"),
    [
        (pl.lit(True), NUMBER % 4 == 0),
        (DATE.is_between(DAYS[100], DAYS[109]), NUMBER % 4 == 0),
        (DAYS[-25] < DATE, NUMBER == 3),
        (DATE.is_between(DAYS[100], DAYS[101]), NUMBER % 2 == 0),
    ],
    ids=["a vendor", "a vendor for two weeks", "one name", "half of them for two days"],
)
def test_per_cent_of_some_names(when: pl.Expr, names: pl.Expr) -> None:
    """Losses of more than 1 % are no returns in per cent, and refused: here they are cut."""
    wrong = (RETURN * 100).clip(-0.99)
    (finding,) = found(change("price", when & names & RETURN.is_not_null(), "return", wrong))
    assert (finding.check, finding.severity) == ("returns_unit", "severe")
    large = MARKET["price"].filter(when & names & RETURN.is_not_null()).filter(wrong.abs() > 0.2)
    assert 0.85 * len(large) < finding.count <= len(large)


def split(ratio: float, closes: bool, returns: bool) -> pl.DataFrame:
    """The price upload with a split of A00010 that is not adjusted."""
    day = DAYS[100]
    frame, mine = MARKET["price"], ID == "A00010"
    if closes:
        frame = frame.with_columns(close=pl.when(mine & (day <= DATE)).then(CLOSE / ratio).otherwise(CLOSE))
    if returns:
        split_return = pl.when(mine & (day == DATE)).then((1 + RETURN) / ratio - 1).otherwise(RETURN)
        frame = frame.with_columns(split_return.alias("return"))
    return frame


@pytest.mark.parametrize("monthly", [False, True], ids=["daily caps", "monthly caps"])
@pytest.mark.parametrize("ratio", [2, 1.5, 10, 0.1, 4])
def test_splits(ratio: float, monthly: bool) -> None:
    caps = MARKET["market_cap"]
    if monthly:
        caps = caps.filter(DATE.is_in(DAYS.gather_every(21).implode()))
    both = found({"price": split(ratio, True, True), "market_cap": caps})
    assert [f.check for f in both if f.severity == "severe"] == ["unadjusted_split"]
    assert both[0].examples[0].asset == "A00010"
    returns = found({"price": split(ratio, False, True), "market_cap": caps})
    assert {"unadjusted_split", "close_against_return"} <= {f.check for f in returns}
    (closes,) = found({"price": split(ratio, True, False), "market_cap": caps}, "info")
    assert (closes.check, closes.severity, closes.count) == ("close_against_return", "info", 1)


def test_a_fall_that_is_one() -> None:
    """A name that loses half of its value, cap and all, is listed, and not taken for a split."""
    half = pl.col("market_cap") / 2
    caps = change("market_cap", (ID == "A00010") & (DAYS[100] <= DATE), "market_cap", half)
    (fall,) = found({"price": split(2, True, True), **caps})
    assert (fall.check, fall.severity) == ("extreme_return", "warning")


def test_prices_of_a_whole_day_delivered_again() -> None:
    """The close of the day before, and returns of 0, on a day on which both exchanges trade."""
    open_days = DAYS.filter(~DAYS.is_in(MARKET["exchange_dates"]["date"].implode()))
    day = open_days[60]
    before = CLOSE.shift(1).over("asset_id", order_by="date")
    frame = MARKET["price"].with_columns(
        pl.when(day == DATE).then(before).otherwise(CLOSE).alias("close"),
        pl.when(day == DATE).then(0.0).otherwise(RETURN).alias("return"),
    )
    (again,) = [f for f in found({"price": frame}) if f.check == "repeated_day"]
    assert (again.severity, again.first_date, again.count) == ("severe", day, 1)
    assert again.cap_share == pytest.approx(1)


def cut(column: str) -> pl.Expr:
    """Numbers with zeros in front: A00007 is 007, and A00000 is 0007777."""
    return pl.col(column).str.replace("A00", "").str.replace("^000$", "0007777")


@pytest.mark.parametrize(
    "spoilt",
    [ID + ".0", ID.str.strip_chars_start("0"), ID.str.slice(0, 1) + "-" + ID.str.slice(1)],
    ids=["float", "zeros", "dash"],
)
def test_ids_that_a_spreadsheet_has_changed(spoilt: pl.Expr) -> None:
    """'007' as '7', as '007.0', or with a dash."""
    tables = {
        name: frame.with_columns(cut("asset_id")) if "asset_id" in frame.columns else frame
        for name, frame in MARKET.items()
    }
    tables["idmap"] = MARKET["idmap"].with_columns(cut("from_id"))
    assert found(tables) == []
    tables["market_cap"] = tables["market_cap"].with_columns(spoilt)
    told = {f.check: f for f in found(tables)}
    assert told["id_spelling"].severity == "severe"
    assert told["id_spelling"].count == len(MARKET["market_cap"])


@pytest.mark.parametrize("names", [5, 3, 1])
def test_small_markets_that_lose_their_exposures(names: int) -> None:
    tables = simulate(names, 60, industries=1, seed=2, late_listings=0, delistings=0).uploads
    last = tables["price"]["date"].max()
    assert isinstance(last, dt.date)
    assert dataset_of(tables).report.quality == []
    group = pl.col("factor_group") == "style"
    keep = ~(group & (last == DATE)) | ((ID == "A00000") & (pl.col("factor") == "size") & (names == 1))
    keep |= (ID == "A00000") & (names > 1)
    report = dataset_of({**tables, "exposures": tables["exposures"].filter(keep)}).report
    if names == 1:  # size alone was delivered: the other styles are carried on
        assert report.quality == []
        return
    (finding,) = report.quality
    assert (finding.check, finding.where, finding.severity) == ("coverage_collapse", "style", "severe")
    assert finding.count == names - 1


def test_changes_may_pause() -> None:
    """Industries change when companies do: rows once at the start, some in between, none for months."""
    exposures = MARKET["exposures"]
    industry = pl.col("factor_group").is_in(["industry", "market"])
    rows = exposures.filter(~industry | (DAYS[0] == DATE) | ((DAYS[90] == DATE) & (NUMBER < 3)))
    assert found({"exposures": rows}, exposure_mode="changes") == []


def test_caps_of_one_currency_in_another_unit() -> None:
    """Which of two currencies is wrong, nobody can tell: the finding names both."""
    (finding,) = found(change("market_cap", BRITISH, "market_cap", pl.col("market_cap") * 1000))
    assert (finding.check, finding.severity, finding.where in ("USD", "GBP")) == (
        "cap_level",
        "warning",
        True,
    )
    assert "USD in USD" in finding.message
    assert "USD in GBP" in finding.message


def test_another_week_on_another_exchange() -> None:
    """Riyadh trades from Sunday to Thursday beside New York; both list their weekends as closed."""
    other = simulate(30, 200, industries=3, seed=8, late_listings=0, delistings=0).uploads
    move = pl.duration(days=-1)
    tables = dict(simulate(40, 200, industries=3, seed=9, late_listings=0, delistings=0).uploads)
    for name, frame in other.items():
        if "date" in frame.columns and name != "exchange_rates":
            frame = frame.with_columns(DATE + move)
        for column in {"asset_id", "from_id", "to_id"} & set(frame.columns):
            frame = frame.with_columns(pl.lit("B").add(pl.col(column)).alias(column))
        if name == "exchange_dates":
            frame = frame.with_columns(exchange=pl.lit("XSAU"))
        if name != "exchange_rates":
            tables[name] = pl.concat([tables[name], frame])
    rate = tables["exchange_rates"].head(1).with_columns(DATE + pl.duration(days=-30))
    tables["exchange_rates"] = pl.concat([rate, tables["exchange_rates"]])
    every = pl.DataFrame({"date": [dt.date(2022, 1, 1) + dt.timedelta(n) for n in range(330)]})
    weekends = [
        every.filter(DATE.dt.weekday().is_in(days)).with_columns(exchange=pl.lit(name))
        for name, days in (("XNYS", [6, 7]), ("XSAU", [5, 6]))
    ]
    tables["exchange_dates"] = pl.concat([tables["exchange_dates"], *weekends]).unique()
    checks = {f.check for f in dataset_of(tables, exposure_mode="changes").report.quality}
    assert not {"open_weekend", "closures_are_sessions", "thin_day", "repeated_day"} & checks
