"""How a risk dataset is built: from uploads alone, or on top of another dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, NonNegativeInt, Tag, field_validator, model_validator

from openfactor.settings.quality import DataQualitySettings
from openfactor.settings.universe import CalendarSettings
from openfactor.settings.values import Settings

PeriodsPerYear = Annotated[float, Field(gt=0, le=366)]
ExposureMode = Literal["snapshot", "changes"]
EmptyReturns = Literal["none", "adjusted_close", "close"]
FactorGroups = dict[str, str | None]
"""Factor group to the name of the `hierarchies` upload that orders its factors; None: a flat list."""


def _date_of(value: object) -> object:
    return value.date() if isinstance(value, dt.datetime) else value


class RootRiskDatasetSettings(Settings):
    """A risk dataset built from uploads alone. Each `..._source` is the name of an upload."""

    kind: Literal["root"] = "root"
    market_cap_source: str = Field(min_length=1)
    """Upload of type `market_cap`: one row per day and company, on its main listing."""
    price_source: str = Field(min_length=1)
    """Upload of type `price`."""
    exposures_source: str = Field(min_length=1)
    """Upload of type `exposures`."""
    exchange_dates_source: str = Field(min_length=1)
    """Upload of type `exchange_dates`: the days on which an exchange is closed."""
    exchange_rates_source: str = Field(min_length=1)
    """Upload of type `exchange_rates`: units of the currency per USD."""
    idmap_source: str = Field(min_length=1)
    """Upload of type `idmap`, which maps listings to companies."""
    series_source: str | None = Field(default=None, min_length=1)
    """Upload of type `series`: time series that belong to no asset. None: no series."""
    dense_factor_groups: FactorGroups = {}
    """Continuous group, in which every asset has an exposure to every factor (market, styles), to the
    `hierarchies` upload whose leaves are its factors; None: a flat list of the factors."""
    sparse_factor_groups: FactorGroups = {}
    """Categorical group, of which only non-zero exposures are uploaded (industries, estimation universe), to
    the `hierarchies` upload whose leaves are its categories; None: a flat list of the categories."""
    master_id_type: str = "bayesid"
    """Identifier type of the listings."""
    master_id_core_type: str = "bayesid_core"
    """Identifier type of the companies."""
    as_of_date: dt.date
    """Ignore identifier mappings that start after this date."""
    max_days_without_price: int = Field(default=63, ge=0)
    """Trading days without a price after which a listing ends, even if no row says `delisted`; the default is
    a quarter. Until then it keeps its market cap and exposures and has no return. Stored days on which
    anything has a price, or no exchange is closed, count."""
    empty_returns: EmptyReturns = "none"
    """How to fill an empty `return`: not at all; with the growth of closes adjusted for dividends and splits
    (`adjusted_close`); or with that of closes as traded and the columns `dividend` and `split` of the upload
    (`close`). It covers the time since the listing's previous price, whatever the gap."""
    market_cap_per: Literal["company", "listing"] = "company"
    """`company`: each market cap is that of a whole company; of several listings on a day, one is used.
    `listing`: each is that of a share class; the market cap of a company is the sum of the latest one of each
    class, until the listing of the class ends or is replaced."""
    market_cap_max_age: int | None = Field(default=None, ge=0)
    """Calendar days after which a market cap that was not renewed expires; None: never."""
    exposure_mode: ExposureMode | dict[str, ExposureMode] = "snapshot"
    """`snapshot`: the rows of a factor (of a group, if categorical) on a day replace all earlier ones.
    `changes`: an asset keeps its last exposures until the upload has newer ones for it; in a categorical
    group these replace all its categories, and an exposure of 0 ends them. One mode for all groups, or by
    group, the others being snapshots."""
    exposure_max_age: NonNegativeInt | dict[str, NonNegativeInt] | None = None
    """Calendar days after which an exposure that was not renewed expires, for all groups or by group; None:
    never."""
    exposure_dtype: Literal["float16", "float32"] = "float16"
    """Precision of stored exposures: half precision halves the size of the panel."""
    max_return: float | None = Field(default=50.0, gt=0)
    """Highest possible return, as a fraction: a dataset with a higher one is rejected. The default exceeds
    the largest daily gains on record (about 40, a drug maker in 2023) and catches the usual mistakes: per
    cent for fractions, pence for pounds, unadjusted splits. None: no bound."""
    periods_per_year: PeriodsPerYear | None = None
    """Trading periods per year, used to annualise risk; None: derived from the trading days, 252 for daily,
    52 for weekly and 12 for monthly calendars."""
    quality: DataQualitySettings = DataQualitySettings()
    """Thresholds of the data quality checks."""

    reference_fields: ClassVar[dict[str, str]] = {
        **{
            f"{t}_source": t
            for t in (
                "market_cap", "price", "exposures", "exchange_dates", "exchange_rates", "idmap", "series"
            )
        },
        "dense_factor_groups": "hierarchies",
        "sparse_factor_groups": "hierarchies",
    }  # fmt: skip

    @field_validator("as_of_date", mode="before")
    @classmethod
    def _date_of_datetime(cls, value: object) -> object:
        return _date_of(value)

    @model_validator(mode="after")
    def _groups_are_dense_or_sparse(self) -> Self:
        both = sorted(self.dense_factor_groups.keys() & self.sparse_factor_groups.keys())
        if both:
            raise ValueError(f"factor groups both dense and sparse: {', '.join(both)}")
        if not self.dense_factor_groups and not self.sparse_factor_groups:
            raise ValueError("name at least one factor group in dense_factor_groups or sparse_factor_groups")
        for name in ("exposure_mode", "exposure_max_age"):
            by_group = getattr(self, name)
            if isinstance(by_group, dict) and (unknown := sorted(by_group.keys() - self.groups.keys())):
                raise ValueError(f"{name}: {', '.join(unknown)} not among the factor groups")
        return self

    def has_changes(self, group: str) -> bool:
        """Whether the rows of a group are changes, not snapshots."""
        mode = self.exposure_mode
        return (mode if isinstance(mode, str) else mode.get(group, "snapshot")) == "changes"

    def max_age(self, group: str) -> int | None:
        """Calendar days after which an exposure of a group expires; None: never."""
        limit = self.exposure_max_age
        return limit.get(group) if isinstance(limit, dict) else limit

    @property
    def sources(self) -> dict[str, str]:
        """Data type to the name of its upload."""
        return {
            name.removesuffix("_source"): getattr(self, name)
            for name in type(self).model_fields
            if name.endswith("_source") and getattr(self, name) is not None
        }

    @property
    def groups(self) -> FactorGroups:
        """All factor groups, continuous ones first."""
        return self.dense_factor_groups | self.sparse_factor_groups


