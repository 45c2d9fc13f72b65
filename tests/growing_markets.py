"""Small markets in which everything that can appear late does, and what was known of them on each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

START = dt.date(2024, 1, 22)
DAYS = [day for day in (START + dt.timedelta(i) for i in range(24)) if day.weekday() < 5]
"""Of two months."""
FACTORS = ("value", "alpha", "size", "momentum")
INDUSTRIES = ("tech", "banks", "autos", "oil")
CURRENCIES = ("USD", "CHF", "EUR", "AUD")
LISTED = ["date", "asset_id", "asset_id_type"]


class GrowingMarket:
    """Uploads drawn from a seed.

    Companies have one to three listings, by ticker; isins lead to listings, figis to companies, some of them
    for a while only. One ticker passes from one company to another. Listings appear, pause, come back and
    are delisted; caps, factors, categories, currencies and exchanges appear late; unknown assets have rows
    too, often before known ones do.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        rng = self.rng
        names = [f"{letter}{number}" for letter in "QAZMB" for number in range(2)]
        self.tickers = [str(name) for name in rng.permutation(names)[: rng.integers(4, 9)]]
        companies = [str(name) for name in rng.permutation(self.tickers)[: rng.integers(2, 5)]]
        self.company = {name: str(rng.choice(companies)) for name in self.tickers}
        self.first_day = {name: int(rng.choice([0, 0, 0, 3, 7, 12])) for name in self.tickers}
        self.first_day[self.tickers[0]] = 0
        self.first_rate = {ccy: int(rng.choice([0, 0, 4, 9])) for ccy in CURRENCIES}
        self.first_rate["USD"] = 0
        self.idmap = self._idmap()

    def _idmap(self) -> pl.DataFrame:
        rng, rows = self.rng, []
        for number, name in enumerate(self.tickers):
            first = DAYS[max(self.first_day[name] - int(rng.integers(0, 2)), 0)]
            start = dt.date.min if rng.random() < 0.5 else first
            end = dt.date.max if rng.random() < 0.7 else DAYS[int(rng.integers(12, len(DAYS)))]
            if number == 1:  # passes to another company
                handed = DAYS[int(rng.integers(5, len(DAYS)))]
                rows.append(("ticker", name, "core", self.company[name], dt.date.min, _before(handed)))
                rows.append(("ticker", name, "core", str(rng.choice(["C-new", *self.company.values()])),
                             handed, dt.date.max))  # fmt: skip
                continue
            rows.append(("ticker", name, "core", self.company[name], start, end))
            if rng.random() < 0.6:
                begins = rng.choice(len(DAYS), 2)
                rows.append(("isin", f"I{name}", "ticker", name, DAYS[int(begins.min())], dt.date.max))
        for company in sorted(set(self.company.values())):
            if rng.random() < 0.7:
                start = DAYS[int(rng.integers(0, 10))] if rng.random() < 0.5 else dt.date.min
                rows.append(("figi", f"F{company}", "core", company, start, dt.date.max))
        if rng.random() < 0.5:  # figis of listings, from a day on
            start = DAYS[int(rng.integers(1, len(DAYS)))]
            rows.append(("figi", "FX", "ticker", self.tickers[0], start, dt.date.max))
        if rng.random() < 0.7:  # sedols lead to isins, from a day on to tickers
            rows += [
                ("sedol", f"S{name}", "isin", f"I{name}", dt.date.min, dt.date.max) for name in self.tickers
            ]
            start = DAYS[int(rng.integers(1, len(DAYS)))]
            rows.append(("sedol", f"S{self.tickers[0]}", "ticker", self.tickers[0], start, dt.date.max))
        columns = ["from_id_type", "from_id", "to_id_type", "to_id", "start_date", "end_date"]
        return pl.DataFrame(rows, schema=columns, orient="row").unique(columns[:5], maintain_order=True)

    def uploads(self) -> dict[str, pl.DataFrame]:
        """All tables, keyed by data type; `scores`, more exposures; and `ff`, a series of factor returns.

        No row names a ticker or company before its first mapping, in whatever id type.
        """
        tables = self._tables()
        masters = self.idmap.filter(pl.col("to_id_type") == "core", pl.col("from_id_type") == "ticker")
        begins = pl.concat(
            masters.group_by(asset_id_type=f"{side}_id_type", asset_id=f"{side}_id").agg(
                begin=pl.col("start_date").min()
            )
            for side in ("from", "to")
        )
        aliases = (
            begins.filter(pl.col("asset_id_type") == of).with_columns(
                asset_id_type=pl.lit(id_type), asset_id=letter + pl.col("asset_id")
            )
            for of, id_type, letter in (
                ("ticker", "isin", "I"),
                ("ticker", "sedol", "S"),
                ("core", "figi", "F"),
            )
        )
        begins = pl.concat([begins, *aliases])
        for name in ("price", "market_cap", "exposures", "scores"):
            dated = tables[name].join(
                begins, on=["asset_id_type", "asset_id"], how="left", maintain_order="left"
            )
            tables[name] = dated.filter((pl.col("date") >= pl.col("begin")).fill_null(value=True)).drop(
                "begin"
            )
        return tables

    def _tables(self) -> dict[str, pl.DataFrame]:
        return {
            "idmap": self.idmap,
            "price": self._prices(),
            "market_cap": self._caps(),
            "exposures": self._exposures(),
            "scores": self._scores(),
            "exchange_rates": self._rates(),
            "exchange_dates": self._closures(),
            "ff": pl.DataFrame({"date": DAYS, "factor": "SMB", "value": self.rng.normal(0, 0.01, len(DAYS))}),
        }

    def _prices(self) -> pl.DataFrame:
        rng, rows = self.rng, []
        for name in self.tickers:
            days = [d for d in range(self.first_day[name], len(DAYS)) if rng.random() < 0.85]
            if rng.random() < 0.4:  # a pause
                pause = rng.integers(0, len(DAYS))
                days = [d for d in days if not pause <= d < pause + 7]
            if name == self.tickers[0]:
                days = [0, *[d for d in days if d > 0]]
            flagged = days[-1] if days and rng.random() < 0.2 else None
            change = int(rng.integers(1, 2 * len(DAYS)))
            first, then = (str(ccy) for ccy in rng.choice(CURRENCIES, 2))
            for number, d in enumerate(days):
                quoted = [first if d < change else then]
                if rng.random() < 0.1:
                    quoted.append(str(rng.choice(CURRENCIES)))
                quoted = sorted({ccy if self.first_rate[ccy] <= d else "USD" for ccy in quoted})
                for ccy in quoted:
                    stated = None if number == 0 or rng.random() < 0.1 else float(rng.normal(0, 0.02))
                    rows.append(
                        (DAYS[d], name, "ticker", ccy, float(rng.uniform(5, 9)), stated, d == flagged)
                    )
        schema = {
            "date": pl.Date, "asset_id": pl.String, "asset_id_type": pl.String, "ccy": pl.String,
            "close": pl.Float64, "return": pl.Float64, "delisted": pl.Boolean,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def ids(self, kinds: Sequence[str]) -> list[tuple[str, str]]:
        """Identifiers of all kinds, known or not."""
        known = {
            "ticker": self.tickers,
            "isin": [f"I{name}" for name in self.tickers],
            "sedol": [f"S{name}" for name in self.tickers],
            "figi": ["FX", *(f"F{name}" for name in sorted(set(self.company.values())))],
            "core": sorted(set(self.company.values())),
            "unknown": ["U1", "U2"],
        }
        return [(name, "ticker" if kind == "unknown" else kind) for kind in kinds for name in known[kind]]

    def _grid(self, kinds: Sequence[str], share: float) -> list[tuple[dt.date, str, str]]:
        return [(day, *asset) for day in DAYS for asset in self.ids(kinds) if self.rng.random() < share]

    def _caps(self) -> pl.DataFrame:
        rng = self.rng
        kinds = [
            ["ticker"],
            ["ticker", "unknown"],
            ["core", "ticker"],
            ["ticker", "isin", "figi"],
            ["sedol", "core"],
        ]
        late = {asset: DAYS[int(rng.choice([0, 0, 5, 11]))] for asset in self.ids(["ticker", "core"])}
        rows = []
        for day, name, kind in self._grid(kinds[rng.integers(len(kinds))], 0.5):
            if day >= late.get((name, kind), START):
                ccy = str(rng.choice([c for c in CURRENCIES if DAYS[self.first_rate[c]] <= day]))
                vol = float(rng.uniform(0.01, 0.03)) if rng.random() < 0.8 else None
                rows.append((day, name, kind, ccy, float(rng.uniform(1e9, 2e9)), 1.0, vol))
        rows.append((DAYS[0], self.tickers[0], "ticker", "USD", 1e9, 1.0, 0.02))
        columns = [*LISTED, "ccy", "market_cap", "volume", "idio_vol"]
        frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
        return frame.unique(LISTED, keep="last", maintain_order=True)

    def _exposures(self) -> pl.DataFrame:
        rng = self.rng
        kinds = [
            ["ticker", "unknown"],
            ["core", "unknown"],
            ["ticker", "figi"],
            ["core", "isin", "unknown"],
            ["ticker", "sedol"],
        ]
        assets = kinds[rng.integers(len(kinds))]
        rows = self._loadings("style", FACTORS, assets, 0.7) + self._categories("industry", assets)
        kind, name = (
            ("core", self.company[self.tickers[0]]) if "core" in assets else ("ticker", self.tickers[0])
        )
        rows += [(DAYS[0], name, kind, "style", "value", 1.0), (DAYS[0], name, kind, "industry", "oil", 1.0)]
        return _exposures(rows)

    def _scores(self) -> pl.DataFrame:
        """Of few assets, so that trims matter, unknown ones before the others; one day is no trading day."""
        rng, name, saturday = self.rng, self.tickers[0], START + dt.timedelta(5)
        first = DAYS[int(rng.choice([0, 2, 5]))]
        rows = self._loadings("alpha", ("one", "two"), ["ticker", "unknown"], 0.15)
        rows += self._categories("region", ["ticker", "unknown"], 0.1)
        rows = [
            row for row in rows if (row[4] in ("two", "autos") if row[1].startswith("U") else row[0] >= first)
        ]
        rows += [(first, name, "ticker", "alpha", "one", 0.5), (first, name, "ticker", "region", "oil", 1.0)]
        rows += [(saturday, str(rng.choice([*self.tickers, "U1"])), "ticker", "alpha", "two", 0.25)]
        return _exposures(rows)

    def _loadings(
        self, group: str, factors: Sequence[str], kinds: Sequence[str], share: float
    ) -> list[tuple]:
        rng, rows = self.rng, []
        starts = {factor: DAYS[int(rng.choice([0, 0, 4, 10]))] for factor in factors}
        for day, name, kind in self._grid(kinds, share):
            for factor in factors:
                begun = day >= starts[factor] or name.startswith("U")
                if begun and rng.random() < 0.8:
                    rows.append((day, name, kind, group, factor, float(np.round(rng.normal(), 3))))
        return rows

    def _categories(self, group: str, kinds: Sequence[str], share: float = 0.5) -> list[tuple]:
        rng, rows = self.rng, []
        starts = {name: DAYS[int(rng.choice([0, 3, 6, 11]))] for name in INDUSTRIES}
        several, partial = (DAYS[int(rng.integers(4, 2 * len(DAYS)) % len(DAYS))] for _ in range(2))
        for day, name, kind in self._grid(kinds, share):
            open_to = [c for c in INDUSTRIES if day >= starts[c] or name.startswith("U")]
            n = 2 if day >= several and rng.random() < 0.3 else 1
            for category in rng.permutation(open_to)[:n]:
                value = rng.choice([0.0, 0.5, 1.0]) if day >= partial and rng.random() < 0.3 else 1.0
                rows.append((day, name, kind, group, str(category), float(value)))
        return rows

    def _rates(self) -> pl.DataFrame:
        rows = [
            (day, ccy, float(self.rng.uniform(0.5, 2)))
            for d, day in enumerate(DAYS)
            for ccy in CURRENCIES
            if ccy != "USD"
            and d >= self.first_rate[ccy]
            and (d == self.first_rate[ccy] or self.rng.random() < 0.7)
        ]
        rows.append((DAYS[0], "USD", 1.0))
        return pl.DataFrame(rows, schema=["date", "ccy", "fx_rate"], orient="row")

    def _closures(self) -> pl.DataFrame:
        rows = [(DAYS[int(d)], x) for x in ("XNYS", "XASX") for d in self.rng.integers(1, len(DAYS), 2)]
        rows += [(dt.date(2023, 12, 25), "XNYS")]
        return pl.DataFrame(rows, schema=["date", "exchange"], orient="row").unique(maintain_order=True)


def known_by(uploads: Mapping[str, pl.DataFrame], day: dt.date) -> dict[str, pl.DataFrame]:
    """What a user has on the evening of a day. Closures are known in advance; ends of mappings, and mappings
    that begin later, are not.
    """
    out = {
        name: frame.filter(pl.col("date") <= day)
        if "date" in frame.columns and name != "exchange_dates"
        else frame
        for name, frame in uploads.items()
    }
    open_ended = pl.when(pl.col("end_date") > day).then(dt.date.max).otherwise("end_date")
    out["idmap"] = uploads["idmap"].filter(pl.col("start_date") <= day).with_columns(end_date=open_ended)
    return out


def _before(day: dt.date) -> dt.date:
    return day - dt.timedelta(1)


def _exposures(rows: list[tuple]) -> pl.DataFrame:
    columns = [*LISTED, "factor_group", "factor", "exposure"]
    frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return frame.unique(columns[:5], keep="last", maintain_order=True)
