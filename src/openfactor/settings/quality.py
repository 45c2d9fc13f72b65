"""Thresholds of the data quality checks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openfactor.settings.values import Settings

Treatment = Literal["off", "info", "warning", "severe", "refuse"]


class DataQualitySettings(Settings):
    """When the data quality checks of a risk dataset report something; `docs/data_quality.md` explains each.

    The defaults suit ordinary daily equity data: what they report is rare in clean data. Shares are
    fractions.
    """

    treatment: dict[str, Treatment] = {}
    """Check to the treatment of its findings, whatever their severity: `off` drops them; `refuse` makes them
    an error, so that the dataset is not built (an update leaves it unchanged)."""
    fewest_names: int = Field(default=10, ge=2, le=1_000_000)
    """Minimum number of names for statistics of a day: with fewer, a single name decides."""
    median_days: int = Field(default=21, ge=2, le=1_000_000)
    """Trailing stored days whose median a day is compared with: a month of trading days."""
    coverage_drop: float = Field(default=0.3, gt=0, le=1)
    """A day that loses this share of the names is reported: no index changes so much in a day."""
    coverage_low: float = Field(default=0.5, ge=0, le=1)
    """Caps and continuous groups that cover less than this share of the names are reported."""
    ends_days: int = Field(default=10, ge=1, le=1_000_000)
    """A source that ends this many calendar days before prices is reported: the longest market holidays are
    shorter."""
    ends_severe_days: int = Field(default=21, ge=1, le=1_000_000)
    """Severe from this many calendar days, and from twice the source's usual interval."""
    static_days: int = Field(default=366, ge=1, le=1_000_000)
    """The same, in calendar days, for a source with a single date, which may be meant to last."""
    gap_days: int = Field(default=15, ge=1, le=1_000_000)
    """Longest interval, in calendar days, between two dates of a source with daily data."""
    carried_days: int = Field(default=92, ge=1, le=1_000_000)
    """Market caps and exposures older than this many calendar days are reported: a quarter."""
    dropped: float = Field(default=0.01, ge=0, le=1)
    """Share of an upload's rows that may be dropped without being reported."""
    dropped_severe: float = Field(default=0.2, ge=0, le=1)
    """Severe from this share."""
    returns_missing: float = Field(default=0.05, ge=0, le=1)
    """Share of prices that may lack a return."""
    typical_return: float = Field(default=0.2, gt=0)
    """Median absolute daily return, as a fraction, above which returns look like per cent: markets have 0.01,
    and 0.05 on their worst days."""
    extreme_return: float = Field(default=0.8, gt=0)
    """Gains above this fraction are listed, and losses that such a gain would undo (44 %): an unadjusted
    two-for-one split exceeds it, ordinary days seldom do."""
    impossible_return: float = Field(default=10.0, gt=0)
    """Severe above this fraction."""
    reversal: float = Field(default=3.0, gt=1)
    """A price that moves by this factor and back with the next one is taken for a bad price."""
    split_tolerance: float = Field(default=0.1, gt=0, lt=0.5)
    """Relative distance from the ratio of a split, such as 2 or 1/3, within which a move looks like one."""
    return_tolerance: float = Field(default=0.02, gt=0)
    """Largest return less change of close, as a fraction, that an ordinary dividend explains."""
    return_disagrees: float = Field(default=0.02, ge=0, le=1)
    """Share of returns that may disagree with closes: special dividends and unadjusted closes are rarer."""
    return_disagrees_severe: float = Field(default=0.2, ge=0, le=1)
    """Severe from this share: returns of another day or another name disagree everywhere."""
    unchanged_days: int = Field(default=42, ge=2, le=1_000_000)
    """Prices in a row with an unchanged close: two months of trading days."""
    unpriced_days: int = Field(default=21, ge=1, le=1_000_000)
    """Stored days in a row on which a live listing has no price: a month of trading days."""
    cap_jump: float = Field(default=3.0, gt=1)
    """A market cap that changes by this factor more than the price in a day is listed."""
    unit_jump: float = Field(default=50.0, gt=1)
    """A change by this factor is a change of unit (pence, thousands, millions), not a market move."""
    cap_concentration: float = Field(default=0.5, gt=0, le=1)
    """Share of the total market cap in one company: no market is so concentrated."""
    rate_jump: float = Field(default=0.2, gt=0)
    """Change of an exchange rate between two dates, as a fraction: only devaluations are larger."""
    scale_jump: float = Field(default=10.0, gt=1)
    """Factor by which the standard deviation of an exposure changes between two days."""
    churn: float = Field(default=0.3, gt=0, le=1)
    """Share of names that change category in a day: annual reviews of classifications change fewer."""
    quiet_severe: float = Field(default=0.1, gt=0, le=1)
    """Share of names from which faults of single names (unchanged prices, old caps) are severe."""
