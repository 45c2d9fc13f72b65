"""Factor and specific returns, and how each day was estimated."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

BY_FACTOR = ("factor_returns", "standard_errors", "vif", "effective_names", "has_exposure")
"""Fields of `Estimates` with (T, K) values."""
BY_DATE = ("status", "solver", "n", "rank", "r2", "condition", "clipped", "multiday")
"""Fields of `Estimates` with (S, T) values."""

SOLVERS = ("none", "normal_equations", "svd")


@dataclass(frozen=True)
class Piece:
    """Arrays (n,) parallel to the panel's rows, from a row on."""

    first: int
    """The row."""
    arrays: tuple[NDArray[Any], ...]
    """asset_return, specific_return, covered and the weights of each stage."""
    file: Path | None = None
    """Where they are stored; it may have more rows."""

    @property
    def n_rows(self) -> int:
        """Length of the arrays."""
        return len(self.arrays[0])


@dataclass(frozen=True)
class RowValues:
    """Arrays parallel to the panel's rows, in pieces that follow each other, so that new days are added
    without copying the old ones.
    """

    n_rows: int
    """Of the panel; the pieces may end before the last."""
    pieces: tuple[Piece, ...]

    @cached_property
    def whole(self) -> tuple[NDArray[Any], ...]:
        """Each array (rows,) in one; after the last piece returns are NaN, all else is 0."""
        if len(self.pieces) == 1 and self.pieces[0].n_rows == self.n_rows:
            return self.pieces[0].arrays
        arrays = []
        for k in range(len(self.pieces[0].arrays)):
            values = np.full(self.n_rows, np.nan if k < 2 else 0, self.pieces[0].arrays[k].dtype)
            for piece in self.pieces:
                values[piece.first : piece.first + piece.n_rows] = piece.arrays[k]
            arrays.append(values)
        return tuple(arrays)

    def until(self, row: int) -> tuple[Piece, ...]:
        """The pieces, cut before a row."""
        kept = [piece for piece in self.pieces if piece.first < row]
        return tuple(
            Piece(p.first, tuple(a[: row - p.first] for a in p.arrays), p.file) for p in kept
        )  # fmt: skip


@dataclass(frozen=True)
class Estimates:
    """Factor and specific returns, and statistics of their regressions.

    T trading days, K factors of all S stages in the order of `pairs`. Values by asset are parallel to the
    rows of the dataset's panel: the row of day p has the return from p to the next trading day. Returns are
    per trading period, fractions.
    """

    fingerprint: str
    """Identifies the settings and the content that they were estimated from."""
    dates: tuple[dt.date, ...]
    """(T,) trading days, ascending."""
    pairs: tuple[tuple[str, str], ...]
    """Group and factor, sorted."""
    stage: NDArray[np.int64]
    """(K,) index of each factor's stage."""
    factor_returns: Float
    """(T, K); 0.0 on days without a regression and for factors without exposure; known ones as given."""
    standard_errors: Float
    """(T, K) of the factor returns; NaN where there is no estimate, for factors without freedom, as the only
    category under a zero sum, for factors that could not be told apart, and on days without spread or degrees
    of freedom."""
    vif: Float
    """(T, K) variance inflation factors; NaN also where factors could not be told apart."""
    effective_names: Float
    """(T, K) effective number of names of each category; NaN for dense factors."""
    has_exposure: NDArray[np.bool_]
    """(T, K) the factor had an exposure that day."""
    status: NDArray[np.int8]
    """(S, T) index into STATUSES."""
    solver: NDArray[np.int8]
    """(S, T) index into SOLVERS."""
    n: NDArray[np.int64]
    """(S, T) assets in the estimation set."""
    rank: NDArray[np.int64]
    """(S, T) rank of the constrained design."""
    r2: Float
    """(S, T) weighted R squared on the clipped returns that the stage explains; NaN without spread or degrees
    of freedom."""
    condition: Float
    """(S, T) condition number of the scaled normal equations."""
    clipped: NDArray[np.int64]
    """(S, T) assets in the estimation set whose return was clipped."""
    multiday: NDArray[np.int64]
    """(S, T) assets in the estimation set whose return covers several trading days."""
    rows: RowValues
    """asset_return, specific_return, covered and the weights of each stage."""
    content_hashes: NDArray[np.uint64]
    """(D,) one hash per stored day, so that unchanged days are not regressed again."""
    dictionary_hash: str
    """Of the dataset's listings, factors and categories."""

    @property
    def asset_return(self) -> Float:
        """(rows,) return in the model's currency, NaN outside of the universe."""
        return self.rows.whole[0]

    @property
    def specific_return(self) -> Float:
        """(rows,) asset_return - exposures . factor_returns; NaN where an exposure is missing."""
        return self.rows.whole[1]

    @property
    def covered(self) -> NDArray[np.int32]:
        """(rows,) trading days that asset_return covers, 0 where there is none; see `Timeline`."""
        return self.rows.whole[2]

    @property
    def weight(self) -> tuple[Float, ...]:
        """(rows,) of each stage: regression weight; those of one day sum to one."""
        return self.rows.whole[3:]

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
