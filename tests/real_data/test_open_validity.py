"""Id maps whose mappings are open: vendors leave the end empty, or the start, or both columns out."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.errors import DataError
from openfactor.uploads import DATA_TYPES
from tests.dataset.test_build import GROUPS, WED, tables
from tests.markets import dataset_of, good_rows


def without(*columns: str, dropped: bool, as_text: bool) -> pl.DataFrame:
    idmap = tables()["idmap"]
    if dropped:
        return idmap.drop(columns)
    empty = pl.lit("") if as_text else pl.lit(None, pl.Date)
    return idmap.with_columns(**dict.fromkeys(columns, empty))


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("columns", [["end_date"], ["start_date"], ["start_date", "end_date"]])
def test_an_empty_date_is_for_ever(columns: list[str], dropped: bool, as_text: bool) -> None:
    idmap = without(*columns, dropped=dropped, as_text=as_text)
    rows = good_rows(idmap, "idmap")
    assert rows.equals(good_rows(tables()["idmap"], "idmap"))
    assert rows["start_date"].unique().to_list() == [dt.date.min]
    assert rows["end_date"].unique().to_list() == [dt.date.max]
    assert dataset_of(tables(idmap=idmap), **GROUPS).panel.n_rows == 9


def test_what_cannot_be_read_is_no_empty_date() -> None:
    idmap = tables()["idmap"].with_columns(end_date=pl.Series(["soon", ""]))
    with pytest.raises(DataError, match=r"end_date.*cannot be read"):
        good_rows(idmap, "idmap")


def test_an_open_end_overlaps_what_comes_later() -> None:
    again = (
        tables()["idmap"].filter(pl.col("from_id") == "B").with_columns(to_id=pl.lit("B2"), start_date=WED)
    )
    idmap = pl.concat([tables()["idmap"], again]).with_columns(end_date=pl.lit(None, pl.Date))
    with pytest.raises(DataError, match=r"ticker_core B2 .2024-01-10 to 9999-12-31."):
        dataset_of(tables(idmap=idmap), **GROUPS)


def test_the_key_still_holds_two_starts_apart() -> None:
    assert DATA_TYPES["idmap"].key[0] == "start_date"
    twice = pl.concat([tables()["idmap"]] * 2).with_columns(start_date=pl.lit(None, pl.Date))
    with pytest.raises(DataError, match="must be unique"):
        good_rows(twice, "idmap")
