"""The factors of a model: which columns they are, in which order, and their values on a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.dataset import RiskDataset, SparseGroup
from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.betas import chosen, factor_names, rolling_betas
from openfactor.dataset.checks import known_groups
from openfactor.dataset.factor_groups import GroupPlan
from openfactor.dataset.inventory import exposure_inventory, used_factors
from openfactor.dataset.loadings import read_loadings
from openfactor.dataset.panel_index import index_of_panel
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.row_counts import RowCounts
from openfactor.datawarnings import warn
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.exposures.columns import (
    CategoricalBlock,
    DenseColumns,
    ProductColumns,
    ReferenceMasks,
)
from openfactor.numerics.cross_section import design_matrix
from openfactor.numerics.huber import rolling_huber
from openfactor.numerics.rolling import rolling_ols
from openfactor.numerics.scores import orthogonal_complement
from openfactor.numerics.student_t import critical_values
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.exposures import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    ExposureSettings,
    InlineUploadedExposureGroupSettings,
    InteractionExposureGroupSettings,
    RollingHuberBetaSettings,
    TimeSeriesBetaExposureGroupSettings,
)
from openfactor.settings.factors import Factors
from openfactor.settings.hierarchies import unknown
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.validation import hierarchy_factors

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Dense: TypeAlias = DenseColumns | ProductColumns


@dataclass(frozen=True)
class FactorColumns:
    """Columns: dense factors first, then the categorical blocks."""

    dense: tuple[Dense, ...]
    blocks: tuple[CategoricalBlock, ...]
    reference: ReferenceMasks
    weights: Float
    """(rows,) regression weights of the projections."""

    @property
    def dense_names(self) -> tuple[str, ...]:
        """`{group}.{factor}` of each dense column."""
        return tuple(f"{d.group}.{f}" for d in self.dense for f in d.factors)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Group and factor of each column."""
        return tuple((part.group, f) for part in (*self.dense, *self.blocks) for f in part.factors)

    @property
    def names(self) -> tuple[str, ...]:
        """`{group}.{factor}` of each column."""
        return tuple(f"{group}.{factor}" for group, factor in self.pairs)

    @property
    def n_dense(self) -> int:
        return sum(len(d.factors) for d in self.dense)

    @property
    def may_miss_products(self) -> bool:
        """A loading can be missing: there are products with continuous factors."""
        return any(block.scale for block in self.blocks)

    @property
    def by_row(self) -> bool:
        """No column depends on the other names of the day: several days can be read at once."""
        scales = (columns for block in self.blocks for columns, _ in block.scale)
        return all(columns.plain and not columns.net_of for columns in (*self.dense, *scales))

    @property
    def diagonal(self) -> tuple[int, int]:
        """Columns, first and one past the last, of the widest block that gives a name one category."""
        single = [b for b in self.blocks if b.n_slots == 1]
        widest = max(single, key=lambda b: len(b.factors), default=None)
        return (widest.first, widest.first + len(widest.factors)) if widest else (0, 0)

    @property
    def constrained(self) -> list[tuple[CategoricalBlock, int, int]]:
        """Runs of columns that a zero-sum constraint can hold for: a block, first and one past the last.

        Blocks of one group are one run; each continuous factor of an interaction has a run of its own.
        """
        runs: list[tuple[CategoricalBlock, int, int]] = []
        for block in self.blocks:
            last = block.first + len(block.factors)
            if runs and runs[-1][0].group == block.group and not (block.scale or runs[-1][0].scale):
                runs[-1] = (runs[-1][0], runs[-1][1], last)
            else:
                runs.append((block, block.first, last))
        return runs

    def evaluate(self, rows: slice, buffer: Float | None = None) -> tuple[Float, NDArray[np.int32], Float]:
        """Exposures of the rows of one day, in double precision; of several days where `by_row`.

        buffer : (n_dense * n or more,) used in place of new memory

        Returns
        -------
        dense (n_dense, n), NaN where missing; codes (slots, n), the column of each category, -1 for none; and
        loads (slots, n), NaN where a product is missing.
        """
        n = rows.stop - rows.start
        size = self.n_dense * n
        dense = (np.empty(size) if buffer is None else buffer[:size]).reshape(self.n_dense, n)
        for columns, first in self._placed():
            columns.read(rows, self.reference, dense[first : first + len(columns.factors)])
        parts = [block.read(rows, self.reference) for block in self.blocks]
        if len(parts) == 1:
            codes, loads = parts[0]
        else:
            codes = np.concatenate([np.empty((0, n), np.int32), *(c for c, _ in parts)])
            loads = np.concatenate([np.empty((0, n)), *(x for _, x in parts)])
        for columns, first in self._placed():
            if columns.net_of:
                sources = self._columns_of(columns.net_of, dense, codes, loads)
                weights = np.where(self.reference.estimation[rows], self.weights[rows], 0.0)
                mine = slice(first, first + len(columns.factors))
                dense[mine] = orthogonal_complement(dense[mine], sources, weights)
        return dense, codes, loads

    def _placed(self) -> Iterator[tuple[Dense, int]]:
        first = 0
        for columns in self.dense:
            yield columns, first
            first += len(columns.factors)

    def _columns_of(
        self, groups: Sequence[str], dense: Float, codes: NDArray[np.int32], loads: Float
    ) -> Float:
        """(n, columns) of the groups, as they stand."""
        wanted = [k for k, (group, _) in enumerate(self.pairs) if group in groups]
        return design_matrix(dense, codes, loads, len(self.pairs)).T[wanted].T


