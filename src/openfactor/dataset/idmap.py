"""Reads listings, companies and their other identifiers from an id map."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.numbering import coded_table
from openfactor.dataset.validity import SPAN, described, merged, overlaps
from openfactor.errors import Fault

_ALWAYS = {"start_date": dt.date.min, "end_date": dt.date.max}
_TARGET = ("id", *SPAN, "listing", "company")
_TYPES = ["from_id_type", "to_id_type"]


def project(idmap: pl.DataFrame, master: str, core: str, as_of: dt.date) -> tuple[Identifiers, list[Fault]]:
    """Listings and companies from the rows of an id map that start on or before `as_of`.

    Rows from `master` to `core` make the listings. If an id belongs to several companies in turn, each holds
    it until the day before the next one starts; the first holds it before its start too, and the last after
    its end, so that an id has a company on every day. An id that leads to two companies on one day is a
    fault. Ids of other types are valid from their start to their end; those that lead to two companies on one
    day cannot be used on that day. Codes are those of listings without prices, see `numbered`.

    Parameters
    ----------
    master, core : id type of the listings, and of the companies
    """
    known = idmap.filter(pl.col("start_date") <= as_of)
    rows = known.filter((pl.col("from_id_type") == master) & (pl.col("to_id_type") == core))
    mappings = merged(rows.select(pl.lit(master).alias("id_type"), *SPAN, id="from_id", company_id="to_id"),
                      ["id_type", "id", "company_id"])  # fmt: skip
    faults = [] if len(rows) else [_no_mapping(known, master, core, as_of)]
    contradictions = overlaps(mappings, "company_id")
    if len(contradictions):
        faults.append(
            Fault("ambiguous_id", "idmap", f"ids of type {master!r} lead to two companies on the same days; "
                  "end one mapping the day before the other starts", "to_id", len(contradictions),
                  described(contradictions, core))
        )  # fmt: skip
    table, spans = _listings(mappings)
    aliases = _aliases(known, table, spans, master, core)
    return Identifiers(table, spans, _mapped(mappings, table), aliases, (master, core)), faults


def _no_mapping(known: pl.DataFrame, master: str, core: str, as_of: dt.date) -> Fault:
    pairs = known.select("from_id_type", "to_id_type").unique().sort(pl.all()).rows()
    available = ", ".join(f"{a} to {b}" for a, b in pairs) or "none"
    types = f"master_id_type {master!r} to master_id_core_type {core!r}"
    message = f"no mapping from {types} starts on or before {as_of}; available: {available}"
    return Fault("unknown_id_type", "idmap", message)


def _listings(mappings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`table` and `spans` of `Identifiers`; mappings : merged, of all ids."""
    first = pl.col("start_date") == pl.col("start_date").min().over("id")
    steps = (
        mappings.sort("id", "start_date", "company_id")
        .filter((pl.col("company_id") != pl.col("company_id").shift(1).over("id")).fill_null(True))
        .with_columns(
            start_date=pl.when(first).then(dt.date.min).otherwise(pl.col("start_date")),
            end_date=(pl.col("start_date").shift(-1).over("id") - pl.duration(days=1)).fill_null(dt.date.max),
        )
    )
    listings = steps.select("id", "company_id").unique()
    table = coded_table(listings.with_columns(first_date=pl.lit(None, pl.Date)))
    spans = steps.join(table, on=["id", "company_id"])
    return table, spans.select("id", "start_date", "end_date", "listing").sort("listing", "start_date")


