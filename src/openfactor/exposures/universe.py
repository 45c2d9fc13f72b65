"""Which rows of the panel belong to a universe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.calendar import trading_days, within
from openfactor.dataset.naming import Naming
from openfactor.dataset.panelindex import main_rows
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.shown import Shown
from openfactor.datawarnings import warn
from openfactor.errors import DataError, SettingsError
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.hierarchies import unknown
from openfactor.settings.universe import (
    CategoricalFilterSettings,
    PortfolioOrganizerSettings,
    UniverseSettings,
)
from openfactor.settings.validation import validate
from openfactor.settings.values import inline

Mask = NDArray[np.bool_]
_MAPPING_COLUMNS = [
    pl.col("input_id_type"),
    pl.col("input_id"),
    pl.max_horizontal("start_date", "start_date_of_input"),
    pl.min_horizontal("end_date", "end_date_of_input"),
]
"""An identifier stands for an asset that is called something while both hold."""


def members(dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads) -> Mask:
    """(rows,) the row passes every filter on the values of its own day.

    Settings are taken as valid on the dataset (`settings.validation`); `read` gives the uploads of a
    portfolio filter.

    Raises
    ------
    NotFoundError: an upload of the portfolio filter does not exist. SettingsError: a portfolio that is not in
    its upload, or a filter that names saved settings, which must be read first. DataError: a holding whose
    identifier leads to two companies on its day.
    """
    panel = dataset.panel
    inside = np.ones(panel.n_rows, np.bool_)
    bounds = settings.mcap_filter
    if bounds.lower > 0 or bounds.upper < 1e20:
        known = (
            np.isfinite(panel.market_cap)
            & (panel.market_cap >= bounds.lower)
            & (panel.market_cap <= bounds.upper)
        )
        inside &= known | (np.isnan(panel.market_cap) & (bounds.lower == 0))
    for item in settings.categorical_filters:
        inside &= _in_categories(dataset, item)
    if settings.portfolio_filter is not None:
        held = _held(dataset, inline(settings.portfolio_filter), read)
        inside &= held[dataset.company[panel.listing]]
    return inside


def _in_categories(dataset: RiskDataset, item: CategoricalFilterSettings) -> Mask:
    group, tree = dataset.panel.sparse[item.hierarchy], dataset.trees[item.hierarchy]
    # of the tree's leaves, so that an asset of two categories passes only if neither is excluded
    included = set(tree.select(item.include, []))
    excluded = set(tree.leaves) - set(tree.select("All", item.exclude))
    is_in = np.array([c in included for c in group.categories] + [False])
    is_out = np.array([c in excluded for c in group.categories] + [False])
    # code -1, no category, reads the False at the end
    some_in = np.logical_or.reduce([is_in[codes] for codes in group.codes])
    some_out = np.logical_or.reduce([is_out[codes] for codes in group.codes])
    return np.asarray(some_in & ~some_out)


def _held(dataset: RiskDataset, portfolios: PortfolioOrganizerSettings, read: UploadReader) -> Mask:
    """(companies,) one of the portfolios holds it on any day."""
    held = np.zeros(dataset.identifiers.n_companies, np.bool_)
    for source, wanted in portfolios.by_source.items():
        rows = read("portfolios", source)
        if wanted is not None:
            known = rows.select("portfolio_id").unique().collect()["portfolio_id"].sort().to_list()
            if problems := [unknown(p, known) for p in wanted if p not in known]:
                raise SettingsError(f"the portfolio filter does not fit the upload {source!r}:", problems)
            rows = rows.filter(pl.col("portfolio_id").is_in(wanted))
        assets = rows.select("date", "asset_id", "asset_id_type").unique().collect()
        if faults := dataset.identifiers.unclear(assets.lazy(), f"portfolios {source}"):
            raise DataError("the portfolio filter does not fit the dataset:", faults)
        named = ["asset_id", "asset_id_type"]
        types = assets["asset_id_type"].unique().to_list()
        found = dataset.identifiers.code_companies(assets.lazy(), named, types).collect()
        held[dataset.identifiers.source_company[found["source"].to_numpy()]] = True
        every = assets.select(named).unique()
        _warn_of_unknown(dataset, source, every.join(found, on=named, how="anti"), len(every))
    return held


def _warn_of_unknown(dataset: RiskDataset, source: str, assets: pl.DataFrame, of: int) -> None:
    """DataWarning of assets of a portfolio upload that the dataset does not know, if they are more of all
    than may be left out in silence."""
    if len(assets) > dataset.settings.quality.dropped * of:
        first = assets.sort(pl.all()).head(3)
        shown = ", ".join(f"{id_type} {name!r}" for name, id_type in first.iter_rows())
        warn(
            f"{len(assets):,} of {of:,} assets of the portfolios {source!r} lead to no asset of the dataset "
            f"and select none: {shown}; its id types are {', '.join(dataset.identifiers.company_types)}"
        )


def universe_on(
    name: str, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
) -> Universe:
    """The universe on the dataset of that name.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have; else as `members`.
    """
    validate(settings, dataset.properties.factor_risk_model_settings_menu)
    return Universe(name, dataset, settings, read)


class Universe(BoundToProcess):
    """The assets of a universe, day by day.

    Membership is decided by the stored values of the day itself. A listing can be a member from its first
    price to its last.
    """

    def __init__(
        self, name: str, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
    ) -> None:
        self.dataset = name
        self.settings = settings
        self._data = dataset
        self.inside = members(dataset, settings, read)
        """(rows,) the panel's rows that are members."""
        self.companies = companies(dataset, self.inside)
        """(rows,) one member of each company and day: the first of its listings by rank."""
        self._trading = trading_days(dataset.closed, settings.calendar.filters, len(dataset.days))

    def __repr__(self) -> str:
        return f"<universe on {self.data}, assets as {self.settings.id_type}>"

    @property
    def data(self) -> DataVersion:
        """Which data it stands on."""
        return self._data.version(self.dataset)

    @property
    def id_types(self) -> list[str]:
        """The id types in which assets can be given."""
        return list(self._data.identifiers.company_types)

    def dates(self, *, range_only: bool = False, trade_only: bool = False) -> list[dt.date]:
        """The days of the dataset, ascending.

        range_only : the first and the last of them
        trade_only : only trading days of the universe's calendar
        """
        days = [self._data.days[i] for i in self.days(trade_only)]
        return [days[0], days[-1]] if range_only and days else days

    def days(self, trade_only: bool = False) -> list[int]:
        """The same as indices of the dataset's days."""
        return self._trading.tolist() if trade_only else list(range(len(self._data.days)))

    def coverage(self, id_type: str | None = None) -> list[str]:
        """The assets that are members on any day, by their identifiers of these days, sorted.

        id_type : by default the universe's

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        return self._data.assets(self.id_type(id_type), self.inside)

    def get(
        self,
        *,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
    ) -> pl.DataFrame:
        """One row for each day and member: date, and the id type, by the identifier of the day; sorted.

        start, end : first and last day, both included
        id_type : by default the universe's
        filter_tradedays : only trading days of the universe's calendar

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        chosen = self.id_type(id_type)
        rows, codes, naming = self._shown(chosen, start, end, filter_tradedays)
        frame = pl.DataFrame({"date": self._dates_of(rows), chosen: naming.texts(codes)})
        return frame.sort("date", chosen)

    def counts(
        self,
        dates: bool = True,
        categorical_hierarchy_levels: Mapping[str, int] | None = None,
        labels: bool = True,
    ) -> pl.DataFrame:
        """How many members there are on trading days, those of `get`.

        dates : one row a day with `count`; otherwise `mean`, `min` and `max` of the days' counts, days
            without any member of a category included
        categorical_hierarchy_levels : hierarchy to the number of levels to count by, -1 for all; each adds
            the columns `{hierarchy}_level_1`, ... A member of two categories counts in both, one of none
            under null; below the end of a short branch the level is null.
        labels : name categories by label, otherwise by code

        Raises
        ------
        SettingsError: a hierarchy or level that the dataset does not have.
        """
        levels = self._levels(dict(categorical_hierarchy_levels or {}))
        rows, codes, _ = self._shown(self.id_type(), None, None, True)
        frame = pl.DataFrame({"row": rows, "date": self._dates_of(rows), "asset": codes})
        for hierarchy, depth in levels.items():
            frame = frame.join(self._categories(hierarchy, depth, labels), on="row", how="left")
        groups = [
            f"{hierarchy}_level_{n}" for hierarchy, depth in levels.items() for n in range(1, depth + 1)
        ]
        daily = frame.group_by("date", *groups).agg(count=pl.col("asset").n_unique().cast(pl.Int64))
        if dates:
            return daily.sort("date", *groups)
        n = len(self._trading)
        every_day = pl.len() == n
        spread = (
            (pl.col("count").sum() / n).alias("mean"),
            pl.when(every_day).then(pl.col("count").min()).otherwise(0).alias("min"),
            pl.col("count").max().alias("max"),
        )
        return daily.group_by(groups).agg(spread).sort(groups) if groups else daily.select(spread)

    def input_id_mapping(self, id_type: str | None = None) -> pl.DataFrame:
        """The identifiers of all types that lead to the assets which are ever members.

        Columns: input_id_type, input_id, start_date, end_date (both included), and the id type, by default
        the universe's; an identifier of a company stands for its first listing. Sorted.

        Raises
        ------
        SettingsError: the dataset does not have the id type.
        """
        identifiers, shown = self._data.identifiers, self.id_type(id_type)
        listings = np.unique(self._data.panel.listing[self.inside])
        naming = identifiers.naming(shown)
        called = naming.spans.with_columns(pl.Series(shown, naming.texts(naming.spans["code"].to_numpy())))
        assets = identifiers.table[listings].join(called.drop("code"), on="listing")
        master = assets.join(identifiers.spans.drop("id"), on="listing", suffix="_of_input").with_columns(
            input_id_type=pl.lit(self.id_types[0]), input_id="id"
        )
        first = assets.filter(pl.col("rank") == pl.col("rank").min().over("company"))
        aliases = identifiers.aliases.rename({"id": "input_id", "id_type": "input_id_type"})
        is_member = pl.col("listing").is_in(listings)
        of_listings = assets.join(aliases.filter(is_member).drop("company"), on="listing", suffix="_of_input")
        others = aliases.filter(~is_member | pl.col("listing").is_null()).drop("listing")
        of_companies = first.join(others, on="company", suffix="_of_input")
        parts = (master, of_listings, of_companies)
        return (
            pl.concat([frame.select(*_MAPPING_COLUMNS, shown) for frame in parts])
            .filter(pl.col("start_date") <= pl.col("end_date"))
            .unique()
            .sort(pl.all())
        )

    def id_type(self, id_type: str | None = None) -> str:
        """The id type, by default the universe's; SettingsError if the dataset does not have it."""
        return self._data.identifiers.known_type(id_type or self.settings.id_type)

    def _shown(
        self, id_type: str, start: DateLike | None, end: DateLike | None, trade_only: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], Naming]:
        """The panel's rows that stand for members, the codes of their identifiers, and what those mean."""
        panel, days = self._data.panel, self._data.days
        shown = Shown(self._data, self.inside, id_type)
        rows, codes = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        for d in self.days(trade_only):
            if within(days[d], start, end):
                mine = panel.rows_of(d)
                place, code = shown.rows(mine, days[d])
                rows.append(mine.start + place)
                codes.append(code)
        shown.warn()
        return np.concatenate(rows), np.concatenate(codes), shown.naming

    def _dates_of(self, rows: NDArray[np.int64]) -> pl.Series:
        return pl.Series(self._data.days, dtype=pl.Date).gather(self._data.panel.day[rows])

    def _levels(self, levels: Mapping[str, int]) -> dict[str, int]:
        """Hierarchy to the number of levels, -1 spelled out."""
        problems, out = [], {}
        for hierarchy, level in levels.items():
            if hierarchy not in self._data.panel.sparse:
                problems.append(f"hierarchy: {unknown(hierarchy, self._data.panel.sparse)}")
                continue
            depth = self._data.trees[hierarchy].depth
            if level != -1 and not 1 <= level <= depth:
                problems.append(
                    f"{hierarchy!r} has {depth} level{'s' * (depth > 1)}; ask for 1 to {depth}, or for -1 to "
                    f"have all, not for {level}"
                )
            out[hierarchy] = depth if level == -1 else level
        if problems:
            raise SettingsError("the counts cannot be had:", problems)
        return out

    def _categories(self, hierarchy: str, depth: int, labels: bool) -> pl.DataFrame:
        """row, `{hierarchy}_level_1`, ...: a row for each category of each row of the panel that has one."""
        group, tree = self._data.panel.sparse[hierarchy], self._data.trees[hierarchy]
        paths = [tree.path(category)[:depth] for category in group.categories]
        frames = []
        for codes in group.codes:
            held = np.flatnonzero((codes >= 0) & self.inside)
            columns = {}
            for n in range(depth):
                names = [(p[n].label if labels else p[n].code) if n < len(p) else None for p in paths]
                columns[f"{hierarchy}_level_{n + 1}"] = pl.Series(names, dtype=pl.String).gather(codes[held])
            frames.append(pl.DataFrame({"row": held, **columns}))
        # a row whose categories share the upper levels counts once in each of those
        return pl.concat(frames).unique()


def companies(dataset: RiskDataset, inside: Mask) -> Mask:
    """(rows,) one row inside for each company and day: that of its main listing, else of the first by
    rank."""
    panel = dataset.panel
    return main_rows(
        dataset.days, panel.offsets, panel.listing, dataset.identifiers, inside, last=~panel.is_main_listing
    )
