"""The regressions of a model: their columns and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openfactor.exposures import FactorColumns
from openfactor.model.estimation.known import Known
from openfactor.numerics.cross_section import (
    CAP_WEIGHTED,
    EQUAL,
    NONE,
    RegressionBatch,
    RegressionDesign,
    RegressionResults,
    fit_days,
)
from openfactor.numerics.robust import fit_robustly
from openfactor.numerics.weighting import regression_weights
from openfactor.settings.model import ModelConstructionSettings, Stage

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
_KINDS = {"none": NONE, "equal_weights": EQUAL, "mcap_weighted": CAP_WEIGHTED}


@dataclass(frozen=True)
class Regression:
    """One stage of a model: what its days share."""

    construction: ModelConstructionSettings
    exposures: FactorColumns
    known: Known
    design: RegressionDesign
    """Of the columns that are not known."""
    order: NDArray[np.int64]
    """(columns,) factor, in the order of the results, of each column of the design."""
    known_order: NDArray[np.int64]
    """Likewise of each known factor."""
    estimation: Mask

    @property
    def by_row(self) -> bool:
        """Several days can be regressed in one go."""
        return self.exposures.by_row and self.construction.huber_epsilon is None and not self.known.pairs

    def counts(self, covered: NDArray[np.int32]) -> Mask:
        """(n,) whether returns over so many trading days take part."""
        return (covered <= 1) | (self.construction.multiday_returns != "left_out")

    def weights(self, rows: slice, caps: Float, idio_vol: Float, covered: NDArray[np.int32]) -> Float:
        """Unscaled regression weights (n,) of rows of the panel, 0 outside of the estimation universe.

        A return over m days has the variance of m days, hence 1 / m of the weight.
        """
        weights = regression_weights(self.construction.weights, caps, idio_vol)
        weights *= self.estimation[rows]
        if covered.max(initial=0) > 1:
            weights *= self.counts(covered)
            weights /= np.maximum(covered, 1)
        return weights

    def fit(self, day: int, batch: RegressionBatch) -> RegressionResults:
        """The regressions of a batch; `day` is its trading day, where it has only one."""
        design, known, epsilon = self.design, self.known, self.construction.huber_epsilon
        if known.pairs:
            batch = replace(
                batch,
                dense=batch.dense[known.free[: design.n_dense]],
                codes=np.maximum(batch.codes - len(known.columns), -1),
                known_returns=known.returns[day] @ batch.dense[known.columns],
            )
        return fit_days(design, batch) if epsilon is None else fit_robustly(design, epsilon, batch)


def regression_of(
    stage: Stage,
    exposures: FactorColumns,
    estimation: Mask,
    pairs: Sequence[tuple[str, str]],
    known: Known,
) -> Regression:
    """The regression of a stage; pairs : the factors in the order of the results."""
    construction = stage.construction
    at = {pair: k for k, pair in enumerate(pairs)}
    thresholds, asked = stage.min_names, construction.thin_category_shrinkage_overrides
    shrunk = [np.full(len(b.factors), thresholds.get(b.group, 0.0)) for b in exposures.blocks]
    lower, upper = construction.return_clip_bounds
    whole = replace(
        unshrunk_design(exposures, construction),
        min_names=np.concatenate([np.zeros(exposures.n_dense), *shrunk]),
        shrinkage_overrides=np.array([asked.get(pair, np.nan) for pair in exposures.pairs], np.float64),
        clip_bounds=(-np.inf if lower is None else lower, np.inf if upper is None else upper),
        clip_deviations=construction.return_clip_deviations,
    )
    return Regression(
        construction=construction,
        exposures=exposures,
        known=known,
        design=_without(whole, known),
        order=np.array([at[exposures.pairs[k]] for k in known.free.tolist()], np.int64),
        known_order=np.array([at[pair] for pair in known.pairs], np.int64),
        estimation=estimation,
    )


def unshrunk_design(exposures: FactorColumns, construction: ModelConstructionSettings) -> RegressionDesign:
    """The columns and their zero-sum constraints, without thin categories and clipping."""
    runs, sums = exposures.constrained, construction.zero_sum_constraints
    return RegressionDesign(
        n_dense=exposures.n_dense,
        group_first=np.array([first for _, first, _ in runs], np.int64),
        group_last=np.array([last for _, _, last in runs], np.int64),
        zero_sum=np.array([_KINDS[sums.get(b.group, "none")] for b, _, _ in runs], np.int64),
        min_names=np.zeros(len(exposures.pairs)),
        shrinkage_overrides=np.full(len(exposures.pairs), np.nan),
        diagonal_group=exposures.diagonal,
    )


def _without(design: RegressionDesign, known: Known) -> RegressionDesign:
    """The design without its known columns, all of which come before the categories."""
    gone = len(known.columns)
    if not gone:
        return design
    first, last = design.diagonal_group
    return replace(
        design,
        n_dense=design.n_dense - gone,
        group_first=design.group_first - gone,
        group_last=design.group_last - gone,
        min_names=design.min_names[known.free],
        shrinkage_overrides=design.shrinkage_overrides[known.free],
        diagonal_group=(first - gone, last - gone) if last > first else (0, 0),
    )