def _mapped(mappings: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """`mapped` of `Identifiers`; mappings : merged, of all ids."""
    listed = mappings.join(table, on=["id", "company_id"]).select("listing", *SPAN)
    return listed.sort("listing", "start_date")


def _aliases(
    known: pl.DataFrame, table: pl.DataFrame, spans: pl.DataFrame, master: str, core: str
) -> pl.DataFrame:
    """`aliases` of `Identifiers`, over any number of mappings, each in either direction.

    A type is reached in the fewest steps: where tickers lead to listings and isins to tickers, figis that
    lead to both are followed through tickers alone, from the first mapping of a figi to a ticker on.
    """
    listings = spans.join(table.select("listing", "company"), on="listing")
    companies = table.select("company", id="company_id").unique()
    companies = companies.with_columns(
        listing=pl.lit(None, pl.Int32), **{k: pl.lit(v) for k, v in _ALWAYS.items()}
    )
    roots = {master: listings.select(_TARGET), core: companies.select(_TARGET)}
    reached = pl.concat([_reached(rows, roots) for rows in _periods(known, roots)])
    columns = ["id_type", "id", *SPAN, "company", "listing"]
    return merged(reached, ["id_type", "id", "company", "listing"]).select(columns).sort(pl.all())


def _periods(known: pl.DataFrame, roots: Collection[str]) -> Iterator[pl.DataFrame]:
    """The mappings in periods, in each of which types are reached in the same steps.

    A mapping between two types counts from the first start of any such mapping on.
    """
    begins = known.group_by(_TYPES).agg(begin=pl.col("start_date").min())
    dates = begins["begin"].unique().sort().to_list()
    levels = [_levels(begins.filter(pl.col("begin") <= date).select(_TYPES).rows(), roots) for date in dates]
    changes = [k for k in range(1, len(dates)) if not levels[k - 1].items() <= levels[k].items()]
    for first, stop in pairwise([0, *changes, len(dates)]):
        begin = dates[first] if first else dt.date.min
        end = dates[stop] - dt.timedelta(1) if stop < len(dates) else dt.date.max
        begun = begins.filter(pl.col("begin") <= end)
        yield known.join(begun, on=_TYPES, how="semi").with_columns(
            start_date=pl.max_horizontal("start_date", pl.lit(begin)),
            end_date=pl.min_horizontal("end_date", pl.lit(end)),
        )


def _levels(mappings: Collection[tuple[str, str]], roots: Collection[str]) -> dict[str, int]:
    """Type to the number of mappings that lead from it to a root."""
    levels, step = dict.fromkeys(roots, 0), 0
    while True:
        step += 1
        ends = [pair for a, b in mappings for pair in ((a, b), (b, a))]
        reached = {a for a, b in ends if b in levels and a not in levels}
        if not reached:
            return levels
        levels |= dict.fromkeys(reached, step)


def _reached(known: pl.DataFrame, roots: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """id_type, id, start_date, end_date, company, listing: what mappings make of identifiers of any type."""
    reached, links, levels = dict(roots), _links(known), []
    while True:
        step = links.filter(
            pl.col("to_id_type").is_in(list(reached)) & ~pl.col("from_id_type").is_in(list(reached))
        )
        level = _follow(step, reached)
        levels.append(level.select("id_type", "id", *SPAN, "company", "listing"))
        if not len(step):
            return pl.concat(levels)
        for id_type in step["from_id_type"].unique():
            reached[id_type] = level.filter(pl.col("id_type") == id_type).select(_TARGET)


def _links(known: pl.DataFrame) -> pl.DataFrame:
    """The mappings in both directions."""
    forward = known.select("from_id_type", "from_id", "to_id_type", "to_id", *SPAN)
    backward = forward.select(
        *SPAN, from_id_type="to_id_type", from_id="to_id", to_id_type="from_id_type", to_id="from_id"
    )
    return pl.concat([forward, backward.select(forward.columns)])


def _follow(step: pl.DataFrame, reached: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What mappings lead to, on the days on which they and the identifiers they lead to are valid."""
    targets = pl.concat(
        frame.with_columns(to_id_type=pl.lit(id_type, pl.String)).rename({"id": "to_id"})
        for id_type, frame in reached.items()
    )
    joined = (
        step.join(targets, on=["to_id_type", "to_id"], suffix="_of_target")
        .with_columns(
            start_date=pl.max_horizontal("start_date", "start_date_of_target"),
            end_date=pl.min_horizontal("end_date", "end_date_of_target"),
        )
        .filter(pl.col("start_date") <= pl.col("end_date"))
    )
    return merged(
        joined.select("company", "listing", *SPAN, id_type="from_id_type", id="from_id"),
        ["id_type", "id", "company", "listing"],
    )
