"""A hierarchy and memberships from a table of assets with one column per level."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openfactor.errors import DataError, Fault

if TYPE_CHECKING:
    import polars as pl

JOINT = "/"
"""Between the names of a path that is a code."""
_SHOWN = 5


def hierarchy_and_memberships(
    df: Any,
    levels: str | Sequence[str],
    *,
    factor_group: str,
    asset_id: str = "asset_id",
    asset_id_type: str | None = None,
    date: str | dt.date = "date",
    labels: Mapping[str, str] | None = None,
    own_codes: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What to upload as `hierarchies` and as `exposures` for a table such as asset, sector, industry.

    Where a level holds names, a code is the path to it, `Energy/Other`, so that the code of an asset is the
    same whatever other assets there are, now or later; a joint or a backslash within a name has a backslash
    before it. Codes of the classification are taken as they are.

    Parameters
    ----------
    df
        A frame of polars, pandas or pyarrow; one row per asset, or per day and asset.
    levels
        Its columns from the top down. The cells of the lower ones may be empty where a branch ends.
    factor_group
        The group of the memberships.
    asset_id
        The column of identifiers.
    asset_id_type
        The type of all identifiers; None if the column `asset_id_type` has it.
    date
        The column of days, or the day of all rows.
    labels
        Column of a level to the column with its labels; such a level holds codes.
    own_codes
        All levels hold codes of the classification, such as 1010, of which each has one place.

    Returns
    -------
    hierarchy, memberships
        The first has level (1 at the top), code, label and parent_code; the second date, asset_id,
        asset_id_type, factor_group, factor (the code of the lowest level) and exposure, which is 1.

    Raises
    ------
    DataError
        With every row that has no place, every asset that has two on a day, and every code with two places
        or labels.
    """
    from openfactor.frames import as_polars  # which loads polars

    levels = [levels] if isinstance(levels, str) else list(levels)
    label_columns = dict(labels or {})
    table = as_polars(df, "table")
    _check_columns(table, levels, asset_id, asset_id_type, date, label_columns)
    rows = _texts(table, levels, asset_id, asset_id_type, date, label_columns)
    paths = [
        tuple(name for name in path if name is not None)
        for path in rows.select(f"level {i}" for i in range(len(levels))).rows()
    ]
    codes = _codes(paths, [own_codes or level in label_columns for level in levels])
    names, ambiguous = _labels(rows, paths, codes, len(levels))
    faults = [*_misplaced(rows, paths, levels), *_repeated(rows, paths), *_shared(codes), *ambiguous]
    if faults:
        raise DataError("no hierarchy can be made of this table:", faults)
    return _hierarchy(codes, names), _memberships(rows, [codes[path] for path in paths], factor_group)


def _texts(
    table: pl.DataFrame,
    levels: Sequence[str],
    asset_id: str,
    asset_id_type: str | None,
    date: str | dt.date,
    labels: Mapping[str, str],
) -> pl.DataFrame:
    """_row, date, asset_id, asset_id_type, and `level i` and `label i` per level; all but dates as text."""
    import polars as pl

    day = pl.col(date) if isinstance(date, str) and date in table.columns else pl.lit(_as_date(date))
    id_type = pl.col("asset_id_type") if asset_id_type is None else pl.lit(asset_id_type)
    rows = table.select(
        day.alias("date"),
        pl.col(asset_id).alias("asset_id"),
        id_type.alias("asset_id_type"),
        *(pl.col(level).alias(f"level {i}") for i, level in enumerate(levels)),
        *(pl.col(labels.get(level, level)).alias(f"label {i}") for i, level in enumerate(levels)),
    )
    columns = [_text(rows.get_column(name)).alias(name) for name in rows.columns if name != "date"]
    return rows.with_columns(columns).with_row_index("_row")


def _hierarchy(codes: Mapping[tuple[str, ...], str], labels: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        [
            (len(path), code, labels[code], codes[path[:-1]] if len(path) > 1 else None)
            for path, code in sorted(codes.items(), key=lambda item: (len(item[0]), item[0]))
        ],
        schema={"level": pl.Int32, "code": pl.String, "label": pl.String, "parent_code": pl.String},
        orient="row",
    )


def _memberships(rows: pl.DataFrame, codes: Sequence[str], factor_group: str) -> pl.DataFrame:
    import polars as pl

    return rows.select(
        "date",
        "asset_id",
        "asset_id_type",
        pl.lit(factor_group).alias("factor_group"),
        pl.Series("factor", codes, dtype=pl.String),
        exposure=pl.lit(1.0),
    ).unique(maintain_order=True)


def _check_columns(
    table: pl.DataFrame,
    levels: Sequence[str],
    asset_id: str,
    asset_id_type: str | None,
    date: str | dt.date,
    labels: Mapping[str, str],
) -> None:
    needed = [asset_id, *levels, *labels.values(), *([] if asset_id_type else ["asset_id_type"])]
    missing = [name for name in needed if name not in table.columns]
    if isinstance(date, str) and date not in table.columns and _parsed(date) is None:
        missing.append(date)
    faults = [
        Fault("missing_column", "table", f"is missing; the table has {', '.join(table.columns)}", name)
        for name in missing
    ]
    if not levels:
        faults.append(Fault("missing_column", "table", "name at least one level"))
    if faults:
        raise DataError("no hierarchy can be made of this table:", faults)


