"""From which day on a change of the id map can change a built dataset."""

from __future__ import annotations

import datetime as dt

import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.validity import SPAN

_ID = ["id_type", "id"]
_LISTING = ["id", "company_id"]


def used_ids(rows: pl.LazyFrame) -> pl.DataFrame:
    """id_type, id, first_date, last_date: the identifiers that rows of an upload name, known or not.

    Those of the rows of a run, kept with it, are what `first_affected_date` needs to know of the run.
    """
    date = pl.col("date")
    by_id = rows.group_by(id_type="asset_id_type", id="asset_id")
    return by_id.agg(first_date=date.min(), last_date=date.max()).collect(engine="streaming")


def first_affected_date(old: Identifiers, new: Identifiers, used: pl.DataFrame) -> dt.date | None:
    """The first day from which on a dataset can differ when its id map leads to `new`, no longer to `old`.

    Rows before that day, and codes in them, are the same; `numbering.recode` leads from old codes to new
    ones. A change of settings or of a hierarchy affects every day, whatever the id map.

    Parameters
    ----------
    used : see `used_ids`; of all uploads and runs

    Returns
    -------
    None: no day. `datetime.date.min`: every day.
    """
    if old.id_types != new.id_types:
        return dt.date.min
    dates = [date for date in (_first_of_rows(old, new, used), _first_of_ends(old, new)) if date is not None]
    return min(dates, default=None)


def _first_of_rows(old: Identifiers, new: Identifiers, used: pl.DataFrame) -> dt.date | None:
    """The first day with a row, as far as is known, whose identifier leads elsewhere."""
    changed = _changed_days(_targets(old), _targets(new)).join(used, on=_ID)
    first = pl.max_horizontal("start_date", "first_date")
    last = pl.min_horizontal("end_date", "last_date")
    return changed.filter(first <= last).select(first.min()).item()  # type: ignore[no-any-return]


def _targets(identifiers: Identifiers) -> pl.DataFrame:
    """id_type, id, start_date, end_date, target: all that identifiers lead to, by name."""
    listing_type, company_type = identifiers.id_types
    listings = identifiers.table.select("listing", "company_id", listing_id="id")
    companies = identifiers.table.select("company", "company_id").unique()
    own = identifiers.spans.join(listings, on="listing").with_columns(id_type=pl.lit(listing_type))
    cores = companies.with_columns(
        id="company_id", id_type=pl.lit(company_type), listing_id=pl.lit(""),
        start_date=pl.lit(dt.date.min), end_date=pl.lit(dt.date.max),
    )  # fmt: skip
    aliases = identifiers.aliases.join(companies, on="company").join(
        listings.drop("company_id"), on="listing", how="left"
    )
    columns = [*_ID, *SPAN, pl.struct(pl.col("listing_id").fill_null(""), "company_id").alias("target")]
    return pl.concat([frame.select(columns) for frame in (own, cores, aliases)])


def _changed_days(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """id_type, id, start_date, end_date: the days on which identifiers lead elsewhere."""
    edited = pl.concat([old.join(new, on=old.columns, how="anti"), new.join(old, on=old.columns, how="anti")])
    ids = edited.select(_ID).unique()
    first, last = (pl.col(bound).to_physical() for bound in SPAN)
    before, after = (
        frame.join(ids, on=_ID, how="semi").select(*_ID, "target", first=first, last=last)
        for frame in (old, new)
    )
    steps = pl.concat(
        frame.select(*_ID, step=bound)
        for frame in (before, after)
        for bound in (pl.col("first"), pl.col("last") + 1)
    ).unique()
    until = (pl.col("step").shift(-1).over(_ID, order_by="step") - 1).fill_null(
        pl.lit(dt.date.max).to_physical()
    )
    steps = steps.with_columns(until=until)
    one, other = (
        steps.join(frame, on=_ID).filter(pl.col("step").is_between("first", "last"))
        .select(*steps.columns, "target")
        for frame in (before, after)
    )  # fmt: skip
    by = one.columns
    differing = pl.concat([one.join(other, on=by, how="anti"), other.join(one, on=by, how="anti")])
    return differing.select(
        *_ID, start_date=pl.col("step").cast(pl.Date), end_date=pl.col("until").cast(pl.Date)
    ).unique()


def _first_of_ends(old: Identifiers, new: Identifiers) -> dt.date | None:
    """The first day on which a listing without a price can be alive for one id map, and not for the other."""
    one, other = (_stated_ends(identifiers) for identifiers in (old, new))
    edited = pl.concat(
        [one.join(other, on=one.columns, how="anti"), other.join(one, on=one.columns, how="anti")]
    )
    listings = edited.select(_LISTING).unique()
    starts = pl.concat([one, other]).select(*_LISTING, "start_date").unique().sort("start_date")
    pairs = starts.join(listings, on=_LISTING, how="semi")
    for name, ends in (("old", one), ("new", other)):
        pairs = pairs.join_asof(
            ends.sort("start_date").rename({"end_date": name}), on="start_date", by=_LISTING,
            check_sortedness=False,
        )  # fmt: skip
    first_dates = pl.concat(i.table.select(*_LISTING, "first_date") for i in (old, new))
    priced = first_dates.group_by(_LISTING).agg(pl.col("first_date").min())
    ends_first = pl.min_horizontal("old", "new")
    affected = (
        pairs.filter(pl.col("old") != pl.col("new"))  # null: no listing of the other id map
        .join(priced, on=_LISTING)
        .filter(pl.col("first_date").is_not_null())
        .select(pl.max_horizontal("start_date", "first_date", ends_first + pl.duration(days=1)).min())
    )
    return affected.item()  # type: ignore[no-any-return]


def _stated_ends(identifiers: Identifiers) -> pl.DataFrame:
    """id, company_id, start_date, end_date: on prices from start_date on, the listing's mapping ends with
    end_date; the first of a listing holds before its start too.
    """
    first = pl.col("start_date") == pl.col("start_date").min().over("listing")
    start = pl.when(first).then(dt.date.min).otherwise("start_date").alias("start_date")
    named = identifiers.mapped.join(identifiers.table, on="listing")
    return named.select(*_LISTING, start, "end_date")
