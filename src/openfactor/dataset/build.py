"""Builds a root risk dataset from the rows of its uploads."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import checks
from openfactor.dataset.calendar import closed_days, open_weekends
from openfactor.dataset.groups import dense_group, sparse_group
from openfactor.dataset.identifiers import Identifiers, project
from openfactor.dataset.panel import Panel, RiskDataset
from openfactor.dataset.rows import Rows, day_index, event_offsets, lay_rows
from openfactor.errors import DataError, Fault
from openfactor.numerics.asof import latest
from openfactor.settings.menus import BuildReport
from openfactor.settings.riskdataset import RootRiskDatasetSettings
from openfactor.uploads import DATA_TYPES

Float = NDArray[np.float64]
Progress = Callable[[str], None]


@dataclass
class Tally:
    """Rows read and rows dropped, by upload and reason."""

    read: dict[str, int] = field(default_factory=dict)
    dropped: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def drop(self, upload: str, reason: str, count: int) -> None:
        if count:
            self.dropped[upload][reason] = self.dropped[upload].get(reason, 0) + count


@dataclass(frozen=True)
class _Tables:
    """The uploads after the checks: rows of known listings only."""

    identifiers: Identifiers
    prices: pl.DataFrame
    caps: pl.DataFrame
    exposures: dict[str, pl.DataFrame]
    fx: pl.DataFrame
    closed: pl.DataFrame


def build(
    settings: RootRiskDatasetSettings,
    uploads: Mapping[str, pl.LazyFrame],
    fingerprint: str,
    progress: Progress = lambda step: None,
) -> RiskDataset:
    """The dataset.

    Parameters
    ----------
    uploads : rows by data type, as validated when they were uploaded
    fingerprint : names the settings and the versions of the uploads
    progress : called with the name of each step as it begins

    Raises
    ------
    DataError: the uploads do not fit together; every fault is named.
    """
    progress("identifiers")
    tally = Tally()
    identifiers = _identify(settings, uploads, tally)
    progress("prices")
    tables = _read(settings, uploads, identifiers, tally)
    days = _stored_days([tables.prices, *tables.exposures.values()])
    rows = lay_rows(tables.prices, days, identifiers)
    currencies = tuple(sorted({*tables.fx["ccy"], "USD"}))
    usd = _usd(tables.fx, currencies, days)
    progress("market caps")
    cap, idio_vol = _caps(tables.caps, rows, currencies, usd, tally)
    dense, sparse = {}, {}
    for group, loadings in tables.exposures.items():
        progress(f"exposures {group}")
        events = _of_entities(loadings, "exposures", ["date", "entity", "factor"], tally)
        if group in settings.dense_factor_groups:
            dense[group] = dense_group(events, rows, settings.exposure_dtype)
        else:
            sparse[group] = sparse_group(events, rows, settings.exposure_dtype)
    closed = closed_days(tables.closed, days)
    priced_days = np.isin(np.array(days, "datetime64[D]"), tables.prices["date"].unique().to_numpy())
    return RiskDataset(
        fingerprint=fingerprint,
        settings=settings,
        days=tuple(days),
        identifiers=identifiers,
        currencies=currencies,
        currency=_currency(tables.prices, currencies, identifiers.n_listings),
        usd=usd,
        closed=closed,
        panel=Panel(rows.offsets, rows.listing, rows.local_return, rows.priced, cap, idio_vol, dense, sparse),
        report=BuildReport(
            first_date=str(days[0]),
            last_date=str(days[-1]),
            n_days=len(days),
            n_listings=identifiers.n_listings,
            n_entities=identifiers.n_entities,
            n_rows=len(rows.listing),
            rows_read=tally.read,
            rows_dropped=dict(tally.dropped),
            warnings=open_weekends(closed, days, priced_days),
        ),
    )


def _identify(
    settings: RootRiskDatasetSettings, uploads: Mapping[str, pl.LazyFrame], tally: Tally
) -> Identifiers:
    """Listings and entities, after everything that can be checked without them."""
    idmap, master = uploads["idmap"].collect(), settings.master_id_type
    for name, rows in uploads.items():
        tally.read[name] = rows.select(pl.len()).collect().item()
    with_caps = uploads["market_cap"].filter(pl.col("asset_id_type") == master).select("asset_id").unique()
    identifiers, faults = project(
        idmap, master, settings.master_id_core_type, settings.as_of_date, with_caps.collect()["asset_id"]
    )
    tabled = {name: uploads[name] for name in ("market_cap", "price", "exposures")}
    faults += checks.id_types(tabled, idmap, master)
    found = uploads["exposures"].group_by("factor_group").len().sort("factor_group").collect()
    groups = [*settings.dense_factor_groups, *settings.sparse_factor_groups]
    faults += checks.factor_groups(found["factor_group"].to_list(), groups)
    for group, count in found.rows():
        if group not in groups:
            tally.drop("exposures", f"factor group {group} is not in the settings", count)
    for name, rows in uploads.items():
        faults += DATA_TYPES[name].whole_faults(rows)
    _stop_on(faults)
    return identifiers


def _read(
    settings: RootRiskDatasetSettings,
    uploads: Mapping[str, pl.LazyFrame],
    identifiers: Identifiers,
    tally: Tally,
) -> _Tables:
    """The rows that enter the dataset, after the checks between uploads."""
    master = settings.master_id_type
    prices = _prices(_known(uploads["price"], "price", identifiers, master, tally), tally)
    caps = _known(uploads["market_cap"], "market_cap", identifiers, master, tally)
    fx = uploads["exchange_rates"].collect()
    faults = checks.rates({"price": prices, "market_cap": caps}, fx)
    exposures = {}
    for group in (*settings.dense_factor_groups, *settings.sparse_factor_groups):
        rows = uploads["exposures"].filter(pl.col("factor_group") == group)
        exposures[group] = _known(rows, "exposures", identifiers, master, tally)
        faults += checks.precision(exposures[group], settings.exposure_dtype)
    if not len(prices):
        faults.append(Fault("no_rows", "price", "no price of a listing that the idmap knows"))
    _stop_on(faults)
    return _Tables(identifiers, prices, caps, exposures, fx, uploads["exchange_dates"].collect())


def _currency(prices: pl.DataFrame, currencies: tuple[str, ...], n_listings: int) -> NDArray[np.int32]:
    """(listings,) index into `currencies`; USD for a listing without prices."""
    code = {ccy: i for i, ccy in enumerate(currencies)}
    out = np.full(n_listings, code["USD"], np.int32)
    listed = prices.unique("listing")
    out[listed["listing"].to_numpy()] = [code[ccy] for ccy in listed["ccy"]]
    return out


def _stop_on(faults: list[Fault]) -> None:
    if faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        raise DataError(f"the uploads do not make a risk dataset, {count}:", faults)


def _known(
    rows: pl.LazyFrame, upload: str, identifiers: Identifiers, master: str, tally: Tally
) -> pl.DataFrame:
    """Rows of listings that the id map knows, with listing, entity and main in place of the id."""
    table = identifiers.table.select("listing", "id", "entity", "main")
    joined = rows.join(table.lazy(), left_on="asset_id", right_on="id", how="left", coalesce=False).collect()
    master_rows = joined.filter(pl.col("asset_id_type") == master)
    tally.drop(upload, "another id type", len(joined) - len(master_rows))
    kept = master_rows.filter(pl.col("listing").is_not_null())
    tally.drop(upload, "unknown asset", len(master_rows) - len(kept))
    return kept.drop("asset_id", "asset_id_type")


def _of_entities(rows: pl.DataFrame, upload: str, key: list[str], tally: Tally) -> pl.DataFrame:
    """One row a key: that of the entity's main listing where several listings brought one."""
    kept = rows.sort("main", descending=True).unique(key, keep="first", maintain_order=True)
    tally.drop(upload, "the entity's main listing has the same", len(rows) - len(kept))
    return kept