def _parsed(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _as_date(date: str | dt.date) -> dt.date | None:
    if isinstance(date, dt.datetime):
        return date.date()
    return _parsed(date) if isinstance(date, str) else date


def _text(column: pl.Series) -> pl.Series:
    """Cells as text without blanks around; whole numbers without a point, null for what is empty."""
    import polars as pl

    from openfactor.frames import MIXED

    if column.dtype == MIXED:
        column = pl.Series([_shown(cell) for cell in column], dtype=pl.String)
    if column.dtype.is_float():
        whole = column.fill_nan(None).cast(pl.Int64, strict=False)
        column = whole if (whole == column).all() else column.fill_nan(None)
    text = column.cast(pl.String).str.replace_all("\u00a0", " ").str.strip_chars()
    return text.set((text == "").fill_null(False), None)


def _shown(cell: Mapping[str, Any] | None) -> str | None:
    """A cell of a column that mixes types as text."""
    if cell is None:
        return None
    number = cell["number"]
    return f"{number:.0f}" if number is not None and number.is_integer() else cell["shown"]


def _fault(rule: str, message: str, column: str | None, places: list[str]) -> list[Fault]:
    if not places:
        return []
    return [Fault(rule, "table", message, column, len(places), tuple(places[:_SHOWN]))]


def _misplaced(rows: pl.DataFrame, paths: list[tuple[str, ...]], levels: Sequence[str]) -> list[Fault]:
    """Rows without an asset or a day, without a top, with a gap in their path, or above its end."""
    import polars as pl

    inner = {path[:i] for path in paths for i in range(1, len(path))}
    empty: list[str] = []
    gaps: list[str] = []
    above: list[str] = []
    incomplete = rows.filter(pl.any_horizontal(pl.col("date", "asset_id", "asset_id_type").is_null()))
    for row, path in zip(rows.to_dicts(), paths, strict=True):
        place = f"row {row['_row']}, asset_id {row['asset_id']}"
        cells = [row[f"level {i}"] for i in range(len(levels))]
        if not path:
            empty.append(place)
        elif None in cells[: len(path)]:
            gaps.append(place)
        elif path in inner:
            above.append(f"{place}, {levels[len(path) - 1]} {path[-1]}")
    unnamed = [f"row {row}" for row in incomplete["_row"]]
    return [
        *_fault("empty", "date, asset_id and asset_id_type must not be empty", None, unnamed),
        *_fault("empty", "must not be empty", levels[0], empty),
        *_fault("gap", "a level above one that is given is empty", None, gaps),
        *_fault("no_leaf", "others go on below this code; give all levels, such as 'Other'", None, above),
    ]


def _repeated(rows: pl.DataFrame, paths: list[tuple[str, ...]]) -> list[Fault]:
    places: dict[tuple[Any, ...], set[tuple[str, ...]]] = {}
    for row, path in zip(rows.select("date", "asset_id", "asset_id_type").rows(), paths, strict=True):
        places.setdefault(row, set()).add(path)
    twice = [
        f"date {day}, asset_id {name}"
        for (day, name, _), paths_of_asset in places.items()
        if len(paths_of_asset) > 1
    ]
    return _fault("two_places", "an asset has one place a day", "asset_id", twice)


def _codes(paths: list[tuple[str, ...]], own: Sequence[bool]) -> dict[tuple[str, ...], str]:
    """Path to code, for every place in the tree. `own` says per level whether its cells are codes already."""
    codes: dict[tuple[str, ...], str] = {}
    for path in paths:
        for i, cell in enumerate(path):
            name = cell.replace("\\", "\\\\").replace(JOINT, f"\\{JOINT}")
            above = f"{codes[path[:i]]}{JOINT}" if i else ""
            codes[path[: i + 1]] = cell if own[i] else above + name
    return codes


def _shared(codes: Mapping[tuple[str, ...], str]) -> list[Fault]:
    """Codes of the classification with several places."""
    places: dict[str, list[str]] = {}
    for path, code in codes.items():
        places.setdefault(code, []).append(" > ".join(path))
    shared = [f"{code}: {'; '.join(sorted(paths))}" for code, paths in places.items() if len(paths) > 1]
    message = "a code has one place in the tree; without own_codes and labels, a code is its path"
    return _fault("two_parents", message, None, sorted(shared))


def _labels(
    rows: pl.DataFrame, paths: list[tuple[str, ...]], codes: Mapping[tuple[str, ...], str], depth: int
) -> tuple[dict[str, str], list[Fault]]:
    """Code to label, and the faults of codes with several."""
    choices: dict[str, set[str]] = {code: set() for code in codes.values()}
    for path, cells in zip(paths, rows.select(f"label {i}" for i in range(depth)).rows(), strict=True):
        for i in range(len(path)):
            if cells[i] is not None:
                choices[codes[path[: i + 1]]].add(cells[i])
    last = {code: path[-1] for path, code in codes.items()}
    several = [f"{code}: {', '.join(sorted(names))}" for code, names in choices.items() if len(names) > 1]
    labels = {code: min(names, default=last[code]) for code, names in choices.items()}
    return labels, _fault("two_labels", "a code has one label", None, sorted(several))
