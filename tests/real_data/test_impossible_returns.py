"""A return above what is possible is refused: per cent for fractions, pence for pounds, splits.

Excel sheets and some vendors give returns in per cent (100.0 for 100 %); London prices change between pence
and pounds; a reverse split of 1 for 100 that is not adjusted for looks like a gain of 9,900 %.
"""

from __future__ import annotations

import polars as pl
import pytest

from openfactor.errors import DataError
from openfactor.settings import RootRiskDatasetSettings
from openfactor.synthetic import simulate
from tests.markets import dataset_of, dataset_settings

MARKET = simulate(12, 30, industries=2)
PRICE = MARKET.uploads["price"]
DAYS = PRICE["date"].unique().sort().to_list()


def with_return(value: float, count: int = 1) -> dict[str, pl.DataFrame]:
    """The first `count` names earn `value` on the tenth day."""
    names = PRICE["asset_id"].unique().sort().head(count).to_list()
    there = (pl.col("date") == DAYS[10]) & pl.col("asset_id").is_in(names)
    changed = PRICE.with_columns(pl.when(there).then(value).otherwise("return").alias("return"))
    return {**MARKET.uploads, "price": changed}


@pytest.mark.parametrize("value", [100.0, 99.0, 97.85, 50.0001])
def test_what_the_usual_mistakes_make_is_refused(value: float) -> None:
    with pytest.raises(DataError) as caught:
        dataset_of(with_return(value))
    (fault,) = caught.value.faults
    assert (fault.rule, fault.column, fault.count) == ("max_return", "return", 1)
    assert fault.examples == (f"date {DAYS[10]}, asset_id A00000, return {value:g}",)
    assert "fractions (0.01 for 1 %)" in fault.message
    assert "raise max_return if they are real" in fault.message


@pytest.mark.parametrize("value", [39.7, 50.0])
def test_the_largest_gains_of_a_day_pass(value: float) -> None:
    """Tempest Therapeutics rose from 0.24 to 9.77 dollars on 11 October 2023."""
    dataset = dataset_of(with_return(value))
    assert dataset.panel.local_return.max(initial=0, where=dataset.panel.local_return > 0) == value


def test_the_bound_is_a_setting() -> None:
    with pytest.raises(DataError, match=r"max_return=0\.5, a gain of 50%"):
        dataset_of(with_return(0.6), max_return=0.5)
    for bound in (None, 200.0):
        assert dataset_of(with_return(100.0), max_return=bound).panel.n_rows
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="max_return"):
            dataset_settings(max_return=bad)
    assert RootRiskDatasetSettings.model_fields["max_return"].default == 50.0


def test_all_are_counted_and_the_first_are_shown() -> None:
    with pytest.raises(DataError) as caught:
        dataset_of(with_return(1e6, count=9))
    assert caught.value.faults[0].count == 9
    assert len(caught.value.faults[0].examples) == 5


def test_a_return_that_is_not_used_is_not_refused() -> None:
    """After the delisting, where no row of the panel is."""
    uploads = with_return(100.0)
    delisted = (pl.col("date") == DAYS[5]) & (pl.col("asset_id") == "A00000")
    uploads["price"] = uploads["price"].with_columns(delisted=pl.col("delisted") | delisted)
    assert dataset_of(uploads).panel.n_rows
