"""How the codes of a hierarchy become factors: the codes of one level, or custom groups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from openfactor.settings.hierarchies import EXCLUDE, Hierarchy, flatten
from openfactor.settings.values import Settings


class HierarchyLevel(Settings):
    """One factor per code of a level, named by its label and covering everything below it."""

    hierarchy_type: Literal["level"] = "level"
    name: str = Field(min_length=1)
    """A factor group of the dataset."""
    level: int = Field(default=1, ge=1)
    """1 is the top. A branch that ends above the level contributes its last code."""


class HierarchyGroups(Settings):
    """Custom factors."""

    hierarchy_type: Literal["groups"] = "groups"
    name: str = Field(min_length=1)
    """A factor group of the dataset."""
    groupings: dict[str, Hierarchy] = Field(min_length=1)
    """Factor to its members: codes or labels of any level; `~` before one excludes it. A list of only `~`
    entries means everything else. Below the top, a key that is a code or label restricts the entries below
    it to its own descendants; any other key is just a name."""

    @field_validator("groupings")
    @classmethod
    def _each_entry_once(cls, groups: dict[str, Hierarchy]) -> dict[str, Hierarchy]:
        problems = []
        entries: list[str] = []
        for name, group in groups.items():
            members = flatten(group)
            repeated = sorted({entry for entry in members if members.count(entry) > 1})
            problems += [f"{name!r} names {entry!r} twice" for entry in repeated]
            if _has_empty_branch(group):
                problems.append(f"{name!r} has an empty branch")
            entries += [e for e in flatten(group, only_leaves=True) if not e.startswith(EXCLUDE)]
        for entry in sorted({entry for entry in entries if entries.count(entry) > 1}):
            if not any(repr(entry) in problem for problem in problems):
                problems.append(f"{entry!r} is in several groups")
        if problems:
            raise ValueError("; ".join(problems))
        return groups


HierarchyDescription = Annotated[HierarchyLevel | HierarchyGroups, Field(discriminator="hierarchy_type")]


def _has_empty_branch(hierarchy: Hierarchy) -> bool:
    parts = hierarchy.values() if isinstance(hierarchy, dict) else ()
    return not hierarchy or any(_has_empty_branch(part) for part in parts)
