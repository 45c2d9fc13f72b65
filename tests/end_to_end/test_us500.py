"""The whole path on real prices."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from examples.evidence import BEST
from examples.us500 import cap_weighted_return, fit, summary, tables
from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    ModelConstructionSettings,
    RiskForecastSettings,
    RollingBetaSettings,
    RollingHuberBetaSettings,
    RootRiskDatasetSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
    hierarchy_to_df,
)
from tests.shared import SHARED, needs_us500

pytestmark = [needs_us500, pytest.mark.slow]


def test_real_panel(tmp_path: Path) -> None:
    folder = SHARED / "data" / "us500"
    uploads = tables(folder)
    client = Client.local(tmp_path)
    model = fit(client, uploads)
    prices = pl.read_parquet(folder / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))
    found = summary(model, prices)
    print(found)
    assert found["market against the cap-weighted return"] > 0.98
    assert found["regressions"] > 1150
    assert 0.1 < found["mean R²"] < 0.5
    assert (model.status()["condition"].drop_nulls() < 1e4).all()
    report = client.equity.riskdatasets.load("us500").describe().build_report
    assert report.warnings == []
    assert {(f.check, f.severity, f.where) for f in report.quality} == {
        ("source_begins_late", "info", "style.momentum"),  # both look back
        ("source_begins_late", "info", "style.volatility"),
        ("close_against_return", "info", None),  # splits of DISCK and LNT: closes are raw
    }
    assert report.n_listings == 505
    assert report.n_companies == 500
    # five second listings carry their company's cap too: it counts once
    shared = uploads["market_cap"].filter(pl.col("asset_id").is_in(["GOOG", "FOX", "NWS", "DISCK", "UA"]))
    assert report.rows_dropped["market_cap"] == {
        "superseded by a row of the company's main listing": len(shared)
    }

    # one day again, by elimination of the last sector and plain least squares
    p, t = model.dates()[600:602]
    x = model.exposures(start=p, end=p)
    weights = model.weights(start=t, end=t).drop("date").transpose(include_header=True, column_names=["w"])
    caps = prices.filter(pl.col("date") == p).select("ticker", "mcap")
    returns = prices.filter(pl.col("date") == t).select("ticker", "return")
    rows = x.join(caps, on="ticker").join(returns, on="ticker").drop_nulls()
    rows = rows.join(weights.drop_nulls(), left_on="ticker", right_on="column", how="semi")
    names = model.fret().columns[1:]
    design, cap = rows.select(names).to_numpy().astype(float), rows["mcap"].to_numpy()
    sectors = [i for i, name in enumerate(names) if name.startswith("sector.")]
    c = cap @ design[:, sectors]
    basis = np.eye(len(names))
    basis[sectors[-1], sectors[:-1]] = -c[:-1] / c[-1]
    basis = np.delete(basis, sectors[-1], axis=1)
    root = cap**0.25
    free = np.linalg.lstsq(design @ basis * root[:, None], rows["return"].to_numpy() * root, rcond=None)[0]
    got = np.array(model.fret(start=t, end=t).select(names).row(0))
    thin = model.status(start=t, end=t)["thin_categories"][0].to_list()
    assert thin == ["sector.Telecommunication Services"]
    others = [i for i, name in enumerate(names) if name not in thin]
    # the three telecoms are shrunk, which moves the others a little
    np.testing.assert_allclose(got[others], (basis @ free)[others], atol=2e-4)


def test_every_kind_of_exposure_on_the_real_panel(tmp_path: Path) -> None:
    folder = SHARED / "data" / "us500"
    uploads = tables(folder)
    assets = pl.read_parquet(folder / "assets.parquet").drop_nulls("industry")
    assets = (
        assets.unique("industry", keep="first", maintain_order=True)
        .select("sector", "industry")
        .join(assets.select("ticker", "industry"), on="industry")
    )  # an industry of two sectors is in one
    tree = {s: sorted(set(rows["industry"])) for (s,), rows in sorted(assets.group_by("sector"))}
    codes = {sector: f"S{k:02d}" for k, sector in enumerate(tree)}
    labels = {codes[s]: s for s in tree} | {i: i for industries in tree.values() for i in industries}
    sector_rows = uploads["exposures"].filter(pl.col("factor_group") == "sector")
    named = sector_rows.join(assets, left_on="asset_id", right_on="ticker").with_columns(
        factor_group=pl.lit("gics"), factor=pl.col("industry")
    )
    uploads["exposures"] = pl.concat(
        [uploads["exposures"].filter(pl.col("factor_group") != "sector"), named.select(sector_rows.columns)]
    )
    prices = pl.read_parquet(folder / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))
    index = cap_weighted_return(prices).drop_nulls()
    client = Client.local(tmp_path)
    more = {
        "hierarchies": hierarchy_to_df({codes[s]: i for s, i in tree.items()}, labels),
        "tsfactors": index.select("date", factor=pl.lit("MKT"), value="index"),
    }
    for data_type, frame in (uploads | more).items():
        client.equity.uploaders[data_type].create_dataset("us").fast_commit(frame, "overwrite")
    client.equity.riskdatasets.create_dataset(
        "us",
        RootRiskDatasetSettings(
            **{f"{data_type}_source": "us" for data_type in uploads},
            dense_factor_groups={"market": None, "style": None},
            sparse_factor_groups={"gics": "us"},
            master_id_type="ticker",
            master_id_core_type="company",
            as_of_date="2020-01-01",
        ),
    )
    universe = UniverseSettings(id_type="ticker")
    day = dt.date(2017, 6, 1)

    # names by sector, as the table of assets has them
    counts = client.equity.universes.load(universe.with_dataset("us")).counts(
        categorical_hierarchy_levels={"gics": 1}
    )
    alive = prices.filter(pl.col("date") == day).join(assets, on="ticker")
    expected = alive.group_by("sector").len().sort("sector")
    got = counts.filter((pl.col("date") == day) & pl.col("gics_level_1").is_not_null())
    assert got.select("gics_level_1", "count").rows() == expected.rows()

    # betas to the index weighted by cap are one on average
    kinds = {"ols": RollingBetaSettings(overlap=1), "huber": RollingHuberBetaSettings()}
    betas = ExposureSettings(
        exposures=[
            TimeSeriesBetaExposureGroupSettings(
                tsfactors_source="us", factor_group=name, gaussianize=False, rolling_regression=how
            )
            for name, how in kinds.items()
        ]
    )
    frame = client.equity.exposures.load(betas.with_dataset("us")).get(universe, start=day, end=day)
    caps = prices.filter(pl.col("date") == day).select("ticker", "mcap")
    both = frame.join(caps, on="ticker").drop_nulls()
    for name in ("ols.MKT", "huber.MKT"):
        assert (both[name] * both["mcap"]).sum() / both["mcap"].sum() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(both["ols.MKT"], both["huber.MKT"])[0, 1] > 0.9

    # what is net of other groups explains the same; a part of the history gives what the whole gives
    # (28 names have no industry: a zero-sum constraint would take a direction of its own from the factors)
    def model(dataset: str, net_of: list[str]) -> RiskModel:
        groups = [
            ContinuousExposureGroupSettings(hierarchy="market"),
            CategoricalExposureGroupSettings(hierarchy="gics"),
            ContinuousExposureGroupSettings(hierarchy="style", net_of=net_of),
        ]
        settings = FactorRiskModelSettings(
            universe=universe,
            exposures=ExposureSettings(exposures=groups),
            modelconstruction=ModelConstructionSettings(zero_sum_constraints={"gics": "none"}),
        )
        return client.equity.riskmodels.load(settings.with_dataset(dataset)).get_model()

    plain, turned = model("us", []).arrays(), model("us", ["market", "gics"]).arrays()
    np.testing.assert_allclose(turned.specific_return, plain.specific_return, atol=1e-10)
    derived = DerivedRiskDatasetSettings(reference_dataset="us", trim_start_date=day)
    client.equity.riskdatasets.create_dataset("late", derived)
    late = model("late", []).arrays()
    assert late.dates[0] == day
    first = plain.dates.index(day)
    np.testing.assert_array_equal(late.factor_returns[1:], plain.factor_returns[first + 1 :])


def test_forecasts_of_the_real_panel_are_as_good_as_was_asked(tmp_path: Path) -> None:
    """With the options of docs/evidence.md, walk-forward over 922 days."""
    client = Client.local(tmp_path)
    settings = fit(client, tables(SHARED / "data" / "us500")).settings
    settings = settings.model_copy(update={"halflife_idio_vra": 20})
    model = client.equity.riskmodels.load(settings.with_dataset("us500")).get_model()
    found = model.diagnostics(BEST).summary()
    print(found)
    assert 0.97 <= found["bias"] <= 1.03
    assert 0.045 <= found["exceedance_rate"] <= 0.055
    assert 0.95 <= found["random_bias"] <= 1.05
    assert found["minimum_variance_bias"] <= 1.10
    assert found["optimised_bias"] <= 1.05
    plain = model.diagnostics(RiskForecastSettings()).summary()
    assert found["qlike"] < plain["qlike"]
    assert found["mrad"] < plain["mrad"]
    one_day = model.forecast(BEST).factor_covariance(start="2016-06-24", end="2016-06-24")
    assert one_day.shape == (15, 17)


def test_a_new_day_of_the_real_panel(tmp_path: Path) -> None:
    """The evening before and the next: to the last bit what a full fit on all of it gives."""
    uploads = tables(SHARED / "data" / "us500")
    last = uploads["price"]["date"].max()
    dated = ("price", "market_cap", "exposures")
    before = {n: f.filter(pl.col("date") < last) if n in dated else f for n, f in uploads.items()}
    client, other = Client.local(tmp_path / "daily"), Client.local(tmp_path / "once")
    model = fit(client, before)
    for name in dated:
        new = uploads[name].filter(pl.col("date") == last)
        client.equity.uploaders[name]["us500"].fast_commit(new, "append")
    updated, whole = model.update(), fit(other, uploads)
    assert updated.dates()[-1] == last
    assert len(updated.dates()) == len(model.dates()) + 1
    for name in ("factor_returns", "standard_errors", "vif", "r2", "specific_return", "asset_return"):
        np.testing.assert_array_equal(getattr(updated.arrays(), name), getattr(whole.arrays(), name), name)
