"""The rows of a panel are a fold over runs: it does not matter where a history is cut, stored and resumed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from io import BytesIO
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openfactor.dataset.panel_index import PanelIndex
from openfactor.dataset.price_months import last_date, price_months
from openfactor.dataset.priced_rows import PricedRun, RowLayout
from openfactor.dataset.prices import PriceStage, price_columns
from openfactor.dataset.reading import no_uploads
from openfactor.dataset.resolving import unique_listings
from openfactor.dataset.root_inputs import RootInputs, read_inputs
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.row_stage import RowStage
from openfactor.dataset.runs import RunDays
from openfactor.settings import RootRiskDatasetSettings
from tests.dataset.indexes import joined
from tests.markets import DATED, dataset_settings
from tests.numerics.cuts import random_cuts

State = dict[str, pl.DataFrame]
START, N_DATES = dt.date(2024, 1, 10), 130
DATES = [START + dt.timedelta(i) for i in range(N_DATES)]
CURRENCIES = ("EUR", "JPY", "USD")
METHODS = ("none", "adjusted_close", "close")
ALL_TIME = (dt.date.min, dt.date.max)
MAPPINGS = [  # of tickers to companies
    ("AA", "AA", *ALL_TIME), ("A2", "AA", *ALL_TIME), ("B", "BB", *ALL_TIME), ("D", "DD", *ALL_TIME),
    ("LATE", "LATE", *ALL_TIME), ("NONE", "NONE", *ALL_TIME),
    # an id that belongs to two companies in turn
    ("X", "XA", START, DATES[40]), ("X", "XB", DATES[41], DATES[70]), ("X", "XA", DATES[71], DATES[100]),
    # mappings that end, the second of which begins with a month
    ("C", "CC", START, DATES[46]), ("C", "CC", DATES[51], DATES[90]),
]  # fmt: skip
TICKERS = sorted({ticker for ticker, *_ in MAPPINGS} - {"NONE"})


class Market:
    """Uploads of a random market with all that vendors send."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        trades = np.array([date.weekday() < 5 and rng.random() < 0.9 for date in DATES])
        trades[30 : 30 + rng.integers(0, 40)] = False  # perhaps a month without any price
        rows = []
        for name in [*TICKERS, "UNKNOWN"]:
            rows += self._listing(rng, name, trades)
        self.uploads = self._uploads(rng, pl.DataFrame(rows, orient="row", schema={
            "date": pl.Date, "asset_id": pl.String, "asset_id_type": pl.String, "ccy": pl.String,
            "close": pl.Float64, "return": pl.Float64, "delisted": pl.Boolean, "dividend": pl.Float64,
            "split": pl.Float64,
        }))  # fmt: skip

    def _listing(self, rng: np.random.Generator, name: str, trades: np.ndarray) -> list[tuple]:
        rows: list[tuple] = []
        share = rng.choice([0.3, 0.7, 1.0])
        begin = 70 if name == "LATE" else int(rng.integers(0, 40))
        halts = [slice(a, a + int(rng.integers(3, 25))) for a in rng.integers(0, N_DATES, 2)]
        flags = {int(d) for d in rng.integers(60, N_DATES, rng.integers(0, 3))}
        always_flagged = rng.random() < 0.2
        ccy = str(rng.choice(CURRENCIES))
        for d, date in enumerate(DATES):
            if rng.random() < 0.03:
                ccy = str(rng.choice(CURRENCIES))
            flag = d in flags or (always_flagged and bool(flags) and d >= min(flags))
            halted = any(halt.start <= d < halt.stop for halt in halts)
            if d < begin or not trades[d] or halted or rng.random() > share:
                split = float(rng.choice([0.5, 2.0])) if rng.random() < 0.15 else None
                if flag or split:  # also on days that are not stored
                    rows.append((date, name, "ticker", ccy, None, None, flag, 0.1, split))
                continue
            for unit in {ccy, *([str(rng.choice(CURRENCIES))] if rng.random() < 0.1 else [])}:
                row = (
                    date, name, "ticker", unit,
                    None if rng.random() < 0.1 else float(rng.uniform(5, 10)),
                    None if rng.random() < 0.4 else float(rng.normal(0, 0.05)),
                    flag,
                    float(rng.uniform(0, 1)) if rng.random() < 0.1 else None,
                    float(rng.choice([0.5, 2.0])) if rng.random() < 0.05 else None,
                )  # fmt: skip
                rows.append(row)
                if name == "B" and rng.random() < 0.3:  # again, or only, under another id
                    rows.append((date, "ISIN", "isin", *row[3:]))
                    if rng.random() < 0.5:
                        rows.remove(row)
        return rows

    def _uploads(self, rng: np.random.Generator, price: pl.DataFrame) -> dict[str, pl.DataFrame]:
        ticker = pl.lit("ticker").alias("asset_id_type")
        names = pl.DataFrame({"asset_id": TICKERS}).with_columns(ticker, date=pl.lit(START))
        exposed = rng.choice(N_DATES, 25, replace=False).tolist()
        exposures = [
            (DATES[d], "UNKNOWN" if rng.random() < 0.3 else str(rng.choice(TICKERS[:3]))) for d in exposed
        ]
        links = [("ticker", a, "ticker_core", b, c, d) for a, b, c, d in MAPPINGS]
        links.append(("isin", "ISIN", "ticker", "B", START, DATES[80]))
        columns = ["from_id_type", "from_id", "to_id_type", "to_id", "start_date", "end_date"]
        fx = [(date, ccy, float(rng.uniform(0.5, 2))) for date in DATES[::3] for ccy in CURRENCIES]
        fx = [(date, ccy, 1.0 if ccy == "USD" else rate) for date, ccy, rate in fx if ccy != "JPY" or
              date == START or date > DATES[60]]  # fmt: skip
        closed = [(date, "XNYS") for date in DATES if date.weekday() > 4 or rng.random() < 0.1]
        return {
            "price": price.sort("date", maintain_order=True),
            "market_cap": names.with_columns(
                ccy=pl.lit("USD"), market_cap=pl.lit(1e9), volume=pl.lit(1.0), idio_vol=pl.lit(0.1)
            ),
            "exposures": pl.DataFrame(exposures, schema=["date", "asset_id"], orient="row").with_columns(
                ticker, factor_group=pl.lit("style"), factor=pl.lit("size"), exposure=pl.lit(1.0)
            ),
            "idmap": pl.DataFrame(links, schema=columns, orient="row"),
            "exchange_rates": pl.DataFrame(fx, schema=["date", "ccy", "fx_rate"], orient="row"),
            "exchange_dates": pl.DataFrame(closed, schema=["date", "exchange"], orient="row"),
        }


