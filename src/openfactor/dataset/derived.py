"""Builds a risk dataset on top of another one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context, Step
from openfactor.dataset import checks
from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.betas import factor_names, rolling_betas
from openfactor.dataset.build import report_of, stop_on, trees_of
from openfactor.dataset.calendar import closed_days
from openfactor.dataset.coding import code_companies
from openfactor.dataset.content_hash import index_hash
from openfactor.dataset.coverage import coverage_by_date
from openfactor.dataset.loadings import (
    GroupPlan,
    Loadings,
    exposure_inventory,
    read_loadings,
    unknown_factors,
)
from openfactor.dataset.panel import Exposure, Panel, SparseGroup
from openfactor.dataset.panel_index import LONGEST_CLOSURE, PanelIndex, main_rows, panel_of
from openfactor.dataset.precision import narrow_columns
from openfactor.dataset.quality import known_checks, with_quality
from openfactor.dataset.reading import UploadReader, read_tree
from openfactor.dataset.resolving import count_unknown
from openfactor.dataset.reuse import GroupReuse
from openfactor.dataset.riskdataset import RiskDataset
from openfactor.dataset.row_counts import RowCounts
from openfactor.dataset.usage import used_dates, used_factors
from openfactor.errors import Fault, SettingsError
from openfactor.numerics.huber import rolling_huber
from openfactor.numerics.scores import normal_scores
from openfactor.numerics.student_t import critical_values
from openfactor.settings.hierarchies import Tree, unknown
from openfactor.settings.riskdataset import (
    DerivedRiskDatasetSettings,
    RiskDatasetHuberRegressionExposureSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
)

Float = NDArray[np.float64]
MOST_STEPS = 100
"""Steps of reweighted least squares for a beta; about ten are usual."""


@dataclass
class _Upload:
    """An `uploaded` entry and what is in its upload."""

    settings: RiskDatasetUploadedExposureSettings
    rows: pl.LazyFrame
    found: pl.DataFrame
    """The survey of the rows in the groups of the entry, as far as the dataset knows their assets."""
    plans: list[GroupPlan]
    dates: set[dt.date]
    """Those on which it has a row."""

    @property
    def name(self) -> str:
        return f"exposures {self.settings.exposure_source}"


@dataclass
class _Groups:
    """The factor groups as they come together."""

    dense: dict[str, dict[str, Exposure]] = field(default_factory=dict)
    sparse: dict[str, SparseGroup] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)

    def add(self, plans: list[GroupPlan], loadings: Loadings) -> None:
        """Groups of an upload, with their trees."""
        self.dense.update(loadings.dense)
        self.sparse.update(loadings.sparse)
        self.trees.update(trees_of(plans, loadings))


@dataclass(frozen=True)
class _Cut:
    """The rows of the new panel and where they come from."""

    rows: PanelIndex
    source: NDArray[np.int64]
    """(rows,) row of the reference's panel."""
    source_day: NDArray[np.int64]
    """(D,) the latest day of the reference on or before each day, -1 before the first."""


def derive(
    settings: DerivedRiskDatasetSettings,
    parent: RiskDataset,
    read: UploadReader,
    recipe: str,
    reuse: GroupReuse | None = None,
    context: Context | None = None,
) -> RiskDataset:
    """The dataset.

    parent : the reference dataset; read : gives the rows of uploads; recipe : names the settings, the
    reference and the versions of the uploads; reuse : factor groups that need not be built again

    Raises
    ------
    SettingsError: something that the reference does not have. DataError: uploads that do not fit; every fault
    is named. CancelledError: the request was cancelled.
    """
    known_checks(settings.quality)
    with (context or Context()).step("building a risk dataset", unit="steps") as step:
        return _derive(settings, parent, read, recipe, reuse or GroupReuse(), step)


