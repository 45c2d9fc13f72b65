"""Factor returns of 3,000 names over 2,520 days and 73 factors, against toraniko, skfolio and a plain read.

    make bench

All figures come from one run on one machine, so that only their ratios mean something elsewhere. The
plain read sums every array of the panel once. toraniko gets the same exposures as it takes them (dense
columns, polars frames) and fewer days; it is compared by the day. It estimates the same regression
without statistics, specific returns of unweighted names, or thin categories. skfolio gets one dense array, of
which it needs full rank: the last industry is left out, whose place the market takes. It estimates no
statistics either, and knows no constraints.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.panel import arrays, random_dataset
from openfactor.dataset import RiskDataset
from openfactor.model import Estimates, estimate
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    UniverseSettings,
)


def best_of(times: int, run: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def settings() -> FactorRiskModelSettings:
    groups = [
        ContinuousExposureGroupSettings(hierarchy="market"),
        CategoricalExposureGroupSettings(hierarchy="industry"),
        ContinuousExposureGroupSettings(hierarchy="style"),
    ]
    construction = ModelConstructionSettings(zero_sum_constraints={"industry": "mcap_weighted"})
    return FactorRiskModelSettings(
        universe=[UniverseSettings()],
        exposures=[ExposureSettings(exposures=groups)],
        modelconstruction=[construction],
    )


def plain_read(dataset: RiskDataset) -> None:
    for values in arrays(dataset.panel):
        whole = len(values) * values.itemsize // 8 * 8 // values.itemsize
        values[:whole].view(np.int64).sum()


def toraniko_frames(dataset: RiskDataset, n_days: int) -> tuple[pl.DataFrame, ...]:
    """Returns, caps, one-hot sectors and styles in the layout that toraniko asks for."""
    n = dataset.identifiers.n_listings
    rows = n * n_days
    panel = dataset.panel
    key = pl.DataFrame(
        {"date": np.repeat(np.array(dataset.days[:n_days], "datetime64[D]"), n),
         "symbol": dataset.identifiers.listing_ids("bayesid") * n_days}
    )  # fmt: skip
    codes = panel.sparse["industry"].codes[0][:rows]
    return (
        key.with_columns(asset_returns=pl.Series(panel.local_return[n : rows + n])),  # those of the next day
        key.with_columns(market_cap=pl.Series(panel.market_cap[:rows])),
        key.with_columns(
            pl.Series(name, (codes == g).astype(np.float64))
            for g, name in enumerate(panel.sparse["industry"].categories)
        ),
        key.with_columns(
            pl.Series(name, values[:rows].astype(np.float64)) for name, values in panel.dense["style"].items()
        ),
    )


def toraniko_seconds(dataset: RiskDataset, n_days: int) -> float:
    from toraniko.model import estimate_factor_returns

    returns, caps, sectors, styles = toraniko_frames(dataset, n_days)
    return best_of(
        2,
        lambda: estimate_factor_returns(
            returns, caps, sectors, styles, winsor_factor=None, residualize_styles=False
        ),
    ) / n_days  # fmt: skip


def skfolio_seconds(dataset: RiskDataset, n_days: int) -> float:
    """Of a day."""
    from skfolio.linear_model import CSLinearRegression

    n = dataset.identifiers.n_listings
    panel, rows = dataset.panel, n * n_days
    codes = panel.sparse["industry"].codes[0][:rows]
    industries = codes[:, None] == np.arange(len(panel.sparse["industry"].categories) - 1)
    dense = [panel.dense["market"]["market"][:], *(values[:] for values in panel.dense["style"].values())]
    columns = [*(values[:rows] for values in dense), *industries.T]
    x = np.stack([values.astype(np.float64) for values in columns], axis=1).reshape(n_days, n, -1)
    y = panel.local_return[n : rows + n].reshape(n_days, n)
    weights = np.sqrt(panel.market_cap[:rows]).reshape(n_days, n)
    return best_of(2, lambda: CSLinearRegression().fit(x, y, cs_weights=weights)) / n_days


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=3000)
    parser.add_argument("--days", type=int, default=2520)
    parser.add_argument("--peer-days", type=int, default=10, help="days that toraniko and skfolio get")
    args = parser.parse_args()
    dataset = random_dataset(args.names, args.days)
    size = sum(values.nbytes for values in arrays(dataset.panel))
    results: list[Estimates] = []

    def ours() -> None:
        results[:] = [estimate(dataset, settings(), "benchmark")]

    estimate(random_dataset(200, 5), settings(), "warm-up")  # compiles the kernels, once a machine
    dataset.content_hashes.sum()  # are part of a stored dataset
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = best_of(5, ours)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    read = best_of(5, lambda: plain_read(dataset))
    done = results[0]
    assert (done.n[0, 1:] == args.names).all()
    work = f"{args.names:,} names x {args.days:,} days x {len(done.factors)} factors"
    print(f"{os.cpu_count()} processors; {work}")
    print(f"panel                    {size / 2**20:10,.0f} MiB")
    print(f"openfactor               {seconds:10.3f} s   {1e6 * seconds / (args.days - 1):8.0f} us a day")
    print(f"plain read of the panel  {read:10.3f} s")
    print(f"memory on top of it      {peak / size:10.2f} x the panel (below 1.5 asked for)")
    print(f"ratio to the plain read  {seconds / read:10.1f}   (at most 10 asked for)")
    peer = toraniko_seconds(dataset, args.peer_days)
    print(f"toraniko                                {1e6 * peer:8.0f} us a day ({args.peer_days} days)")
    print(f"times as fast            {peer * (args.days - 1) / seconds:10.0f}   (500 asked for)")
    peer = skfolio_seconds(dataset, args.peer_days)
    print(f"skfolio                                 {1e6 * peer:8.0f} us a day ({args.peer_days} days)")
    print(f"times as fast            {peer * (args.days - 1) / seconds:10.0f}   (30 asked for)")


if __name__ == "__main__":
    main()
