"""A panel in memory, as large as asked for, without going through uploads."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from openfactor.dataset import Panel, PanelRun, RiskDataset, SparseGroup
from openfactor.dataset.coverage import coverage_by_date
from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.root import NO_SERIES
from openfactor.results import BuildReport
from openfactor.settings import RootRiskDatasetSettings, Tree


def random_dataset(
    n_names: int = 3000, n_days: int = 2520, n_styles: int = 12, n_industries: int = 60, seed: int = 0
) -> RiskDataset:
    """Every name alive on every day; float16 styles, one industry a name."""
    rng = np.random.default_rng(seed)
    rows = n_names * n_days
    ids = [f"A{i:05d}" for i in range(n_names)]
    days = tuple(dt.date(2000, 1, 1) + dt.timedelta(d) for d in range(n_days))
    cap = np.tile(rng.lognormal(22, 1.5, n_names), n_days)
    styles = {f"s{k:02d}": rng.standard_normal(rows, np.float32).astype(np.float16) for k in range(n_styles)}
    industry = np.tile((np.arange(n_names) % n_industries).astype(np.int16), n_days)
    company = np.arange(n_names, dtype=np.int32)
    table = pl.DataFrame({"listing": company, "id": ids, "company": company, "company_id": ids}).with_columns(
        rank=pl.lit(0, pl.Int32)
    )
    spans = table.select("id", start_date=dt.date.min, end_date=dt.date.max, listing="listing")
    aliases = spans.select(
        pl.lit("").alias("id_type"), "id", "start_date", "end_date", company="listing"
    ).clear()
    run = PanelRun(
        offsets=np.arange(n_days + 1, dtype=np.int64) * n_names,
        listing=np.tile(company, n_days),
        local_return=rng.normal(0, 0.02, rows),
        currency=np.zeros(rows, np.int16),
        priced=np.ones(rows, np.bool_),
        delisted=np.empty(0, np.int64),
        is_main_listing=np.ones(rows, np.bool_),
        market_cap=cap,
        idio_vol=np.full(rows, 0.02),
        dense={"market": {"market": np.ones(rows, np.float16)}, "style": styles},
        sparse={"industry": SparseGroup(tuple(f"i{g:02d}" for g in range(n_industries)), (industry,), None)},
    )
    panel = Panel([run])
    trees = {
        "market": Tree(["market"]),
        "style": Tree(list(styles)),
        "industry": Tree(list(panel.sparse["industry"].categories)),
    }
    source = dict.fromkeys((f for f in RootRiskDatasetSettings.model_fields if f.endswith("_source")), "x")
    return RiskDataset(
        recipe="benchmark",
        settings=RootRiskDatasetSettings.model_validate(
            {**source, "dense_factor_groups": {"market": None}, "as_of_date": days[-1]}
        ),
        days=days,
        exposure_dtype="float16",
        identifiers=Identifiers(table, spans, spans.drop("id"), aliases, ("bayesid", "bayesid_core")),
        currencies=("USD",),
        usd_per_unit=np.ones((n_days, 1)),
        closures=pl.DataFrame({"exchange": ["XNYS"], "date": [dt.date(1999, 12, 31)]}),
        panel=panel,
        trees=trees,
        series=NO_SERIES,
        coverage=coverage_by_date(panel, days),
        report=BuildReport(
            first_date=str(days[0]), last_date=str(days[-1]), n_days=n_days, n_listings=n_names,
            n_companies=n_names, n_rows=rows, rows_read={}, rows_dropped={}, warnings=[],
        ),
    )  # fmt: skip


def arrays(panel: Panel) -> list[np.ndarray]:
    """Every array of the panel that a model with all its factors reads."""
    dense = [values[:] for factors in panel.dense.values() for values in factors.values()]
    sparse = [codes for group in panel.sparse.values() for codes in group.codes]
    return [panel.listing, panel.local_return, panel.priced, panel.market_cap, *dense, *sparse]
