"""Factor and specific returns, and how each day was estimated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openfactor.dataset.dictionary import Dictionary
from openfactor.store import PackRef

Float = NDArray[np.float64]

STATUSES = (
    "ok",
    "first_day",
    "no_returns",
    "no_exposures",
    "exact_fit",
    "no_spread",
    "not_converged",
    "rank_deficient",
)
"""How a day was estimated.

ok: with nothing to note; first_day: not, as no day is before it; no_returns: not, as no name has a return
that counts; no_exposures: not, as no name has a return and all exposures; exact_fit: without residuals, as
with as many factors as names; no_spread: on returns that do not differ; not_converged: robustly, but not to
the minimum; rank_deficient: with the minimum-norm solution, as the factors could not be told apart. Of
several, the last of these."""

BLANK = {
    "factor_returns": 0.0,
    "standard_errors": np.nan,
    "vif": np.nan,
    "effective_names": np.nan,
    "has_exposure": False,
}
"""Values (T, K) by factor, and what they are for a factor that does not exist yet."""
BY_DATE = ("status", "solver", "n", "rank", "r2", "condition", "clipped", "multiday")
"""Values (S, T) by date."""
SOLVERS = ("none", "normal_equations", "svd")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EstimatesRun:
    """What was estimated on the rows of one run of the panel: on exposures of the days of the run.

    t trading days: those whose returns these exposures explain; of the first run also the first trading day,
    which has no regression. K factors, S stages.
    """

    pairs: Pairs
    """Group and factor, sorted."""
    dates: tuple[dt.date, ...]
    """(t,) trading days, ascending."""
    by_factor: Mapping[str, NDArray[Any]]
    """Those of `BLANK`, (t, K) each; see `Estimates`."""
    by_date: Mapping[str, NDArray[Any]]
    """Those of `BY_DATE`, (S, t) each; see `Estimates`."""
    by_row: Sequence[NDArray[Any]]
    """(rows of the run,) asset_return, specific_return, covered and the weights of each stage."""
    content_hashes: NDArray[np.uint64]
    """(days of the run,) one hash per stored day."""
    stored: PackRef | None = None
    """The pack that has it; None: not stored yet."""

    @property
    def n_days(self) -> int:
        """Stored days of the run."""
        return len(self.content_hashes)

    def of_factor(self, name: str, pairs: Pairs) -> NDArray[Any]:
        """(t, K) values by factor, in the order of `pairs`, which may have more factors than the run."""
        values = self.by_factor[name]
        if pairs == self.pairs:
            return values
        place = {pair: k for k, pair in enumerate(pairs)}
        out = np.full((len(self.dates), len(pairs)), BLANK[name], values.dtype)
        out[:, [place[pair] for pair in self.pairs]] = values
        return out

    def slice(self, days: slice, dates: slice, rows: slice) -> EstimatesRun:
        """Part of the run: some of its stored days, trading days and rows. Nothing is copied."""
        return EstimatesRun(
            pairs=self.pairs,
            dates=self.dates[dates],
            by_factor={name: values[dates] for name, values in self.by_factor.items()},
            by_date={name: values[:, dates] for name, values in self.by_date.items()},
            by_row=tuple(values[rows] for values in self.by_row),
            content_hashes=self.content_hashes[days],
        )


@dataclass(frozen=True)
class Estimates:
    """Factor and specific returns, and statistics of their regressions.

    T trading days, K factors of all S stages in the order of `pairs`. Values by asset are parallel to the
    rows of the dataset's panel: the row of day p has the return from p to the next trading day. Returns are
    per trading period, fractions.
    """

    fingerprint: str
    """Identifies the settings and the content that they were estimated from."""
    pairs: Pairs
    """Group and factor, sorted."""
    stage: NDArray[np.int64]
    """(K,) index of each factor's stage."""
    runs: tuple[EstimatesRun, ...]
    """One for each run of the panel."""
    dictionary: Dictionary
    """What the codes of the dataset mean."""

    @cached_property
    def dates(self) -> tuple[dt.date, ...]:
        """(T,) trading days, ascending."""
        return tuple(date for run in self.runs for date in run.dates)

    @cached_property
    def factor_returns(self) -> Float:
        """(T, K); 0.0 on days without a regression and for factors without exposure; known ones as given."""
        return self._of_factors("factor_returns")

    @cached_property
    def standard_errors(self) -> Float:
        """(T, K) of the factor returns; NaN where there is no estimate, for factors without freedom, as the
        only category under a zero sum, for factors that could not be told apart, and on days without spread
        or degrees of freedom.
        """
        return self._of_factors("standard_errors")

    @cached_property
    def vif(self) -> Float:
        """(T, K) variance inflation factors; NaN also where factors could not be told apart."""
        return self._of_factors("vif")

    @cached_property
    def effective_names(self) -> Float:
        """(T, K) effective number of names of each category; NaN for dense factors."""
        return self._of_factors("effective_names")

    @cached_property
    def has_exposure(self) -> NDArray[np.bool_]:
        """(T, K) the factor had an exposure that day."""
        return self._of_factors("has_exposure")

    @cached_property
    def status(self) -> NDArray[np.int8]:
        """(S, T) index into STATUSES."""
        return self._of_dates("status")

    @cached_property
    def solver(self) -> NDArray[np.int8]:
        """(S, T) index into SOLVERS."""
        return self._of_dates("solver")

    @cached_property
    def n(self) -> NDArray[np.int64]:
        """(S, T) assets in the estimation set."""
        return self._of_dates("n")

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """(S, T) rank of the constrained design."""
        return self._of_dates("rank")

    @cached_property
    def r2(self) -> Float:
        """(S, T) weighted R squared on the clipped returns that the stage explains; NaN without spread or
        degrees of freedom.
        """
        return self._of_dates("r2")

    @cached_property
    def condition(self) -> Float:
        """(S, T) condition number of the scaled normal equations."""
        return self._of_dates("condition")

    @cached_property
    def clipped(self) -> NDArray[np.int64]:
        """(S, T) assets in the estimation set whose return was clipped."""
        return self._of_dates("clipped")

    @cached_property
    def multiday(self) -> NDArray[np.int64]:
        """(S, T) assets in the estimation set whose return covers several trading days."""
        return self._of_dates("multiday")

    @cached_property
    def asset_return(self) -> Float:
        """(rows,) return in the model's currency, NaN outside of the universe."""
        return self._of_rows(0)

    @cached_property
    def specific_return(self) -> Float:
        """(rows,) asset_return - exposures . factor_returns; NaN where an exposure is missing."""
        return self._of_rows(1)

    @cached_property
    def covered(self) -> NDArray[np.int32]:
        """(rows,) trading days that asset_return covers, 0 where there is none; see `Timeline`."""
        return self._of_rows(2)

    @cached_property
    def weight(self) -> tuple[Float, ...]:
        """(rows,) of each stage: regression weight; those of one day sum to one."""
        return tuple(self._of_rows(k) for k in range(3, len(self.runs[0].by_row)))

    @property
    def content_hashes(self) -> NDArray[np.uint64]:
        """(D,) one hash per stored day of the dataset, so that unchanged days are not regressed again."""
        return np.concatenate([run.content_hashes for run in self.runs])

    def _of_factors(self, name: str) -> NDArray[Any]:
        return _whole([run.of_factor(name, self.pairs) for run in self.runs])

    def _of_dates(self, name: str) -> NDArray[Any]:
        return _whole([run.by_date[name] for run in self.runs], axis=1)

    def _of_rows(self, k: int) -> NDArray[Any]:
        return _whole([run.by_row[k] for run in self.runs])

    @property
    def factors(self) -> tuple[str, ...]:
        """`{group}.{factor}`."""
        return tuple(f"{group}.{factor}" for group, factor in self.pairs)

    @property
    def estimated(self) -> NDArray[np.bool_]:
        """(T,) days with a regression."""
        return np.asarray(self.n[0] > 0)

    @cached_property
    def t(self) -> Float:
        """(T, K) factor return over its standard error; not finite where there is no estimate."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.factor_returns / self.standard_errors

    def __repr__(self) -> str:
        r2 = self.r2[0][np.isfinite(self.r2[0])]
        fit = f", mean R2 {r2.mean():.3f}" if len(r2) else ""
        return (
            f"<Estimates {self.dates[0]} to {self.dates[-1]}: {len(self.factors)} factors, "
            f"{self.estimated.sum()} regressions{fit}>"
        )


def _whole(parts: Sequence[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
    """The values of all runs, which are not copied if there is one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)
