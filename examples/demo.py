"""Simulate a market with known factor returns, fit a model, compare the two and evaluate the forecasts.

Run by `make demo`; writes to the folder `out`.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl

from openfactor import Client
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    RootRiskDatasetSettings,
    UniverseSettings,
)
from openfactor.synthetic import simulate

mpl.use("Agg")
import matplotlib.pyplot as plt

OUT = Path(__file__).resolve().parent.parent / "out"
GROUPS = ("market", "industry", "style")


def upload(client: Client, uploads: dict[str, pl.DataFrame]) -> None:
    """Upload the six tables and build a risk dataset from them."""
    for data_type, frame in uploads.items():
        target = client.equity.uploaders.get_data_type(data_type).create_or_replace_dataset(
            f"demo-{data_type}"
        )
        target.fast_commit(frame, mode="overwrite")
    client.equity.riskdatasets.create_or_replace_dataset(
        "demo",
        RootRiskDatasetSettings(
            **{f"{data_type}_source": f"demo-{data_type}" for data_type in uploads},
            dense_factor_groups={"market": None, "style": None},
            sparse_factor_groups={"industry": None, "estimation_universe": None},
            master_id_type="ticker",
            master_id_core_type="ticker_core",
            as_of_date=uploads["price"].select(pl.col("date").max()).item(),
        ),
    )


def model_settings() -> FactorRiskModelSettings:
    """Market, industries and styles, estimated on the estimation universe."""
    universe = UniverseSettings(id_type="ticker")
    estimation = CategoricalFilterSettings(hierarchy="estimation_universe")
    return FactorRiskModelSettings(
        universe=[universe],
        exposures=[
            ExposureSettings(
                exposures=[
                    ContinuousExposureGroupSettings(hierarchy="market"),
                    CategoricalExposureGroupSettings(hierarchy="industry"),
                    ContinuousExposureGroupSettings(hierarchy="style"),
                ]
            )
        ],
        modelconstruction=[
            ModelConstructionSettings(
                estimation_universe=universe.model_copy(update={"categorical_filters": [estimation]}),
                zero_sum_constraints={"industry": "mcap_weighted"},
                thin_category_shrinkage={"industry": 10.0},
                return_clip_deviations=10.0,
            )
        ],
    )


def compare(estimated: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row per date and factor, without the first day, which has no regression."""
    long = estimated.unpivot(index="date", variable_name="factor", value_name="estimated")
    true = truth.unpivot(index="date", variable_name="factor", value_name="true")
    both = long.join(true, on=["date", "factor"]).filter(pl.col("date") > pl.col("date").min())
    return both.with_columns(group=pl.col("factor").str.split(".").list.first())


def main(n_assets: int = 400, n_days: int = 504, out: Path = OUT) -> None:
    begun = time.perf_counter()
    print(f"simulating {n_assets} names over {n_days} days with known factor returns")
    market = simulate(n_assets, n_days, seed=42)
    client = Client.local(out / "demo", progress=True)
    for data_type, frame in market.uploads.items():
        print(f"  {data_type:15s} {frame.height:>9,} rows")
    upload(client, market.uploads)
    dataset = client.equity.riskdatasets.load("demo")
    print(dataset.describe().build_report)
    dataset.plot_quality().savefig(out / "demo_quality.png", dpi=110)
    model = client.equity.riskmodels.load(model_settings().with_dataset("demo")).get_model()
    both = compare(model.fret(), market.factor_returns)

    print(f"\n{'group':10s} {'estimates':>9s} {'correlation':>12s} {'error (bp)':>11s}")
    figure, axes = plt.subplots(1, len(GROUPS), figsize=(12, 4))
    for axis, group in zip(axes, GROUPS, strict=True):
        true, estimated = both.filter(group=group).select("true", "estimated").to_numpy().T
        correlation = np.corrcoef(true, estimated)[0, 1]
        error = 1e4 * np.sqrt(np.mean((true - estimated) ** 2))
        print(f"{group:10s} {len(true):9,d} {correlation:12.3f} {error:11.1f}")
        axis.scatter(true, estimated, s=4, alpha=0.4)
        axis.axline((0, 0), slope=1, color="black", linewidth=0.5)
        axis.set(title=f"{group}: correlation {correlation:.3f}", xlabel="true", ylabel="estimated")
    figure.tight_layout()
    figure.savefig(out / "demo.png", dpi=110)
    print(f"\nmean R² of the daily regressions: {model.r2()['r2'].mean():.3f}")
    found = model.diagnostics(burn_in=120).summary()
    print("forecasts compared with realised returns (a bias of 1 is ideal):")
    for name in ("bias", "random_bias", "minimum_variance_bias", "exceedance_rate"):
        print(f"  {name.replace('_', ' '):22s} {found[name]:.3f}")
    print(f"pictures: {out / 'demo.png'}, {out / 'demo_quality.png'}")
    print(f"workspace: {out / 'demo'} (open it with Client.local)")
    print(f"{time.perf_counter() - begun:.0f} seconds")


if __name__ == "__main__":
    main()
