"""Which rows of the panel belong to a universe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.calendar import trading_days
from openfactor.dataset.coding import code_companies
from openfactor.dataset.panel_index import main_rows
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.datawarnings import warn
from openfactor.errors import DataError, SettingsError
from openfactor.settings.hierarchies import unknown
from openfactor.settings.universe import (
    CategoricalFilterSettings,
    PortfolioOrganizerSettings,
    UniverseSettings,
)
from openfactor.settings.validation import validate
from openfactor.settings.values import inline

Mask = NDArray[np.bool_]
_ASSET = ["asset_id", "asset_id_type"]


@dataclass(frozen=True)
class Membership:
    """A universe on a dataset: who is a member on each stored day.

    Membership is decided by the stored values of the day itself. A listing can be a member from its first
    price to its last.
    """

    dataset: RiskDataset
    settings: UniverseSettings
    """Valid on the dataset."""
    inside: Mask
    """(rows,) the panel's rows that are members."""
    trading: NDArray[np.int64]
    """Indices of the stored days that are trading days of the universe's calendar."""

    @classmethod
    def of(
        cls, dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
    ) -> Membership:
        """The universe of settings that are valid on the dataset; raises as `members`."""
        trading = trading_days(dataset.closed, settings.calendar.filters, len(dataset.days))
        return cls(dataset, settings, members(dataset, settings, read), trading)

    @cached_property
    def company_rows(self) -> Mask:
        """(rows,) one member per company and day; see `company_rows`."""
        return company_rows(self.dataset, self.inside)

    def days(self, trading_only: bool = False) -> list[int]:
        """Indices of the stored days, or of the trading days among them."""
        return self.trading.tolist() if trading_only else list(range(len(self.dataset.days)))

    def dates(self, *, range_only: bool = False, trading_only: bool = False) -> list[dt.date]:
        """The stored days, ascending, or the trading days among them; `range_only`: its ends."""
        days = [self.dataset.days[d] for d in self.days(trading_only)]
        return [days[0], days[-1]] if range_only and days else days

    def id_type(self, id_type: str | None = None) -> str:
        """The id type, by default the universe's; SettingsError if the dataset does not have it."""
        return self.dataset.identifiers.known_type(id_type or self.settings.id_type)


def membership_on(
    dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads
) -> Membership:
    """The universe on a dataset.

    Raises
    ------
    SettingsError
        With everything in the settings that the dataset does not have; else as `members`.
    """
    validate(settings, dataset.properties.factor_risk_model_settings_menu)
    return Membership.of(dataset, settings, read)


def members(dataset: RiskDataset, settings: UniverseSettings, read: UploadReader = no_uploads) -> Mask:
    """(rows,) the panel's row passes every filter on the values of its own day.

    Parameters
    ----------
    settings
        Valid on the dataset.
    read
        Gives the uploads of a portfolio filter.

    Raises
    ------
    NotFoundError
        An upload of the portfolio filter does not exist.
    SettingsError
        A portfolio that is not in its upload, or a filter that names saved settings, which must be read
        first.
    DataError
        A holding whose identifier leads to two companies on its day.
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
    for category_filter in settings.categorical_filters:
        inside &= _in_categories(dataset, category_filter)
    if settings.portfolio_filter is not None:
        held = _held(dataset, inline(settings.portfolio_filter), read)
        inside &= held[dataset.company[panel.listing]]
    return inside


def _in_categories(dataset: RiskDataset, settings: CategoricalFilterSettings) -> Mask:
    """(rows,) the row has a category that is included, and none that is excluded."""
    group, tree = dataset.panel.sparse[settings.hierarchy], dataset.trees[settings.hierarchy]
    # of the tree's leaves, so that an asset of two categories passes only if neither is excluded
    included = set(tree.select(settings.include, []))
    excluded = set(tree.leaves) - set(tree.select("All", settings.exclude))
    is_in = np.array([c in included for c in group.categories] + [False])
    is_out = np.array([c in excluded for c in group.categories] + [False])
    # code -1, no category, reads the False at the end
    some_in = np.logical_or.reduce([is_in[codes] for codes in group.codes])
    some_out = np.logical_or.reduce([is_out[codes] for codes in group.codes])
    return np.asarray(some_in & ~some_out)


def _held(dataset: RiskDataset, portfolios: PortfolioOrganizerSettings, read: UploadReader) -> Mask:
    """(companies,) one of the portfolios holds it on any day."""
    held = np.zeros(dataset.identifiers.n_companies, np.bool_)
    for source, portfolio_ids in portfolios.by_source.items():
        rows = _holdings(read("portfolios", source), portfolio_ids, source)
        assets = rows.select("date", "asset_id", "asset_id_type").unique().collect()
        if faults := ambiguous_rows(dataset.identifiers, assets.lazy(), f"portfolios {source}"):
            raise DataError("the portfolio filter does not fit the dataset:", faults)
        types = assets["asset_id_type"].unique().to_list()
        coded = code_companies(dataset.identifiers, assets.lazy(), _ASSET, types).collect()
        held[dataset.identifiers.source_company[coded["source"].to_numpy()]] = True
        names = assets.select(_ASSET).unique()
        _warn_of_unknown(dataset, source, names.join(coded, on=_ASSET, how="anti"), len(names))
    return held


def _holdings(rows: pl.LazyFrame, portfolio_ids: Sequence[str] | None, source: str) -> pl.LazyFrame:
    """The rows of some portfolios of an upload, None: of all; SettingsError if it does not have one."""
    if portfolio_ids is None:
        return rows
    known = rows.select("portfolio_id").unique().collect()["portfolio_id"].sort().to_list()
    if problems := [unknown(name, known) for name in portfolio_ids if name not in known]:
        raise SettingsError(f"the portfolio filter does not fit the upload {source!r}:", problems)
    return rows.filter(pl.col("portfolio_id").is_in(portfolio_ids))


def _warn_of_unknown(dataset: RiskDataset, source: str, assets: pl.DataFrame, of: int) -> None:
    """DataWarning of assets of a portfolio upload that the dataset does not know, if their share exceeds the
    tolerance of the data quality settings.

    Parameters
    ----------
    of
        Number of assets in the upload.
    """
    if len(assets) > dataset.settings.quality.dropped * of:
        first = assets.sort(pl.all()).head(3)
        shown = ", ".join(f"{id_type} {name!r}" for name, id_type in first.iter_rows())
        warn(
            f"{len(assets):,} of {of:,} assets of the portfolios {source!r} lead to no asset of the dataset "
            f"and select none: {shown}; its id types are {', '.join(dataset.identifiers.company_types)}"
        )


def company_rows(dataset: RiskDataset, inside: Mask) -> Mask:
    """(rows,) one of the rows inside per company and day: that of its main listing, else of the first by
    rank.
    """
    panel = dataset.panel
    return main_rows(
        dataset.days, panel.offsets, panel.listing, dataset.identifiers, inside, last=~panel.is_main_listing
    )
