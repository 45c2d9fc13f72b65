"""Exposures whose level is large against their spread.

Raw descriptors arrive as they are: a log of market cap in yen, an age in days, a price, a composite score
around 1,000. Half precision has 11 binary digits, so at a level of 20,000 it counts in sixteens.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset, derive
from openfactor.errors import DataError
from openfactor.settings import (
    DerivedRiskDatasetSettings,
    RiskDatasetUploadedExposureSettings,
)
from tests.markets import dataset_of, reader, tables_of_names

DAYS = [dt.date(2024, 1, d) for d in range(1, 6)]
RNG = np.random.default_rng(5)
SCORES = RNG.standard_normal((len(DAYS), 200))


def market(values: np.ndarray) -> dict[str, pl.DataFrame]:
    return tables_of_names(DAYS, {"style.size": values})


def faults(values: np.ndarray, **settings) -> list[str]:
    with pytest.raises(DataError) as caught:
        dataset_of(market(values), **(STYLE | settings))
    return [str(fault) for fault in caught.value.faults]


STYLE = {"dense_factor_groups": {"style": None}, "sparse_factor_groups": {}}


def slope(x: np.ndarray, of: np.ndarray) -> float:
    """Of a regression of `of` on x."""
    return float(np.polyfit(x, of, 1)[0])


@pytest.mark.parametrize("level", [1_000.0, 20_000.0])
def test_a_level_that_hides_the_spread_is_refused(level: float) -> None:
    (message,) = faults(level + SCORES)
    assert "style" in message
    assert "size (5 days from 2024-01-01 to 2024-01-05; " in message
    assert 'exposure_dtype="float32"' in message
    # it would have bent the slope
    half = (level + SCORES[0]).astype(np.float16).astype(float)
    assert len(set(half)) == 1 or abs(slope(half, SCORES[0]) - 1) > 0.005
    # and the remedy holds: what is stored gives the slope
    single = dataset_of(market(level + SCORES), **STYLE, exposure_dtype="float32")
    stored = single.panel.dense["style"]["size"][single.panel.rows_of(0)]
    noise = float(np.spacing(np.float32(level))) / np.sqrt(12) / np.sqrt(len(stored))
    assert slope(stored.astype(float), SCORES[0]) == pytest.approx(1, abs=4 * noise)


def test_single_precision_ends_further_out() -> None:
    (message,) = faults(1e8 + SCORES, exposure_dtype="float32")
    assert "centre or rescale" in message
    assert dataset_of(market(1e3 + SCORES), **STYLE, exposure_dtype="float32").panel.n_rows == 1000


@pytest.mark.parametrize(
    "values",
    [
        SCORES,
        24 + 1.5 * SCORES,  # logs of market caps
        1 + 0.3 * SCORES,  # betas
        np.ones_like(SCORES),
        np.full_like(SCORES, 0.1),  # a constant that no binary number is
        np.full_like(SCORES, 20_000.3),
        np.broadcast_to(np.array([1.0, 0.1, 3.3, 0.7, 1e4 + 0.1])[:, None], SCORES.shape),  # another each day
        np.broadcast_to(np.arange(200.0), SCORES.shape) + 1000,  # ranks, which are stored exactly
        (SCORES > 0).astype(float),
        np.zeros_like(SCORES),
    ],
)
def test_what_is_usual_is_stored(values: np.ndarray) -> None:
    assert dataset_of(market(values), **STYLE).panel.dense["style"]["size"].dtype == np.float16


def test_what_is_lost_is_a_share_of_the_spread_not_of_the_level() -> None:
    """The bound is where errors have 1 % of the standard deviation of the values."""
    for level in (40.0, 80.0, 160.0):
        x = level + SCORES
        error = x.astype(np.float16).astype(float) - x
        lost = (error.std(axis=1) / x.std(axis=1)).max()
        if lost > 0.01:
            assert f"{lost:.1%} on" in faults(x)[0]
        else:
            dataset_of(market(x), **STYLE)


def test_one_bad_day_among_good_ones_is_named() -> None:
    values = SCORES.copy()
    values[3] += 5_000
    assert "size (2024-01-04; " in faults(values)[0]


def derived(values: np.ndarray, **settings) -> RiskDataset:
    root = dataset_of(market(SCORES), **STYLE)
    scores = market(values)["exposures"].with_columns(factor_group=pl.lit("alpha"))
    entry = RiskDatasetUploadedExposureSettings(
        exposure_source="scores", continuous_factor_groups=["alpha"], **settings
    )
    wanted = DerivedRiskDatasetSettings(reference_dataset="root", exposures=[entry])
    read = reader({"scores": scores})
    return derive(wanted, root, lambda data_type, name: read("exposures", name), "x")


def test_derived_datasets_too() -> None:
    with pytest.raises(DataError, match=r"size \(5 days.*float32\" in the root dataset"):
        derived(1_000 + SCORES)
    with pytest.raises(DataError, match="rounds away"):
        derived(1_000 + SCORES, factor_groups_forward_fill=["alpha"])
    # ranks are taken before anything is rounded
    scored = derived(20_000 + SCORES, factor_groups_gaussianize=["alpha"])
    first = scored.panel.dense["alpha"]["size"][scored.panel.rows_of(0)].astype(float)
    np.testing.assert_array_equal(np.argsort(first, kind="stable"), np.argsort(SCORES[0], kind="stable"))


def test_changes_are_held_against_all_names_not_against_each_other() -> None:
    """Two near values on a day of changes are no cross-section."""
    values = 24 + 1.5 * SCORES
    rows = market(values)["exposures"]
    first, later = rows.filter(pl.col("date") == DAYS[0]), rows.filter(pl.col("date") == DAYS[2]).head(2)
    near = later.with_columns(exposure=pl.Series([24.001, 24.002]))
    root = dataset_of(market(SCORES), **STYLE)
    scores = pl.concat([first, near]).with_columns(factor_group=pl.lit("alpha"))
    entry = RiskDatasetUploadedExposureSettings(
        exposure_source="scores", continuous_factor_groups=["alpha"], factor_groups_forward_fill=["alpha"]
    )
    wanted = DerivedRiskDatasetSettings(reference_dataset="root", exposures=[entry])
    read = reader({"scores": scores})
    panel = derive(wanted, root, lambda data_type, name: read("exposures", name), "x").panel
    assert np.isfinite(panel.dense["alpha"]["size"]).all()
