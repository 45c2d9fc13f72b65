"""A fitted factor model: estimates as frames, in the terms of the settings."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtr

from openfactor.dataset.calendar import within
from openfactor.dataset.panel import RiskDataset
from openfactor.dataset.reading import Read, no_uploads
from openfactor.dataset.timing import rows_before
from openfactor.exposures import Exposures, by_group, exposure_frame
from openfactor.model.estimation import Estimates, columns_of, sets_of
from openfactor.model.estimation.estimates import SOLVERS, STATUSES
from openfactor.model.frames import between, by_factor
from openfactor.settings.dates import DateLike
from openfactor.settings.model import FactorRiskModelSettings

Float = NDArray[np.float64]


class RiskModel:
    """What `riskmodels.load(...).get_model()` gives.

    Frames have a `date` column and Float32 values. The values of a date are those of the regression of
    that date, except `exposures`, which carry the day on which they are stored: they explain the
    returns of the next trading day. `start` and `end` are inclusive.
    """

    def __init__(
        self,
        dataset: RiskDataset,
        settings: FactorRiskModelSettings,
        estimates: Estimates,
        read: Read = no_uploads,
    ) -> None:
        self._dataset = dataset
        self._read = read
        self._settings = settings
        self._estimates = estimates

    def __repr__(self) -> str:
        return f"<RiskModel of {self._estimates!r}>"

    @property
    def settings(self) -> FactorRiskModelSettings:
        return self._settings

    @property
    def fingerprint(self) -> str:
        """Names the settings and the dataset that made this model."""
        return self._estimates.fingerprint

    @property
    def estimates(self) -> Estimates:
        """The arrays behind the frames, in double precision."""
        return self._estimates

    def dates(self) -> list[dt.date]:
        """Trading days, ascending."""
        return list(self._estimates.dates)

    def factors(self) -> dict[str, list[str]]:
        """Group to its factors, both sorted."""
        return by_group(self._estimates.pairs)

    def fret(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor returns: date, `{group}.{factor}`; daily, fractions.

        0.0 on days without a regression (see `status`) and for factors without exposure.
        """
        return self._by_factor(self._estimates.factor_returns, start, end)

    def t_stats(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Factor return over its standard error; null where there is no estimate."""
        return self._by_factor(self._t, start, end)

    def p_values(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Two-sided probability of |t| under Student's distribution with n - rank degrees of freedom."""
        freedom = np.maximum(self._estimates.n - self._estimates.rank, 1)[:, None]
        p = 2.0 * np.asarray(stdtr(freedom, -np.abs(self._t)))
        return self._by_factor(p, start, end)

    def r2(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Weighted R squared of each regression: date, r2; days without a regression are left out."""
        e = self._estimates
        frame = pl.DataFrame({"date": pl.Series(e.dates, dtype=pl.Date), "r2": e.r2.astype(np.float32)})
        return between(frame.filter(pl.col("r2").is_not_nan()), start, end)

    def status(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """How each day was estimated.

        Columns: date, status, solver, n (assets), rank, condition (of the normal equations),
        thin_categories (those with fewer effective names than `thin_category_shrinkage` asks for) and
        factors_without_exposure.
        """
        e = self._estimates
        names = np.array(e.factors)
        thresholds = self._settings.min_names
        minimum = np.array([thresholds.get(group, 0.0) for group, _ in e.pairs])
        done = e.n > 0
        frame = pl.DataFrame(
            {
                "date": pl.Series(e.dates, dtype=pl.Date),
                "status": [STATUSES[i] for i in e.status],
                "solver": [SOLVERS[i] for i in e.solver],
                "n": e.n,
                "rank": e.rank,
                "condition": pl.Series(e.condition).fill_nan(None),
                "thin_categories": [
                    names[(e.effective_names[i] < minimum) & e.exposed[i]].tolist() for i in range(len(done))
                ],
                "factors_without_exposure": [
                    names[~e.exposed[i]].tolist() if done[i] else [] for i in range(len(done))
                ],
            },
            schema_overrides={
                "thin_categories": pl.List(pl.String),
                "factors_without_exposure": pl.List(pl.String),
            },
        )
        return between(frame, start, end)

    def exposures(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Exposures of the universe's listings: date, the id type, `{group}.{factor}`.

        One row a trading day and listing; null where a dense exposure is missing, 0 where a name is not
        in a category.
        """
        days = [
            int(day)
            for date, day in zip(self._estimates.dates, self._days, strict=True)
            if within(date, start, end)
        ]
        return exposure_frame(
            self._dataset,
            self._columns,
            self._estimates.pairs,
            days,
            self._universe,
            self._id_type(id_type),
        )

    def asset_returns(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Returns in the model's currency, compounded since the trading day before: date, one column an
        asset; null where there is none."""
        return self._by_asset(self._estimates.asset_return, start, end, id_type)

    def idio(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Specific returns: asset return less exposures of the trading day before times factor returns."""
        return self._by_asset(self._estimates.specific_return, start, end, id_type)

    def weights(
        self, *, start: DateLike | None = None, end: DateLike | None = None, id_type: str | None = None
    ) -> pl.DataFrame:
        """Regression weights; those of a date sum to one, null outside of the estimation set."""
        weight = self._estimates.weight
        return self._by_asset(np.where(weight > 0, weight, np.nan), start, end, id_type)

    def market_caps(self, *, start: DateLike | None = None, end: DateLike | None = None) -> pl.DataFrame:
        """Sum of exposure times market cap (USD) over the estimation set, as the regression of the date
        used them: those of the trading day before."""
        columns, panel, e = self._columns, self._dataset.panel, self._estimates
        at = {pair: k for k, pair in enumerate(e.pairs)}
        order = np.array([at[pair] for pair in columns.pairs], np.int64)
        out = np.full(e.factor_returns.shape, np.nan)
        for i in np.flatnonzero(e.n > 0).tolist():
            rows = rows_before(panel, self._days, i)
            caps = np.where(e.weight[rows] > 0, panel.cap[rows], 0.0)
            total = np.zeros(len(order))
            dense, codes, loads = columns.at(rows)
            total[: len(dense)] = np.where(caps > 0, dense, 0.0) @ caps
            for code, load in zip(codes, loads, strict=True):
                held = (code >= 0) & (caps > 0)
                total += np.bincount(code[held], (load * caps)[held], minlength=len(order))
            out[i, order] = total
        return self._by_factor(out, start, end)

    @cached_property
    def _t(self) -> Float:
        e = self._estimates
        with np.errstate(divide="ignore", invalid="ignore"):
            return e.factor_returns / e.standard_errors

    @cached_property
    def _columns(self) -> Exposures:
        return columns_of(self._dataset, self._settings, *self._sets, self._read)

    @cached_property
    def _sets(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return sets_of(self._dataset, self._settings, self._read)

    @property
    def _universe(self) -> NDArray[np.bool_]:
        return self._sets[0]

    @cached_property
    def _days(self) -> NDArray[np.int64]:
        at = {day: d for d, day in enumerate(self._dataset.days)}
        return np.array([at[date] for date in self._estimates.dates], np.int64)

    def _id_type(self, id_type: str | None) -> str:
        return self._dataset.identifiers.known_type(id_type or self._settings.inline_universe.id_type)

    def _by_factor(self, values: Float, start: DateLike | None, end: DateLike | None) -> pl.DataFrame:
        return between(
            by_factor(self._estimates.dates[: len(values)], self._estimates.factors, values), start, end
        )

    def _by_asset(
        self, values: Float, start: DateLike | None, end: DateLike | None, id_type: str | None
    ) -> pl.DataFrame:
        """Values beside the panel's rows, laid out by date (of the regression) and asset."""
        identifiers, panel, e = self._dataset.identifiers, self._dataset.panel, self._estimates
        chosen = self._id_type(id_type)
        by_listing = chosen == identifiers.id_types[0]
        of_asset = np.arange(identifiers.n_listings) if by_listing else self._dataset.entity
        names = dict(zip(of_asset.tolist(), identifiers.names(chosen), strict=True))
        out = np.full((len(e.dates), len(names)), np.nan, np.float32)
        for i in range(1, len(e.dates)):
            rows = rows_before(panel, self._days, i)
            # an entity's values are those of its main listing
            wanted = np.ones(rows.stop - rows.start, np.bool_) if by_listing else panel.main[rows]
            out[i, of_asset[panel.listing[rows][wanted]]] = values[rows][wanted]
        shown = np.unique(of_asset[panel.listing[self._universe]])
        frame = by_factor(e.dates, [names[i] for i in shown.tolist()], out[:, shown].astype(np.float64))
        return between(frame, start, end)