def _derive(
    settings: DerivedRiskDatasetSettings,
    parent: RiskDataset,
    read: UploadReader,
    recipe: str,
    reuse: GroupReuse,
    step: Step,
) -> RiskDataset:
    row_counts = RowCounts()
    step.say("uploads", 1)
    uploads = _survey(settings, parent, read, row_counts)
    _check(settings, parent)
    cut = _cut(settings, parent, uploads)
    index_content = index_hash(cut.rows, parent.identifiers)
    groups, faults = _Groups(), []
    for entry in settings.exposures:
        step.say(entry.exposure_type, 1)
        if isinstance(entry, RiskDatasetReferencedExposureSettings):
            _refer(entry, parent, cut, groups)
        elif isinstance(entry, RiskDatasetUploadedExposureSettings):
            upload = next(u for u in uploads if u.settings is entry)
            if [u.name for u in uploads].count(upload.name) == 1:  # a recipe covers all groups of an upload
                trees = [f"hierarchies/{name}" for name in entry.hierarchy_sources.values()]
                inputs = [index_content, entry.model_dump_json(), parent.exposure_dtype]
                reuse.record(upload.name, [f"exposures/{entry.exposure_source}", *trees], *inputs)
            taken_over = reuse.take_over(upload.name, [plan.name for plan in upload.plans], row_counts)
            if taken_over is None:
                faults += _upload(upload, parent, cut, groups, row_counts, step.context)
            else:
                groups.add(upload.plans, taken_over)
        elif isinstance(entry, RiskDatasetHuberRegressionExposureSettings):
            source = f"tsfactors {entry.tsfactors_source} {entry.factor_group}"
            inputs = [index_content, entry.model_dump_json(), parent.recipe]
            reuse.record(source, [f"tsfactors/{entry.tsfactors_source}"], *inputs)
            taken_over = reuse.take_over(source, [entry.factor_group], row_counts)
            if taken_over is None:
                faults += _regress(entry, parent, cut, groups, read, step.context)
            else:
                groups.add([GroupPlan(entry.factor_group, sparse=False)], taken_over)
    stop_on(faults)
    for entry in settings.exposures:  # after the groups that it may be aligned with
        if isinstance(entry, RiskDatasetUnitExposureSettings):
            _unit(entry, parent.exposure_dtype, cut, groups)
    built = _assemble(settings, parent, recipe, cut, groups, row_counts, reuse)
    step.say("data quality", 1)
    own_uploads = _own_uploads(settings, uploads, read)
    return with_quality(built, *own_uploads, row_counts, parent.report, step.context)


def _own_uploads(
    settings: DerivedRiskDatasetSettings, uploads: Sequence[_Upload], read: UploadReader
) -> tuple[dict[str, pl.LazyFrame], dict[str, pl.DataFrame]]:
    """The uploads that the dataset reads itself, by type and name, and what is in those with exposures."""
    rows = {upload.name: upload.rows for upload in uploads}
    found = {name: pl.concat([u.found for u in uploads if u.name == name]) for name in rows}
    for entry in settings.exposures:
        if isinstance(entry, RiskDatasetHuberRegressionExposureSettings):
            source = entry.tsfactors_source
            rows[f"tsfactors {source}"] = read("tsfactors", source)
    return rows, found


def _assemble(
    settings: DerivedRiskDatasetSettings,
    parent: RiskDataset,
    recipe: str,
    cut: _Cut,
    groups: _Groups,
    row_counts: RowCounts,
    reuse: GroupReuse,
) -> RiskDataset:
    rows, panel = cut.rows, parent.panel
    days = list(rows.days)
    known = np.concatenate([parent.usd_per_unit, np.full((1, len(parent.currencies)), np.nan)])
    codes = settings.exchange_codes
    closures = parent.closures if codes is None else parent.closures.filter(pl.col("exchange").is_in(codes))
    cap, idio_vol = panel.market_cap[cut.source], panel.idio_vol[cut.source]
    new = panel_of(rows, cap, idio_vol, groups.dense, groups.sparse)
    row_counts.drop("reference", "return that begins before the first day", _begun_before(new))
    return RiskDataset(
        recipe=recipe,
        settings=settings,
        exposure_dtype=parent.exposure_dtype,
        days=tuple(days),
        identifiers=parent.identifiers,
        currencies=parent.currencies,
        usd_per_unit=known[cut.source_day],
        closures=closures,
        panel=new,
        trees=groups.trees,
        series=parent.series,
        coverage=coverage_by_date(new, days),
        report=report_of(new, days, parent.identifiers, row_counts),
        group_recipes=reuse.recipes,
    ).with_periods(settings.periods_per_year, parent.report)


