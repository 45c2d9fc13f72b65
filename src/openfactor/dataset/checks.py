"""What must hold between the uploads of a dataset; each check returns the faults it finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from openfactor.errors import Fault
from openfactor.uploads.validation import examples


def id_types(uploads: Mapping[str, pl.LazyFrame], idmap: pl.DataFrame, master: str) -> list[Fault]:
    """Id types that the id map has never heard of, and uploads without any row of the master type."""
    known = set(idmap["from_id_type"]) | set(idmap["to_id_type"])
    faults = []
    for name, rows in uploads.items():
        counts = rows.group_by("asset_id_type").len().sort("asset_id_type").collect()
        unknown = counts.filter(~pl.col("asset_id_type").is_in(list(known)))
        faults += [
            Fault("unknown_id_type", name, f"{id_type!r} is not an id type of the idmap "
                  f"({', '.join(sorted(known)) or 'empty'}); {count:,} rows have it", "asset_id_type")
            for id_type, count in unknown.rows()
        ]  # fmt: skip
        if len(counts) and master not in set(counts["asset_id_type"]) and not len(unknown):
            faults.append(
                Fault("unknown_id_type", name, f"no row has the master id type {master!r}; there are "
                      f"{', '.join(counts['asset_id_type'])}", "asset_id_type")
            )  # fmt: skip
        if not len(counts):
            faults.append(Fault("no_rows", name, "the upload is empty"))
    return faults


def factor_groups(found: Collection[str], declared: Collection[str]) -> list[Fault]:
    """Declared groups that the exposures do not have."""
    missing = sorted(set(declared) - set(found))
    return [
        Fault("missing_group", "exposures", f"no rows of the factor group {group!r}; the upload has "
              f"{', '.join(sorted(found)) or 'none'}", "factor_group")
        for group in missing
    ]  # fmt: skip


def rates(uploads: Mapping[str, pl.DataFrame], fx: pl.DataFrame) -> list[Fault]:
    """Currencies in use on a day before their first exchange rate, or without any."""
    first_rate = fx.group_by("ccy").agg(first_rate=pl.col("date").min())
    faults = []
    for name, rows in uploads.items():
        lacking = (
            rows.group_by("ccy")
            .agg(first_use=pl.col("date").min(), last_use=pl.col("date").max(), rows=pl.len())
            .join(first_rate, on="ccy", how="left")
            .filter((pl.col("ccy") != "USD") | pl.col("first_rate").is_not_null())
            .filter(pl.col("first_rate").is_null() | (pl.col("first_use") < pl.col("first_rate")))
            .sort("ccy")
        )
        for ccy, first, last, count, rate in lacking.rows():
            have = f"its first rate is of {rate}" if rate else "exchange_rates has none"
            faults.append(
                Fault("no_rate", name, f"{ccy} is used from {first} to {last} ({count:,} rows) but {have}; "
                      f"upload exchange_rates for {ccy} from {first} on", "ccy")
            )  # fmt: skip
    return faults


def precision(rows: pl.DataFrame, dtype: str) -> list[Fault]:
    """Exposures that half precision turns into infinity or, though not zero, into zero."""
    values = rows["exposure"].to_numpy()
    with np.errstate(over="ignore", under="ignore"):
        stored = values.astype(dtype)
    lost = np.isinf(stored) | ((stored == 0) & (values != 0))
    if not lost.any():
        return []
    bad = rows.filter(pl.Series(lost)).sort("date", "id", "factor_group", "factor")
    remedy = 'set exposure_dtype="float32"' if dtype == "float16" else "rescale these exposures"
    return [
        Fault("precision", "exposures", f"{dtype} cannot hold these values; {remedy}", "exposure", len(bad),
              examples(bad, ["date", "id", "factor_group", "factor", "exposure"]))
    ]  # fmt: skip
