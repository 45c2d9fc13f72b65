"""Financial statements of companies, with their report dates."""

import datetime as dt

import polars as pl

from openfactor.uploads.schema import (
    DATE,
    NUMBER,
    Column,
    DataType,
    Rule,
    currency_column,
    finite,
    id_columns,
    not_negative,
)

_QUARTER, _KNOWN = dt.date(2023, 9, 30), dt.date(2023, 11, 3)


def _item(name: str, description: str, examples: tuple[float, float]) -> Column:
    return Column(name, NUMBER, description, examples, optional=True)


_ITEMS = (
    _item("shares", "shares outstanding at the end of the period", (1.55e10, 7.4e9)),
    _item("common_equity", "common equity", (6.2e10, 2.2e11)),
    _item("revenue", "of the period", (8.9e10, 5.7e10)),
    _item("cash_from_operations", "of the period", (2.2e10, 3.1e10)),
    _item("net_income", "of the period", (2.3e10, 2.2e10)),
    _item("preferred_and_minority", "preferred equity and minority interest", (0.0, 0.0)),
    _item("dividends_per_share", "of the period", (0.24, 0.68)),
    _item("earnings_per_share", "of the period", (1.46, 2.99)),
    _item("long_term_debt", "at the end of the period", (9.5e10, 4.2e10)),
    _item("short_term_debt", "at the end of the period", (1.6e10, 3.0e10)),
    _item("total_assets", "at the end of the period", (3.5e11, 4.5e11)),
    _item("capital_expenditure", "of the period", (2.2e9, 9.9e9)),
)


class Fundamentals(DataType):
    """Quarterly statements; one row per period and report, so that restatements are kept."""

    name = "fundamentals"
    columns = (
        Column("period_end", DATE, "last day of the period", (_QUARTER, _QUARTER), key=True,
               aliases=("quarter_end", "fiscal_period_end")),
        *id_columns("identifier of the company"),
        Column("report_date", DATE, "day of publication; empty if unknown", (_KNOWN, None),
               key=True, nullable=True, aliases=("announcement_date", "filing_date")),
        currency_column("currency of the amounts"),
        *_ITEMS,
    )  # fmt: skip
    rules = (
        *(finite(item.name) for item in _ITEMS),
        not_negative("shares"),
        Rule(
            "report_order",
            "report_date",
            pl.col("report_date") < pl.col("period_end"),
            "is before the end of the period",
        ),
    )
    dated_by = "period_end"
    detail_by = ("period_end",)
