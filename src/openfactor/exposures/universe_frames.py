"""Frames of a universe by name: `universe_frame(universe, query)` builds all that users see.

Counts, which have arguments of their own, are in `counts`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.contract.refs import FrameQuery
from openfactor.dataset.naming import Naming
from openfactor.dataset.shown import Shown
from openfactor.errors import SettingsError
from openfactor.exposures.asset_columns import by_asset
from openfactor.exposures.conventions import refuse_options, shown_days
from openfactor.exposures.membership import Membership

_MAPPING_COLUMNS = [
    pl.col("input_id_type"),
    pl.col("input_id"),
    pl.max_horizontal("start_date", "start_date_of_input"),
    pl.min_horizontal("end_date", "end_date_of_input"),
]
"""An identifier stands for an asset by its name while both are valid."""


class ShownMembers(NamedTuple):
    """The panel's rows that stand for members, day by day."""

    rows: NDArray[np.int64]
    dates: pl.Series
    """That each row is shown at."""
    codes: NDArray[np.int32]
    """Of the identifiers."""
    naming: Naming
    """What the codes mean."""


def shown_members(universe: Membership, days: list[tuple[int, dt.date]], id_type: str) -> ShownMembers:
    """The members of some days.

    Parameters
    ----------
    days
        Indices of stored days, and the date to show their members at.
    """
    shown = Shown(universe.dataset, universe.inside, id_type)
    rows, codes, counts = [np.empty(0, np.int64)], [np.empty(0, np.int32)], [0]
    for d, date in days:
        on_day = universe.dataset.panel.rows_of(d)
        place, code = shown.rows(on_day, date)
        rows.append(on_day.start + place)
        codes.append(code)
        counts.append(len(code))
    shown.warn()
    dates = pl.Series([date for _, date in days], dtype=pl.Date)
    position = np.repeat(np.arange(len(days)), counts[1:])
    return ShownMembers(np.concatenate(rows), dates.gather(position), np.concatenate(codes), shown.naming)


def shown_universe_days(universe: Membership, query: FrameQuery) -> list[tuple[int, dt.date]]:
    """Indices of the stored days of a query, and the date that their rows carry.

    Rows that are dated by returns are those of trading days alone: no other day's exposures explain any.
    """
    dated = query.dated or "exposures"
    days = universe.days(query.trading_days_only or dated == "returns")
    dates = [universe.dataset.days[d] for d in days]
    shown = shown_days(dates, dated, query.start, query.end)
    return [(days[place], date) for place, date in shown if place >= 0]


def _members(universe: Membership, query: FrameQuery) -> pl.DataFrame:
    """Long: one row per day and member, date and the id type, by the identifier of the day; sorted. Wide: one
    Boolean column per identifier.
    """
    id_type, days = universe.id_type(query.id_type), shown_universe_days(universe, query)
    if query.layout == "wide":
        panel = universe.dataset.panel
        return by_asset(
            universe.dataset, universe.inside, [(date, panel.rows_of(d)) for d, date in days],
            lambda rows: universe.inside[rows], id_type, missing=False,
        )  # fmt: skip
    members = shown_members(universe, days, id_type)
    frame = pl.DataFrame({"date": members.dates, id_type: members.naming.texts(members.codes)})
    return frame.sort("date", id_type)


def _input_id_mapping(universe: Membership, query: FrameQuery) -> pl.DataFrame:
    """Identifiers of all types that lead to assets that are members on any day.

    Columns: input_id_type, input_id, start_date, end_date (both included), and the id type; an identifier of
    a company stands for its first listing. Sorted.
    """
    identifiers, id_type = universe.dataset.identifiers, universe.id_type(query.id_type)
    listings = np.unique(universe.dataset.panel.listing[universe.inside])
    naming = identifiers.naming(id_type)
    called = naming.spans.with_columns(pl.Series(id_type, naming.texts(naming.spans["code"].to_numpy())))
    assets = identifiers.table[listings].join(called.drop("code"), on="listing")
    master = assets.join(identifiers.spans.drop("id"), on="listing", suffix="_of_input").with_columns(
        input_id_type=pl.lit(identifiers.company_types[0]), input_id="id"
    )
    first = assets.filter(pl.col("rank") == pl.col("rank").min().over("company"))
    aliases = identifiers.aliases.rename({"id": "input_id", "id_type": "input_id_type"})
    is_member = pl.col("listing").is_in(listings)
    of_listings = assets.join(aliases.filter(is_member).drop("company"), on="listing", suffix="_of_input")
    others = aliases.filter(~is_member | pl.col("listing").is_null()).drop("listing")
    of_companies = first.join(others, on="company", suffix="_of_input")
    parts = (master, of_listings, of_companies)
    return (
        pl.concat([frame.select(*_MAPPING_COLUMNS, id_type) for frame in parts])
        .filter(pl.col("start_date") <= pl.col("end_date"))
        .unique()
        .sort(pl.all())
    )


class UniverseFrame(NamedTuple):
    """A frame of a universe: how it is built, and which options of a query it has."""

    build: Callable[[Membership, FrameQuery], pl.DataFrame]
    options: tuple[str, ...]


UNIVERSE_FRAMES = {
    "members": UniverseFrame(_members, ("id_type", "dated")),
    "input_id_mapping": UniverseFrame(_input_id_mapping, ("id_type",)),
}
"""Name to frame."""


def universe_frame(universe: Membership, query: FrameQuery) -> pl.DataFrame:
    """A frame of a universe.

    Raises
    ------
    SettingsError
        There is no such frame, or it does not have an option that the query sets; the dataset does not have
        the id type.
    """
    kind = UNIVERSE_FRAMES.get(query.frame)
    if kind is None:
        names = ", ".join(UNIVERSE_FRAMES)
        raise SettingsError(
            "there is no such frame:", [f"{query.frame!r}; the frames of a universe are {names}"]
        )
    refuse_options(query, kind.options)
    return kind.build(universe, query)


def universe_coverage(universe: Membership, id_type: str | None = None) -> list[str]:
    """The assets that are members on any day, by their identifiers of these days, sorted.

    Parameters
    ----------
    id_type
        To show them in; by default the universe's.

    Raises
    ------
    SettingsError
        The dataset does not have the id type.
    """
    return universe.dataset.assets(universe.id_type(id_type), universe.inside)
