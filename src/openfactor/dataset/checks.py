"""Consistency of the uploads of a dataset. Each check returns faults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from openfactor.dataset.identifiers import Identifiers
from openfactor.dataset.panel_index import PanelIndex
from openfactor.errors import Fault
from openfactor.uploads.validation import MAX_EXAMPLES


def id_types(
    rows_by_type: Mapping[str, pl.DataFrame], idmap: pl.DataFrame, identifiers: Identifiers
) -> list[Fault]:
    """Uploads without any usable id type. Otherwise, rows of unusable types are left out.

    rows_by_type : upload to asset_id_type, rows
    """
    known = set(idmap["from_id_type"]) | set(idmap["to_id_type"])
    faults = []
    for name, counts in rows_by_type.items():
        by_type = counts.sort("asset_id_type")
        usable = identifiers.listing_types if name == "price" else identifiers.company_types
        if set(usable) & set(by_type["asset_id_type"]):
            continue
        unknown = by_type.filter(~pl.col("asset_id_type").is_in(list(known)))
        faults += [
            Fault("unknown_id_type", name, f"{id_type!r} is not an id type of the idmap "
                  f"({', '.join(sorted(known)) or 'empty'}); {count:,} rows have it", "asset_id_type")
            for id_type, count in unknown.rows()
        ]  # fmt: skip
        if len(by_type) and not len(unknown):
            targets = "listings" if name == "price" else "companies"
            faults.append(
                Fault("unknown_id_type", name, f"no row has an id type that leads to {targets} "
                      f"({', '.join(usable)}); the upload has {', '.join(by_type['asset_id_type'])}",
                      "asset_id_type")
            )  # fmt: skip
        if not len(by_type):
            faults.append(Fault("no_rows", name, "the upload is empty"))
    return faults


def factor_groups(known: Collection[str], declared: Collection[str]) -> list[Fault]:
    """Declared groups without rows; known : groups of the upload."""
    missing = sorted(set(declared) - set(known))
    return [
        Fault("missing_group", "exposures", f"no rows of the factor group {group!r}; the upload has "
              f"{', '.join(sorted(known)) or 'none'}", "factor_group")
        for group in missing
    ]  # fmt: skip


def known_groups(
    rows: pl.LazyFrame, empty: Collection[str], identifiers: Identifiers, source: str = "exposures"
) -> list[Fault]:
    """Faults for declared groups (`empty`) in which no asset of the id map has a row."""
    known = ", ".join(identifiers.table["id"].unique().sort().head(3))
    faults = []
    for group in sorted(empty):
        ids = rows.filter(pl.col("factor_group") == group).select("asset_id").unique().sort("asset_id")
        examples = ", ".join(map(repr, ids.head(3).collect()["asset_id"]))
        faults.append(
            Fault("unknown_assets", source, f"no row of the factor group {group!r} is of an asset in the "
                  f"idmap: the upload has {examples}, the idmap {known}; correct the ids, or add them to the "
                  "idmap", "asset_id")
        )  # fmt: skip
    return faults


def no_listing(prices: pl.LazyFrame, identifiers: Identifiers) -> Fault:
    """The fault of prices none of which is of a listing in the id map."""
    ids = prices.select("asset_id").unique().sort("asset_id").head(3).collect()["asset_id"]
    known = ", ".join(map(repr, identifiers.table["id"].unique().sort().head(3)))
    return Fault(
        "no_rows", "price", f"no price is of a listing in the idmap: the upload has "
        f"{', '.join(map(repr, ids)) or 'no rows'}, the idmap {known or 'no listing'}; correct the ids, or "
        "add them to the idmap", "asset_id",
    )  # fmt: skip


def returns(index: PanelIndex, identifiers: Identifiers, bound: float | None) -> list[Fault]:
    """Used returns above the bound of the dataset; bound : None for no bound."""
    if bound is None:
        return []
    with np.errstate(invalid="ignore"):
        high = np.flatnonzero(index.local_return > bound)
    if not len(high):
        return []
    day = np.searchsorted(index.offsets, high, side="right") - 1
    names = identifiers.table["id"].gather(index.listing[high])
    first = pl.DataFrame({"day": day, "id": names, "return": index.local_return[high]}).sort("day", "id")
    examples = tuple(
        f"date {index.days[d]}, asset_id {name}, return {value:g}"
        for d, name, value in first.head(MAX_EXAMPLES).iter_rows()
    )
    message = (
        f"above max_return={bound:g}, a gain of {bound:.0%} from one price to the next; returns are "
        "fractions (0.01 for 1 %), adjusted for splits: correct them in the upload, or raise max_return if "
        "they are real"
    )
    return [Fault("max_return", "price", message, "return", len(high), examples)]


def merged(faults: Sequence[Fault]) -> list[Fault]:
    """Faults that differ in their rows only as one, with the first examples."""
    by_message: dict[tuple[str, str, str, str | None], Fault] = {}
    for fault in faults:
        key = (fault.rule, fault.upload, fault.message, fault.column)
        first = by_message.get(key)
        if first is None:
            by_message[key] = fault
        else:
            examples = (*first.examples, *fault.examples)[:MAX_EXAMPLES]
            by_message[key] = replace(first, count=first.count + fault.count, examples=examples)
    return list(by_message.values())


def rates(name: str, currencies: pl.DataFrame, fx: pl.DataFrame) -> list[Fault]:
    """Currencies that are used before their first exchange rate, or have none.

    currencies : ccy, first_use, last_use (dates), rows
    """
    first_rate = fx.group_by("ccy").agg(first_rate=pl.col("date").min())
    lacking = (
        currencies.with_columns(pl.col("ccy").cast(pl.String))
        .join(first_rate, on="ccy", how="left")
        .filter((pl.col("ccy") != "USD") | pl.col("first_rate").is_not_null())
        .filter(pl.col("first_rate").is_null() | (pl.col("first_use") < pl.col("first_rate")))
        .sort("ccy")
    )
    faults = []
    for ccy, first, last, count, rate in lacking.rows():
        problem = f"its first rate is of {rate}" if rate else "exchange_rates has none"
        faults.append(
            Fault("no_rate", name, f"{ccy} is used from {first} to {last} ({count:,} rows) but {problem}; "
                  f"upload exchange_rates for {ccy} from {first} on", "ccy")
        )  # fmt: skip
    return faults