def _begun_before(panel: Panel) -> int:
    """Names without a price on the first day whose next price has a return: nobody has it."""
    silent = panel.listing[: int(panel.offsets[1])][panel.stale[: int(panel.offsets[1])]]
    if not len(silent):
        return 0
    later = np.flatnonzero(np.isin(panel.listing, silent) & panel.priced)
    _, first = np.unique(panel.listing[later], return_index=True)
    return int(np.isfinite(panel.local_return[later[first]]).sum())


def _survey(
    settings: DerivedRiskDatasetSettings, parent: RiskDataset, read: UploadReader, row_counts: RowCounts
) -> list[_Upload]:
    """What the uploads have; DataError if that is not what the settings ask for."""
    uploads, faults = [], []
    types = pl.col("asset_id_type").is_in(parent.identifiers.company_types)
    for entry in settings.exposures:
        if not isinstance(entry, RiskDatasetUploadedExposureSettings):
            continue
        rows = read("exposures", entry.exposure_source)
        found = exposure_inventory(rows)
        plans, wrong = _plans(entry, read)
        groups = [plan.name for plan in plans]
        mine = found.filter(types & pl.col("factor_group").is_in(groups))
        mine = used_factors(rows, mine, parent.identifiers, row_counts, f"exposures {entry.exposure_source}")
        dates = used_dates(rows, mine, parent.identifiers, parent.days)
        upload = _Upload(entry, rows, mine, plans, dates)
        if upload.name not in row_counts.read:
            by_type = found.filter(~types).group_by("asset_id_type").agg(pl.col("rows").sum())
            count_unknown(row_counts, upload.name, by_type, {}, parent.identifiers.company_types)
        faults += ambiguous_rows(
            parent.identifiers, rows.filter(pl.col("factor_group").is_in(groups)), upload.name
        )
        row_counts.read[upload.name] = int(found["rows"].sum())
        known = found.filter(types)["factor_group"].unique().sort().to_list()
        faults += [
            Fault("missing_group", upload.name, "no rows of the factor group in an id type of the dataset "
                  f"({', '.join(parent.identifiers.company_types)}): {unknown(group, known)}", "factor_group")
            for group in groups if group not in known
        ]  # fmt: skip
        empty = set(groups).intersection(known) - set(mine["factor_group"])
        faults += checks.known_groups(rows, empty, parent.identifiers, upload.name)
        faults += [*wrong, *unknown_factors(mine, plans, upload.name)]
        uploads.append(upload)
    stop_on(faults)
    return uploads


def _plans(
    entry: RiskDatasetUploadedExposureSettings, read: UploadReader
) -> tuple[list[GroupPlan], list[Fault]]:
    plans, faults = [], []
    for group in (*entry.continuous_factor_groups, *entry.categorical_factor_groups):
        tree = None
        if group in entry.hierarchy_sources:
            tree, wrong = read_tree(entry.hierarchy_sources[group], read)
            faults += wrong
        plans.append(
            GroupPlan(
                group,
                sparse=group in entry.categorical_factor_groups,
                tree=tree,
                forward_fill=group in entry.factor_groups_forward_fill,
                max_age=entry.max_age,
                overrides=entry.categorical_overrides.get(group, {}),
            )
        )
    return plans, faults