class RiskDatasetReferencedExposureSettings(Settings):
    """Factor groups taken from the reference dataset."""

    exposure_type: Literal["referenced"] = "referenced"
    continuous_factor_groups: list[str] | None = None
    """Continuous groups to keep; None: all, an empty list: none."""
    categorical_factor_groups: list[str] | None = None
    """Categorical groups to keep; None: all, an empty list: none."""


class RiskDatasetUploadedExposureSettings(Settings):
    """Factor groups of an `exposures` upload.

    An exposure holds until the next day on which the upload has rows of its factor (of its group, if
    categorical), as in a root dataset. The fields are applied in their order.
    """

    exposure_type: Literal["uploaded"] = "uploaded"
    exposure_source: str = Field(min_length=1)
    """Upload of type `exposures`."""
    continuous_factor_groups: list[str] = []
    """Groups of the upload to add as continuous groups."""
    categorical_factor_groups: list[str] = []
    """Groups of the upload to add as categorical groups."""
    factor_groups_forward_fill: list[str] = []
    """Groups in which an asset keeps its last exposures until the upload has newer ones for it, on days on
    which it has a price. In a categorical group it keeps all of its categories together."""
    max_age: int | None = Field(default=None, ge=0)
    """Calendar days after which an exposure that was not renewed expires; None: never."""
    factor_groups_gaussianize: list[str] = []
    """Continuous groups whose exposures of a day are replaced by their normal scores."""
    factor_groups_gaussianize_maintain_zeros: list[str] = []
    """Those of them in which exposures of exactly 0 stay 0."""
    factor_groups_fill_miss: list[str] = []
    """Continuous groups in which assets without an exposure get the mean of the day (0 after normal scores),
    on days on which any asset has one."""
    hierarchy_sources: dict[str, str] = {}
    """Group to the `hierarchies` upload whose leaves are its factors; other groups are flat."""
    categorical_overrides: dict[str, dict[str, str]] = {}
    """Categorical group to code in the upload to the code that replaces it."""

    reference_fields: ClassVar[dict[str, str]] = {
        "exposure_source": "exposures",
        "hierarchy_sources": "hierarchies",
    }

    @model_validator(mode="after")
    def _names_of_groups(self) -> Self:
        continuous, categorical = self.continuous_factor_groups, self.categorical_factor_groups
        both = [*continuous, *categorical]
        problems = [
            f"{name}: {', '.join(unknown)} not among {of}"
            for name, given, known, of in (
                ("factor_groups_forward_fill", self.factor_groups_forward_fill, both, "the groups"),
                ("factor_groups_gaussianize", self.factor_groups_gaussianize, continuous,
                 "continuous_factor_groups"),
                ("factor_groups_gaussianize_maintain_zeros", self.factor_groups_gaussianize_maintain_zeros,
                 self.factor_groups_gaussianize, "factor_groups_gaussianize"),
                ("factor_groups_fill_miss", self.factor_groups_fill_miss, continuous,
                 "continuous_factor_groups"),
                ("hierarchy_sources", list(self.hierarchy_sources), both, "the groups"),
                ("categorical_overrides", list(self.categorical_overrides), categorical,
                 "categorical_factor_groups"),
            )
            if (unknown := sorted(set(given) - set(known)))
        ]  # fmt: skip
        lists = {
            name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), list)
        }
        problems += [
            f"{name}: {', '.join(again)} twice" for name, v in lists.items() if (again := _repeated(v))
        ]
        if twice := sorted(set(continuous) & set(categorical)):
            problems.append(f"both continuous and categorical: {', '.join(twice)}")
        if not both:
            problems.append(
                "name at least one group in continuous_factor_groups or categorical_factor_groups"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


class RiskDatasetUnitExposureSettings(Settings):
    """A factor to which every asset has an exposure of 1."""

    exposure_type: Literal["unit"] = "unit"
    factor_group: str = Field(min_length=1)
    """Name of the group."""
    factor: str = Field(min_length=1)
    """Name of its only factor."""
    factor_type: Literal["continuous", "categorical"] = "continuous"
    """Whether the group is continuous or categorical."""
    align_with: Annotated[list[str], Field(min_length=1)] | None = None
    """Continuous groups: only assets with an exposure in one of them get an exposure. None: all assets."""

    @field_validator("align_with", mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if self.align_with is not None and self.factor_type == "categorical":
            raise ValueError("align_with is for continuous factors only")
        if self.factor_group in (self.align_with or ()):
            raise ValueError(f"align_with names {self.factor_group!r} itself")
        return self


class RiskDatasetHuberRegressionExposureSettings(Settings):
    """Robust betas of asset returns to uploaded series of factor returns, one regression per factor."""

    exposure_type: Literal["huber_regression"] = "huber_regression"
    tsfactors_source: str = Field(min_length=1)
    """Upload of type `tsfactors`."""
    factor_group: str = Field(default="huber_style", min_length=1)
    """Name of the group, which is continuous."""
    include: list[str] | Literal["All"] = "All"
    """Factors of the upload to include."""
    exclude: list[str] = []
    """Factors of the upload to exclude."""
    fill_miss: bool = True
    """Treat trading days without a return, during the life of an asset, as returns of 0; otherwise the
    regressions skip them."""
    window: int = Field(default=126, ge=2)
    """Trading days per regression."""
    epsilon: float = Field(default=1.35, gt=1, le=1e6)
    """Residuals beyond this multiple of their scale, estimated along, count linearly instead of squared."""
    alpha: float = Field(default=0.0001, ge=0)
    """Weight of the squared beta in the objective (ridge penalty) once the window is full."""
    alpha_start: float = Field(default=10.0, ge=0)
    """The same before the first return; in between it falls linearly with the number of returns."""
    student_t_level: float | None = Field(default=None, ge=0, le=1)
    """Significance level, a fraction, of a two-sided t-test; insignificant betas become 0. None: no test."""
    clip: tuple[float | None, float | None] = (None, None)
    """Lower and upper bound on the betas, before normal scores; None: no bound."""
    gaussianize: bool = True
    """Replace the betas of a day by their normal scores."""
    gaussianize_maintain_zeros: bool = False
    """Keep betas of exactly 0 at 0."""
    impute: bool = True
    """Give assets without a beta the mean of the day (0 after normal scores)."""
    currency: str = "USD"
    """Currency (ISO 4217) of the asset returns."""
    calendar: CalendarSettings = CalendarSettings()
    """Calendar whose trading days the regressions use."""

    reference_fields: ClassVar[dict[str, str]] = {"tsfactors_source": "tsfactors"}


DatasetExposureSettings = Annotated[
    RiskDatasetReferencedExposureSettings
    | RiskDatasetUploadedExposureSettings
    | RiskDatasetUnitExposureSettings
    | RiskDatasetHuberRegressionExposureSettings,
    Field(discriminator="exposure_type"),
]


class DerivedRiskDatasetSettings(Settings):
    """A risk dataset derived from another one, with other exposures, fewer assets or fewer days."""

    kind: Literal["derived"] = "derived"
    reference_dataset: str | int
    """The dataset, by name or id, that provides everything not replaced here."""
    exposures: Annotated[list[DatasetExposureSettings], Field(min_length=1)] = [
        RiskDatasetReferencedExposureSettings()
    ]
    """The factor groups of the new dataset."""
    exchange_codes: Annotated[list[str], Field(min_length=1)] | None = None
    """Exchanges (MIC) whose calendars to keep; None: all."""
    trim_assets: Literal["none", "asset_union", "ccy_union"] = "none"
    """`asset_union`: assets from the day on which an uploaded exposure first names their company;
    `ccy_union`: assets on the days on which they are quoted in a currency in which one of those has been
    quoted by then."""
    trim_assets_sources: list[str] | None = None
    """The uploads that `trim_assets` considers; None: all those of `exposures`."""
    trim_start_date: Literal["none", "earliest_start", "latest_start"] | dt.date = "earliest_start"
    """The first day: that of the reference (`none`); the earliest or latest first day of the uploaded
    exposures (and of the reference, if `exposures` has a `referenced` entry); or a date."""
    trim_end_date: Literal["none", "earliest_end", "latest_end"] | dt.date = "latest_end"
    """The last day, likewise."""
    periods_per_year: PeriodsPerYear | None = None
    """Trading periods per year, used to annualise risk; None: as set for the reference, else derived from the
    trading days."""
    quality: DataQualitySettings = DataQualitySettings()
    """Thresholds of the data quality checks; for prices and caps, those of the reference apply."""

    reference_fields: ClassVar[dict[str, str]] = {
        "reference_dataset": "RiskDatasetSettings",
        "trim_assets_sources": "exposures",
    }

    @field_validator("trim_start_date", "trim_end_date", mode="before")
    @classmethod
    def _date_of_datetime(cls, value: object) -> object:
        return _date_of(value)

    @model_validator(mode="after")
    def _sources_to_trim_to(self) -> Self:
        uploaded = {
            e.exposure_source for e in self.exposures if isinstance(e, RiskDatasetUploadedExposureSettings)
        }
        problems = []
        if self.trim_assets_sources is not None and self.trim_assets == "none":
            problems.append("trim_assets_sources is given, but trim_assets is 'none'")
        if unknown := sorted(set(self.trim_assets_sources or ()) - uploaded):
            problems.append(
                f"trim_assets_sources: {', '.join(unknown)} is not the source of an uploaded entry"
            )
        if self.trim_assets != "none" and not uploaded:
            problems.append(f"trim_assets is {self.trim_assets!r}, but no exposures are uploaded")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _kind_of(settings: Any) -> Any:
    """The tag of settings, as values or as JSON, where `kind` may be left out."""
    if not isinstance(settings, Mapping):
        return getattr(settings, "kind", None)
    return settings.get("kind", "derived" if "reference_dataset" in settings else "root")


AnyRiskDatasetSettings = Annotated[
    Annotated[RootRiskDatasetSettings, Tag("root")] | Annotated[DerivedRiskDatasetSettings, Tag("derived")],
    Discriminator(
        _kind_of, custom_error_type="unknown_kind", custom_error_message="`kind` must be 'root' or 'derived'"
    ),
]


def _repeated(values: Sequence[str]) -> list[str]:
    return sorted({v for v in values if values.count(v) > 1})
