"""Listings, companies and their other identifiers out of the rows of an id map."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.validity import SPAN, described, merged, overlaps
from openfactor.errors import Fault

_ALWAYS = {"start_date": dt.date.min, "end_date": dt.date.max}


def project(idmap: pl.DataFrame, master: str, core: str, as_of: dt.date) -> tuple[Identifiers, list[Fault]]:
    """Listings and companies out of the rows of the id map that start on or before `as_of`.

    Rows from `master` to `core` make the listings. Where an id has several, to different companies, each
    holds from its start to the day before the next one; the first holds before its start too, and the last
    after its end, so that no day of an id is without a company. An id that leads to two companies on one day
    is a fault. Ids of other types hold from their start to their end; one that leads to two companies on one
    day cannot be used on such a day.
    """
    known = idmap.filter(pl.col("start_date") <= as_of)
    rows = known.filter((pl.col("from_id_type") == master) & (pl.col("to_id_type") == core))
    faults = []
    if not len(rows):
        pairs = known.select("from_id_type", "to_id_type").unique().sort(pl.all()).rows()
        found = ", ".join(f"{a} to {b}" for a, b in pairs) or "none"
        faults.append(
            Fault("unknown_id_type", "idmap", f"no mapping from master_id_type {master!r} to "
                  f"master_id_core_type {core!r} starts on or before {as_of}; there are: {found}")
        )  # fmt: skip
    given = merged(rows.select(pl.lit(master).alias("id_type"), *SPAN, id="from_id", company_id="to_id"),
                   ["id_type", "id", "company_id"])  # fmt: skip
    twice = overlaps(given, "company_id")
    if len(twice):
        faults.append(
            Fault("ambiguous_id", "idmap", f"ids of type {master!r} lead to two companies on the same days; "
                  "end one mapping on the day before the other starts", "to_id", len(twice),
                  described(twice, core))
        )  # fmt: skip
    table, spans = _listings(given)
    aliases = _aliases(known, table, spans, master, core)
    identifiers = Identifiers(table, spans, aliases, (master, core))
    return identifiers, faults


def _listings(given: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The `table` and the `spans` of `Identifiers`; `given` has the merged mappings of each id."""
    first = pl.col("start_date") == pl.col("start_date").min().over("id")
    steps = (
        given.sort("id", "start_date", "company_id")
        .filter((pl.col("company_id") != pl.col("company_id").shift(1).over("id")).fill_null(True))
        .with_columns(
            start_date=pl.when(first).then(dt.date.min).otherwise(pl.col("start_date")),
            end_date=(pl.col("start_date").shift(-1).over("id") - pl.duration(days=1)).fill_null(dt.date.max),
        )
    )
    table = (
        steps.select("id", "company_id")
        .unique()
        .sort("id", "company_id")
        .with_row_index("listing")
        .with_columns(
            pl.col("listing").cast(pl.Int32),
            company=pl.col("company_id").rank("dense").cast(pl.Int32) - 1,
            other=pl.col("id") != pl.col("company_id"),
        )
        .with_columns(rank=pl.struct("other", "id").rank("ordinal").over("company").cast(pl.Int32) - 1)
        .select("listing", "id", "company", "company_id", "rank")
    )
    spans = steps.join(table, on=["id", "company_id"], maintain_order="left")
    return table, spans.select("id", "start_date", "end_date", "listing")


def _aliases(
    known: pl.DataFrame, table: pl.DataFrame, spans: pl.DataFrame, master: str, core: str
) -> pl.DataFrame:
    """What identifiers of other types lead to, through any number of mappings, each followed either way.

    A type is reached by the fewest steps: where tickers lead to listings and isins to tickers, figis that
    lead to both are followed through tickers alone.
    """
    columns = ("id", *SPAN, "listing", "company")
    listings = spans.join(table.select("listing", "company"), on="listing").select(columns)
    companies = table.select("company", id="company_id").unique()
    companies = companies.with_columns(
        listing=pl.lit(None, pl.Int32), **{k: pl.lit(v) for k, v in _ALWAYS.items()}
    )
    reached = {master: listings, core: companies.select(columns)}
    there = known.select("from_id_type", "from_id", "to_id_type", "to_id", *SPAN)
    back = there.select(
        *SPAN, from_id_type="to_id_type", from_id="to_id", to_id_type="from_id_type", to_id="from_id"
    ).select(there.columns)
    links = pl.concat([there, back])
    found = []
    while True:
        step = links.filter(
            pl.col("to_id_type").is_in(list(reached)) & ~pl.col("from_id_type").is_in(list(reached))
        )
        targets = pl.concat(
            frame.with_columns(to_id_type=pl.lit(t, pl.String)).rename({"id": "to_id"})
            for t, frame in reached.items()
        )
        joined = (
            step.join(targets, on=["to_id_type", "to_id"], suffix="_of_target")
            .with_columns(
                start_date=pl.max_horizontal("start_date", "start_date_of_target"),
                end_date=pl.min_horizontal("end_date", "end_date_of_target"),
            )
            .filter(pl.col("start_date") <= pl.col("end_date"))
        )
        new = merged(
            joined.select("company", "listing", *SPAN, id_type="from_id_type", id="from_id"),
            ["id_type", "id", "company", "listing"],
        )
        found.append(new.select("id_type", "id", *SPAN, "company", "listing"))
        if not len(step):
            return pl.concat(found).sort(pl.all())
        for id_type in step["from_id_type"].unique():
            reached[id_type] = new.filter(pl.col("id_type") == id_type).select(columns)
