"""Holds a frame against its data type and finds every fault in one pass."""

from __future__ import annotations

import polars as pl

from openfactor.errors import DataError, Fault
from openfactor.uploads.schema import Column, DataType

EXAMPLES = 5


def examples(rows: pl.DataFrame, columns: list[str]) -> tuple[str, ...]:
    """The first rows as text, each naming its row number (when there is one) and its key."""
    shown = rows.head(EXAMPLES)
    keep = [c for c in ("_row", *columns) if c in shown.columns]
    return tuple(
        ", ".join(f"{'row' if name == '_row' else name} {value!s}" for name, value in row.items())
        for row in shown.select(list(dict.fromkeys(keep))).to_dicts()
    )


def normalise(frame: pl.DataFrame, data_type: DataType) -> tuple[pl.DataFrame, list[Fault]]:
    """The columns of the data type in its types, and the faults of names and types.

    Numbers of any width become Float64, datetimes at midnight become dates, categoricals become text:
    casts that lose nothing. Everything else is a fault; a column that has one is left out.
    """
    faults: list[Fault] = []
    wanted = set(data_type.schema)
    missing = [c for c in data_type.schema if c not in frame.columns]
    unknown = [c for c in frame.columns if c not in wanted]
    for name in missing:
        hint = f"; found instead: {', '.join(unknown)}" if unknown else ""
        faults.append(Fault("missing_column", data_type.name, f"the column is missing{hint}", name))
    if unknown and not missing:
        faults.append(
            Fault("unknown_column", data_type.name, f"remove or rename {', '.join(unknown)}; "
                  f"the columns are {', '.join(data_type.schema)}")
        )  # fmt: skip
    columns = []
    for column in data_type.columns:
        if column.name in missing:
            continue
        series = frame.get_column(column.name)
        cast = _cast(series, column)
        if cast is None:
            faults.append(
                Fault("wrong_type", data_type.name, f"is {series.dtype}, must be {column.dtype}", column.name)
            )
        else:
            columns.append(cast)
    return pl.DataFrame(columns), faults


def _cast(series: pl.Series, column: Column) -> pl.Series | None:
    if series.dtype == column.dtype:
        return series
    if series.dtype == pl.Null:
        return series.cast(column.dtype)
    if column.dtype == pl.Float64 and series.dtype.is_numeric():
        return series.cast(pl.Float64)
    if column.dtype == pl.String and isinstance(series.dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    if column.dtype == pl.Date and isinstance(series.dtype, pl.Datetime):
        days = series.cast(pl.Date)
        return days if bool((days.cast(series.dtype) == series).all()) else None
    return None


def validate(frame: pl.DataFrame, data_type: DataType, *, whole: bool) -> pl.DataFrame:
    """The normalised frame.

    `whole` says that the frame is all there will be, so that rules on the history apply.

    Raises
    ------
    DataError: with every fault of the frame, its column, count and first rows.
    """
    rows, faults = normalise(frame, data_type)
    rows = rows.with_row_index("_row")
    key = [k for k in data_type.key if k in rows.columns]
    for column in data_type.columns:
        if column.name in rows.columns and not column.nullable:
            empty = rows.filter(pl.col(column.name).is_null())
            if len(empty):
                faults.append(
                    Fault("empty", data_type.name, "must not be empty", column.name, len(empty),
                          examples(empty, key))
                )  # fmt: skip
    for rule in data_type.rules:
        if not set(rule.broken.meta.root_names()) <= set(rows.columns):
            continue
        broken = rows.filter(rule.broken)
        if len(broken):
            faults.append(
                Fault(rule.name, data_type.name, rule.message, rule.column, len(broken),
                      examples(broken, [*key, rule.column]))
            )  # fmt: skip
    if len(key) == len(data_type.key):
        repeated = rows.filter(pl.struct(key).is_duplicated()).sort(key)
        if len(repeated):
            faults.append(
                Fault("duplicate_key", data_type.name, f"{', '.join(key)} must be unique", None,
                      len(repeated), examples(repeated, key))
            )  # fmt: skip
    if whole and not faults:
        for check in data_type.whole_rules:
            faults.extend(check(rows))
    if faults:
        raise DataError(
            f"{data_type.name}: nothing was stored, {len(faults)} fault{'s' * (len(faults) > 1)}:", faults
        )
    return rows.drop("_row")
