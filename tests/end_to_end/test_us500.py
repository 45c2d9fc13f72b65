"""The whole path on real prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from examples.us500 import fit, summary, tables
from openfactor import Client
from tests.shared import SHARED, needs_us500


@needs_us500
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
    assert report.n_listings == 505
    assert report.n_entities == 500
    # five second listings carry their company's cap too: it counts once
    shared = uploads["market_cap"].filter(pl.col("asset_id").is_in(["GOOG", "FOX", "NWS", "DISCK", "UA"]))
    assert report.rows_dropped["market_cap"] == {"the entity's main listing has the same": len(shared)}

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
