"""A model that is estimated, with what it was estimated from at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfactor.model.estimation import Estimates, Inputs
from openfactor.model.gaps import specific_over_gaps
from openfactor.numerics.cross_section import dense_design
from openfactor.settings.provenance import DataVersion

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class FittedModel(Inputs):
    """What frames, forecasts and diagnostics of a model look at."""

    estimates: Estimates
    data: DataVersion
    """Which data it stands on."""
    hide_progress: bool | None = None

    @cached_property
    def order(self) -> list[NDArray[np.int64]]:
        """Of each stage (columns,): the factor, in the order of the results, of each of its columns."""
        at = {pair: k for k, pair in enumerate(self.estimates.pairs)}
        return [np.array([at[pair] for pair in columns.pairs], np.int64) for columns in self.columns]

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """(T,) stored days that are the model's trading days."""
        return self.dataset.index_of(self.estimates.dates)

    @cached_property
    def specific_over_gaps(self) -> Float:
        """(rows,) specific returns, those over several days without what the factors did on the days before
        the last."""
        panel, n_listings = self.dataset.panel, self.dataset.identifiers.n_listings
        return specific_over_gaps(
            self.estimates, self.columns, self.order, self.days,
            panel.listing, panel.priced, panel.offsets, n_listings,
        )  # fmt: skip

    @cached_property
    def periods_per_year(self) -> float:
        """Trading periods a year of the model's calendar, with which risk is annualised."""
        return self.dataset.periods_per_year(self.days)

    @cached_property
    def min_names(self) -> Float:
        """(K,) effective names below which a category is thin; 0 for other factors."""
        e, thresholds = self.estimates, [stage.min_names for stage in self.settings.stages]
        return np.array(
            [thresholds[s].get(group, 0.0) for (group, _), s in zip(e.pairs, e.stage, strict=True)]
        )

    @property
    def thin(self) -> Mask:
        """(T, K) categories with fewer effective names than asked for."""
        return (self.estimates.effective_names < self.min_names) & self.estimates.exposed

    def rows_on(self, t: int) -> slice:
        """The panel's rows of a trading day."""
        return self.dataset.panel.rows_of(int(self.days[t]))

    def exposures_at(self, rows: slice) -> Float:
        """(n, K) exposures of the rows of a day to the factors of all stages, in the order of the results."""
        x = np.empty((rows.stop - rows.start, len(self.estimates.pairs)))
        for columns, order in zip(self.columns, self.order, strict=True):
            x[:, order] = dense_design(*columns.at(rows), len(order))
        return x

    def id_type(self, id_type: str | None) -> str:
        """The id type to show, by default that of the universe; SettingsError if there is no such."""
        return self.dataset.identifiers.known_type(id_type or self.settings.inline_universe.id_type)