def _check(settings: DerivedRiskDatasetSettings, parent: RiskDataset) -> None:
    """SettingsError with everything that the reference does not have, and groups that come twice."""
    problems: list[str] = []
    dense: list[str] = []
    sparse: list[str] = []
    for entry in settings.exposures:
        if isinstance(entry, RiskDatasetReferencedExposureSettings):
            for field_name, wanted, known, into in (
                ("continuous_factor_groups", entry.continuous_factor_groups, parent.panel.dense, dense),
                ("categorical_factor_groups", entry.categorical_factor_groups, parent.panel.sparse, sparse),
            ):
                strange = [g for g in wanted or () if g not in known]
                problems += [f"referenced {field_name}: {unknown(g, known)}" for g in strange]
                into += known if wanted is None else wanted
        elif isinstance(entry, RiskDatasetUploadedExposureSettings):
            dense += entry.continuous_factor_groups
            sparse += entry.categorical_factor_groups
        elif isinstance(entry, RiskDatasetUnitExposureSettings):
            (sparse if entry.factor_type == "categorical" else dense).append(entry.factor_group)
        else:
            dense.append(entry.factor_group)
            problems += _calendar_problems(entry, parent)
    for entry in settings.exposures:
        if isinstance(entry, RiskDatasetUnitExposureSettings):
            problems += [f"align_with: {unknown(g, dense)}" for g in entry.align_with or () if g not in dense]
    both = [*dense, *sparse]
    problems += [
        f"the factor group {g!r} comes from several entries" for g in sorted(set(both)) if both.count(g) > 1
    ]
    if not both:
        problems.append("no factor group is left")
    problems += [
        f"exchange_codes: {unknown(code, parent.closed)}"
        for code in settings.exchange_codes or ()
        if code not in parent.closed
    ]
    if problems:
        raise SettingsError("the settings do not fit the reference dataset:", problems)


def _calendar_problems(entry: RiskDatasetHuberRegressionExposureSettings, parent: RiskDataset) -> list[str]:
    exchanges = sorted({code for group in entry.calendar.filters for code in group})
    where = f"calendar of {entry.factor_group!r}"
    problems = [f"{where}: {unknown(code, parent.closed)}" for code in exchanges if code not in parent.closed]
    if entry.currency not in parent.currencies:
        problems.append(f"currency of {entry.factor_group!r}: {unknown(entry.currency, parent.currencies)}")
    return problems


def _cut(settings: DerivedRiskDatasetSettings, parent: RiskDataset, uploads: Sequence[_Upload]) -> _Cut:
    """The rows that are left after the trims, on the days of the reference and of the uploads."""
    start, end = _bounds(settings, parent, uploads)
    uploaded = {day for upload in uploads for day in upload.dates}
    days = sorted(day for day in {*parent.days, *uploaded} if start <= day <= end)
    if not days:
        raise SettingsError("the trims leave no day:", [f"the first is {start}, the last {end}"])
    stored = np.array(parent.days, "datetime64[D]")
    source_day = np.searchsorted(stored, np.array(days, "datetime64[D]"), side="right") - 1
    panel, kept = parent.panel, _kept(settings, parent, uploads)
    idle = _idle_days(parent, days, source_day)
    ends = np.zeros(panel.n_rows, np.bool_)
    ends[panel.delisted] = True
    new_day = stored[np.maximum(source_day, 0)] != np.array(days, "datetime64[D]")
    sources, inserted = [], []
    for at, is_new, silent in zip(source_day.tolist(), new_day.tolist(), idle.tolist(), strict=True):
        rows = panel.rows_of(at) if at >= 0 else slice(0, 0)
        alive = kept[rows]
        if is_new:  # alive since the day before
            alive = alive & ~ends[rows] & (silent <= LONGEST_CLOSURE)
        sources.append(rows.start + np.flatnonzero(alive))
        inserted.append(np.full(len(sources[-1]), is_new))
    source = np.concatenate(sources).astype(np.int64)
    new = np.concatenate(inserted)
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sources])]).astype(np.int64)
    if not len(source):
        raise SettingsError("the trims leave no asset:", [f"between {start} and {end}"])
    listing = panel.listing[source]
    return _Cut(
        rows=PanelIndex(
            days=days,
            n_listings=parent.identifiers.n_listings,
            n_companies=parent.identifiers.n_companies,
            company=parent.company[listing],
            offsets=offsets,
            listing=listing,
            local_return=np.where(new, np.nan, panel.local_return[source]),
            currency=panel.currency[source],
            priced=panel.priced[source] & ~new,
            delisted=np.flatnonzero(ends[source] & ~new),
            is_main_listing=main_rows(
                days, offsets, listing, parent.identifiers, last=~panel.is_main_listing[source]
            ),
        ),
        source=source,
        source_day=source_day.astype(np.int64),
    )


