"""A fitted model: its estimates, and what they were estimated from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.errors import SettingsError
from openfactor.model.estimation import Estimates, Inputs
from openfactor.model.estimation.estimates import STATUSES
from openfactor.model.gaps import specific_over_gaps
from openfactor.numerics.cross_section import design_matrix
from openfactor.results.provenance import DataVersion

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
THIN_WINDOW, THIN_SHARE = 21, 0.75
"""Trading days, and the share of them on which a name that is not thinly traded has a return."""
THIN_MIN_DAYS = 10
"""Trading days in the universe from which a name can count as thinly traded."""


@dataclass(frozen=True)
class FittedModel(Inputs):
    """Estimates with their inputs: what frames, forecasts and diagnostics are computed from."""

    estimates: Estimates
    data: DataVersion
    """Which data it stands on."""
    identity: object = field(default_factory=object, repr=False)
    """Key of the model in caches; the model on another context has the same."""

    def on(self, context: Context) -> FittedModel:
        """The same model for another request; they share what either computes."""
        return replace(self, context=context)

    @cached_property
    def order(self) -> list[NDArray[np.int64]]:
        """For each stage (columns,): the index of each column's factor among those of all stages."""
        index = {pair: k for k, pair in enumerate(self.estimates.pairs)}
        return [np.array([index[pair] for pair in columns.pairs], np.int64) for columns in self.columns]

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """(T,) stored days that are the model's trading days."""
        return self.dataset.index_of(self.estimates.dates)

    @property
    def specific_over_gaps(self) -> Float:
        """(rows,) specific returns, those over several days without what the factors did on the days before
        the last.
        """
        return self._once("specific_over_gaps", self._specific_over_gaps)

    def _specific_over_gaps(self) -> Float:
        panel, n_listings = self.dataset.panel, self.dataset.identifiers.n_listings
        return specific_over_gaps(
            self.estimates, self.columns, self.order, self.days, panel, n_listings
        )  # fmt: skip

    @cached_property
    def periods_per_year(self) -> float:
        """Trading periods per year of the model's calendar, with which risk is annualised."""
        return self.dataset.periods_per_year(self.days)

    @cached_property
    def min_names(self) -> Float:
        """(K,) effective names below which a category is thin; 0 for other factors."""
        e, thresholds = self.estimates, [stage.min_names for stage in self.settings.stages]
        return np.array(
            [thresholds[s].get(group, 0.0) for (group, _), s in zip(e.pairs, e.stage, strict=True)]
        )

    @property
    def is_thin(self) -> Mask:
        """(T, K) categories with fewer effective names than `thin_category_shrinkage` requires."""
        return (self.estimates.effective_names < self.min_names) & self.estimates.has_exposure

    @cached_property
    def thinly_traded(self) -> NDArray[np.int64]:
        """(T,) number of companies of the universe with a return on fewer than three quarters of the last 21
        trading days, the date included, or of the days since they are in the universe, if these are ten.
        """
        panel, returns = self.dataset.panel, self.estimates.asset_return
        alive = np.zeros((THIN_WINDOW, self.dataset.identifiers.n_listings), np.bool_)
        traded, count = np.zeros_like(alive), np.zeros(len(self.days), np.int64)
        n_alive, n_traded = np.zeros(alive.shape[1], np.int64), np.zeros(alive.shape[1], np.int64)
        for t in range(1, len(self.days)):
            rows, oldest = self.rows_on(t - 1), t % THIN_WINDOW
            n_alive -= alive[oldest]
            n_traded -= traded[oldest]
            alive[oldest], traded[oldest] = False, False
            alive[oldest, panel.listing[rows]] = self.universe[rows] & panel.is_main_listing[rows]
            traded[oldest, panel.listing[rows]] = np.isfinite(returns[rows])
            traded[oldest] &= alive[oldest]
            n_alive += alive[oldest]
            n_traded += traded[oldest]
            is_thinly_traded = (n_alive >= THIN_MIN_DAYS) & (n_traded < THIN_SHARE * n_alive)
            count[t] = np.sum(is_thinly_traded & alive[oldest])
        return count

    @cached_property
    def pinned(self) -> Mask:
        """(T, K) factors that were estimated, but had no freedom to be anything else."""
        e, has_no_error = self.estimates, ~self._free
        # where no factor of a stage has a standard error, the day has none to give
        has_errors = np.array(
            [~has_no_error[:, e.stage == s].all(axis=1) | (e.rank[s] == 0) for s in range(len(e.status))]
        )
        return np.asarray(has_no_error & has_errors[e.stage].T & ~self.aliased)

    @cached_property
    def aliased(self) -> Mask:
        """(T, K) factors that could not be told apart from others, on days with spread and degrees of
        freedom.
        """
        e = self.estimates
        is_deficient = (e.status == STATUSES.index("rank_deficient")) & np.isfinite(e.r2)
        return np.asarray(~self._free & is_deficient[e.stage].T & ~self._alone)

    @cached_property
    def _free(self) -> Mask:
        """(T, K) False for factors with an exposure whose standard error is empty; known ones have none."""
        e = self.estimates
        given = {(s, pair) for s, stage in enumerate(self.settings.stages)
                 for pair in stage.construction.known_factor_map}  # fmt: skip
        known = np.array([(s, pair) in given for s, pair in zip(e.stage.tolist(), e.pairs, strict=True)])
        return np.asarray(~e.has_exposure | known | np.isfinite(e.standard_errors))

    @property
    def _alone(self) -> Mask:
        """(T, K) the only factor with an exposure in a group with a zero sum."""
        e, out = self.estimates, np.zeros(self.estimates.has_exposure.shape, np.bool_)
        for s, stage in enumerate(self.settings.stages):
            for group, kind in stage.construction.zero_sum_constraints.items():
                of_group = np.array([pair[0] == group for pair in e.pairs], np.bool_) & (e.stage == s)
                if kind != "none":
                    out[:, of_group] = e.has_exposure[:, of_group].sum(axis=1, keepdims=True) == 1
        return out

    def stage_index(self, stage: int) -> int:
        """Index of a stage, which users count from 1.

        Raises
        ------
        SettingsError
            The model has fewer stages.
        """
        if not 1 <= stage <= self.settings.n_stages:
            raise SettingsError(
                f"there is no stage {stage}:", [f"the model has {self.settings.n_stages}, counted from 1"]
            )
        return stage - 1

    def rows_on(self, t: int) -> slice:
        """The panel's rows of a trading day, by its index."""
        return self.dataset.panel.rows_of(int(self.days[t]))

    def exposures_at(self, rows: slice) -> Float:
        """(n, K) exposures of the rows of a day to the factors of all stages, in the order of the estimates;
        NaN where one is missing, 0 outside of a category.
        """
        x = np.empty((rows.stop - rows.start, len(self.estimates.pairs)))
        for columns, order in zip(self.columns, self.order, strict=True):
            x[:, order] = design_matrix(*columns.evaluate(rows), len(order))
        return x

    def id_type(self, id_type: str | None) -> str:
        """The id type to show assets in, by default the universe's; SettingsError if the dataset lacks it."""
        return self.dataset.identifiers.known_type(id_type or self.settings.inline_universe.id_type)
