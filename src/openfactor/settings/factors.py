"""Which leaves of a hierarchy belong to which factor of a group."""

from __future__ import annotations

from collections.abc import Collection

from openfactor.settings.exposures import HierarchyGroup
from openfactor.settings.groupings import HierarchyGroups
from openfactor.settings.hierarchies import Node, Tree, unknown

Factors = dict[str, tuple[str, ...]]
"""Factor to its leaves."""


class FactorsError(ValueError):
    """A description that does not fit the hierarchy; `problems` has one sentence per reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(problems)  # what copies and pickles pass to the constructor

    def __str__(self) -> str:
        return "; ".join(self.problems)


def factors_of(group: HierarchyGroup, tree: Tree, universe: Collection[str] | None = None) -> Factors:
    """The factors of a group, in the order of the tree or of the custom groups.

    A factor of a level is named after the label of its code, with the code in brackets if several codes of
    the level share the label. `include` and `exclude` name factors, or codes or labels of any level. Factors
    without a leaf left are dropped.

    Parameters
    ----------
    group
        The description of the factors.
    tree
        The hierarchy that it refers to.
    universe
        The leaves kept by the universe's filter on this hierarchy; None: no filter.

    Raises
    ------
    FactorsError
        The hierarchy lacks a name, custom groups overlap, or nothing is left.
    """
    described = _described(group, tree)
    kept, problems = _selected(group, tree, described)
    if problems:
        raise FactorsError(problems)
    if universe is not None:
        kept &= set(universe)
    factors = {name: tuple(leaf for leaf in leaves if leaf in kept) for name, leaves in described.items()}
    factors = {name: leaves for name, leaves in factors.items() if leaves}
    if not factors:
        raise FactorsError(["nothing is left after include and exclude" if universe is None or not kept
                            else "the filter of the universe leaves nothing of it"])  # fmt: skip
    return factors


def _described(group: HierarchyGroup, tree: Tree) -> Factors:
    description = group.hierarchy
    if isinstance(description, HierarchyGroups):
        return _custom(description, tree)
    if description.level > tree.depth:
        levels = f"{tree.depth} level{'s' * (tree.depth > 1)}"
        raise FactorsError([f"{description.name!r} has {levels}; there is no level {description.level}"])
    nodes = [tree.nodes[code] for code in tree.at_level(description.level)]
    labels = [node.label for node in nodes]
    return {_name(node, labels): node.leaves for node in nodes}


def _name(node: Node, labels: list[str]) -> str:
    return node.label if labels.count(node.label) == 1 else f"{node.label} [{node.code}]"


def _custom(description: HierarchyGroups, tree: Tree) -> Factors:
    factors: Factors = {}
    problems = []
    for name, entries in description.groupings.items():
        try:
            factors[name] = tree.expand(entries)
        except ValueError as error:
            problems.append(f"group {name!r}: {error}")
    owner: dict[str, str] = {}
    for name, leaves in factors.items():
        if shared := [leaf for leaf in leaves if leaf in owner]:
            problems.append(f"groups {owner[shared[0]]!r} and {name!r} overlap in {', '.join(shared)}")
        owner.update(dict.fromkeys(leaves, name))
    if problems:
        raise FactorsError(problems)
    return factors


def _selected(group: HierarchyGroup, tree: Tree, described: Factors) -> tuple[set[str], list[str]]:
    """The leaves selected by `include` and `exclude`, and entries that match nothing."""
    problems: list[str] = []

    def leaves(entries: list[str], where: str, deepest: bool) -> set[str]:
        selected: set[str] = set()
        for entry in entries:
            if entry in described:
                selected |= set(described[entry])
            elif entry in tree.nodes or entry in tree.labels.values():
                try:
                    selected |= set(tree.find(entry, deepest=deepest).leaves)
                except ValueError as error:
                    problems.append(f"{where}: {error}")
            else:
                known = [*described, *tree.nodes, *tree.labels.values()]
                problems.append(f"{where}: {unknown(entry, known)}")
        return selected

    kept = set(tree.leaves) if group.include == "All" else leaves(list(group.include), "include", False)
    return kept - leaves(group.exclude, "exclude", True), problems
