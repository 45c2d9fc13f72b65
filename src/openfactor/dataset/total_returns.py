"""Total returns derived from closes."""

from __future__ import annotations

import polars as pl

from openfactor.settings.riskdataset import EmptyReturns

PAID = ("dividend", "split")


def with_returns(rows: pl.DataFrame, how: EmptyReturns) -> pl.DataFrame:
    """Fill empty returns with the total returns that closes imply.

    A return runs from the listing's previous price in the currency, whatever the gap; it stays empty if that
    price has no close. `adjusted_close`: closes are adjusted for dividends and splits, and their growth is
    the return. `close`: each share held at the base becomes s shares by later splits, and dividends are paid
    on the shares held on their day: (s * close + sum of s_d * dividend_d) / base - 1.

    Parameters
    ----------
    rows : date, listing, ccy, close, return, and for `close` dividend and split, in any order

    Returns
    -------
    The rows, with `worth`: value at the close of a share held at the listing's previous price in the
    currency.
    """
    is_empty = pl.col("return").is_null() & pl.col("close").is_not_null()
    if how == "none" or (how == "adjusted_close" and not rows.select(is_empty.any()).item()):
        return rows.with_columns(worth="close")
    shares, paid = pl.lit(1.0), pl.lit(0.0)
    by = ["listing", "ccy"]
    ordered = rows.with_row_index("row").sort(*by, "date")
    if how == "close":
        # of one share at the listing's first row
        shares = pl.col("split").fill_null(1.0).cum_prod().over(by)
        paid = (pl.col("dividend").fill_null(0.0) * shares).cum_sum().over(by)
    ordered = ordered.with_columns(shares=shares, paid=paid)
    is_price = pl.col("close").is_not_null() | pl.col("return").is_not_null()
    value = pl.col("close") * pl.col("shares")
    before = [pl.col(c).shift(1).over(by) for c in ("close", "shares", "paid")]
    worth = (value + pl.col("paid") - before[2].fill_null(0.0)) / before[1].fill_null(1.0)
    derived = ordered.filter(is_price).select("row", worth=worth, derived=worth / before[0] - 1)
    filled = rows.with_row_index("row").join(derived, on="row", how="left", maintain_order="left")
    return filled.with_columns(pl.coalesce("return", "derived").alias("return")).select(
        *rows.columns, "worth"
    )
