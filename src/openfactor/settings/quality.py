"""Thresholds of the data quality checks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openfactor.settings.values import Settings

Treatment = Literal["off", "info", "warning", "severe", "refuse"]


class DataQualitySettings(Settings):
    """When the checks of a risk dataset's data report something; `docs/data_quality.md` explains each check.

    Defaults are wide enough for ordinary daily equity data: what they report is rare in clean data.
    """

    treatment: dict[str, Treatment] = {}
    """Check to how its findings are treated, whatever their severity: `off` leaves them out, `refuse` makes
    them an error, so that the dataset is not built (an update leaves it as it was)."""
    fewest_names: int = Field(default=10, ge=2)
    """Statistics of a day need this many names: with fewer, one name decides."""
    median_days: int = Field(default=21, ge=2)
    """Trailing days whose median a day is compared with: a month of trading days."""
    coverage_drop: float = Field(default=0.3, gt=0, le=1)
    """A day is reported when it has lost this share of the names: no index changes as much in a day."""
    coverage_low: float = Field(default=0.5, ge=0, le=1)
    """Caps and continuous groups are reported when they cover less than this share of the names."""
    ends_days: int = Field(default=10, ge=1)
    """A source is reported when it ends this many calendar days before prices do: the longest market
    holidays are shorter."""
    ends_severe_days: int = Field(default=21, ge=1)
    """Severe from this many calendar days on, and from twice the source's usual interval on."""
    static_days: int = Field(default=366, ge=1)
    """The same for a source with a single date, which may be meant to stand for long."""
    gap_days: int = Field(default=15, ge=1)
    """Longest interval, in calendar days, between two dates of a source that has daily data."""
    carried_days: int = Field(default=92, ge=1)
    """Market caps and exposures of names older than this, in calendar days, are reported: a quarter."""
    dropped: float = Field(default=0.01, ge=0, le=1)
    """Share of an upload's rows that may be left out without being reported."""
    dropped_severe: float = Field(default=0.2, ge=0, le=1)
    """Severe from this share on."""
    returns_missing: float = Field(default=0.05, ge=0, le=1)
    """Share of prices that may lack a return."""
    typical_return: float = Field(default=0.2, gt=0)
    """Median absolute daily return above which returns are taken for per cent: markets have 0.01, and 0.05
    on their worst days."""
    extreme_return: float = Field(default=0.8, gt=0)
    """Gains above this are listed, and losses that it would win back (44 %): a split of two for one leaves
    one, and a day seldom does."""
    impossible_return: float = Field(default=10.0, gt=0)
    """Severe above this."""
    reversal: float = Field(default=3.0, gt=1)
    """A price that moves by this factor and comes back with the next one is taken for a bad price."""
    split_tolerance: float = Field(default=0.1, gt=0, lt=0.5)
    """How far a move may be from the ratio of a split, such as 2 or 1/3, to be taken for one."""
    return_tolerance: float = Field(default=0.02, gt=0)
    """Return less change of close: what dividends of ordinary size explain."""
    return_disagrees: float = Field(default=0.02, ge=0, le=1)
    """Share of returns that may disagree with closes: special dividends and unadjusted closes are rarer."""
    return_disagrees_severe: float = Field(default=0.2, ge=0, le=1)
    """Severe from this share on: returns of another day or another name disagree everywhere."""
    unchanged_days: int = Field(default=42, ge=2)
    """Prices in a row without a change of close: two months."""
    unpriced_days: int = Field(default=21, ge=1)
    """Stored days in a row without a price of a listing that is alive: a month."""
    cap_jump: float = Field(default=3.0, gt=1)
    """A market cap that changes by this factor more than its price does in a day is listed."""
    unit_jump: float = Field(default=50.0, gt=1)
    """A change by this factor is a change of unit (pence, thousands, millions), not a market move."""
    cap_concentration: float = Field(default=0.5, gt=0, le=1)
    """Share of all market cap in one company: in no market is it as high."""
    rate_jump: float = Field(default=0.2, gt=0)
    """Change of an exchange rate between two dates, as a fraction: only devaluations are larger."""
    scale_jump: float = Field(default=10.0, gt=1)
    """Factor by which the spread of an exposure changes between two days."""
    churn: float = Field(default=0.3, gt=0, le=1)
    """Share of names that change their category in a day: yearly reviews of classifications change less."""
    quiet_severe: float = Field(default=0.1, gt=0, le=1)
    """Share of names at which single names' faults (prices that stand still, old caps) become severe."""
