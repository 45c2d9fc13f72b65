"""Small simulated markets, and what is needed to fit a model on one without a workspace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
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
    refuse(data_type, [*checked.faults, *kind.whole_faults(checked.rows.lazy())])
    return checked.rows


DATED = ("price", "market_cap", "exposures", "exchange_rates")


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
