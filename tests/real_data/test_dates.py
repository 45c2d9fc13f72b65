"""Dates that are none, and stamps with zones.

2024121 comes from `f"{year}{month}{day}"` and is no 2024-12-01: it may be the 21st of January. Stamps with
zones are what pandas writes for indices that have one.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfactor.client.upload import Upload
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.parsing import parse
from openfactor.uploads.parsing.dates import FORMATS, AmbiguousDatesError, read_dates
from tests.uploads.stores import UploadStore


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("exchange_rates", "fx")


def rules(frame: object) -> set[str]:
    outcome = parse(frame, DATA_TYPES["exchange_rates"], "t")  # type: ignore[arg-type]
    return {fault.rule for fault in outcome.faults}


NO_DATES = (
    "2024121", "202412", "2024", "241201", "20241301", "20240230", "2024-12", "2024-1-2-3", "2024-001",
    "2024-W49-7",
    "12024-12-01", "024-12-01", "2024-12-01x", "2024--12-01", "2024-12-01T", "2024-12-01 00",
    "2024-12-01 24:00",
    "2024-12-01 12:00:00", "2024-12-01 12:00:00 PM", "20241201.0", "2024.121", "45627", "1 Dec 24",
    "+2024-12-01",
    "2024-12-01 05:00:00+00:00", "2024 -12-01", "2024-12-01 00:00:00.001",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_no_dates(text: str) -> None:
    for texts in ([text], ["2024-12-01", text], [text, "20241202"]):
        frame = pl.DataFrame({"date": texts, "ccy": "EUR", "fx_rate": 1.0})
        assert rules(frame) & {"unreadable", "ambiguous_date"}


@pytest.mark.parametrize("number", [2024121, 202412, 45627, 20241301, 20241201.5, -20241201])
def test_numbers_that_are_no_dates(number: float) -> None:
    assert rules(pl.DataFrame({"date": [number], "ccy": "EUR", "fx_rate": 1.0})) & {
        "unreadable",
        "wrong_type",
    }


DAYS = ["2024-03-29", "2024-04-02"]
"""Summer time begins in London between them."""


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]
)
def test_stamps_with_zones_are_the_same_in_text_as_in_frames(
    upload: Upload, tmp_path: Path, zone: str
) -> None:
    stamps = pd.to_datetime(DAYS).tz_localize(zone)
    frame = pd.DataFrame({"date": stamps, "ccy": "EUR", "fx_rate": [1.0, 2.0]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    for name, given_ in (("f", frame), ("o", frame.astype({"date": object})), ("p", pl.from_pandas(frame))):
        assert upload.stage_df(name, given_).success
    assert upload.stage_file(tmp_path / "x.csv").success
    for name in ("f", "o", "p", "x"):
        days = upload.get_staging_data([name]).collect()["date"].sort().cast(pl.String).to_list()
        assert days == DAYS, name


@pytest.mark.parametrize(
    "end",
    [
        "T00:00:00Z",
        " 00:00:00+05:30",
        " 00:00:00-0500",
        " 00:00 UTC",
        " 12:00:00 AM",
        "T00:00:00.000000000+00",
    ],
)
def test_midnights(end: str) -> None:
    texts = pl.Series([day + end for day in DAYS])
    assert read_dates(texts).cast(pl.String).to_list() == DAYS


@given(st.text("0123456789-/. ", min_size=4, max_size=11))
def test_what_is_read_as_a_date_is_written_like_one(text: str) -> None:
    """Whatever is read can be written in one of the formats, give or take leading zeros."""
    try:
        day = read_dates(pl.Series([text]))[0]
    except AmbiguousDatesError:
        return
    if day is None:
        return
    bare = [part.lstrip("0") for part in text.strip().replace("/", "-").replace(".", "-").split("-")]
    forms = [day.strftime(form).replace("/", "-").replace(".", "-").split("-") for form in FORMATS]
    assert bare in [[part.lstrip("0") for part in parts] for parts in forms]
    if text.strip().isdigit():
        assert len(text.strip()) == 8
