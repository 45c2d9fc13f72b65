"""Robust betas to uploaded series of factor returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset.betas import factor_names, rolling_betas
from openfactor.dataset.content_hash import index_hash
from openfactor.dataset.entries.entry import DerivedRows, Entry
from openfactor.dataset.entries.transforms import score_and_fill
from openfactor.dataset.factor_groups import FactorGroups, GroupPlan
from openfactor.dataset.precision import narrow_columns
from openfactor.errors import Fault
from openfactor.numerics.huber import rolling_huber
from openfactor.numerics.student_t import critical_values
from openfactor.settings.hierarchies import Tree, unknown
from openfactor.settings.riskdataset import RiskDatasetHuberRegressionExposureSettings

Float = NDArray[np.float64]
MAX_STEPS = 100
"""Steps of reweighted least squares for a beta; about ten are usual."""


class HuberRegressionEntry(Entry[RiskDatasetHuberRegressionExposureSettings]):
    """Estimates betas over the history of the reference, on the rows of the derived dataset."""

    @property
    def _upload(self) -> str:
        return f"tsfactors {self.settings.tsfactors_source}"

    def continuous_groups(self) -> Sequence[str]:
        return [self.settings.factor_group]

    def categorical_groups(self) -> Sequence[str]:
        return []

    def problems(self, continuous: Collection[str]) -> list[str]:
        settings, reference = self.settings, self.derivation.reference
        exchanges = sorted({code for group in settings.calendar.filters for code in group})
        where, closed = f"calendar of {settings.factor_group!r}", reference.closed
        problems = [f"{where}: {unknown(code, closed)}" for code in exchanges if code not in closed]
        if settings.currency not in reference.currencies:
            currency = unknown(settings.currency, sorted(reference.currencies))
            problems.append(f"currency of {settings.factor_group!r}: {currency}")
        return problems

    def build(self, rows: DerivedRows, groups: FactorGroups) -> list[Fault]:
        settings, reference, reuse = self.settings, self.derivation.reference, self.derivation.reuse
        group = settings.factor_group
        source = f"{self._upload} {group}"
        index_content = index_hash(rows.index, reference.identifiers)
        reuse.record(
            source, [f"tsfactors/{settings.tsfactors_source}"], index_content, settings.model_dump_json(),
            reference.recipe,
        )  # fmt: skip
        loadings = reuse.take_over(source, [group], self.derivation.row_counts)
        if loadings is not None:
            groups.add([GroupPlan(group, sparse=False)], loadings)
            return []
        columns = {
            name: score_and_fill(
                rows.index, self._clipped(values[rows.source]), scores=settings.gaussianize,
                keep_zeros=settings.gaussianize_maintain_zeros, fill=settings.impute,
            )
            for name, values in self._betas().items()
        }  # fmt: skip
        groups.dense[group], faults = narrow_columns(
            group, columns, reference.exposure_dtype, rows.index.days, rows.index.offsets, self._upload
        )
        groups.trees[group] = Tree(list(columns))
        return faults

    def _clipped(self, betas: Float) -> Float:
        return betas if self.settings.clip == (None, None) else np.clip(betas, *self.settings.clip)

    def _betas(self) -> dict[str, Float]:
        """Factor to betas (rows of the reference,)."""
        settings = self.settings
        series = self.derivation.read("tsfactors", settings.tsfactors_source).collect()
        names = factor_names(series, settings.include, settings.exclude, f"group {settings.factor_group!r}")
        critical = critical_values(settings.student_t_level, settings.window)

        def slopes(returns: Float, factor: Float) -> Float:
            return rolling_huber(
                returns, factor, settings.window, 2, settings.epsilon, settings.alpha, settings.alpha_start,
                MAX_STEPS, critical,
            )  # fmt: skip

        return rolling_betas(
            self.derivation.reference, series, names, slopes, calendar=settings.calendar,
            currency=settings.currency, zero_gaps=settings.fill_miss, context=self.derivation.context,
        )  # fmt: skip

    def uploads(self) -> Mapping[str, pl.LazyFrame]:
        return {self._upload: self.derivation.read("tsfactors", self.settings.tsfactors_source)}