def resolve(
    dataset: RiskDataset,
    settings: ExposureSettings,
    universe: UniverseSettings,
    reference: ReferenceMasks,
    read: UploadReader = no_uploads,
    context: Context | None = None,
) -> FactorColumns:
    """The columns that `settings` ask for. Settings are taken as valid on the dataset.

    universe : cuts the categories to what its filters leave, and has the calendar of betas
    reference : whom cross-sectional transforms look at
    read : gives uploads, for groups that come from one

    Raises
    ------
    SettingsError: factors that an upload does not have. DataError: exposures that the precision of the
    dataset cannot hold.
    """
    menu = dataset.properties.exposure_settings_menu
    source = _Sources(dataset, menu, universe, read, context or Context())
    dense: list[Dense] = []
    for group in settings.exposures:
        if isinstance(group, InteractionExposureGroupSettings):
            continuous, categorical = _members(group)
            if not categorical:
                dense.append(ProductColumns(group.factor_group, tuple(source.dense(m) for m in continuous)))
        elif not isinstance(group, CategoricalExposureGroupSettings):
            dense.append(source.dense(group))
    blocks: list[CategoricalBlock] = []
    first = sum(len(d.factors) for d in dense)
    plain = [g for g in settings.exposures if isinstance(g, CategoricalExposureGroupSettings)]
    for one in sorted(plain, key=lambda g: [p.factor_group for p in plain].index(g.factor_group)):
        blocks.append(source.block(one, first))
        first += len(blocks[-1].factors)
    for group in settings.exposures:
        if isinstance(group, InteractionExposureGroupSettings) and _members(group)[1]:
            for block in source.interaction(group, first):
                blocks.append(block)
                first += len(block.factors)
    scheme = settings.orthogonalization_weights
    exposures = FactorColumns(
        tuple(dense),
        tuple(blocks),
        reference,
        regression_weights(scheme, dataset.panel.market_cap, dataset.panel.idio_vol)
        if any(d.net_of for d in dense)
        else np.empty(0),
    )
    names = exposures.names
    if again := sorted({n for n in names if names.count(n) > 1}):
        raise SettingsError(
            "the exposures do not fit together:", [f"{n} comes from several groups" for n in again]
        )
    return exposures


def _members(
    group: InteractionExposureGroupSettings,
) -> tuple[list[ContinuousExposureGroupSettings], list[CategoricalExposureGroupSettings]]:
    members = group.exposure_groups
    return (
        [m for m in members if isinstance(m, ContinuousExposureGroupSettings)],
        [m for m in members if isinstance(m, CategoricalExposureGroupSettings)],
    )