def settings_of(method: str) -> RootRiskDatasetSettings:
    return dataset_settings(
        dense_factor_groups={"style": None}, sparse_factor_groups={}, empty_returns=method,
        max_days_without_price=6, max_return=0.4,
    )  # fmt: skip


def inputs_of(uploads: Mapping[str, pl.DataFrame], settings: RootRiskDatasetSettings) -> RootInputs:
    rows = {name: frame.lazy() for name, frame in uploads.items()}
    return read_inputs(settings, rows, no_uploads, RowCounts())


def laid_out(layout: RowLayout) -> tuple[list[PricedRun], list[State]]:
    """All runs, and the state after each, as it is read from a disk."""
    runs, states = [], []
    for run in layout.runs():
        runs.append(run)
        states.append({name: stored(frame) for name, frame in layout.state().items()})
    return runs, states


def stored(frame: pl.DataFrame) -> pl.DataFrame:
    buffer = BytesIO()
    frame.write_ipc(buffer)
    return pl.read_ipc(BytesIO(buffer.getvalue()))


def assert_same_index(one: PanelIndex, other: PanelIndex) -> None:
    assert [*one.days] == [*other.days]
    for name in {field.name for field in fields(PanelIndex)} - {"days", "n_listings", "n_companies"}:
        first, second = getattr(one, name), getattr(other, name)
        assert first.dtype == second.dtype, name
        assert first.tobytes() == second.tobytes(), name


def assert_same_counts(one: RowCounts, other: RowCounts) -> None:
    assert one.dropped == other.dropped
    assert one.worked_out == other.worked_out
    assert_frame_equal(
        one.unused_returns.sort("date", "listing"), other.unused_returns.sort("date", "listing")
    )


def total(runs: list[PricedRun]) -> RowCounts:
    counts = RowCounts()
    for run in runs:
        counts.add(run.row_counts)
    return counts