def _prices(rows: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """One currency a listing (the one with the most days), and nothing after a delisting."""
    most = (
        rows.group_by("listing", "ccy").len()
        .sort("listing", "len", "ccy", descending=[False, True, False])
        .unique("listing", keep="first", maintain_order=True)
    )  # fmt: skip
    kept = rows.join(most.select("listing", "ccy"), on=["listing", "ccy"], how="semi")
    tally.drop("price", "quoted in another currency", len(rows) - len(kept))
    ends = kept.filter(pl.col("delisted")).group_by("listing").agg(end=pl.col("date").min())
    alive = kept.join(ends, on="listing", how="left").filter(
        pl.col("end").is_null() | (pl.col("date") <= pl.col("end"))
    )
    tally.drop("price", "after the delisting", len(kept) - len(alive))
    return alive.drop("end")


def _stored_days(frames: list[pl.DataFrame]) -> list[dt.date]:
    return pl.concat([f.select("date").unique() for f in frames])["date"].unique().sort().to_list()


def _usd(fx: pl.DataFrame, currencies: tuple[str, ...], days: list[dt.date]) -> Float:
    """(D, C) USD per unit of currency, the latest rate on or before the day; NaN before the first."""
    out = np.full((len(days), len(currencies)), np.nan)
    grid = pl.DataFrame({"date": days})
    for i, ccy in enumerate(currencies):
        rates = fx.filter(pl.col("ccy") == ccy).sort("date").select("date", "fx_rate")
        if len(rates):
            known = grid.join_asof(rates, on="date")["fx_rate"]
            out[:, i] = 1.0 / known.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        else:
            out[:, i] = 1.0  # USD needs no rate; any other currency without one was refused
    return out


def _caps(
    caps: pl.DataFrame, rows: Rows, currencies: tuple[str, ...], usd: Float, tally: Tally
) -> tuple[Float, Float]:
    """Market cap in USD and idio_vol of each panel row, the latest on or before its day."""
    caps = _of_entities(caps, "market_cap", ["date", "entity"], tally)
    code = {ccy: i for i, ccy in enumerate(currencies)}
    events = caps.filter(pl.col("date") <= rows.days[-1]).sort("date")
    day = day_index(events["date"], rows.days)
    ccy = events["ccy"].replace_strict(code, return_dtype=pl.Int32).to_numpy()
    value = events["market_cap"].to_numpy() * usd[day, ccy]
    vol = events["idio_vol"].fill_null(float("nan")).to_numpy()
    offsets, entities = event_offsets(day, len(rows.days)), events["entity"].to_numpy()
    return (
        latest(offsets, entities, value, rows.offsets, rows.entity, rows.n_entities),
        latest(offsets, entities, vol, rows.offsets, rows.entity, rows.n_entities),
    )