@dataclass(frozen=True)
class _Sources:
    """Where the columns of the groups come from."""

    data: RiskDataset
    menu: ExposureSettingsMenu
    universe: UniverseSettings
    read: UploadReader
    context: Context

    def dense(
        self,
        group: ContinuousExposureGroupSettings
        | TimeSeriesBetaExposureGroupSettings
        | InlineUploadedExposureGroupSettings,
    ) -> DenseColumns:
        if isinstance(group, TimeSeriesBetaExposureGroupSettings):
            return self._betas(group)
        if isinstance(group, InlineUploadedExposureGroupSettings):
            return self._uploaded(group)
        panel = self.data.panel.dense[group.hierarchy.name]
        factors = hierarchy_factors(group, self.menu, self.universe)
        return DenseColumns(
            group.factor_group,
            tuple(factors),
            tuple(tuple(panel[leaf] for leaf in leaves) for leaves in factors.values()),
            winsorize=group.winsorize,
            standardize=group.standardize_method == "equal_weighted",
            net_of=tuple(group.net_of),
        )

    def block(self, group: CategoricalExposureGroupSettings, first: int) -> CategoricalBlock:
        source, factors, column = self._categories(group)
        name = group.factor_group
        return CategoricalBlock(name, tuple(factors), first, (source,), (column,), (len(factors),))

    def interaction(self, group: InteractionExposureGroupSettings, first: int) -> Iterator[CategoricalBlock]:
        """One block for each combination of continuous factors."""
        continuous, categorical = _members(group)
        dense = {id(m): self.dense(m) for m in continuous}
        parts = {id(m): self._categories(m) for m in categorical}
        choices = [range(len(dense[id(m)].factors)) for m in continuous]
        for choice in product(*choices):
            picked = {id(m): k for m, k in zip(continuous, choice, strict=True)}
            names = [
                [dense[id(m)].factors[picked[id(m)]]] if id(m) in picked else list(parts[id(m)][1])
                for m in group.exposure_groups
            ]
            factors = tuple(":".join(name) for name in product(*names))
            yield CategoricalBlock(
                group=group.factor_group,
                factors=factors,
                first=first,
                sources=tuple(parts[id(m)][0] for m in categorical),
                columns=tuple(parts[id(m)][2] for m in categorical),
                sizes=tuple(len(parts[id(m)][1]) for m in categorical),
                scale=tuple((dense[id(m)], picked[id(m)]) for m in continuous),
            )
            first += len(factors)

    def _categories(
        self, group: CategoricalExposureGroupSettings
    ) -> tuple[SparseGroup, Factors, NDArray[np.int32]]:
        """The group of the panel, its factors, and the factor of each category, -1 for none."""
        source = self.data.panel.sparse[group.hierarchy.name]
        factors: Factors = hierarchy_factors(group, self.menu, self.universe)
        at = {leaf: k for k, leaves in enumerate(factors.values()) for leaf in leaves}
        column = np.array([*(at.get(c, -1) for c in source.categories), -1], np.int32)
        return source, factors, column

    def _betas(self, group: TimeSeriesBetaExposureGroupSettings) -> DenseColumns:
        series = self.read("tsfactors", group.tsfactors_source).collect()
        names = factor_names(series, group.include, group.exclude, f"group {group.factor_group!r}")
        how, window = group.rolling_regression, group.window
        least = max(2, window // 2)

        def slopes(returns: Float, factor: Float) -> Float:
            if isinstance(how, RollingHuberBetaSettings):
                critical = critical_values(how.level, window)
                return rolling_huber(
                    returns, factor, window, least, how.epsilon, how.alpha, how.alpha, how.max_iter, critical
                )
            return rolling_ols(returns, factor, window, how.overlap, least)

        betas = rolling_betas(
            self.data, series, names, slopes,
            calendar=self.universe.calendar,
            currency=group.currency, clip=group.return_clip_bounds, context=self.context,
        )  # fmt: skip
        return DenseColumns(
            group.factor_group,
            tuple(names),
            tuple((betas[name],) for name in names),
            winsorize=group.winsorize,
            gaussianize=group.gaussianize,
            keep_zeros=group.gaussianize_maintain_zeros,
            net_of=tuple(group.net_of),
        )

    def _uploaded(self, group: InlineUploadedExposureGroupSettings) -> DenseColumns:
        rows = self.read("exposures", group.exposure_source)
        found, name = exposure_inventory(rows), group.factor_group
        identifiers, row_counts = self.data.identifiers, RowCounts()
        resolved = found.filter(pl.col("asset_id_type").is_in(identifiers.company_types))
        mine = resolved.filter(pl.col("factor_group") == name)
        if not len(mine):
            groups = resolved["factor_group"].unique().sort()
            raise SettingsError(
                f"the upload {group.exposure_source!r} has no such group:", [unknown(name, groups.to_list())]
            )
        used = used_factors(rows, mine, identifiers, row_counts, group.exposure_source)
        if not len(used):
            _refuse(group, known_groups(rows, [name], identifiers, group.exposure_source))
        names = chosen(
            used["factor"].unique().sort().to_list(), group.include, group.exclude, f"group {name!r}"
        )
        plan = GroupPlan(name, sparse=False, forward_fill=group.forward_fill, max_age=group.max_age)
        loadings, faults = read_loadings(
            rows, used, [plan], index_of_panel(self.data),
            identifiers, self.data.exposure_dtype, row_counts, group.exposure_source, self.context,
        )  # fmt: skip
        faults += ambiguous_rows(
            self.data.identifiers, rows.filter(pl.col("factor_group") == name), "exposures"
        )
        dropped = row_counts.dropped[group.exposure_source]
        if unknown_rows := sum(n for reason, n in dropped.items() if reason.startswith("unknown asset")):
            warn(
                f"{unknown_rows:,} rows of group {name!r} in the upload {group.exposure_source!r} are of "
                "assets that the dataset does not know"
            )
        _refuse(group, faults)
        return DenseColumns(
            name,
            tuple(names),
            tuple((loadings.dense[name][factor],) for factor in names),
            winsorize=group.winsorize,
            gaussianize=group.gaussianize,
            keep_zeros=group.gaussianize_maintain_zeros,
            fill=group.fill_miss,
            standardize=group.standardize_method == "equal_weighted",
            net_of=tuple(group.net_of),
        )


def _refuse(group: InlineUploadedExposureGroupSettings, faults: list[Fault]) -> None:
    if faults:
        raise DataError(f"the upload {group.exposure_source!r} does not fit the dataset:", faults)


def by_group(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Group to its factors, in the order of the pairs."""
    out: dict[str, list[str]] = {}
    for group, factor in pairs:
        out.setdefault(group, []).append(factor)
    return out
