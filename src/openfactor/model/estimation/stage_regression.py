"""The regression of a stage: its columns and its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openfactor.exposures import FactorColumns
from openfactor.model.estimation.known import KnownFactors
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
class StageRegression:
    """The regression of a stage: what its days share."""

    construction: ModelConstructionSettings
    exposures: FactorColumns
    known: KnownFactors
    design: RegressionDesign
    """Of the columns that are not known; which group is diagonal depends on the day."""
    order: NDArray[np.int64]
    """(columns of the design,) index of each column's factor among those of all stages."""
    known_order: NDArray[np.int64]
    """(known factors,) likewise."""
    estimation: Mask
    """(rows,) in the estimation universe, one listing per company."""

    @property
    def by_row(self) -> bool:
        """Several days can be regressed at once."""
        return self.exposures.by_row and self.construction.huber_epsilon is None and not self.known.pairs

    def counts(self, covered: NDArray[np.int32]) -> Mask:
        """(n,) the return is estimated on.

        Parameters
        ----------
        covered
            (n,) trading days that each return covers.
        """
        return (covered <= 1) | (self.construction.multiday_returns != "left_out")

    def weights(self, rows: slice, caps: Float, idio_vol: Float, covered: NDArray[np.int32]) -> Float:
        """(n,) unscaled regression weights of rows of the panel, 0 outside of the estimation universe.

        A return over m days has the variance of m days, hence 1 / m of the weight.
        """
        weights = regression_weights(self.construction.weights, caps, idio_vol)
        weights *= self.estimation[rows]
        if covered.max(initial=0) > 1:
            weights *= self.counts(covered)
            weights /= np.maximum(covered, 1)
        return weights

    def fit(self, day: int, batch: RegressionBatch, slots: Sequence[int]) -> RegressionResults:
        """The regressions of a batch.

        Parameters
        ----------
        day
            Its trading day; of a batch of several days, which has no known factors, any.
        slots
            (blocks,) most categories that a name has on each of its days.
        """
        known, epsilon = self.known, self.construction.huber_epsilon
        first, last = self.exposures.diagonal(slots)
        n_known = len(known.columns)
        diagonal = (first - n_known, last - n_known) if last > first else (0, 0)
        design = replace(self.design, diagonal_group=diagonal)
        if known.pairs:
            batch = replace(
                batch,
                dense=batch.dense[known.free[: design.n_dense]],
                codes=np.maximum(batch.codes - len(known.columns), -1),
                known_returns=known.returns[day] @ batch.dense[known.columns],
            )
        return fit_days(design, batch) if epsilon is None else fit_robustly(design, epsilon, batch)


def stage_regression(
    stage: Stage,
    exposures: FactorColumns,
    estimation: Mask,
    pairs: Sequence[tuple[str, str]],
    known: KnownFactors,
) -> StageRegression:
    """The regression of a stage.

    Parameters
    ----------
    exposures, known
        Of the stage.
    estimation
        (rows,) in its estimation universe, one listing per company.
    pairs
        Group and factor of all stages, in the order of the results.
    """
    construction = stage.construction
    index = {pair: k for k, pair in enumerate(pairs)}
    min_names = [
        np.full(len(block.factors), stage.min_names.get(block.group, 0.0)) for block in exposures.blocks
    ]
    overrides = construction.thin_category_shrinkage_overrides
    lower, upper = construction.return_clip_bounds
    design = replace(
        unshrunk_design(exposures, construction),
        min_names=np.concatenate([np.zeros(exposures.n_dense), *min_names]),
        shrinkage_overrides=np.array([overrides.get(pair, np.nan) for pair in exposures.pairs], np.float64),
        clip_bounds=(-np.inf if lower is None else lower, np.inf if upper is None else upper),
        clip_deviations=construction.return_clip_deviations,
    )
    return StageRegression(
        construction=construction,
        exposures=exposures,
        known=known,
        design=_without_known(design, known),
        order=np.array([index[exposures.pairs[k]] for k in known.free.tolist()], np.int64),
        known_order=np.array([index[pair] for pair in known.pairs], np.int64),
        estimation=estimation,
    )


def unshrunk_design(
    exposures: FactorColumns,
    construction: ModelConstructionSettings,
    diagonal_group: tuple[int, int] = (0, 0),
) -> RegressionDesign:
    """The columns and their zero-sum constraints, without thin categories and clipping."""
    runs, constraints = exposures.constrained, construction.zero_sum_constraints
    return RegressionDesign(
        n_dense=exposures.n_dense,
        group_first=np.array([first for _, first, _ in runs], np.int64),
        group_last=np.array([last for _, _, last in runs], np.int64),
        zero_sum=np.array([_KINDS[constraints.get(block.group, "none")] for block, _, _ in runs], np.int64),
        min_names=np.zeros(len(exposures.pairs)),
        shrinkage_overrides=np.full(len(exposures.pairs), np.nan),
        diagonal_group=diagonal_group,
    )


def _without_known(design: RegressionDesign, known: KnownFactors) -> RegressionDesign:
    """The design without its known columns, all of which come before the categories."""
    n_known = len(known.columns)
    if not n_known:
        return design
    return replace(
        design,
        n_dense=design.n_dense - n_known,
        group_first=design.group_first - n_known,
        group_last=design.group_last - n_known,
        min_names=design.min_names[known.free],
        shrinkage_overrides=design.shrinkage_overrides[known.free],
    )