def _bounds(
    settings: DerivedRiskDatasetSettings, parent: RiskDataset, uploads: Sequence[_Upload]
) -> tuple[dt.date, dt.date]:
    """First and last day."""
    firsts, lasts = [min(u.dates) for u in uploads], [max(u.dates) for u in uploads]
    entries = settings.exposures
    if not uploads or any(isinstance(e, RiskDatasetReferencedExposureSettings) for e in entries):
        firsts.append(parent.days[0])
        lasts.append(parent.days[-1])

    def bound(setting: str | dt.date, own: dt.date, dates: list[dt.date]) -> dt.date:
        if isinstance(setting, dt.date):
            return setting
        if setting == "none":
            return own
        pick: Callable[[list[dt.date]], dt.date] = min if setting.startswith("earliest") else max
        return pick(dates)

    return (
        bound(settings.trim_start_date, parent.days[0], firsts),
        bound(settings.trim_end_date, parent.days[-1], lasts),
    )


def _idle_days(parent: RiskDataset, days: list[dt.date], source_day: NDArray[np.int64]) -> NDArray[np.int64]:
    """(D,) days on which no exchange is closed since the latest day of the reference, which has no data."""
    shut = np.zeros(len(days), np.bool_)
    for closed in closed_days(parent.closures, days).values():
        shut |= closed
    counted = np.cumsum(~shut)
    return np.asarray(counted - counted[np.searchsorted(source_day, source_day)])


def _kept(
    settings: DerivedRiskDatasetSettings, parent: RiskDataset, uploads: Sequence[_Upload]
) -> NDArray[np.bool_]:
    """(rows of the reference,) what `trim_assets` keeps. Exposures are a company's, so all of its listings
    stay. A currency counts from the first day on which an asset of the uploads is quoted in it."""
    panel = parent.panel
    if settings.trim_assets == "none":
        return np.ones(panel.n_rows, np.bool_)
    sources = settings.trim_assets_sources
    named = np.zeros(parent.identifiers.n_listings, np.bool_)
    for upload in uploads:
        if sources is None or upload.settings.exposure_source in sources:
            groups = [plan.name for plan in upload.plans]
            mine = upload.rows.filter(pl.col("factor_group").is_in(groups))
            types = upload.found["asset_id_type"].unique().to_list()
            coded = code_companies(parent.identifiers, mine, [], types).select("source").unique()
            source = coded.collect(engine="streaming")["source"].to_numpy()
            companies = np.unique(parent.identifiers.source_company[source])
            named |= np.isin(parent.company, companies)
    if settings.trim_assets == "asset_union":
        companies = np.zeros(parent.identifiers.n_companies, np.bool_)
        companies[parent.company[named]] = True
        return np.asarray(companies[parent.company][panel.listing])
    theirs = np.flatnonzero(named[panel.listing])
    first = np.full(len(parent.currencies), panel.n_rows)
    np.minimum.at(first, panel.currency[theirs], panel.offsets[panel.day[theirs]])
    return np.asarray(np.arange(panel.n_rows) >= first[panel.currency])


def _refer(
    entry: RiskDatasetReferencedExposureSettings, parent: RiskDataset, cut: _Cut, groups: _Groups
) -> None:
    """Take groups over from the reference."""
    dense, sparse = entry.continuous_factor_groups, entry.categorical_factor_groups
    for name, factors in parent.panel.dense.items():
        if dense is None or name in dense:
            groups.dense[name] = {factor: values[cut.source] for factor, values in factors.items()}
            groups.trees[name] = parent.trees[name]
    for name, group in parent.panel.sparse.items():
        if sparse is None or name in sparse:
            loadings = None if group.loadings is None else tuple(x[cut.source] for x in group.loadings)
            codes = tuple(c[cut.source] for c in group.codes)
            groups.sparse[name] = SparseGroup(group.categories, codes, loadings)
            groups.trees[name] = parent.trees[name]


