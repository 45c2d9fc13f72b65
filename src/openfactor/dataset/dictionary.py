"""What the codes and columns of a dataset mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from openfactor.dataset.panel import PanelNames
from openfactor.settings.hierarchies import Tree


@dataclass(frozen=True)
class Dictionary:
    """Names that columns and codes of a panel refer to, as values that can be stored."""

    exposure_dtype: str
    """Precision of exposures."""
    currencies: tuple[str, ...]
    """Codes are indices."""
    dense: dict[str, tuple[str, ...]]
    """Continuous group to its factors."""
    sparse: dict[str, tuple[str, ...]]
    """Categorical group to its categories; codes are indices."""
    trees: dict[str, tuple[Any, dict[str, str]]]
    """Group to the hierarchy of its factors, and their labels."""

    @classmethod
    def of(
        cls, names: PanelNames, dtype: str, currencies: tuple[str, ...], trees: Mapping[str, Tree]
    ) -> Dictionary:
        """The dictionary of a dataset."""
        texts = {name: (tree.hierarchy, dict(tree.labels)) for name, tree in trees.items()}
        return cls(dtype, currencies, dict(names.dense), dict(names.sparse), texts)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Dictionary:
        """The dictionary that `to_json` was made from."""
        return cls(
            value["exposure_dtype"],
            tuple(value["currencies"]),
            {group: tuple(factors) for group, factors in value["dense"].items()},
            {group: tuple(categories) for group, categories in value["sparse"].items()},
            {name: (hierarchy, labels) for name, (hierarchy, labels) in value["trees"].items()},
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def extends(self, old: Dictionary) -> bool:
        """Whether all that an older dictionary names is here, under the same code and in the same place of
        its hierarchy. There may be more.
        """
        return (
            self.exposure_dtype == old.exposure_dtype
            and self.currencies[: len(old.currencies)] == old.currencies
            and all(set(factors) <= set(self.dense.get(group, ())) for group, factors in old.dense.items())
            and all(
                self.sparse.get(group, ())[: len(categories)] == categories
                for group, categories in old.sparse.items()
            )
            and all(self._has_tree(name, *old.trees[name]) for name in old.trees)
        )

    def _has_tree(self, name: str, hierarchy: Any, labels: dict[str, str]) -> bool:
        """Whether a tree without its new leaves is the older one."""
        if name not in self.trees:
            return False
        newer = Tree(*self.trees[name])
        below = newer.below(Tree(hierarchy, labels).leaves)
        return bool(below.hierarchy == hierarchy and dict(below.labels) == labels)
