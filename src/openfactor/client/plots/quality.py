"""A picture of what the data quality checks found."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from openfactor.results import BuildReport
from openfactor.results.quality import Finding

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"severe": "#c0392b", "warning": "#e08e0b", "info": "#7f8c8d"}
MOST = 30
"""Findings that are drawn; the table has them all."""


def plot_quality(name: str, report: BuildReport, coverage: pl.DataFrame) -> Figure:
    """Findings over time, one line each, above the share of listings that each input covers.

    coverage : of `RiskDatasetApi.counts`
    """
    from matplotlib.figure import Figure

    shown = report.quality[:MOST]
    height = max(0.26 * len(shown), 0.6)
    figure = Figure(figsize=(12, 4.2 + height), layout="constrained")
    findings, below = figure.subplots(2, 1, sharex=True, height_ratios=[height + 0.4, 3.4])
    _draw_findings(findings, shown, coverage["date"][0], coverage["date"][-1])
    hidden = len(report.quality) - len(shown)
    count = f"{len(report.quality)} finding{'s' * (len(report.quality) != 1)}"
    findings.set_title(f"Data quality of {name}: {count}" + (f", {hidden} not drawn" if hidden else ""))
    _draw_coverage(below, coverage)
    return figure


def _draw_findings(axes: Axes, findings: list[Finding], first: dt.date, last: dt.date) -> None:
    """A bar from the first to the last day of each finding; the whole width where it has no dates."""
    labels = []
    for line, finding in enumerate(findings):
        start, end = finding.first_date or first, finding.last_date or last
        colour = COLOURS[finding.severity]
        start, end = max(start, first), min(end, last)
        span = np.array([start, end], "datetime64[D]")
        axes.plot(span, [line, line], color=colour, lw=5, solid_capstyle="butt")
        axes.plot(span, [line, line], color=colour, ls="none", marker="o", ms=5)
        labels.append(" ".join(part for part in (finding.check, finding.where or finding.upload) if part))
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    for tick, finding in zip(axes.get_yticklabels(), findings, strict=True):
        tick.set_color(COLOURS[finding.severity])
    axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    if not findings:
        axes.text(0.5, 0.5, "nothing found", transform=axes.transAxes, ha="center", va="center")
    else:
        _legend(axes, findings)


def _legend(axes: Axes, findings: list[Finding]) -> None:
    from matplotlib.lines import Line2D

    present = [severity for severity in COLOURS if any(f.severity == severity for f in findings)]
    handles = [Line2D([], [], color=COLOURS[severity], lw=5, label=severity) for severity in present]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _draw_coverage(axes: Axes, coverage: pl.DataFrame) -> None:
    """Share of the listings alive; days without prices are left out."""
    import polars as pl

    days = coverage.filter(pl.col("priced") > 0)
    for name in days.columns[2:]:
        share = days[name] / days["listings"].clip(1)
        axes.plot(days["date"].to_numpy(), share.to_numpy(), label=name.replace("_", " "), lw=1)
    axes.set(ylabel="share of the listings alive", ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
