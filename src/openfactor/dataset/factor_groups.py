"""Factor groups: how to read them from an upload, and what has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openfactor.dataset.columns import Exposure, SparseGroup
from openfactor.dataset.panel import PanelNames
from openfactor.settings.hierarchies import Tree


@dataclass(frozen=True)
class GroupPlan:
    """How to read one factor group."""

    name: str
    sparse: bool
    tree: Tree | None = None
    """Hierarchy whose leaves the factors must be; None for any factors."""
    forward_fill: bool = False
    """Whether an asset keeps its last exposures until it has newer ones; if not, each day replaces all."""
    max_age: int | None = None
    """Calendar days after which an exposure expires; None for never."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Factor of the upload to the factor that replaces it."""


@dataclass(frozen=True)
class Loadings:
    """Factor groups of an upload, on the rows of a panel."""

    dense: dict[str, dict[str, Exposure]]
    """Continuous group to factor to exposures (rows,)."""
    sparse: dict[str, SparseGroup]
    """Categorical group to its categories."""


@dataclass
class FactorGroups:
    """The factor groups of a dataset under construction, with their trees."""

    dense: dict[str, dict[str, Exposure]] = field(default_factory=dict)
    sparse: dict[str, SparseGroup] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)

    def add(self, plans: Sequence[GroupPlan], loadings: Loadings) -> None:
        """Add groups of an upload."""
        self.dense.update(loadings.dense)
        self.sparse.update(loadings.sparse)
        dense = {name: tuple(factors) for name, factors in loadings.dense.items()}
        sparse = {name: group.categories for name, group in loadings.sparse.items()}
        self.trees.update(trees_of(plans, PanelNames(dense, sparse)))


def trees_of(plans: Sequence[GroupPlan], names: PanelNames) -> dict[str, Tree]:
    """Group to tree: its hierarchy, or the flat list of its factors, sorted.

    The hierarchy of a continuous group is reduced to the factors that an asset has an exposure to.
    """
    trees = {}
    for plan in plans:
        factors = names.sparse[plan.name] if plan.sparse else names.dense[plan.name]
        if plan.tree is None:
            trees[plan.name] = Tree(sorted(factors))
        else:
            trees[plan.name] = plan.tree if plan.sparse else plan.tree.below(factors)
    return trees
