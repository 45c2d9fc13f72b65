"""Trees of codes with labels: industries in sectors, countries in regions, styles in families.

A `Hierarchy` is a list of codes, which are leaves, or a mapping from codes to the hierarchies below them.
Branches may differ in depth: a leaf whose sibling has codes below it maps to an empty list. A flat hierarchy
is a list. Codes are unique within a hierarchy, labels need not be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from typing_extensions import TypeAliasType

if TYPE_CHECKING:
    import polars as pl

Hierarchy = TypeAliasType("Hierarchy", "list[str] | dict[str, Hierarchy]")

MAX_LEVELS = 64
"""Levels of a hierarchy, at most."""
EXCLUDE = "~"
"""Prefix of an entry to exclude from a custom group."""


@dataclass(frozen=True)
class Node:
    """A code and its place in the tree."""

    code: str
    label: str
    level: int
    """1 at the top."""
    parent: str | None
    leaves: tuple[str, ...]
    """The leaves at or below it, in tree order."""


class Tree:
    """A hierarchy with its labels, for lookups.

    Parameters
    ----------
    hierarchy
        The codes.
    labels
        Code to label; codes without one are their own label.

    Raises
    ------
    ValueError
        A code occurs twice, a label belongs to no code, or there are more than `MAX_LEVELS` levels.
    """

    def __init__(self, hierarchy: Hierarchy, labels: Mapping[str, str] | None = None) -> None:
        self.hierarchy = hierarchy
        given = dict(labels or {})
        nodes: dict[str, Node] = {}
        repeated: set[str] = set()

        def walk(part: Hierarchy, level: int, parent: str | None) -> tuple[str, ...]:
            all_leaves: list[str] = []
            _check_level(level, part)
            for code in part:
                if code in nodes:
                    repeated.add(code)
                nodes[code] = Node(code, given.get(code, code), level, parent, ())  # before those below it
                below = part[code] if isinstance(part, dict) else []
                leaves = walk(below, level + 1, code) or (code,)
                nodes[code] = Node(code, given.get(code, code), level, parent, leaves)
                all_leaves += leaves
            return tuple(all_leaves)

        self.leaves = walk(hierarchy, 1, None)
        """All leaves, in tree order."""
        if repeated:
            raise ValueError(f"codes that occur more than once: {', '.join(sorted(repeated))}")
        if extra := sorted(given.keys() - nodes.keys()):
            raise ValueError(f"labels of codes that are not in the hierarchy: {', '.join(extra)}")
        self.nodes = nodes
        """Code to node; a code precedes those below it."""

    def __repr__(self) -> str:
        return f"<Tree of {len(self.leaves)} leaves on {self.depth} levels>"

    @property
    def labels(self) -> dict[str, str]:
        """Code to label, for all codes."""
        return {code: node.label for code, node in self.nodes.items()}

    @property
    def depth(self) -> int:
        """Number of levels."""
        return max((node.level for node in self.nodes.values()), default=0)

    @cached_property
    def _codes(self) -> dict[str, list[str]]:
        """Label to the codes that have it."""
        codes: dict[str, list[str]] = {}
        for node in self.nodes.values():
            codes.setdefault(node.label, []).append(node.code)
        return codes

    def at_level(self, level: int) -> dict[str, tuple[str, ...]]:
        """Code to leaves, for the codes of a level and the leaves of branches that end above it."""
        return {
            code: node.leaves
            for code, node in self.nodes.items()
            if node.level == level or (node.level < level and node.leaves == (code,))
        }

    def path(self, code: str) -> list[Node]:
        """The nodes from the top down to a code."""
        nodes = [self.nodes[code]]
        while (parent := nodes[-1].parent) is not None:
            nodes.append(self.nodes[parent])
        return nodes[::-1]

    def find(self, entry: str, *, deepest: bool = False) -> Node:
        """The node of a code or a label.

        A label shared by several codes means the one nearest the top, or with `deepest` the one farthest from
        it.

        Raises
        ------
        ValueError
            Neither a code nor a label (the message names the most similar one), or a label that several codes
            of that level share.
        """
        if entry in self.nodes:
            return self.nodes[entry]
        nodes = [self.nodes[code] for code in self._codes.get(entry, ())]
        if not nodes:
            raise ValueError(unknown(entry, [*self.nodes, *self._codes]))
        level = (max if deepest else min)(node.level for node in nodes)
        first, *others = [node for node in nodes if node.level == level]
        if others:
            codes = ", ".join(node.code for node in [first, *others])
            raise ValueError(f"{entry!r} is the label of several codes of one level; say which: {codes}")
        return first

    def select(self, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
        """Leaves below included entries ("All": all) and not below excluded ones, in tree order.

        Entries are codes or labels of any level; see `find` for labels shared by several codes.

        Raises
        ------
        ValueError
            As `find`.
        """
        taken = set(self.leaves) if include == "All" else set(self._leaves(include))
        taken -= set(self._leaves(exclude, deepest=True))
        return tuple(leaf for leaf in self.leaves if leaf in taken)

    def problems(self, include: Sequence[str], exclude: Sequence[str]) -> list[str]:
        """What is wrong with the arguments of `select`: invalid entries, or nothing left."""
        problems = []
        for entries, deepest in (([] if include == "All" else include, False), (exclude, True)):
            where = "exclude" if deepest else "include"
            for entry in entries:
                try:
                    self.find(entry, deepest=deepest)
                except ValueError as error:
                    problems.append(f"{where}: {error}")
        if not problems and not self.select(include, exclude):
            problems.append("nothing is left after include and exclude")
        return problems

    def expand(self, entries: Hierarchy) -> tuple[str, ...]:
        """Leaves of a custom group of codes and labels of any level; `~` before an entry excludes it.

        A list of only `~` entries means everything else. A key that is a code or label restricts the entries
        below it to its own descendants; any other key is just a name.

        Raises
        ------
        ValueError
            As `find`; or an entry is not below the code that it is listed under.
        """
        taken = self._expand(entries, set(self.leaves), None)
        return tuple(leaf for leaf in self.leaves if leaf in taken)

    def below(self, leaves: Iterable[str]) -> Tree:
        """The tree of these leaves alone, without branches that lose all of theirs."""
        kept = set(leaves)

        def cut(part: Hierarchy) -> Hierarchy:
            alive = [code for code in part if kept & set(self.nodes[code].leaves)]
            if isinstance(part, list):
                return alive
            return {code: cut(part[code]) for code in alive}

        hierarchy = cut(self.hierarchy)
        present = set(flatten(hierarchy))
        return Tree(hierarchy, {c: label for c, label in self.labels.items() if c in present})

    def _leaves(self, entries: Iterable[str], *, deepest: bool = False) -> Iterator[str]:
        for entry in entries:
            yield from self.find(entry, deepest=deepest).leaves

    def _expand(self, entries: Hierarchy, within: set[str], narrowed_by: str | None) -> set[str]:
        if isinstance(entries, dict):
            out: set[str] = set()
            for key, part in entries.items():
                if key.startswith(EXCLUDE):
                    raise ValueError(f"{key!r}: {EXCLUDE!r} may stand before entries of a list only")
                known = key in self.nodes or key in self._codes
                below = within & set(self.find(key).leaves) if known else within
                out |= self._expand(part, below, key if known else narrowed_by)
            return out
        plain = [e for e in entries if not e.startswith(EXCLUDE)]
        taken = set(self._leaves(plain)) if plain else set(within)
        if taken - within:
            raise ValueError(f"{', '.join(sorted(taken - within))} is not below {narrowed_by!r}")
        return taken - set(self._leaves((e[1:] for e in entries if e.startswith(EXCLUDE)), deepest=True))


def _check_level(level: int, part: Hierarchy) -> None:
    if part and level > MAX_LEVELS:
        raise ValueError(
            f"a hierarchy has more than {MAX_LEVELS} levels; leave out levels with one code each"
        )


def flatten(hierarchy: Hierarchy, only_leaves: bool = False) -> list[str]:
    """All codes, each before those below it; or only the leaves."""
    out: list[str] = []
    for code in hierarchy:
        below = flatten(hierarchy[code], only_leaves) if isinstance(hierarchy, dict) else []
        out += below if only_leaves and below else [code, *below]
    return out


def unknown(name: str, known: Iterable[str]) -> str:
    """The message for an unknown name: the most similar one, and the possible ones."""
    possible = list(dict.fromkeys(known))
    near = get_close_matches(name, possible, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(possible[:12]) + (", ..." if len(possible) > 12 else "")
    return f"there is no {name!r}; {hint}possible: {shown or 'none'}"


def hierarchy_to_df(hierarchy: Hierarchy, labels: Mapping[str, str]) -> pl.DataFrame:
    """Long form, as in the `hierarchies` upload: level (1 at the top), code, label, parent_code.

    Rows are sorted by level, and within a level in tree order.

    Raises
    ------
    ValueError
        A code has no label; or as `Tree`.
    """
    import polars as pl

    tree = Tree(hierarchy, labels)
    if unlabelled := [code for code in tree.nodes if code not in labels]:
        raise ValueError(f"codes without a label: {', '.join(unlabelled)}")
    rows = [(n.level, n.code, n.label, n.parent) for n in tree.nodes.values()]
    schema = {"level": pl.Int32, "code": pl.String, "label": pl.String, "parent_code": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("level", maintain_order=True)


def hierarchy_from_df(df: pl.DataFrame) -> tuple[Hierarchy, dict[str, str]]:
    """The hierarchy and its labels (code to label) from a frame in long form, with levels from 1 or 0.

    Siblings become a list if none has codes below it; otherwise all become keys, and those without map to an
    empty list.

    Raises
    ------
    ValueError
        There are more than `MAX_LEVELS` levels, or a code is below itself.
    """
    rows = df.select("level", "code", "label", "parent_code").sort("level", maintain_order=True).rows()
    children: dict[str | None, list[str]] = {}
    for _, code, _, parent in rows:
        children.setdefault(parent, []).append(code)

    def below(parent: str | None, level: int) -> Hierarchy:
        codes = children.get(parent, [])
        _check_level(level, codes)
        if not any(code in children for code in codes):
            return codes
        return {code: below(code, level + 1) for code in codes}

    return below(None, 1), {code: label for _, code, label, _ in rows}


def hierarchy_df_to_wide(hierarchy: Hierarchy, labels: Mapping[str, str]) -> pl.DataFrame:
    """One row per leaf: level_1, level_1_label, level_2, ...; null below the end of a short branch."""
    import polars as pl

    tree = Tree(hierarchy, labels)
    rows = []
    for leaf in tree.leaves:
        path = tree.path(leaf)
        cells = [cell for node in path for cell in (node.code, node.label)]
        rows.append(cells + [None] * (2 * (tree.depth - len(path))))
    names = [name for i in range(1, tree.depth + 1) for name in (f"level_{i}", f"level_{i}_label")]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
