"""Each data quality check fires on the fault that it is for, and on nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset
from openfactor.dataset.quality import CHECKS
from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.exposures import spread_by_day
from openfactor.dataset.row_counts import RowCounts
from openfactor.errors import DataError, SettingsError
from openfactor.results.quality import Finding
from openfactor.settings import DataQualitySettings
from openfactor.synthetic import simulate
from tests.markets import dataset_of

MARKET = simulate(60, 130, industries=4, exchanges=("XNYS", "XLON"), currencies=("USD", "GBP"), seed=5)
DAYS = MARKET.uploads["price"]["date"].unique().sort()
LAST, LATE, MIDDLE = DAYS[-1], DAYS[-45], DAYS[70]
A = pl.col("asset_id") == "A00000"
FEW = pl.col("asset_id").is_in([f"A{i:05d}" for i in range(9)])
Tables = dict[str, pl.DataFrame]


def find(settings: DataQualitySettings | None = None, **changes: pl.DataFrame) -> list[Finding]:
    return built(settings, **changes).report.quality


def built(settings: DataQualitySettings | None = None, **changes: pl.DataFrame) -> RiskDataset:
    extra = {"series_source": "series"} if "series" in changes else {}
    quality = settings or DataQualitySettings()
    return dataset_of({**MARKET.uploads, **changes}, quality=quality, **extra)


def of(data_type: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Tables:
    return {data_type: change(MARKET.uploads[data_type])}


def where(condition: pl.Expr, column: str, value: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.with_columns(
        pl.when(condition).then(value).otherwise(pl.col(column)).alias(column)
    )


def without(condition: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.filter(~condition)


def day_of(name: str, at: int) -> dt.date:
    return MARKET.uploads["price"].filter(pl.col("asset_id") == name)["date"].sort()[at]


DATE, ID, RETURN, CLOSE = pl.col("date"), pl.col("asset_id"), pl.col("return"), pl.col("close")
CAP, RATE, X = pl.col("market_cap"), pl.col("fx_rate"), pl.col("exposure")
SIZE = pl.col("factor") == "size"
GBP = pl.col("ccy") == "GBP"
EARLY = pl.col("date") < DAYS[40]
STYLE, INDUSTRY = pl.col("factor_group") == "style", pl.col("factor_group") == "industry"
MOMENTUM = pl.col("factor") == "momentum"
LATER = DATE > LATE
BAD = day_of("A00000", 60)
NEXT = day_of("A00000", 61)
HALF = pl.col("asset_id").str.slice(1).cast(pl.Int64) % 2 == 0


def halve(frame: pl.DataFrame) -> pl.DataFrame:
    """A split of 2 for 1 that only the close and the return show; the cap stays."""
    gone = A & (DATE >= BAD)
    frame = frame.with_columns(close=pl.when(gone).then(CLOSE / 2).otherwise(CLOSE))
    return where(A & (DATE == BAD), "return", (1 + RETURN) / 2 - 1)(frame)


def sessions(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"date": DAYS}).join(pl.DataFrame({"exchange": ["XNYS", "XLON"]}), how="cross")


def saturday(frame: pl.DataFrame) -> pl.DataFrame:
    friday = frame.filter(DAYS.filter(DAYS.dt.weekday() == 5)[3] == DATE)
    more = friday.with_columns(DATE + pl.duration(days=1), pl.lit(0.0).alias("return"))
    return pl.concat([frame, more])


NOT_SATURDAYS = of("exchange_dates", without(DATE.dt.weekday() == 6))
OPEN_DAYS = DAYS.filter(~DAYS.is_in(MARKET.uploads["exchange_dates"]["date"].implode()))
THIN = OPEN_DAYS[60]
OTHER_TYPE = {
    "idmap": pl.concat(
        [
            MARKET.uploads["idmap"],
            MARKET.uploads["idmap"].with_columns(
                from_id_type=pl.lit("sedol"), to_id_type=pl.lit("sedol"), to_id=pl.col("from_id")
            ),
        ]
    )
}


def by_sedol() -> Tables:
    """Exposures by another id type of the id map, half of them in lower case."""
    idmap = MARKET.uploads["idmap"]
    sedol = idmap.with_columns(
        from_id_type=pl.lit("sedol"), from_id="S" + pl.col("from_id"), to_id_type=pl.lit("ticker"),
        to_id=pl.col("from_id"),
    )  # fmt: skip
    exposures = MARKET.uploads["exposures"].with_columns(
        asset_id_type=pl.lit("sedol"),
        asset_id=pl.when(HALF).then("s" + ID.str.to_lowercase()).otherwise("S" + ID),
    )
    return {"idmap": pl.concat([idmap, sedol]), "exposures": exposures}


def of_a_ghost() -> Tables:
    """A factor whose only exposures are those of a name without prices."""
    exposures, idmap = MARKET.uploads["exposures"], MARKET.uploads["idmap"]
    ghost = exposures.filter(MOMENTUM & (ID == "A00001")).with_columns(asset_id=pl.lit("GHOST"))
    named = idmap.head(1).with_columns(from_id=pl.lit("GHOST"), to_id=pl.lit("GHOST"))
    return {
        "exposures": pl.concat([exposures.filter(~MOMENTUM), ghost]),
        "idmap": pl.concat([idmap, named]),
    }


def stand_still(frame: pl.DataFrame) -> pl.DataFrame:
    still = FEW & (DAYS[60] < DATE)
    frame = where(still, "close", pl.lit(10.0))(frame)
    return where(still, "return", pl.lit(0.0))(frame)


def repeated(frame: pl.DataFrame) -> pl.DataFrame:
    """The closes of the last day are those of the day before, delivered again."""
    before = CLOSE.shift(1).over("asset_id", order_by="date")
    frame = frame.with_columns(close=pl.when(DATE == LAST).then(before).otherwise(CLOSE))
    return where(DATE == LAST, "return", pl.lit(0.0))(frame)


def one_factor_less(group: pl.Expr) -> Tables:
    return of("exposures", without(group & LATER))


def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
    bad = frame.filter(MOMENTUM & (DATE == MIDDLE)).sort("asset_id")
    other = bad.with_columns(X.reverse())
    return pl.concat([frame.filter(~(MOMENTUM & (DATE == MIDDLE))), other])


def twin(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.filter(A).with_columns(asset_id=pl.lit(name))])


TWIN = {name: twin("ZZZ", MARKET.uploads[name]) for name in ("price", "market_cap", "exposures")} | {
    "idmap": pl.concat(
        [
            MARKET.uploads["idmap"],
            MARKET.uploads["idmap"].head(1).with_columns(from_id=pl.lit("ZZZ"), to_id=pl.lit("ZZZ")),
        ]
    )
}
SERIES = {"series": pl.DataFrame({"date": DAYS[:60], "series": ["rate"] * 60, "value": [0.01] * 60})}

# check, severity, the place that it names, and the fault
CASES: list[tuple[str, str, str | None, Tables]] = [
    ("source_ends", "severe", "GBP", of("exchange_rates", without(LATER))),
    ("source_ends", "severe", None, of("market_cap", without(LATER))),
    ("source_ends", "severe", "style", one_factor_less(STYLE)),
    ("source_ends", "severe", "style.momentum", one_factor_less(MOMENTUM)),
    ("source_ends", "severe", "industry", one_factor_less(INDUSTRY)),
    ("source_ends", "severe", "rate", SERIES),
    ("source_begins_late", "info", "style.momentum", of("exposures", without(MOMENTUM & (DATE < MIDDLE)))),
    ("source_gap", "warning", "GBP",
     of("exchange_rates", without((DAYS[40] < DATE) & (DAYS[60] > DATE)))),
    ("source_gap", "warning", None, of("price", without((DAYS[80] < DATE) & (DAYS[100] > DATE)))),
    ("closures_end", "severe", "XLON", of("exchange_dates", without(LATER & (pl.col("exchange") == "XLON")))),
    ("closures_are_sessions", "severe", "XNYS", of("exchange_dates", sessions)),
    ("open_weekend", "severe", "XNYS", of("price", saturday) | NOT_SATURDAYS),
    ("thin_day", "severe", None, of("price", without((DATE == THIN) & ~A))),
    ("coverage_collapse", "severe", "style",
     of("exposures", without(MOMENTUM & (DATE == LAST) & ~A))),
    ("coverage_collapse", "severe", None, of("price", where(DATE == LAST, "return", pl.lit(None)))),
    ("coverage_low", "severe", "style", of_a_ghost()),
    ("coverage_low", "warning", None, of("market_cap", without(pl.col("asset_id") > "A00020"))),
    ("delivery_collapse", "severe", None, of("market_cap", without((DATE == LAST) & ~A))),
    ("dropped", "severe", None, of("exposures", where(HALF, "asset_id_type", pl.lit("sedol"))) | OTHER_TYPE),
    ("dropped", "warning", None, of("price", where(A, "asset_id", pl.lit("A0000O")))),
    ("id_spelling", "severe", None, of("exposures", where(HALF, "asset_id", ID.str.to_lowercase()))),
    ("id_spelling", "warning", None,
     of("market_cap", where(A, "asset_id", pl.lit("A000" + chr(0x200B) + "00")))),
    ("id_spelling", "severe", None, by_sedol()),
    ("id_spelling", "warning", None,
     of("idmap", lambda idmap: pl.concat(
         [idmap, idmap.head(1).with_columns(pl.col("from_id", "to_id").str.to_lowercase())]
     ))),
    ("id_map_validity", "warning", None,
     of("idmap", where(pl.col("from_id") < "A00010", "start_date", pl.lit(MIDDLE)))),
    ("same_company", "warning", "returns", TWIN),
    ("returns_missing", "severe", None, of("price", where(pl.lit(True), "return", pl.lit(None)))),
    ("returns_missing", "warning", None, of("price", where(HALF & EARLY, "return", pl.lit(None)))),
    ("first_return", "warning", None,
     of("price", where(A & (day_of("A00000", 0) == DATE), "return", pl.lit(0.4)))),
    ("returns_unit", "severe", None, of("price", where(pl.lit(True), "return", (RETURN * 100).clip(-1)))),
    ("returns_unit", "severe", None, of("price", where(DATE == MIDDLE, "return", (RETURN * 100).clip(-1)))),
    ("returns_unit", "severe", None, of("price", where(A, "return", (RETURN * 100).clip(-1)))),
    ("extreme_return", "severe", None, of("price", where(A & (DATE == BAD), "return", pl.lit(34.0)))),
    ("extreme_return", "warning", None, of("price", where(A & (DATE == BAD), "return", pl.lit(1.5)))),
    ("reversed_return", "severe", None,
     of("price", where(A & (DATE == BAD), "return", pl.when(DATE == BAD).then(34.0)))
     | of("price", lambda f: where(A & (DATE == NEXT), "return", pl.lit(-0.97))(
         where(A & (DATE == BAD), "return", pl.lit(34.0))(f)))),
    ("unadjusted_split", "severe", None, of("price", halve)),
    ("close_against_return", "severe", None,
     of("price", lambda f: f.with_columns(RETURN.shift(1).over("asset_id", order_by="date")))),
    ("close_against_return", "warning", None, of("price", where(A & (DATE == BAD), "return", pl.lit(0.6)))),
    ("price_unit", "severe", None, of("price", where(A & (DATE >= BAD), "close", CLOSE * 100))),
    ("unchanged_price", "severe", None, of("price", stand_still)),
    ("repeated_day", "severe", None, of("price", repeated)),
    ("unpriced_name", "severe", None, of("price", without(FEW & (DAYS[-30] < DATE)))),
    ("cap_jump", "severe", None, of("market_cap", where(DATE == MIDDLE, "market_cap", CAP / 1e6))),
    ("cap_jump", "warning", None, of("market_cap", where(A & (DATE >= MIDDLE), "market_cap", CAP * 5))),
    ("cap_concentration", "severe", None, of("market_cap", where(A, "market_cap", CAP * 1e6))),
    ("cap_level", "warning", None, of("market_cap", lambda f: f.with_columns(CAP / 1e6))),
    ("cap_level", "warning", None, of("market_cap", where(A, "market_cap", pl.lit(0.0)))),
    ("cap_carried", "severe", None, of("market_cap", without(FEW & (DAYS[30] < DATE)))),
    ("volatility_unit", "severe", "idio_vol",
     of("market_cap", lambda f: f.with_columns(pl.col("idio_vol") * 2000))),
    ("rate_jump", "severe", "GBP", of("exchange_rates", where(DATE == MIDDLE, "fx_rate", RATE * 100))),
    ("rate_jump", "warning", "GBP",
     of("exchange_rates", where(GBP & (DATE >= MIDDLE), "fx_rate", RATE * 1.3))),
    ("rate_level", "severe", "JPY",
     of("exchange_rates", lambda f: pl.concat([f, pl.DataFrame({"date": [DAYS[0]], "ccy": ["JPY"],
                                                               "fx_rate": [0.0091]})]))),
    ("rate_unchanged", "info", "GBP", of("exchange_rates", where(DAYS[50] < DATE, "fx_rate", pl.lit(1.0)))),
    ("exposure_scale", "severe", "style.size",
     of("exposures", where(SIZE & (DATE == MIDDLE), "exposure", X * 100))),
    ("exposure_scale", "warning", "style.value",
     of("exposures", where(pl.col("factor") == "value", "exposure", pl.lit(0.0)))),
    ("exposure_churn", "warning", "style.momentum", of("exposures", shuffled)),
    ("exposure_churn", "warning", "industry",
     of("exposures", where(INDUSTRY & (DATE >= MIDDLE), "factor", pl.col("factor").replace(
         {"I00": "I01", "I01": "I00", "I02": "I03", "I03": "I02"})))),
    ("category_empties", "severe", "industry.I00",
     of("exposures", where(INDUSTRY & (DATE >= MIDDLE), "factor", pl.col("factor").replace({"I00": "I01"})))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "severity", "place", "changes"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_the_check_fires(check: str, severity: str, place: str | None, changes: Tables) -> None:
    findings = [f for f in find(**changes) if f.check == check]
    assert (severity, place) in [(f.severity, f.where) for f in findings], findings
    assert all(f.remedy and f.message for f in findings)


def week(first: str, holidays: bool) -> list[str]:
    """Findings in a market whose sessions are moved from Monday to begin on `first`; its closures list
    weekends, or holidays alone."""
    move = pl.duration(days=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(first) - 7)
    tables = {
        name: frame.with_columns(DATE + move) if "date" in frame.columns else frame
        for name, frame in MARKET.uploads.items()
    }
    if holidays:
        sessions = MARKET.uploads["exchange_dates"].filter(DATE.dt.weekday() < 6)
        tables["exchange_dates"] = sessions.with_columns(DATE + move)
    return [f.check for f in dataset_of(tables).report.quality]


@pytest.mark.parametrize("holidays", [False, True])
@pytest.mark.parametrize("first", ["Mon", "Sun", "Sat"])
def test_other_weeks_than_monday_to_friday(first: str, holidays: bool) -> None:
    """Riyadh trades from Sunday to Thursday, Tehran from Saturday to Wednesday."""
    assert week(first, holidays) == []


def test_prices_on_all_seven_days_are_reported() -> None:
    """Prices carried into weekends that no closures exclude."""
    price = MARKET.uploads["price"]
    friday = price.filter((DATE.dt.weekday() == 5) & RETURN.is_not_null()).with_columns(
        pl.lit(0.0).alias("return"), pl.lit(False).alias("delisted")
    )
    weekend = [friday.with_columns(DATE + pl.duration(days=n)) for n in (1, 2)]
    closed = MARKET.uploads["exchange_dates"].filter(DATE.dt.weekday() < 6)
    (of_new_york,) = [
        f for f in find(price=pl.concat([price, *weekend]), exchange_dates=closed)
        if f.check == "open_weekend" and f.where == "XNYS"
    ]  # fmt: skip
    assert of_new_york.count == 2 * friday["date"].n_unique()


TESTED_ELSEWHERE = {"id_of_two_companies"}  # tests/real_data/test_ambiguous_ids.py


def test_every_check_has_a_case() -> None:
    assert {case[0] for case in CASES} | TESTED_ELSEWHERE == {check.name for check in CHECKS}


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_market_has_no_findings(seed: int) -> None:
    two = {"exchanges": ("XNYS", "XLON", "XTKS"), "currencies": ("USD", "GBP", "JPY")}
    uploads = simulate(80, 260, industries=5, seed=seed, late_listings=0.2, delistings=0.2, **two).uploads
    assert dataset_of(uploads).report.quality == []


def test_one_row_for_a_new_listing_takes_a_group_from_all_others() -> None:
    """An exposures upload that holds changes only: the next day knows one name of the market."""
    exposures = MARKET.uploads["exposures"].filter(~((pl.col("factor") == "market") & (DATE == LAST) & ~A))
    dataset = built(exposures=exposures)
    (finding,) = dataset.report.quality
    alive = dataset.coverage["priced"][-1]
    assert (finding.check, finding.where, finding.severity, finding.newest) == (
        "coverage_collapse", "market", "severe", True,
    )  # fmt: skip
    assert finding.first_date == finding.last_date == LAST
    assert finding.count == dataset.coverage["with_market"][-2] - 1
    caps = MARKET.uploads["market_cap"].filter(DAYS[-2] == DATE)
    rates = MARKET.uploads["exchange_rates"].filter(DAYS[-2] == DATE)
    usd = caps.join(rates, on="ccy").select("asset_id", cap=CAP / RATE)
    priced = MARKET.uploads["price"].filter(DATE == LAST)["asset_id"]
    lost = usd.filter(ID.is_in(priced.implode()) & ~A)["cap"].sum()
    assert finding.cap_share == pytest.approx(lost / usd["cap"].sum())
    (warning,) = dataset.report.warnings
    assert "1 on" in warning
    assert "complete day again" in warning
    by_input = {line.what: line for line in dataset.report.newest_coverage}
    assert (by_input["with_market"].newest, by_input["priced"].newest) == (1, alive)
    assert by_input["with_market"].day_before == dataset.coverage["with_market"][-2]


def test_a_finding_says_where_it_was_made() -> None:
    """One return of 3,400 % and its end, as a split that was not adjusted leaves it."""
    bad = where(A & (DATE == BAD), "return", pl.lit(34.0))(MARKET.uploads["price"])
    by_check = {f.check: f for f in find(price=where(A & (DATE == NEXT), "return", pl.lit(-0.97))(bad))}
    reversed_return = by_check["reversed_return"]
    assert (reversed_return.first_date, reversed_return.count) == (BAD, 1)
    (example,) = reversed_return.examples
    assert (example.asset, example.date, example.value) == ("A00000", BAD, "+3,400%")
    assert by_check["extreme_return"].count == 2


def test_treatment() -> None:
    changes = of("price", where(A & (DATE == BAD), "return", pl.lit(34.0)))
    calm = DataQualitySettings(treatment={"extreme_return": "info", "close_against_return": "off"})
    dataset = built(calm, **changes)
    assert [(f.check, f.severity) for f in dataset.report.quality] == [("extreme_return", "info")]
    assert dataset.report.warnings == []
    with pytest.raises(DataError, match="1 return beyond") as caught:
        built(DataQualitySettings(treatment={"extreme_return": "refuse"}), **changes)
    assert caught.value.faults[0].rule == "extreme_return"
    with pytest.raises(SettingsError, match="extreme_return"):
        built(DataQualitySettings(treatment={"extreme_retrun": "off"}))


def test_thresholds_are_settings_that_exist() -> None:
    known = DataQualitySettings.model_fields.keys()
    assert {name for check in CHECKS for name in check.thresholds} == known - {"treatment"}


def test_the_report_is_a_table_and_a_text() -> None:
    report = built(**of("market_cap", where(DATE == MIDDLE, "market_cap", CAP / 1e6))).report
    frame = report.quality_frame
    assert len(frame) == len(report.quality) > 0
    assert frame["severity"][0] == "severe"
    text = str(report)
    for finding in report.quality:
        assert finding.check in text
        assert text.count(finding.remedy) >= 1
    assert type(report).model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("names", [1, 2, 12])
def test_little_data(names: int) -> None:
    """Nothing fails, and statistics of few names are not taken."""
    uploads = simulate(names, 12, industries=1, seed=1).uploads
    assert dataset_of(uploads).report.quality == []
    one_day = uploads["price"]["date"].min()
    first = {
        name: frame.filter(one_day == DATE) if name in ("price", "market_cap", "exposures") else frame
        for name, frame in uploads.items()
    }
    assert [f.check for f in dataset_of(first).report.quality] == []


def test_the_order_of_rows_does_not_matter() -> None:
    changes = of("price", where(A & (DATE == BAD), "return", pl.lit(34.0)))
    shuffled_rows = {
        name: frame.sample(fraction=1, shuffle=True, seed=3)
        for name, frame in {**MARKET.uploads, **changes}.items()
    }
    assert find(**changes) == find(**shuffled_rows)


def test_spread_agrees_with_a_plain_loop() -> None:
    """The fast pass behind the checks against numpy on one day at a time."""
    dataset = built()
    evidence = Evidence(dataset, {}, {}, RowCounts(), DataQualitySettings())
    panel = dataset.panel
    count, mean, std = spread_by_day(evidence, panel.dense["style"]["size"])
    for d in range(1, len(dataset.days), 9):
        rows = panel.rows_of(d)
        size = panel.dense["style"]["size"][rows].astype(float)
        size = size[~np.isnan(size)]
        assert count[d] == len(size)
        assert mean[d] == pytest.approx(size.mean(), abs=1e-12)
        assert std[d] == pytest.approx(size.std())


def test_freshness() -> None:
    """Fundamentals that ended three years ago, as it were: momentum ends early and still explains returns."""
    report = built(**one_factor_less(MOMENTUM)).report
    age = (LAST - LATE).days
    by_place = {(s.upload, s.where): s for s in report.freshness}
    momentum = by_place["exposures", "style.momentum"]
    assert (momentum.last_date, momentum.age, momentum.interval) == (LATE, age, 3)  # over weekends
    assert by_place["exposures", "style.size"].age == 0
    assert report.freshness_frame["age"].to_list() == [s.age for s in report.freshness]
    assert f"style.momentum of {LATE}, {age} days old" in str(report)