def _upload(
    upload: _Upload,
    parent: RiskDataset,
    cut: _Cut,
    groups: _Groups,
    row_counts: RowCounts,
    context: Context,
) -> list[Fault]:
    """Read the groups of an upload and transform them; exposures that the precision cannot hold."""
    settings, dtype = upload.settings, parent.exposure_dtype
    ranked = [p for p in upload.plans if p.name in settings.factor_groups_gaussianize]
    plain = [p for p in upload.plans if p not in ranked]
    faults: list[Fault] = []
    both = Loadings({}, {})
    # ranks are taken before anything is rounded
    for plans, precision in ((plain, dtype), (ranked, "float64")):
        if not plans:
            continue
        loadings, lost = read_loadings(
            upload.rows, upload.found, plans, cut.rows, parent.identifiers, precision, row_counts,
            upload.name, context=context,
        )  # fmt: skip
        faults += lost
        both.dense.update(loadings.dense)
        both.sparse.update(loadings.sparse)
    if faults:
        return faults
    zeros, fill = settings.factor_groups_gaussianize_maintain_zeros, settings.factor_groups_fill_miss
    for name, factors in both.dense.items():
        scores = any(p.name == name for p in ranked)
        if scores or name in fill:
            exact = {
                factor: _transform(cut.rows, values, scores, name in zeros, name in fill)
                for factor, values in factors.items()
            }
            both.dense[name], lost = narrow_columns(
                name, exact, dtype, cut.rows.days, cut.rows.offsets, upload.name
            )
            faults += lost
    groups.add(upload.plans, both)
    return faults


def _transform(rows: PanelIndex, values: Exposure, scores: bool, keep_zeros: bool, fill: bool) -> Float:
    """Normal scores among the companies of each day, then the mean of the day for those without a value."""
    out = values.astype(np.float64)
    for day in range(len(rows.days)):
        today = slice(int(rows.offsets[day]), int(rows.offsets[day + 1]))
        x, main = out[today], rows.is_main_listing[today]
        if scores:
            x[:] = normal_scores(x, main, keep_zeros)
        known = np.isfinite(x) & main
        if fill and known.any():
            x[np.isnan(x)] = 0.0 if scores else x[known].mean()
    return out


def _regress(
    entry: RiskDatasetHuberRegressionExposureSettings,
    parent: RiskDataset,
    cut: _Cut,
    groups: _Groups,
    read: UploadReader,
    context: Context,
) -> list[Fault]:
    """Robust betas over the history of the reference, on the rows that are left; what the precision cannot
    hold."""
    series = read("tsfactors", entry.tsfactors_source).collect()
    names = factor_names(series, entry.include, entry.exclude, f"group {entry.factor_group!r}")
    critical = critical_values(entry.student_t_level, entry.window)

    def slopes(returns: Float, factor: Float) -> Float:
        return rolling_huber(
            returns,
            factor,
            entry.window,
            2,
            entry.epsilon,
            entry.alpha,
            entry.alpha_start,
            MOST_STEPS,
            critical,
        )

    betas = rolling_betas(
        parent, series, names, slopes, calendar=entry.calendar, currency=entry.currency,
        zero_gaps=entry.fill_miss, context=context,
    )  # fmt: skip
    lower, upper = entry.clip
    columns = {}
    for name, values in betas.items():
        clipped = values[cut.source]
        if lower is not None or upper is not None:
            clipped = np.clip(clipped, lower, upper)
        columns[name] = _transform(
            cut.rows, clipped, entry.gaussianize, entry.gaussianize_maintain_zeros, entry.impute
        )
    groups.dense[entry.factor_group], faults = narrow_columns(
        entry.factor_group, columns, parent.exposure_dtype, cut.rows.days, cut.rows.offsets,
        f"tsfactors {entry.tsfactors_source}",
    )  # fmt: skip
    groups.trees[entry.factor_group] = Tree(names)
    return faults


def _unit(entry: RiskDatasetUnitExposureSettings, dtype: str, cut: _Cut, groups: _Groups) -> None:
    """The exposure 1, to everybody or to those with an exposure in other groups."""
    n, name = cut.rows.n_rows, entry.factor_group
    groups.trees[name] = Tree([entry.factor])
    if entry.factor_type == "categorical":
        groups.sparse[name] = SparseGroup((entry.factor,), (np.zeros(n, np.int16),), None)
        return
    there = np.ones(n, np.bool_)
    if entry.align_with is not None:
        columns = [values for group in entry.align_with for values in groups.dense[group].values()]
        there = np.logical_or.reduce([np.isfinite(values) for values in columns])
    groups.dense[name] = {entry.factor: np.where(there, 1.0, np.nan).astype(dtype)}
