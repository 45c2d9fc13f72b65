"""What results show of themselves, and what they derive from their fields."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.results import (
    BuildReport,
    CoverageLine,
    DataVersion,
    Example,
    Finding,
    Freshness,
    MultiParserResult,
    UploadCommitResult,
    UploadParserResult,
    UploadStagingResult,
)
from openfactor.results.quality import in_order, percent, span

DAY, NEXT_DAY = dt.date(2024, 1, 2), dt.date(2024, 1, 3)
ACCEPTED = UploadParserResult(parser="table", success=True, messages=["renamed Price"])
WORDY = UploadParserResult(parser="wide", success=False, messages=["no column a", "no column b"])
TERSE = UploadParserResult(parser="long", success=False, messages=["no column date"])
SEVERE = Finding(
    check="gaps", upload="price", where="USD", severity="severe", message="prices are missing",
    remedy="upload them", first_date=DAY, last_date=NEXT_DAY, count=3, share=0.25, cap_share=0.0001,
    examples=(Example(asset="A", date=DAY, value="3"), Example(asset="B")), newest=True,
)  # fmt: skip
OLD = Finding(check="churn", upload="exposures", severity="info", message="m", remedy="r", first_date=DAY)
REPORT = BuildReport(
    first_date="2024-01-02", last_date="2024-01-03", n_days=2, n_listings=1234, n_companies=1000, n_rows=2400,
    rows_read={"price": 3000, "idmap": 5}, rows_dropped={"price": {"without a company": 40}},
    rows_worked_out={"price": {"returns": 12}}, warnings=["look at this", SEVERE.summary],
    periods_per_year=52.0, periods_source="trading days", quality=[SEVERE, OLD], newest_day=NEXT_DAY,
    newest_coverage=[
        CoverageLine(what="market_cap", newest=1200, day_before=None, median=1100.4),
        CoverageLine(what="price", newest=1234, day_before=1233, median=1230.0),
    ],
    freshness=[
        Freshness(upload="price", first_date=DAY, last_date=NEXT_DAY, age=0, interval=1),
        Freshness(upload="exchange_rates", where="EUR", first_date=DAY, last_date=DAY, age=1, interval=0),
    ],
)  # fmt: skip


def test_a_parser_says_whether_it_accepts_a_table_and_why_not() -> None:
    assert repr(ACCEPTED) == str(ACCEPTED) == "<'table' accepts it:\n  renamed Price>"
    assert repr(TERSE) == "<'long' does not accept it:\n  no column date>"
    assert bool(ACCEPTED)
    assert not TERSE


def test_several_parsers_are_told_by_the_one_that_accepts_or_the_nearest() -> None:
    accepted = MultiParserResult(results=[WORDY, ACCEPTED])
    assert repr(accepted) == "<accepted by 'table':\n  table: renamed Price>"
    assert (bool(accepted), accepted.success, accepted.success_parser) == (True, True, "table")
    refused = MultiParserResult(results=[WORDY, TERSE])
    assert repr(refused) == (
        "<no parser accepts it:\n  long: no column date\n  wide: no column a\n  wide: no column b>"
    )
    assert (bool(refused), refused.success, refused.success_parser) == (False, False, None)


def test_staging_is_told_likewise() -> None:
    now = dt.datetime(2024, 1, 2)
    staged = UploadStagingResult(name="a", timestamp=now, success=True, results=[ACCEPTED])
    assert repr(staged) == "<'a' staged by 'table':\n  table: renamed Price>"
    failed = UploadStagingResult(name="a", timestamp=now, success=False, results=[TERSE])
    assert repr(failed) == str(failed) == "<'a' could not be staged:\n  long: no column date>"
    assert (failed.success_parser, bool(failed)) == (None, False)


def test_a_commit_shows_its_fields() -> None:
    """As the documents print it."""
    assert str(UploadCommitResult(version=1)).startswith("UploadCommitResult(version=1, committed_names=[]")


def test_a_data_version_shows_days_and_the_start_of_its_hash() -> None:
    version = DataVersion(dataset="d", fingerprint="0123456789abcdef", first_date=DAY, last_date=NEXT_DAY)
    assert str(version) == "'d' (2024-01-02 to 2024-01-03, data 01234567)"


def test_a_finding_shows_place_shares_examples_and_remedy() -> None:
    first, *rest = str(SEVERE).splitlines()
    assert first.split("  ")[0] == "SEVERE"
    assert first.endswith("2024-01-02 to 2024-01-03  25.0%, <0.1% of cap")
    assert [line.strip() for line in rest] == [
        "prices are missing",
        "such as A 2024-01-02 3; B",
        "-> upload them",
    ]
    assert str(OLD).splitlines()[1:] == ["        m", "        -> r"]
    assert in_order([OLD, SEVERE]) == [SEVERE, OLD]


def test_percentages_and_spans() -> None:
    assert [percent(share) for share in (0, 0.0004, 0.0005, 0.125, 1)] == [
        "0.0%", "<0.1%", "0.1%", "12.5%", "100.0%"
    ]  # fmt: skip
    assert [span(None, DAY), span(DAY, DAY), span(DAY, NEXT_DAY)] == [
        "", "2024-01-02", "2024-01-02 to 2024-01-03"
    ]  # fmt: skip


def test_a_build_report_shows_all_that_it_has() -> None:
    lines = [line.strip() for line in str(REPORT).splitlines()]
    assert lines[:5] == [
        "2024-01-02 to 2024-01-03: 2 days, 1,234 listings of 1,000 companies, 2,400 rows",
        "52 trading periods per year (from: trading days)",
        "price: 3,000 rows read, dropped: 40 without a company, worked out: 12 returns",
        "idmap: 5 rows read",
        "look at this",  # the warning about a finding is told by the finding
    ]
    assert [line.split() for line in lines[5:8]] == [
        ["coverage", "on", "2024-01-03", "listings", "day", "before", "median"],
        ["market", "cap", "1,200", "1,100"],
        ["price", "1,234", "1,233", "1,230"],
    ]
    assert lines[8:11] == [
        "1 of 2 sources are of the newest day",
        "exchange_rates EUR of 2024-01-02, 1 day old",
        "data quality: 1 severe, 1 info",
    ]
    assert lines[11].startswith("SEVERE")
    assert REPORT.newest_faults == [SEVERE]
    assert REPORT.model_copy(update={"quality": []}).quality_text.endswith("data quality: nothing found")


def test_frames_of_a_build_report() -> None:
    quality = REPORT.quality_frame
    assert quality["severity"].to_list() == ["severe", "info"]
    assert quality["examples"].to_list() == ["A 2024-01-02 3; B", ""]
    assert quality.row(0, named=True)["cap_share"] == 0.0001
    freshness = REPORT.freshness_frame
    assert freshness.select("upload", "where", "age").rows() == [
        ("price", None, 0), ("exchange_rates", "EUR", 1)
    ]  # fmt: skip
    empty = REPORT.model_copy(update={"quality": [], "freshness": []})
    assert empty.quality_frame.schema == quality.schema
    assert empty.freshness_frame.schema == freshness.schema
    assert freshness.schema["last_date"] == pl.Date