def cut_rows(
    market: Market, method: str, days: list[dt.date], bounds: list[dt.date]
) -> tuple[PanelIndex, State, RowCounts]:
    """The rows laid out in runs of dates that begin at bounds."""
    settings = settings_of(method)
    inputs = inputs_of(market.uploads, settings)
    layout, identifiers, counts = RowLayout(settings, inputs), inputs.identifiers, RowCounts()
    columns = price_columns(layout.rates, settings.empty_returns)
    price = inputs.uploads["price"].with_columns(**columns)
    by_date = price.group_by("date", "asset_id_type").agg(rows=pl.len()).collect()
    known = pl.concat(
        unique_listings(of.rows, of.rows_by_type, identifiers, counts, "price")
        for of in price_months(price, [*columns], identifiers, by_date, [])
    )
    prices = PriceStage(identifiers, layout.rates, settings.empty_returns)
    rows = RowStage(identifiers, layout.closures, layout.rates.names, settings.max_days_without_price)
    indexes = []
    for first, after in pairwise([*bounds, dt.date.max]):
        of_run = RunDays("", tuple(day for day in days if first <= day < after), rows.n_days)
        events = known.filter(pl.col("date").is_between(first, after, closed="left"))
        indexes.append(rows.advance(of_run, prices.advance(events, counts), counts))
    return joined(indexes), prices.state() | rows.state(), counts


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_one_run_or_months_or_any_cuts(seed: int, method: str) -> None:
    market = Market(seed)
    settings = settings_of(method)
    layout = RowLayout(settings, inputs_of(market.uploads, settings))
    runs, _ = laid_out(layout)
    assert [run.days.name for run in runs] == sorted(
        {f"{day:%Y-%m}" for run in runs for day in run.days.dates}
    )
    months, counts = joined([run.index for run in runs]), total(runs)
    counts.add(layout.rest)
    days = [*months.days]
    cuts = [DATES[cut] for cut in random_cuts(seed, N_DATES)]
    for bounds in ([START], cuts, DATES):
        index, state, cut_counts = cut_rows(market, method, days, bounds)
        assert_same_index(index, months)
        assert_same_counts(cut_counts, counts)
        for name, frame in layout.state().items():
            assert_frame_equal(state[name], frame)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_stop_store_and_resume_after_any_run(seed: int, method: str) -> None:
    market = Market(seed)
    settings = settings_of(method)
    whole = RowLayout(settings, inputs_of(market.uploads, settings))
    runs, states = laid_out(whole)
    for k, state in enumerate(states[:-1], start=1):
        resumed = RowLayout(settings, inputs_of(market.uploads, settings), runs[k - 1].days.name, state)
        more, later_states = laid_out(resumed)
        assert [run.days for run in more] == [run.days for run in runs[k:]]
        for run, same in zip(more, runs[k:], strict=True):
            assert_same_index(run.index, same.index)
            assert_same_counts(run.row_counts, same.row_counts)
            assert_frame_equal(run.currencies, same.currencies)
            assert run.faults == same.faults
        for one, other in zip(later_states, states[k:], strict=True):
            for name, frame in one.items():
                assert_frame_equal(frame, other[name])
        assert_same_counts(resumed.rest, whole.rest)


def by_name(inputs: RootInputs, runs: list[PricedRun]) -> dict[tuple, tuple]:
    """Day, id and company to all that an index says of them."""
    out = {}
    table = inputs.identifiers.table
    for run in runs:
        index = run.index
        day = np.repeat(np.arange(len(index.days)), np.diff(index.offsets))
        for row in range(index.n_rows):
            name = table.row(int(index.listing[row]), named=True)
            out[index.days[day[row]], name["id"], name["company_id"]] = (
                index.local_return[row], index.currency[row], index.priced[row], row in index.delisted,
                index.is_main_listing[row],
            )  # fmt: skip
    return out


@pytest.mark.parametrize("seed", range(6))
def test_what_is_stored_of_a_month_knows_nothing_of_later_ones(seed: int) -> None:
    """Neither its rows nor its state, though listings that come later have other codes in between."""
    market, settings = Market(seed), settings_of("close")
    inputs = inputs_of(market.uploads, settings)
    runs, _ = laid_out(RowLayout(settings, inputs))
    for k in range(1, len(runs)):
        last = last_date(runs[k - 1].days.name)
        uploads = {
            name: frame.filter(pl.col("date") <= last) if name in DATED else frame
            for name, frame in market.uploads.items()
        }
        priced = set(uploads["price"]["asset_id"]) | set(uploads["exposures"]["asset_id"])
        uploads["idmap"] = uploads["idmap"].filter(pl.col("from_id").is_in(sorted(priced)))
        early = inputs_of(uploads, settings)
        early_runs, early_states = laid_out(RowLayout(settings, early))
        np.testing.assert_equal(by_name(early, early_runs), by_name(inputs, runs[:k]))
        resumed, _ = laid_out(RowLayout(settings, inputs, runs[k - 1].days.name, early_states[-1]))
        for run, same in zip(resumed, runs[k:], strict=True):
            assert_same_index(run.index, same.index)


def test_counts_of_the_build_report_add_up() -> None:
    """Every row of the upload is kept or counted once."""
    for seed in range(6):
        market, settings = Market(seed), settings_of("close")
        layout = RowLayout(settings, inputs_of(market.uploads, settings))
        runs, _ = laid_out(layout)
        counts = total(runs)
        counts.add(layout.rest)
        dropped = counts.dropped["price"]
        rows = [reason for reason in dropped if not reason.startswith(("return", "no return"))]
        assert {"unknown asset", "quoted in another currency", "neither close nor return"} <= set(rows)
        flags = market.uploads["price"].filter(pl.col("delisted"))
        kept = sum(int(run.index.priced.sum()) for run in runs)
        n_rows = len(market.uploads["price"]) - sum(dropped[reason] for reason in rows)
        assert kept <= n_rows <= kept + len(flags)
