"""How the codes of a hierarchy become factors: those of one level, or groups put together by hand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from openfactor.settings.hierarchies import EXCLUDE, Hierarchy, flatten
from openfactor.settings.values import Settings


class HierarchyLevel(Settings):
    """Every code of one level is a factor, named by its label, with all that is below it."""

    hierarchy_type: Literal["level"] = "level"
    name: str = Field(min_length=1)
    """A factor group of the dataset."""
    level: int = Field(default=1, ge=1)
    """1 is the top. A branch that ends above the level gives its last code."""


class HierarchyGroups(Settings):
    """Factors put together by hand."""

    hierarchy_type: Literal["groups"] = "groups"
    name: str = Field(min_length=1)
    """A factor group of the dataset."""
    groupings: dict[str, Hierarchy] = Field(min_length=1)
    """Factor to what is in it: codes or labels of any level, `~` before one takes it out. A list of only
    `~` entries means all but these. Below the top, a key that is a code or label narrows what stands
    below it; any other key only names a part of the factor."""

    @field_validator("groupings")
    @classmethod
    def _each_entry_once(cls, groups: dict[str, Hierarchy]) -> dict[str, Hierarchy]:
        problems = []
        entries: list[str] = []
        for name, group in groups.items():
            mine = flatten(group)
            problems += [
                f"{name!r} names {e!r} twice" for e in sorted({e for e in mine if mine.count(e) > 1})
            ]
            if _has_empty_branch(group):
                problems.append(f"{name!r} has an empty branch")
            entries += [e for e in flatten(group, only_leaves=True) if not e.startswith(EXCLUDE)]
        repeated = sorted({e for e in entries if entries.count(e) > 1})
        problems += [
            f"{e!r} is in several groups" for e in repeated if not any(repr(e) in p for p in problems)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return groups


HierarchyDescription = Annotated[HierarchyLevel | HierarchyGroups, Field(discriminator="hierarchy_type")]


def _has_empty_branch(hierarchy: Hierarchy) -> bool:
    parts = hierarchy.values() if isinstance(hierarchy, dict) else ()
    return not hierarchy or any(_has_empty_branch(part) for part in parts)
