"""An id that the id map gives to other companies, and back.

Exchanges give a ticker to another company when the first one has left, and at times give it back after a
merger is undone. Id maps with validity also leave out the days on which a listing did not exist.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from openfactor.dataset import RiskDataset
from tests.real_data.prices import dataset, history, uploads, weekdays

DAYS = weekdays(20)
OTHER = history("O", "USD", {day: 10.0 + i for i, day in enumerate(DAYS)})
Mapping = tuple[str, dt.date, dt.date]
"""Company of the id, first and last day."""


def built(numbers: list[int], mappings: list[Mapping], last: int = len(DAYS)) -> RiskDataset:
    """X has prices on some days, and belongs to these companies; until the last day that is known."""
    mine = history("X", "USD", {DAYS[i]: 50.0 + i for i in numbers})
    tables = uploads([row for row in [*OTHER, *mine] if row[0] <= DAYS[last - 1]])
    rows = [("O", "O", dt.date.min, dt.date.max), *(("X", *mapping) for mapping in mappings)]
    idmap = pl.DataFrame(rows, schema=["from_id", "to_id", "start_date", "end_date"], orient="row")
    tables["idmap"] = idmap.with_columns(from_id_type=pl.lit("ticker"), to_id_type=pl.lit("ticker_core"))
    return dataset(tables)


def rows_of_companies(data: RiskDataset) -> dict[str, dict[int, bool]]:
    """Company to the numbers of its days and whether it has a price."""
    out: dict[str, dict[int, bool]] = {}
    for row, listing in enumerate(data.panel.listing.tolist()):
        company = data.identifiers.table["company_id"][listing]
        day = DAYS.index(data.days[data.panel.day[row]])
        out.setdefault(company, {})[day] = bool(data.panel.priced[row])
    return out


BACK = [("A", DAYS[0], DAYS[5]), ("B", DAYS[6], DAYS[11]), ("A", DAYS[12], dt.date.max)]


@pytest.mark.parametrize("turned", [False, True])
def test_from_one_company_to_another_and_back(turned: bool) -> None:
    data = built([0, 1, 2, 3, 7, 8, 14, 15], BACK[::-1] if turned else BACK)
    found = rows_of_companies(data)
    assert found["A"] == {i: i in (0, 1, 2, 3, 14, 15) for i in [*range(6), *range(14, 20)]}
    assert found["B"] == {i: i in (7, 8) for i in range(7, 12)}
    # the first price of each company's time is a base, what the upload states there is of the other one
    mine = data.identifiers.table["listing"].to_numpy()[(data.identifiers.table["id"] == "X").to_numpy()]
    at = [r for r in range(data.panel.n_rows) if data.panel.listing[r] in mine]
    given = {DAYS.index(data.days[data.panel.day[r]]) for r in at if data.panel.local_return[r] > 0}
    assert given == {1, 2, 3, 8, 15}
    assert data.report.rows_dropped["price"] == {"return that begins before the first price": 2}


def test_a_time_that_the_id_map_leaves_out() -> None:
    gap = [("A", DAYS[0], DAYS[5]), ("A", DAYS[12], DAYS[17])]
    assert rows_of_companies(built([0, 1, 2, 3, 14, 15], gap))["A"] == {
        i: i in (0, 1, 2, 3, 14, 15) for i in [*range(6), *range(14, 18)]
    }
    # mappings that touch are one
    joined = [("A", DAYS[0], DAYS[5]), ("A", DAYS[6], dt.date.max)]
    assert [*rows_of_companies(built([0, 1, 2, 3, 14, 15], joined))["A"]] == list(range(20))


def test_prices_outside_their_mapping_count_and_end_with_themselves() -> None:
    late = built([2, 3, 8, 9], [("A", DAYS[4], DAYS[6])])
    assert rows_of_companies(late)["A"] == {2: True, 3: True, 4: False, 5: False, 6: False, 8: True, 9: True}


def test_each_evening_knows_the_same() -> None:
    numbers = [0, 1, 2, 3, 7, 8, 14, 15]
    whole = rows_of_companies(built(numbers, BACK))
    for last in range(1, len(DAYS) + 1):
        early = rows_of_companies(built(numbers, BACK, last))
        assert early.pop("O") == dict.fromkeys(range(last), True)
        for company, days in early.items():
            assert days == {i: priced for i, priced in whole[company].items() if i < last}
