"""Numbers of members of a universe, also by category."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from openfactor.errors import SettingsError
from openfactor.exposures.membership import Membership
from openfactor.exposures.universe_frames import shown_members
from openfactor.settings.hierarchies import unknown


def universe_counts(
    universe: Membership,
    *,
    dates: bool = True,
    categorical_hierarchy_levels: Mapping[str, int] | None = None,
    labels: bool = True,
) -> pl.DataFrame:
    """Numbers of members on trading days.

    Parameters
    ----------
    dates
        One row per day with `count`; otherwise `mean`, `min` and `max` of the days' counts, days without any
        member of a category included.
    categorical_hierarchy_levels
        Hierarchy to the number of levels to count by, -1 for all; each adds the columns
        `{hierarchy}_level_1`, ... A member of two categories counts in both, one of none under null; below
        the end of a short branch the level is null.
    labels
        Name categories by label, otherwise by code.

    Raises
    ------
    SettingsError
        A hierarchy or level that the dataset does not have.
    """
    depths = _depths(universe, dict(categorical_hierarchy_levels or {}))
    days = [(d, universe.dataset.days[d]) for d in universe.trading.tolist()]
    members = shown_members(universe, days, universe.id_type())
    frame = pl.DataFrame({"row": members.rows, "date": members.dates, "asset": members.codes})
    for hierarchy, depth in depths.items():
        categories = _categories(universe, hierarchy, depth, labels)
        frame = frame.join(categories, on="row", how="left")
    levels = [f"{hierarchy}_level_{n}" for hierarchy, depth in depths.items() for n in range(1, depth + 1)]
    daily = frame.group_by("date", *levels).agg(count=pl.col("asset").n_unique().cast(pl.Int64))
    return daily.sort("date", *levels) if dates else _spread(daily, levels, len(days))


def _spread(daily: pl.DataFrame, levels: list[str], n_days: int) -> pl.DataFrame:
    """mean, min and max of the counts of all days; a day without a row counts as 0."""
    every_day = pl.len() == n_days
    spread = (
        (pl.col("count").sum() / n_days).alias("mean"),
        pl.when(every_day).then(pl.col("count").min()).otherwise(0).alias("min"),
        pl.col("count").max().alias("max"),
    )
    return daily.group_by(levels).agg(spread).sort(levels) if levels else daily.select(spread)


def _depths(universe: Membership, levels: Mapping[str, int]) -> dict[str, int]:
    """Hierarchy to the number of levels, -1 spelled out."""
    data = universe.dataset
    problems, depths = [], {}
    for hierarchy, level in levels.items():
        if hierarchy not in data.panel.sparse:
            problems.append(f"hierarchy: {unknown(hierarchy, data.panel.sparse)}")
            continue
        depth = data.trees[hierarchy].depth
        if level != -1 and not 1 <= level <= depth:
            problems.append(
                f"{hierarchy!r} has {depth} level{'s' * (depth > 1)}; ask for 1 to {depth}, or for -1 to "
                f"have all, not for {level}"
            )
        depths[hierarchy] = depth if level == -1 else level
    if problems:
        raise SettingsError("the counts cannot be had:", problems)
    return depths


def _categories(universe: Membership, hierarchy: str, depth: int, labels: bool) -> pl.DataFrame:
    """row, `{hierarchy}_level_1`, ...: one row for each category of each row of the panel that has one."""
    group, tree = universe.dataset.panel.sparse[hierarchy], universe.dataset.trees[hierarchy]
    paths = [tree.path(category)[:depth] for category in group.categories]
    frames = []
    for codes in group.codes:
        held = np.flatnonzero((codes >= 0) & universe.inside)
        columns = {}
        for n in range(depth):
            names = [(p[n].label if labels else p[n].code) if n < len(p) else None for p in paths]
            columns[f"{hierarchy}_level_{n + 1}"] = pl.Series(names, dtype=pl.String).gather(codes[held])
        frames.append(pl.DataFrame({"row": held, **columns}))
    # a row whose categories share the upper levels counts once in each of those
    return pl.concat(frames).unique()
