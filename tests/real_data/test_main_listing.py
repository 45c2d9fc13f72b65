"""The listing that stands for its company, as of each day.

Share classes and cross-listings have one row of market caps between them, and vendors move it: from the old
class to the new one, from one exchange to another, from a ticker to the next. Who carries it later says
nothing about who stood for the company before.
"""

from __future__ import annotations

import datetime as dt
from itertools import product

import numpy as np
import polars as pl
import pytest

from tests.dataset.test_build import FRI, GROUPS, MON, THU, TUE, WED, exposure_rows, main_by_day, tables
from tests.markets import dataset_of, until

DAYS = [MON, TUE, WED, THU, FRI]


def company(caps: list[tuple[dt.date, str]], names: str = "AB", core: str = "E") -> dict[str, pl.DataFrame]:
    """One company of several listings with prices every day; caps on the days and listings that are given."""
    price = pl.DataFrame(
        [(d, n, 1.0, None if d == MON else 0.01) for d, n in product(DAYS, names)],
        schema=["date", "asset_id", "close", "return"], orient="row",
    ).with_columns(asset_id_type=pl.lit("ticker"), ccy=pl.lit("USD"), delisted=False)  # fmt: skip
    cap = pl.DataFrame(caps, schema=["date", "asset_id"], orient="row").with_columns(
        market_cap=pl.int_range(1.0, len(caps) + 1, dtype=pl.Int64).cast(pl.Float64),
        asset_id_type=pl.lit("ticker"), ccy=pl.lit("USD"),
        volume=pl.lit(None, pl.Float64), idio_vol=pl.lit(None, pl.Float64),
    )  # fmt: skip
    idmap = pl.DataFrame({"from_id": list(names), "to_id": core}).with_columns(
        start_date=dt.date.min, end_date=dt.date.max, from_id_type=pl.lit("ticker"),
        to_id_type=pl.lit("ticker_core"),
    )  # fmt: skip
    exposures = exposure_rows(
        [(d, n, "style", "size", float(names.index(n))) for d, n in product(DAYS, names)]
        + [(MON, "A", "industry", "X", 1.0)]
    )
    return tables(price=price, market_cap=cap, idmap=idmap, exposures=exposures)


def twin(caps: list[tuple[dt.date, str]], names: str, core: str) -> list[str]:
    """Who stands for the company, day by day, by the words of the rule."""
    out = []
    for day in DAYS:
        if core in names:
            out.append(core)
            continue
        past = [c for c in caps if c[0] <= day]
        latest = max((d for d, _ in past), default=None)
        out.append(min((n for d, n in past if d == latest), default=names[0]))
    return out


@pytest.mark.parametrize("core", ["E", "B"])
@pytest.mark.parametrize(
    "caps",
    [
        [(MON, "A"), (WED, "B")],
        [(MON, "B"), (WED, "A")],
        [(WED, "B"), (FRI, "C")],
        [(MON, "C"), (MON, "B"), (THU, "C")],
    ],
)
def test_the_listing_with_the_latest_cap_stands_for_the_company(caps, core: str) -> None:
    dataset = dataset_of(company(caps, "ABC", core), **GROUPS)
    expected = twin(caps, "ABC", core)
    assert main_by_day(dataset) == expected
    # and where each listing has exposures of its own, its are the company's
    size = dataset.panel.dense["style"]["size"][:].reshape(5, 3)
    assert size.tolist() == [[float("ABC".index(n))] * 3 for n in expected]


def test_a_cap_that_comes_later_changes_no_earlier_day() -> None:
    whole = company([(MON, "A"), (THU, "B")])
    for end in range(2, 6):
        part = dataset_of(until(whole, DAYS[end - 1]), **GROUPS)
        full = dataset_of(whole, **GROUPS).slice_days(0, end)
        np.testing.assert_array_equal(part.panel.is_main_listing, full.panel.is_main_listing)
        np.testing.assert_array_equal(part.panel.dense["style"]["size"], full.panel.dense["style"]["size"])
        np.testing.assert_array_equal(part.panel.market_cap, full.panel.market_cap)


def test_who_carries_the_caps_survives_the_disk(tmp_path) -> None:
    from openfactor.dataset.storage import load, save
    from openfactor.store import LocalObjects

    dataset = dataset_of(company([(MON, "A"), (THU, "B")]), **GROUPS)
    objects = LocalObjects(tmp_path)
    assert load(objects, save(dataset, objects)).identifiers.carriers.equals(dataset.identifiers.carriers)
