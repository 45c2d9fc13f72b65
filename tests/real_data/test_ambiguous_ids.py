"""One identifier, two companies.

Tickers are given out again, and an id map that is put together from two vendors, or that ends a mapping on
the day on which the next one starts, has days on which an id leads to both. Tickers without their exchange
(AAL in New York and in London) are the rule rather than the exception in maps of the whole world.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.errors import DataError, DataWarning
from openfactor.settings import UniverseSettings
from tests.dataset.test_build import GROUPS, MON, THU, WED, exposure_rows, tables
from tests.handles import Universe
from tests.markets import dataset_of, dataset_settings, reader

FIRST, LAST = dt.date.min, dt.date.max


def mappings(*rows: tuple) -> pl.DataFrame:
    """from_id, to_id, start_date, end_date, and the types if they are not ticker and ticker_core."""
    full = [(*row, "ticker", "ticker_core")[:6] for row in rows]
    columns = ["from_id", "to_id", "start_date", "end_date", "from_id_type", "to_id_type"]
    return pl.DataFrame(full, schema=columns, orient="row")


def refused(idmap: pl.DataFrame, **changes: pl.DataFrame) -> str:
    with pytest.raises(DataError) as caught:
        dataset_of(tables(idmap=idmap, **changes), **GROUPS)
    (fault,) = caught.value.faults
    assert fault.rule == "ambiguous_id"
    return str(fault)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((FIRST, LAST), (FIRST, LAST), (FIRST, LAST)),
        ((FIRST, LAST), (THU, LAST), (THU, LAST)),
        ((FIRST, THU), (THU, LAST), (THU, THU)),
        ((MON, LAST), (WED, THU), (WED, THU)),
    ],
)
def test_an_id_of_two_companies_is_refused_with_the_days(one, other, both, turned: bool) -> None:
    rows = [("A", "A", FIRST, LAST), ("B", "B1", *one), ("B", "B2", *other)]
    message = refused(mappings(*(reversed(rows) if turned else rows)))
    assert f"ticker B: ticker_core B1 ({one[0]} to {one[1]}) and ticker_core B2" in message
    assert f"({other[0]} to {other[1]}), both from {both[0]} to {both[1]}" in message


def test_the_same_company_twice_is_no_contradiction() -> None:
    idmap = mappings(("A", "A", FIRST, LAST), ("B", "B", FIRST, LAST), ("B", "B", WED, LAST))
    assert dataset_of(tables(idmap=idmap), **GROUPS).identifiers.n_listings == 2


def test_two_that_lie_inside_one_are_both_named() -> None:
    """The second overlap is not with the span that started last."""
    rows = [("B", "B1", FIRST, LAST), ("B", "B2", MON, WED), ("B", "B3", THU, LAST)]
    message = refused(mappings(("A", "A", FIRST, LAST), *rows))
    assert "ticker_core B2" in message
    assert "ticker_core B3" in message


ISIN = [
    ("A", "A", FIRST, LAST), ("B", "B", FIRST, LAST),
    ("US1", "A", FIRST, LAST, "isin", "ticker"), ("US1", "B", WED, LAST, "isin", "ticker_core"),
]  # fmt: skip


def test_another_id_type_is_refused_where_it_is_used() -> None:
    early = exposure_rows([(MON, "US1", "style", "size", 7.0)]).with_columns(asset_id_type=pl.lit("isin"))
    rest = tables()["exposures"].filter((pl.col("asset_id") == "B") | (pl.col("factor") != "size"))
    late = early.with_columns(date=THU)
    idmap = mappings(*ISIN)
    message = refused(idmap, exposures=pl.concat([rest, late]))
    assert "exposures.asset_id" in message
    assert f"isin US1: ticker_core A ({FIRST} to {LAST}) and ticker_core B ({WED} to {LAST})" in message
    # before the two meet it is clear who is meant
    dataset = dataset_of(tables(idmap=idmap, exposures=pl.concat([rest, early])), **GROUPS)
    assert 7.0 in dataset.panel.dense["style"]["size"][:].tolist()
    (finding,) = [f for f in dataset.report.quality if f.check == "id_of_two_companies"]
    assert "isin US1" in str(finding)


@pytest.mark.parametrize("name", ["a", "A x", "US9"])
def test_portfolios_of_unknown_assets_select_none_and_say_so(name: str) -> None:
    books = pl.DataFrame(
        {"portfolio_id": ["P", "P"], "asset_id": [name, "A"], "asset_id_type": ["ticker", "ticker"],
         "date": [MON, MON], "nav": [1.0, 1.0]}
    )  # fmt: skip
    frames = {**tables(), "books": books}
    settings = UniverseSettings.model_validate(
        {"id_type": "ticker", "portfolio_filter": {"enabled_portfolios": {"P": "books"}}}
    )
    dataset = dataset_of(frames, **GROUPS)
    read = lambda t, name: reader(frames)("portfolios" if name == "books" else t, name)  # noqa: E731
    with pytest.warns(DataWarning, match=f"1 of 2 assets of the portfolios 'books' .*ticker '{name}'"):
        found = Universe("d", dataset, settings, read)
    assert found.coverage() == ["A"]


@pytest.mark.parametrize(("day", "clear"), [(MON, True), (THU, False)])
def test_portfolios_are_held_against_it_too(day: dt.date, clear: bool) -> None:
    books = pl.DataFrame(
        {"portfolio_id": ["P"], "asset_id": ["US1"], "asset_id_type": ["isin"], "date": [day], "nav": [1.0]}
    )
    frames = {**tables(idmap=mappings(*ISIN)), "books": books}
    settings = UniverseSettings.model_validate(
        {"id_type": "ticker", "portfolio_filter": {"enabled_portfolios": {"P": "books"}}}
    )
    dataset = dataset_of(frames, **GROUPS)
    read = lambda t, name: reader(frames)("portfolios" if name == "books" else t, name)  # noqa: E731
    if clear:
        assert Universe("d", dataset, settings, read).coverage() == ["A"]
    else:
        with pytest.raises(DataError, match="isin US1"):
            Universe("d", dataset, settings, read)


def test_prices_cannot_be_those_of_two_listings() -> None:
    """One ISIN is listed on two exchanges: the company is clear, whose price it is is not."""
    idmap = mappings(
        ("A", "E", FIRST, LAST), ("B", "E", FIRST, LAST), ("US1", "A", FIRST, LAST, "isin", "ticker"),
        ("US1", "B", FIRST, LAST, "isin", "ticker"),
    )  # fmt: skip
    price = tables()["price"].filter(pl.col("asset_id") == "A").with_columns(
        asset_id=pl.lit("US1"), asset_id_type=pl.lit("isin")
    )  # fmt: skip
    assert "two listings" in refused(idmap, price=price)
    exposures = tables()["exposures"].filter(pl.col("asset_id") == "A").with_columns(
        asset_id=pl.lit("US1"), asset_id_type=pl.lit("isin")
    )  # fmt: skip
    dataset = dataset_of(tables(idmap=idmap, exposures=exposures), **GROUPS)
    assert set(dataset.panel.dense["style"]["size"][:].tolist()) == {1.5}
    assert dataset_settings().master_id_type == "ticker"
