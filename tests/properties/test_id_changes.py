"""The day from which on a change of the id map counts, against two builds."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openfactor.dataset.coding import with_carriers
from openfactor.dataset.id_changes import first_affected_date, used_ids
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.idmap import project
from openfactor.dataset.numbering import numbered
from openfactor.dataset.renewed_ids import renewed
from openfactor.errors import DataError
from tests.beginnings import assert_same_days
from tests.growing_markets import DAYS, GrowingMarket
from tests.hypothesis_profiles import examples
from tests.properties.test_stable_codes import VARIANTS, root

AFTER = DAYS[-1] + dt.timedelta(1)


def used(uploads: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Of two runs."""
    tables = [uploads[name].lazy() for name in ("price", "market_cap", "exposures")]
    first = pl.col("date") < DAYS[8]
    return pl.concat(used_ids(rows.filter(run)) for rows in tables for run in (first, ~first))


def edited(idmap: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One or two mappings added, removed, ended, begun at another time, or led elsewhere."""
    rows = idmap.rows()
    for _ in range(rng.integers(1, 3)):
        at, day = int(rng.integers(len(rows))), DAYS[int(rng.integers(len(DAYS)))]
        from_type, name, to_type, target, start, end = rows[at]
        kind = rng.integers(6)
        if kind == 0:
            rows.pop(at)
        elif kind == 1:
            rows[at] = (from_type, name, to_type, target, min(start, day), day)
        elif kind == 2:
            rows[at] = (from_type, name, to_type, target, min(day, end), end)
        elif kind == 3:
            targets = idmap.filter(pl.col("to_id_type") == to_type)["to_id"].to_list()
            rows[at] = (from_type, name, to_type, str(rng.choice([*targets, "C9"])), start, end)
        elif kind == 4:  # unknown until now, perhaps with rows
            new = str(rng.choice(["U1", "U2", "never seen"]))
            rows.append(("ticker", new, "core", str(rng.choice([target, new])), day, dt.date.max))
        else:
            rows.append(("sedol", f"S{name}", from_type, name, day, dt.date.max))
    return pl.DataFrame(rows, schema=idmap.schema, orient="row").unique(
        idmap.columns[:5], maintain_order=True
    )


@given(seed=st.integers(0, 10**6))
@examples(160)
@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_changes_before_that_day(variant: str, seed: int) -> None:
    uploads = GrowingMarket(seed).uploads()
    changed = uploads | {"idmap": edited(uploads["idmap"], np.random.default_rng(seed))}
    try:
        old, new = root(uploads, variant), root(changed, variant)
    except DataError:  # an id of two companies, or no price that is left
        return
    day = first_affected_date(old.identifiers, new.identifiers, used(uploads)) or AFTER
    n_days = sum(stored < day for stored in old.days)
    assert n_days == sum(stored < day for stored in new.days)
    assert_same_days(old, new, n_days)


MONDAY, FRIDAY = dt.date(2024, 1, 1), dt.date(2024, 1, 5)
IDMAP = [
    ("ticker", "A", "core", "A", dt.date.min, dt.date.max),
    ("ticker", "B", "core", "A", dt.date.min, dt.date.max),
    ("isin", "IB", "ticker", "B", MONDAY, dt.date.max),
]
USED = pl.DataFrame(
    [("ticker", "A", MONDAY, FRIDAY), ("ticker", "C", FRIDAY, FRIDAY), ("isin", "IC", MONDAY, FRIDAY)],
    schema=["id_type", "id", "first_date", "last_date"],
    orient="row",
)


@pytest.mark.parametrize(
    ("removed", "added", "expected"),
    [
        ([], [], None),
        ([], [("ticker", "D", "core", "D", dt.date.min, dt.date.max)], None),  # names no row
        ([1], [], None),  # neither
        ([], [("ticker", "C", "core", "D", dt.date.min, dt.date.max)], FRIDAY),
        ([0], [], MONDAY),
        ([], [("isin", "IC", "ticker", "A", dt.date(2024, 1, 3), dt.date.max)], dt.date(2024, 1, 3)),
        ([], [("isin", "IC", "ticker", "A", dt.date(2024, 1, 6), dt.date.max)], None),  # no row so late
        ([0], [("ticker", "A", "core", "A", MONDAY, dt.date.max)], None),  # holds before its start too
        ([2], [("isin", "IB", "ticker", "B", FRIDAY, dt.date.max)], None),
    ],
)
def test_one_change(removed: list[int], added: list[tuple], expected: dt.date | None) -> None:
    columns = ["from_id_type", "from_id", "to_id_type", "to_id", "start_date", "end_date"]
    kept = [row for at, row in enumerate(IDMAP) if at not in removed]
    old, new = (
        project(pl.DataFrame(rows, schema=columns, orient="row"), "ticker", "core", dt.date.max)[0]
        for rows in (IDMAP, [*kept, *added])
    )
    assert first_affected_date(old, new, USED) == expected
    assert first_affected_date(new, old, USED) == expected


@given(
    seed=st.integers(0, 10**6),
    cut=st.integers(1, len(DAYS) - 1),
    change=st.sampled_from(["none", "edited", "classes"]),
)
@examples(200)
def test_identifiers_go_on_from_the_day_of_the_change(seed: int, cut: int, change: str) -> None:
    """As a build of all days has them, though only rows of the new days are read."""
    market = GrowingMarket(seed)
    uploads, idmap = market.uploads(), market.idmap
    known = {name: uploads[name].filter(pl.col("date") < DAYS[cut]) for name in ("price", "market_cap")}
    old = identified(project(idmap, "ticker", "core", AFTER)[0], known)
    if change == "edited":
        idmap = edited(idmap, np.random.default_rng(seed))
    elif change == "classes":  # every company gets another listing
        rows = [("ticker", f"0{name}", "core", name, dt.date.min, AFTER) for name in market.company.values()]
        idmap = pl.concat([idmap, pl.DataFrame(rows, schema=idmap.schema, orient="row").unique()])
    new, faults = project(idmap, "ticker", "core", AFTER)
    if faults:
        return
    since = min(DAYS[cut], first_affected_date(old, new, used(uploads)) or AFTER)
    prices, caps = uploads["price"].lazy(), uploads["market_cap"].lazy()
    found = renewed(old, old if change == "none" else new, since, prices, caps)
    expected = identified(new, uploads)
    for name in ("table", "spans", "mapped", "aliases", "carriers"):
        assert_frame_equal(getattr(found, name), getattr(expected, name))


def identified(identifiers: Identifiers, uploads: dict[str, pl.DataFrame]) -> Identifiers:
    types = identifiers.listing_types
    prices, caps = uploads["price"].lazy(), uploads["market_cap"].lazy()
    return with_carriers(numbered(identifiers, prices, types), caps, types)
