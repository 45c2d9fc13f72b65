"""Small simulated markets, and what is needed to fit a model on one without a workspace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from openfactor.dataset import RiskDataset, build
from openfactor.model import Estimates, estimate
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
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.parsing import parse
from openfactor.uploads.validation import refuse, validate

SOURCES = ("idmap", "market_cap", "price", "exposures", "exchange_dates", "exchange_rates")


def good_rows(frame: pl.DataFrame, data_type: str) -> pl.DataFrame:
    """The rows as they are stored; DataError if there is anything wrong with them."""
    kind = DATA_TYPES[data_type]
    read = parse(frame, kind, data_type)
    refuse(data_type, read.faults)
    assert read.rows is not None
    checked = validate(read.rows, kind)
    refuse(data_type, [*checked.faults, *kind.table_faults(checked.rows.lazy())])
    return checked.rows


DATED = ("price", "market_cap", "exposures", "exchange_rates")


def tables_of_names(days: Sequence[dt.date], exposures: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Uploads of names with prices on every day; exposures: `{group}.{factor}` to an array (days, names)."""
    n = next(iter(exposures.values())).shape[1]
    ids = [f"A{i:04d}" for i in range(n)]
    grid = pl.DataFrame({"date": days}).join(pl.DataFrame({"asset_id": ids}), how="cross")
    grid = grid.with_columns(asset_id_type=pl.lit("ticker"))
    first = pl.col("date") == days[0]
    number = pl.int_range(pl.len())
    price = grid.with_columns(
        ccy=pl.lit("USD"), close=pl.lit(1.0), delisted=False,
        **{"return": pl.when(first).then(None).otherwise((number * 7919 % 1009 - 504) / 50_000)},
    )  # fmt: skip
    caps = grid.with_columns(
        ccy=pl.lit("USD"), market_cap=1e9 * (1 + number % n), volume=1.0, idio_vol=pl.lit(0.1)
    )
    long = pl.concat(
        grid.with_columns(
            factor_group=pl.lit(name.split(".")[0]), factor=pl.lit(name.split(".")[1]),
            exposure=pl.Series(values.ravel(), dtype=pl.Float64),
        )
        for name, values in exposures.items()
    )  # fmt: skip
    idmap = pl.DataFrame({"from_id": ids, "to_id": ids}).with_columns(
        start_date=dt.date.min, end_date=dt.date.max, from_id_type=pl.lit("ticker"),
        to_id_type=pl.lit("ticker_core"),
    )  # fmt: skip
    return {
        "price": price, "market_cap": caps, "exposures": long, "idmap": idmap,
        "exchange_rates": pl.DataFrame({"date": [days[0]], "ccy": ["USD"], "fx_rate": [1.0]}),
        "exchange_dates": pl.DataFrame({"date": [days[-1] + dt.timedelta(1)], "exchange": ["XNYS"]}),
    }  # fmt: skip


def until(uploads: Mapping[str, pl.DataFrame], day: dt.date) -> dict[str, pl.DataFrame]:
    """What a user has on the evening of a day; what has no dates, or is known in advance, whole."""
    return {
        name: frame.filter(pl.col("date") <= day) if name in DATED else frame
        for name, frame in uploads.items()
    }


def dataset_settings(**changes: Any) -> RootRiskDatasetSettings:
    """For the uploads of `openfactor.synthetic`, each named like its data type."""
    defaults: dict[str, Any] = {
        **{f"{name}_source": name for name in SOURCES},
        "dense_factor_groups": {"market": None, "style": None},
        "sparse_factor_groups": {"industry": None, "estimation_universe": None},
        "master_id_type": "ticker",
        "master_id_core_type": "ticker_core",
        "as_of_date": "2100-01-01",
    }
    return RootRiskDatasetSettings.model_validate(defaults | changes)


def dataset_of(uploads: Mapping[str, pl.DataFrame], **changes: Any) -> RiskDataset:
    """Read and validated as at upload, then built."""
    return build(dataset_settings(**changes), reader(uploads), "test")


def reader(uploads: Mapping[str, pl.DataFrame]) -> Callable[[str, str], pl.LazyFrame]:
    """Gives rows by data type and name; the frames are keyed by the name, or by the data type."""
    rows: dict[str, pl.LazyFrame] = {}

    def read(data_type: str, name: str) -> pl.LazyFrame:
        if name not in rows:
            rows[name] = good_rows(uploads[name], data_type).lazy()
        return rows[name]

    return read


def model_settings(
    universe: UniverseSettings | None = None, estimation: bool = True, **construction: Any
) -> FactorRiskModelSettings:
    """Market, industries summing to zero by cap, styles; on the estimation universe."""
    universe = universe or UniverseSettings(id_type="ticker")
    member = CategoricalFilterSettings(hierarchy="estimation_universe")
    defaults: dict[str, Any] = {
        "estimation_universe": universe.model_copy(update={"categorical_filters": [member]})
        if estimation
        else None,
        "zero_sum_constraints": {"industry": "mcap_weighted"},
        "return_clip_bounds": (None, None),
    }
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
        modelconstruction=[ModelConstructionSettings(**(defaults | construction))],
    )


def fit(uploads: Mapping[str, pl.DataFrame], **construction: Any) -> Estimates:
    """Estimates of the usual model on the uploads."""
    return estimate(dataset_of(uploads), model_settings(**construction), "test")
