"""Forecasts of 3,000 names over 2,520 days and 73 factors, and what a new day costs.

    make bench

Covariances of all dates against numpy's outer products of the factor returns; specific volatilities of all
dates against one plain read of the panel; a model that takes in one more day against a full fit. Only ratios
mean something on another machine.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.factor_returns import best_of, plain_read, settings
from benchmarks.panel import random_dataset
from openfactor.context import Context
from openfactor.dataset.reading import no_uploads
from openfactor.model import estimate
from openfactor.model.estimation import extend
from openfactor.model.fitted import FittedModel
from openfactor.model.forecasts import factor_covariances
from openfactor.model.forecasts.own_variances import OwnVariances
from openfactor.model.forecasts.specific import specific_risk
from openfactor.results.provenance import DataVersion
from openfactor.settings import EigenfactorSettings, FactorCovarianceSettings, RiskForecastSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--days", type=int, default=2520)
    args = parser.parse_args()
    dataset = random_dataset(args.names, args.days)
    dataset = replace(dataset, stored_content_hashes=dataset.content_hashes)
    done = estimate(dataset, settings(), "benchmark")
    f, plain = done.factor_returns[1:], FactorCovarianceSettings()
    last = np.array([len(f) - 1])
    factor_covariances(f[:100], plain)  # compiles

    outer = best_of(5, lambda: f[:, :, None] * f[:, None, :])
    every = best_of(5, lambda: factor_covariances(f, plain))
    one = best_of(5, lambda: factor_covariances(f, plain, days=last))
    print(f"{args.names:,} names x {args.days:,} days x {len(done.factors)} factors")
    print(f"outer products of all dates, numpy  {outer:8.4f} s")
    print(f"factor covariances of all dates     {every:8.4f} s   ratio {every / outer:5.2f} (at most 5)")
    print(f"factor covariance of one date       {one:8.4f} s")
    for name, options in {
        "QIS": (FactorCovarianceSettings(shrink_cor_method="QIS"), None),
        "Newey-West, 2 lags each": (FactorCovarianceSettings(nw_lags_vol=2, nw_lags_cor=2), None),
        "eigenfactors, 200 samples": (plain, EigenfactorSettings()),
    }.items():
        seconds = best_of(2, lambda options=options: factor_covariances(f, *options, days=last))
        print(f"  one date with {name:26s}{seconds:4.4f} s")

    data = DataVersion(dataset="x", fingerprint="x", first_date=dataset.days[0], last_date=dataset.days[-1])
    fitted = FittedModel(dataset, settings(), no_uploads, Context(), done, data)

    assert len(fitted.specific_over_gaps)  # once for all forecasts of a model
    asked, end = RiskForecastSettings(), args.days - 1

    def specific(first: int, last: int, history: OwnVariances | None = None, vra: bool = False) -> None:
        history = history or OwnVariances(fitted, asked.idio_vol, regime=vra)
        specific_risk(fitted, asked, 40.0 if vra else None, history, first, last)

    specific(end, end)
    read = best_of(5, lambda: plain_read(dataset))
    every = best_of(5, lambda: specific(0, end))
    first = best_of(5, lambda: specific(end, end))
    kept = OwnVariances(fitted, asked.idio_vol, regime=False)
    specific(end, end, kept)
    one = best_of(5, lambda: specific(end, end, kept))
    every_regime = best_of(3, lambda: specific(0, end, vra=True))
    first_regime = best_of(3, lambda: specific(end, end, vra=True))
    print(f"plain read of the panel             {read:8.4f} s")
    print(f"specific volatilities of all dates  {every:8.4f} s   ratio {every / read:5.2f} (at most 5)")
    print(f"  of a first date                   {first:8.4f} s")
    print(f"  of the next one                   {one:8.4f} s   share {one / every:6.2%} (below 5%)")
    print(f"with regime, of all dates           {every_regime:8.4f} s")
    print(f"with regime, of a first date        {first_regime:8.4f} s")

    before = estimate(dataset.slice_days(0, args.days - 1), settings(), "before")
    full = best_of(5, lambda: estimate(dataset, settings(), "benchmark"))
    new = best_of(5, lambda: extend(before, dataset, settings(), "benchmark"))
    print(f"full fit                            {full:8.4f} s")
    print(f"one more day                        {new:8.4f} s   share {new / full:6.2%} (below 1%)")


if __name__ == "__main__":
    main()
