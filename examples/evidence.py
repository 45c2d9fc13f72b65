"""The effect of each forecast option, in simulated worlds whose truth is known and on real prices.

    python examples/evidence.py [FOLDER]

Prints the tables of docs/evidence.md. FOLDER holds real prices, as for `us500.py`; without it, only the
simulated worlds run. A bias statistic of 1 is ideal; above 1, realised risk exceeded the forecast.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.demo import model_settings, upload
from examples.us500 import fit, tables
from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.model.diagnostics.quality import (
    bias_statistic,
    quasi_likelihood,
    rolling_bias,
    rolling_deviation,
)
from openfactor.model.forecasts import factor_covariances
from openfactor.numerics.cross_section import RegressionBatch, RegressionDesign, fit_days
from openfactor.numerics.portfolio_risk import optimal_portfolios
from openfactor.numerics.robust import fit_robustly
from openfactor.numerics.volatility_shrinkage import shrink_to_deciles
from openfactor.settings import (
    BayesianVolSettings,
    EigenfactorSettings,
    FactorCovarianceSettings,
    IdioVolSettings,
    PcaCorrelationSettings,
    RiskForecastSettings,
    StructuralVolSettings,
)
from openfactor.synthetic import SPECIFIC_VOL, simulate

Float = NDArray[np.float64]
Cov = FactorCovarianceSettings
DAY = np.sqrt(252)


def show(title: str, columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    """A table in Markdown."""
    print(f"\n### {title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(list(columns)) + "|")
    for row in rows:
        print("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |")


def covariance_of(rng: np.random.Generator, k: int) -> Float:
    """Daily covariance of k factors: a market, a few common directions, volatilities from 0.2% to 1.5%."""
    loadings = rng.standard_normal((k, 4)) * [1.0, 0.6, 0.4, 0.3]
    matrix = loadings @ loadings.T + np.diag(rng.uniform(0.3, 1.0, k))
    vol = np.sqrt(np.diag(matrix))
    target = rng.uniform(0.002, 0.015, k)
    return matrix * np.outer(target / vol, target / vol)


def minimum_variance() -> None:
    """Portfolios of factors chosen by the forecast itself, compared with random ones."""
    options = {
        "none": {},
        "eigenfactors, a = 1": {"eigenfactor": EigenfactorSettings(n_simulations=100, scaling=1.0)},
        "eigenfactors, a = 1.4": {"eigenfactor": EigenfactorSettings(n_simulations=100)},
        "LIS": {"settings": Cov(shrink_cor_method="LIS")},
        "QIS": {"settings": Cov(shrink_cor_method="QIS")},
        "GIS": {"settings": Cov(shrink_cor_method="GIS")},
        "4 components, half": {"pca": PcaCorrelationSettings(n_components=4)},
    }
    ratios: dict[str, list[list[float]]] = {name: [[], [], []] for name in options}
    for world in range(20):
        rng = np.random.default_rng(world)
        truth = covariance_of(rng, 40)
        f = rng.standard_normal((600, 40)) @ np.linalg.cholesky(truth).T
        books = rng.standard_normal((20, 40))
        for name, option in options.items():
            asked = {"settings": Cov()} | option
            matrix = factor_covariances(f, **asked, days=np.array([599])).covariance[0] / 252
            least = np.linalg.solve(matrix, np.ones(40))
            chosen = np.linalg.solve(matrix, books.T).T
            for kind, h in zip(ratios[name], (least[None], chosen, books), strict=True):
                true = np.einsum("bk,kl,bl->b", h, truth, h)
                kind.extend(true / np.einsum("bk,kl,bl->b", h, matrix, h))
    show(
        "Factor correlations: 40 factors, 600 days, 20 worlds",
        [
            "option",
            "bias of the minimum-variance portfolio",
            "of optimised portfolios",
            "of random portfolios",
        ],
        [(name, *(float(np.sqrt(np.mean(kind))) for kind in kinds)) for name, kinds in ratios.items()],
    )


def regimes() -> None:
    """Volatilities that rise and fall together."""
    rng = np.random.default_rng(0)
    t, k = 3000, 30
    level = np.zeros(t)
    for s in range(1, t):
        level[s] = 0.985 * level[s - 1] + 0.08 * rng.standard_normal()
    correlation = covariance_of(rng, k)
    f = rng.standard_normal((t, k)) @ np.linalg.cholesky(correlation).T * np.exp(level)[:, None]
    rows = []
    for name, settings in {
        "none": Cov(),
        "halflife_vra 10": Cov(halflife_vra=10),
        "halflife_vra 40": Cov(halflife_vra=40),
        "halflife_vol 15 instead": Cov(halflife_vol=15),
    }.items():
        vol = np.sqrt(np.diagonal(factor_covariances(f, settings).covariance, axis1=1, axis2=2)) / DAY
        z = (f[1:] / vol[:-1])[250:]
        measures = bias_statistic(z), rolling_deviation(rolling_bias(z, 60)), quasi_likelihood(z)
        rows.append((name, *(float(m.mean()) for m in measures)))
    show(
        "Regime adjustment: 30 factors whose volatilities move together, 3,000 days",
        ["option", "bias", "MRAD of 60 days", "QLIKE"],
        rows,
    )


def crises() -> None:
    """Constant correlations, and volatilities that quadruple for one month per year."""
    errors: dict[str, list[float]] = {"none": [], "combine_standardized": []}
    for world in range(10):
        rng = np.random.default_rng(world)
        truth = covariance_of(rng, 30)
        f = rng.standard_normal((1500, 30)) @ np.linalg.cholesky(truth).T
        f[np.arange(1500) % 250 < 21] *= 4
        scale = np.sqrt(np.diag(truth))
        for name, combine in (("none", False), ("combine_standardized", True)):
            settings = Cov(halflife_vol=10, halflife_vra=10, combine_standardized=combine)
            found = factor_covariances(f, settings, days=np.arange(300, 1500, 25)).covariance
            vol = np.sqrt(np.diagonal(found, axis1=1, axis2=2))
            error = found / (vol[:, :, None] * vol[:, None, :]) - truth / np.outer(scale, scale)
            errors[name].append(float(np.mean(error**2)))
    show(
        "Standardised correlations: 30 factors, one month of fourfold volatility per year, 10 worlds",
        ["option", "error of a correlation"],
        [(name, float(np.sqrt(np.mean(e)))) for name, e in errors.items()],
    )


def structural() -> None:
    """Specific volatilities that depend on an exposure; a quarter of the names list in the last 12 days."""
    market = simulate(400, 200, late_listings=0, delistings=0, seed=4)
    dates = market.factor_returns["date"]
    price, exposures = market.uploads["price"], market.uploads["exposures"]
    last = exposures.filter((pl.col("factor") == "volatility") & (pl.col("date") == dates[-1]))
    extra = last.select("asset_id", scale=0.015 * (0.5 * pl.col("exposure")).exp())
    late = pl.col("asset_id").str.slice(1).cast(pl.Int32) % 4 == 0
    noise = np.random.default_rng(5).standard_normal(price.height)
    price = price.join(extra, on="asset_id", maintain_order="left").with_columns(
        pl.col("return") + pl.col("scale") * pl.Series(noise)
    )
    price = price.filter(~late | (pl.col("date") >= dates[-12])).drop("scale")
    price = price.with_columns(pl.when(~late | (pl.col("date") > dates[-12])).then("return"))
    truth = dict(extra.select("asset_id", (pl.col("scale") ** 2 + SPECIFIC_VOL**2).sqrt()).rows())
    with tempfile.TemporaryDirectory() as workspace:
        client = Client.local(workspace, progress=False)
        upload(client, market.uploads | {"price": price})
        model = client.equity.riskmodels.load(model_settings().with_dataset("demo")).get_model()
        rows = []
        for name, option in (("none", None), ("structural", StructuralVolSettings())):
            found = model.forecast(RiskForecastSettings(structural=option)).specific_risk()
            vol = found["specific_volatility"].to_numpy() / DAY
            error = np.log(vol / np.array([truth[asset] for asset in found["ticker"]]))
            short = found["observations"].to_numpy() < 20
            measures = [float(np.sqrt(np.mean(error[these] ** 2))) for these in (short, ~short)]
            rows.append((name, *measures))
    show(
        "Structural prior: 400 names whose volatility follows an exposure, 100 of them with 11 days",
        ["option", "error of ln volatility, short histories", "the others"],
        rows,
    )


def autocorrelation() -> None:
    """Factor returns autocorrelated over two days, and portfolios held for ten days."""
    rng = np.random.default_rng(1)
    e = rng.standard_normal((4000, 20)) * 0.01
    f = e[2:] + 0.3 * e[1:-1] + 0.15 * e[:-2]
    rows = []
    for lags in (0, 2, 5, 10):
        settings = Cov(nw_lags_vol=lags, nw_lags_cor=lags)
        vol = np.sqrt(np.diagonal(factor_covariances(f, settings).covariance, axis1=1, axis2=2)) / DAY
        ends = np.arange(300, len(f) - 10, 10)
        sums = np.array([f[s + 1 : s + 11].sum(axis=0) for s in ends])
        rows.append((lags, float(bias_statistic(sums / (np.sqrt(10) * vol[ends])).mean())))
    show(
        "Newey-West: autocorrelated returns, portfolios held for ten days",
        ["lags", "bias over ten days"],
        rows,
    )


def deciles() -> None:
    """Specific volatilities of 1,000 names, estimated on 60 days with a half-life of 60."""
    rng = np.random.default_rng(2)
    n, t = 1000, 60
    cap = rng.lognormal(0, 1.5, n)
    truth = 0.02 * np.exp(-0.1 * np.log(cap) + 0.15 * rng.standard_normal(n))
    weights = 0.5 ** (np.arange(t)[::-1] / 60)
    rows = []
    for q in (0.0, 0.1, 0.5, 1.0):
        errors, books, spread = [], [], []
        for _ in range(50):
            e = rng.standard_normal((t, n)) * truth
            own = np.sqrt(weights @ e**2 / weights.sum())
            vol, _share = shrink_to_deciles(own, cap, q)
            errors.append(np.mean(np.log(vol / truth) ** 2))
            h = optimal_portfolios(np.ones((1, n)), np.zeros((n, 1)), np.zeros((1, 1)), vol**2)[0]
            books.append(np.sum((h * truth) ** 2) / np.sum((h * vol) ** 2))
            low = np.argsort(vol)[: n // 10]
            spread.append(np.mean((truth[low] / vol[low]) ** 2))
        measures = np.sqrt([np.mean(errors), np.mean(books), np.mean(spread)])
        rows.append((q, *(float(m) for m in measures)))
    show(
        "Bayesian shrinkage: specific volatilities of 1,000 names from 60 days, 50 worlds",
        [
            "q",
            "error of ln volatility",
            "bias of the minimum-variance portfolio",
            "bias of the lowest decile",
        ],
        rows,
    )


def jumps() -> None:
    """Factor returns of a cross-section in which some names jump."""
    rng = np.random.default_rng(3)
    n, k = 1000, 12
    design = RegressionDesign(
        n_dense=k, group_first=np.empty(0, np.int64), group_last=np.empty(0, np.int64),
        zero_sum=np.empty(0, np.int64), min_names=np.zeros(k), shrinkage_overrides=np.full(k, np.nan),
    )  # fmt: skip
    codes, loads = np.empty((0, n), np.int32), np.empty((0, n))
    rows = []
    for share in (0.0, 0.01, 0.03):
        errors: dict[str, list[float]] = {"plain": [], "Huber": []}
        for _ in range(50):
            x = rng.standard_normal((k, n))
            x[0] = 1.0
            truth = rng.normal(0, 0.005, k)
            r = truth @ x + rng.normal(0, 0.02, n) + np.where(rng.random(n) < share, 0.3, 0.0)
            cap = rng.lognormal(0, 1.5, n)
            names = RegressionBatch.single_day(x, codes, loads, np.sqrt(cap), r, cap)
            plain, huber = fit_days(design, names), fit_robustly(design, 1.35, names)
            for name, found in (("plain", plain), ("Huber", huber)):
                errors[name].append(float(np.mean((found.factor_returns[0] - truth) ** 2)))
        rows.append((f"{share:.0%}", *(f"{1e4 * np.sqrt(np.mean(e)):.1f} bp" for e in errors.values())))
    show(
        "Huber regressions: 1,000 names, some of which jump by 30%",
        ["names that jump", "error of a factor return, least squares", "with huber_epsilon 1.35"],
        rows,
    )


def real(folder: Path) -> None:
    """Each option on real prices, walk-forward, and the best ones in each half of the sample."""
    options: dict[str, tuple[RiskForecastSettings, int | None]] = {
        "none": (RiskForecastSettings(), None),
        "halflife_vra 10": (RiskForecastSettings(factor_cov=Cov(halflife_vra=10)), None),
        "halflife_vra 10, halflife_idio_vra 20": (RiskForecastSettings(factor_cov=Cov(halflife_vra=10)), 20),
        "half-lives of 30": (
            RiskForecastSettings(factor_cov=Cov(halflife_vol=30), idio_vol=IdioVolSettings(halflife=30)), None
        ),
        "Newey-West, 2 lags": (RiskForecastSettings(factor_cov=Cov(nw_lags_vol=2, nw_lags_cor=2)), None),
        "combine_standardized": (RiskForecastSettings(factor_cov=Cov(combine_standardized=True)), None),
        "QIS": (RiskForecastSettings(factor_cov=Cov(shrink_cor_method="QIS")), None),
        "eigenfactors": (RiskForecastSettings(eigenfactor=EigenfactorSettings(n_simulations=100)), None),
        "components": (RiskForecastSettings(pca=PcaCorrelationSettings()), None),
        "structural": (RiskForecastSettings(structural=StructuralVolSettings()), None),
        "Bayesian": (RiskForecastSettings(bayesian=BayesianVolSettings()), None),
        "best: vra 10, idio vra 20, Bayesian": (BEST, 20),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as workspace:
        client = Client.local(workspace, progress=False)
        settings = fit(client, tables(folder)).settings

        def model(halflife: int | None) -> RiskModel:
            asked = settings.model_copy(update={"halflife_idio_vra": halflife})
            return client.equity.riskmodels.load(asked.with_dataset("us500")).get_model()

        measures = (
            "bias", "exceedance_rate", "mrad", "qlike", "random_bias", "minimum_variance_bias",
            "optimised_bias",
        )  # fmt: skip
        rows = []
        for name, (forecast, halflife) in options.items():
            found = model(halflife).diagnostics(forecast)
            names = found.kinds().filter(kind="single names")["bias"][0]
            rows.append((name, *(found.summary()[m] for m in measures), names))
        show("Real prices: every option", ["option", *measures, "single names"], rows)
        dates = found.standardized()["date"]
        middle = dates[len(dates) // 2]
        rows = []
        for half, limits in (("first half", {"end": middle}), ("second half", {"start": middle})):
            for name in (
                "none",
                "halflife_vra 10, halflife_idio_vra 20",
                "best: vra 10, idio vra 20, Bayesian",
            ):
                forecast, halflife = options[name]
                summary = model(halflife).diagnostics(forecast, **limits).summary()
                rows.append((half, name, *(summary[m] for m in measures)))
        show(f"Real prices: before and after {middle}", ["half", "option", *measures], rows)
        print(f"\nmean R squared of the regressions: {found.summary()['mean_r2']:.3f}; {len(dates)} days")


BEST = RiskForecastSettings(factor_cov=Cov(halflife_vra=10), bayesian=BayesianVolSettings())


def main() -> None:
    minimum_variance()
    regimes()
    crises()
    autocorrelation()
    structural()
    deciles()
    jumps()
    if len(sys.argv) > 1:
        real(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
