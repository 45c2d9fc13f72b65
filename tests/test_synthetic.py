"""The simulated market is what it says."""

import datetime as dt
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.synthetic import simulate
from tests.markets import good_rows


def test_the_seed_decides() -> None:
    first, second, third = simulate(20, 8, seed=1), simulate(20, 8, seed=1), simulate(20, 8, seed=2)
    for name, frame in first.uploads.items():
        assert_frame_equal(frame, second.uploads[name])
    assert not first.factor_returns.equals(third.factor_returns)


@pytest.mark.parametrize("currencies", [("USD",), ("JPY", "EUR")])
def test_tables_are_valid_uploads(currencies: tuple[str, ...]) -> None:
    market = simulate(40, 30, currencies=currencies, exchanges=("XNYS", "XTKS"), delistings=0.2, seed=3)
    for name, frame in market.uploads.items():
        assert len(good_rows(frame, name)) == len(frame) > 0
    assert set(market.uploads["exchange_rates"]["ccy"]) == {"USD", *currencies}
    assert market.uploads["price"]["delisted"].sum() == 8
    first = market.uploads["price"].group_by("asset_id").agg(pl.col("date").min())
    assert (first["date"] > dt.date(2022, 1, 3)).sum() >= 2  # late listings


def test_prices_follow_from_the_truth() -> None:
    """Price returns in USD rebuilt from exposures of the day before, by joins alone."""
    market = simulate(30, 40, currencies=("USD", "EUR"), seed=4)
    days = market.factor_returns.select("date").with_columns(before=pl.col("date").shift(1))
    truth = market.factor_returns.unpivot(index="date", variable_name="name", value_name="f")
    loadings = market.uploads["exposures"].with_columns(
        name=pl.concat_str("factor_group", "factor", separator=".")
    )
    explained = (
        days.join(loadings, left_on="before", right_on="date")
        .join(truth, on=["date", "name"])
        .group_by("date", "asset_id")
        .agg(explained=(pl.col("exposure") * pl.col("f")).sum())
    )
    closes = market.uploads["price"].join(market.uploads["exchange_rates"], on=["date", "ccy"])
    usd = closes.sort("asset_id", "date").with_columns(
        r=(pl.col("close") / pl.col("fx_rate")).pct_change().over("asset_id")
    )
    both = usd.join(explained, on=["date", "asset_id"]).join(market.specific_returns, on=["date", "asset_id"])
    assert len(both) > 1000
    error = (both["explained"] + both["specific_return"] - both["r"]).abs().max()
    assert error < 1e-12


def test_industries_sum_to_zero_over_the_estimation_universe() -> None:
    market = simulate(30, 10, industries=3, late_listings=0, delistings=0, seed=5)
    exposures = market.uploads["exposures"]
    member = exposures.filter(pl.col("factor_group") == "estimation_universe").select("date", "asset_id")
    industry = exposures.filter(pl.col("factor_group") == "industry").join(member, on=["date", "asset_id"])
    caps = industry.join(market.uploads["market_cap"], on=["date", "asset_id"])
    weights = caps.group_by("date", "factor").agg(pl.col("market_cap").sum()).sort("date", "factor")
    days = market.factor_returns["date"]
    for before, day in pairwise(days):
        w = weights.filter(pl.col("date") == before)["market_cap"].to_numpy()
        f = market.factor_returns.filter(pl.col("date") == day).select(pl.col("^industry.*$")).row(0)
        assert abs(w @ np.array(f)) < 1e-12 * w.sum()


def test_the_repr_counts_days_and_rows() -> None:
    market = simulate(20, 8, late_listings=0, delistings=0)
    text = repr(market)
    assert text.startswith("<SyntheticUniverse 8 trading days; rows: idmap 20, market_cap ")
    for name, frame in market.uploads.items():
        assert f"{name} {frame.height:,}" in text


def test_wrong_arguments_are_all_named() -> None:
    with pytest.raises(ValueError, match=r"n_days .*; industries .*; noise"):
        simulate(5, 1, industries=6, noise=-1)
