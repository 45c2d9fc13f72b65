"""Pictures of factors. Needs the `plot` extra."""

from __future__ import annotations

from collections.abc import Mapping
from colorsys import hsv_to_rgb
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]
LINES = 8
"""Lines in one panel, about as many as can be told apart and labelled."""
_HEIGHT, _WIDTH = 2.8, 6.5
"""Of a panel, in inches."""
_LABEL = 0.075
"""Height of a label, as a share of a panel's."""


def plot_cumulative_returns(returns: pl.DataFrame) -> Figure:
    """Panels by group of at most `LINES` factors; every line has a colour of its own and its name at its end.

    returns : date, and the return of each factor in a column `{group}.{factor}`
    """
    from matplotlib.figure import Figure

    dates = returns["date"].to_numpy()
    groups: dict[str, dict[str, Float]] = {}
    for column in returns.drop("date").iter_columns():
        group, _, factor = column.name.partition(".")
        groups.setdefault(group, {})[factor] = np.cumsum(column.to_numpy())
    panels = [panel for group, lines in groups.items() for panel in _panels(group, lines)]
    columns = 1 if len(panels) < 3 else 2
    rows = max(-(-len(panels) // columns), 1)
    figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * rows + 0.6), layout="constrained")
    figure.suptitle("Cumulative factor returns")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for unused in axes[len(panels) :]:
        unused.remove()
    for p, (ax, (title, lines)) in enumerate(zip(axes, panels, strict=False)):
        for k, (name, values) in enumerate(lines.items()):
            # hues far apart within a panel; shift and saturation of the panel, so that no colour comes twice
            shift = p / len(panels)
            color = hsv_to_rgb((k + shift) / len(lines), 1 - 0.2 * shift, 0.85 if k % 2 else 0.6)
            ax.plot(dates, values, lw=0.9, label=name, color=color)
        ax.set(title=title, ylabel="sum of returns")
        ax.tick_params(labelbottom=True)
        _label_ends(ax)
    return figure


def _panels(group: str, lines: Mapping[str, Float]) -> list[tuple[str, dict[str, Float]]]:
    """A group in panels of about equally many lines, those that ended highest first."""
    ranked = sorted(lines, key=lambda name: -lines[name][-1] if len(lines[name]) else 0.0)
    parts = np.array_split(np.array(ranked, object), -(-len(ranked) // LINES)) if ranked else []
    return [
        (f"{group} ({i} of {len(parts)})" if len(parts) > 1 else group, {name: lines[name] for name in part})
        for i, part in enumerate(parts, 1)
    ]


def _label_ends(ax: Axes) -> None:
    """The name of each line at its end, moved up or down where labels would cover each other."""
    lines = [line for line in ax.lines if len(line.get_xdata())]  # type: ignore[arg-type]
    ends = np.array([np.asarray(line.get_ydata())[-1] for line in lines], np.float64)
    low, high = ax.get_ylim()
    heights = spread((ends - low) / (high - low), _LABEL)
    for line, end, height in zip(lines, ends, heights, strict=True):
        ax.annotate(
            str(line.get_label()), (np.asarray(line.get_xdata())[-1], end), xytext=(1.02, height),
            textcoords="axes fraction", va="center", fontsize="x-small", color=line.get_color(),
            arrowprops={"arrowstyle": "-", "color": line.get_color(), "lw": 0.4, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def spread(places: Float, gap: float) -> Float:
    """Places (n,) moved apart to be at least `gap` from each other, in their order and as near as may be.

    Neighbours that are too close form a block around the mean of where they want to be (least squares, by
    pooling adjacent violators).
    """
    order = np.argsort(places, kind="stable")
    wanted = places[order] - gap * np.arange(len(places))
    blocks: list[tuple[float, int]] = []
    for place in wanted.tolist():
        total, count = place, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    moved = np.repeat([total / count for total, count in blocks], [count for _, count in blocks])
    out = np.empty(len(places))
    out[order] = moved + gap * np.arange(len(places))
    return out
