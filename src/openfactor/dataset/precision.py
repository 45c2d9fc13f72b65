"""Exposures in the precision of the panel, and dispersion that rounding destroys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.axes import find_companies, name_companies
from openfactor.dataset.columns import Exposure
from openfactor.dataset.identifiers import Identifiers
from openfactor.errors import Fault
from openfactor.numerics.rounding import RoundedValues, new_rounding_state, rounding_shares

Float = NDArray[np.float64]

MOST_LOST = 0.01
"""Largest ratio of rounding errors to the dispersion of a cross-section: slopes then shrink by 1 in
10,000."""
FEW = 10
"""Companies below which a day says little about the dispersion of a factor that has larger days."""
SHOWN = 5
_LOSSY = {"factor": pl.String, "date": pl.Date, "share": pl.Float64, "names": pl.Int64}


def remedy(dtype: str) -> str:
    """Remedy for values that a precision cannot hold."""
    return (
        'set exposure_dtype="float32" in the root dataset'
        if dtype == "float16"
        else "centre or rescale these exposures"
    )


def narrow(exact: Float, dtype: str) -> Exposure:
    """The values in the precision, infinite where they are too large for it."""
    with np.errstate(over="ignore", under="ignore"):
        stored: Exposure = exact.astype(dtype)
    return stored


@dataclass(frozen=True)
class _Day:
    factor: int
    date: dt.date
    share: float
    names: int


@dataclass
class PrecisionLoss:
    """What rounding takes from the factors of a continuous group, day by day.

    n_companies : of the arrays that `add` gets
    cumulative : a name keeps its last value on days without one
    """

    group: str
    factors: Sequence[str]
    n_companies: int
    dtype: str
    cumulative: bool = False
    _lossy: list[_Day] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.factors)
        self._state = new_rounding_state(n, self.n_companies if self.cumulative else 0)
        self._most = np.zeros(n, np.int64)

    def add(
        self,
        dates: Sequence[dt.date],
        offsets: NDArray[np.int64],
        factor: NDArray[np.int32],
        company: NDArray[np.int32],
        exact: Float,
        stored: Exposure,
    ) -> None:
        """Add a run of days.

        Parameters
        ----------
        offsets : (days + 1,) of the values of each day
        factor, company, exact, stored : (values,)
        """
        error = stored.astype(np.float64) - exact
        error[~np.isfinite(error)] = 0.0  # too large: reported as such
        if not (self.cumulative or error.any()):
            usual = np.bincount(factor, minlength=len(self.factors)) // len(dates)
            self._most = np.maximum(self._most, usual)
            return
        values = RoundedValues(offsets, factor, company, exact, error)
        shares, names = rounding_shares(values, self.cumulative, self._state)
        self._most = np.maximum(self._most, names.max(axis=0, initial=0))
        for d, f in np.argwhere(shares > MOST_LOST).tolist():
            self._lossy.append(_Day(f, dates[d], float(shares[d, f]), int(names[d, f])))

    def state(self, identifiers: Identifiers) -> dict[str, pl.DataFrame]:
        """What later days depend on, by name of factor and company."""
        rounding = self._state
        factors = pl.DataFrame({"factor": self.factors, "most": self._most, "n": rounding.n_companies})
        sums = {f"sum.{k}": values for k, values in enumerate(rounding.sums)}
        known = np.flatnonzero(np.isfinite(rounding.known[0]).any(axis=0))
        companies = {"company_id": name_companies(identifiers, known)}
        for f, name in enumerate(self.factors):
            companies[f"value.{name}"] = pl.Series(rounding.known[0, f, known])
            companies[f"error.{name}"] = pl.Series(rounding.known[1, f, known])
        lossy = [(self.factors[day.factor], day.date, day.share, day.names) for day in self._lossy]
        return {
            "factors": factors.with_columns(**sums),
            "companies": pl.DataFrame(companies),
            "lossy": pl.DataFrame(lossy, _LOSSY, orient="row"),
        }

    def restore(self, state: Mapping[str, pl.DataFrame], identifiers: Identifiers) -> None:
        """Go on from a state; there may be more factors and companies."""
        rounding, code = self._state, {name: f for f, name in enumerate(self.factors)}
        companies = state["companies"]
        company = find_companies(identifiers, companies["company_id"])
        at = np.flatnonzero(company >= 0)
        for name, most, n, *sums in state["factors"].iter_rows():
            f = code[name]
            self._most[f], rounding.n_companies[f], rounding.sums[:, f] = most, n, sums
            if self.cumulative:
                rounding.known[0, f, company[at]] = companies[f"value.{name}"].to_numpy()[at]
                rounding.known[1, f, company[at]] = companies[f"error.{name}"].to_numpy()[at]
        self._lossy = [_Day(code[name], *rest) for name, *rest in state["lossy"].iter_rows()]

    def faults(self, source: str) -> list[Fault]:
        """Factors and days on which rounding errors exceed `MOST_LOST` of the dispersion."""
        days: dict[int, list[_Day]] = {}
        for day in self._lossy:
            if day.names >= min(FEW, self._most[day.factor]):
                days.setdefault(day.factor, []).append(day)
        if not days:
            return []
        lines = []
        for f, of_factor in list(days.items())[:SHOWN]:
            worst = max(of_factor, key=lambda day: day.share)
            lost = "all of it" if worst.share >= 1 else f"{worst.share:.1%}"
            period = f"{len(of_factor):,} days from {of_factor[0].date} to {of_factor[-1].date}"
            where = period if len(of_factor) > 1 else str(of_factor[0].date)
            lines.append(f"{self.factors[f]} ({where}; {lost} on {worst.date})")
        more = f" and {len(days) - SHOWN:,} others" if len(days) > SHOWN else ""
        return [
            Fault("precision", source, f"{self.dtype} rounds away more than {MOST_LOST:.0%} of the "
                  f"dispersion across companies, for factors of {self.group!r}: {', '.join(lines)}{more}; "
                  f"{remedy(self.dtype)}", "exposure")
        ]  # fmt: skip


def narrow_columns(
    group: str,
    columns: dict[str, Float],
    dtype: str,
    dates: Sequence[dt.date],
    offsets: NDArray[np.int64],
    source: str,
) -> tuple[dict[str, Exposure], list[Fault]]:
    """Computed exposures in the precision of the panel, and faults for what it cannot represent.

    Parameters
    ----------
    columns : factor to exposures (rows,); NaN where missing
    offsets : (days + 1,) of the rows of each day
    """
    loss, out, too_large = PrecisionLoss(group, list(columns), 0, dtype), {}, []
    for f, (name, exact) in enumerate(columns.items()):
        out[name] = narrow(exact, dtype)
        is_known = np.isfinite(exact)
        if (is_known & ~np.isfinite(out[name])).any():
            too_large.append(name)
        at = np.concatenate([[0], np.cumsum(is_known)])[offsets]
        code = np.full(at[-1], f, np.int32)
        loss.add(dates, at, code, np.zeros_like(code), exact[is_known], out[name][is_known])
    faults = loss.faults(source)
    if too_large:
        names = ", ".join(too_large[:SHOWN])
        message = f"{dtype} cannot hold values of {names} of {group!r}; {remedy(dtype)}"
        faults.append(Fault("precision", source, message, "exposure"))
    return out, faults
