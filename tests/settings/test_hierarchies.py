"""Trees of codes: the rules by which names become leaves, and the forms as frames."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfactor.settings import (
    CategoricalExposureGroupSettings,
    ContinuousExposureGroupSettings,
    HierarchyGroups,
    HierarchyLevel,
    Tree,
    hierarchy_df_to_wide,
    hierarchy_from_df,
    hierarchy_to_df,
)
from openfactor.settings.factors import FactorsError, factors_of
from openfactor.settings.hierarchies import Hierarchy, flatten
from openfactor.uploads import DATA_TYPES

SECTORS: Hierarchy = {
    "50": {"5010": ["501010", "501020"], "5020": ["502010"]},
    "51": {"5110": ["511010"]},
    "52": [],
}
LABELS = {
    "50": "Energy", "5010": "Fossil", "501010": "Coal", "501020": "Oil", "5020": "Renewable",
    "502010": "Wind", "51": "Materials", "5110": "Chemicals", "511010": "Chemicals", "52": "Funds",
}  # fmt: skip
TREE = Tree(SECTORS, LABELS)


def group(**fields) -> CategoricalExposureGroupSettings:
    return CategoricalExposureGroupSettings(**({"hierarchy": "trbc"} | fields))


def custom(**groupings) -> CategoricalExposureGroupSettings:
    return group(hierarchy=HierarchyGroups(name="trbc", groupings=groupings))


def test_levels_of_an_uneven_tree() -> None:
    assert TREE.leaves == ("501010", "501020", "502010", "511010", "52")
    assert TREE.depth == 3
    assert list(TREE.at_level(1)) == ["50", "51", "52"]
    assert TREE.at_level(2) == {
        "5010": ("501010", "501020"), "5020": ("502010",), "5110": ("511010",), "52": ("52",),
    }  # fmt: skip
    assert list(TREE.at_level(3)) == list(TREE.leaves)
    assert [node.label for node in TREE.path("501020")] == ["Energy", "Fossil", "Oil"]


@pytest.mark.parametrize(
    ("include", "exclude", "leaves"),
    [
        ("All", [], TREE.leaves),
        (["50"], [], ("501010", "501020", "502010")),
        (["Energy"], ["Coal"], ("501020", "502010")),
        (["5010", "Funds"], [], ("501010", "501020", "52")),
        (["Chemicals"], [], ("511010",)),
        ("All", ["Energy"], ("511010", "52")),
    ],
)
def test_selection_by_code_or_label_of_any_level(include, exclude, leaves) -> None:
    assert TREE.select(include, exclude) == leaves
    assert TREE.problems(include, exclude) == []


def test_a_label_of_two_levels_means_the_top_one_to_include_and_the_deep_one_to_exclude() -> None:
    tree = Tree({"A": {"A1": ["A11"], "X": ["A12"]}, "X1": ["X11"]}, {"A": "Tech", "A12": "Tech"})
    assert tree.select(["Tech"], []) == ("A11", "A12")
    assert tree.select("All", ["Tech"]) == ("A11", "X11")


def test_a_label_of_two_codes_of_one_level_must_be_told_apart() -> None:
    tree = Tree(["a", "b", "c"], {"a": "Other", "b": "Other"})
    (problem,) = tree.problems(["Other"], [])
    assert problem == "include: 'Other' is the label of several codes of one level; say which: a, b"


def test_problems_name_the_nearest_entry() -> None:
    problems = TREE.problems(["Enregy", "50200"], ["Cole"])
    assert "include: there is no 'Enregy'; did you mean 'Energy'?" in problems[0]
    assert "did you mean '502010'?" in problems[1]
    assert "exclude: there is no 'Cole'; did you mean 'Coal'?" in problems[2]
    assert TREE.problems(["50"], ["Energy"]) == ["nothing is left after include and exclude"]
    assert TREE.problems([], []) == ["nothing is left after include and exclude"]


@pytest.mark.parametrize(
    ("entries", "leaves"),
    [
        (["Energy", "~Coal"], ("501020", "502010")),
        (["~50"], ("511010", "52")),
        (["50", "52"], ("501010", "501020", "502010", "52")),
        ({"Energy": ["~Coal"]}, ("501020", "502010")),  # narrowed to what Energy is
        ({"Dirty": ["Coal", "Oil"], "Clean": ["Wind"]}, ("501010", "501020", "502010")),
        ({"Mine": {"50": ["~5020"]}, "Rest": ["52"]}, ("501010", "501020", "52")),
    ],
)
def test_custom_groups(entries, leaves) -> None:
    assert TREE.expand(entries) == leaves


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"~50": ["501010"]}, "before entries of a list only"),
        ({"Energy": ["52"]}, "52 is not below 'Energy'"),
        (["Coall"], "did you mean 'Coal'"),
    ],
)
def test_custom_groups_that_mean_nothing(entries, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TREE.expand(entries)


@pytest.mark.parametrize(
    ("hierarchy", "labels", "message"),
    [
        ({"a": ["b"], "b": ["c"]}, {}, "more than once: b"),
        (["a", "a"], {}, "more than once: a"),
        (["a"], {"z": "Z"}, "not in the hierarchy: z"),
    ],
)
def test_no_trees(hierarchy, labels, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tree(hierarchy, labels)


def test_factors_of_a_level_are_named_by_label() -> None:
    assert factors_of(group(hierarchy=HierarchyLevel(name="trbc", level=2)), TREE) == {
        "Fossil": ("501010", "501020"), "Renewable": ("502010",), "Chemicals": ("511010",), "Funds": ("52",),
    }  # fmt: skip


def test_a_label_that_two_codes_of_the_level_have_keeps_both() -> None:
    tree = Tree({"A": ["A1"], "B": ["B1"]}, {"A": "Other", "B": "Other"})
    assert factors_of(group(), tree) == {"Other [A]": ("A1",), "Other [B]": ("B1",)}


@pytest.mark.parametrize(
    ("selection", "factors"),
    [
        ({"include": ["Fossil"]}, {"Fossil": ("501010", "501020")}),  # a factor
        ({"include": ["50"]}, {"Fossil": ("501010", "501020"), "Renewable": ("502010",)}),  # an inner code
        ({"include": ["Energy"], "exclude": ["Coal"]}, {"Fossil": ("501020",), "Renewable": ("502010",)}),
        ({"include": ["Chemicals"]}, {"Chemicals": ("511010",)}),
    ],
)
def test_factors_are_chosen_by_any_name(selection, factors) -> None:
    assert factors_of(group(hierarchy=HierarchyLevel(name="trbc", level=2), **selection), TREE) == factors


def test_a_universe_cuts_factors() -> None:
    level = group(hierarchy=HierarchyLevel(name="trbc", level=1))
    assert factors_of(level, TREE, ["501020", "52"]) == {"Energy": ("501020",), "Funds": ("52",)}
    with pytest.raises(FactorsError, match="nothing is left"):
        factors_of(level, TREE, [])


def test_factors_of_custom_groups() -> None:
    chosen = custom(**{"Energy ex coal": ["50", "~501010"], "Rest": ["~50"]})
    assert factors_of(chosen, TREE) == {
        "Energy ex coal": ("501020", "502010"), "Rest": ("511010", "52"),
    }  # fmt: skip
    only = chosen.model_copy(update={"include": ["Rest"]})  # a group by its own name
    assert list(factors_of(only, TREE)) == ["Rest"]


def test_overlapping_groups_are_named() -> None:
    with pytest.raises(FactorsError, match="groups 'A' and 'B' overlap in 501010, 501020"):
        factors_of(custom(A=["Energy"], B=["Fossil"]), TREE)


def test_a_level_that_is_not_there() -> None:
    with pytest.raises(FactorsError, match="has 3 levels; there is no level 4"):
        factors_of(group(hierarchy=HierarchyLevel(name="trbc", level=4)), TREE)


@pytest.mark.parametrize(
    ("groupings", "message"),
    [
        ({"A": ["x", "x"]}, "'A' names 'x' twice"),
        ({"A": []}, "'A' has an empty branch"),
        ({"A": {"x": []}}, "'A' has an empty branch"),
        ({"A": ["x"], "B": ["x"]}, "'x' is in several groups"),
        ({}, "at least 1"),
    ],
)
def test_groupings_that_contradict(groupings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HierarchyGroups(name="trbc", groupings=groupings)


def test_a_name_means_the_top_level_and_names_the_group() -> None:
    for made in (
        ContinuousExposureGroupSettings(hierarchy="style"),
        ContinuousExposureGroupSettings.model_validate(
            {"hierarchy": {"hierarchy_type": "level", "name": "style"}}
        ),
        ContinuousExposureGroupSettings(hierarchy=HierarchyLevel(name="style")),
    ):
        assert made.hierarchy == HierarchyLevel(name="style", level=1)
        assert made.factor_group == "style"


trees = st.recursive(
    st.just(None), lambda below: st.lists(below, min_size=1, max_size=3), max_leaves=12
).filter(lambda t: t is not None)


def named(shape, prefix: str = "n") -> Hierarchy:
    """A hierarchy of this shape in the form that frames give: lists where no sibling has anything below."""
    codes = [f"{prefix}{i}" for i in range(len(shape))]
    if all(part is None for part in shape):
        return codes
    return {c: named(part, c) if part is not None else [] for c, part in zip(codes, shape, strict=True)}


@given(trees)
def test_frames_and_back(shape) -> None:
    hierarchy = named(shape)
    labels = {code: f"label {i % 3}" for i, code in enumerate(flatten(hierarchy))}
    long = hierarchy_to_df(hierarchy, labels)
    assert hierarchy_from_df(long) == (hierarchy, labels)
    from_0 = long.with_columns(pl.col("level") - 1)
    assert hierarchy_from_df(from_0) == (hierarchy, labels)
    tree, wide = Tree(hierarchy, labels), hierarchy_df_to_wide(hierarchy, labels)
    assert len(wide) == len(tree.leaves)
    assert wide.columns[-1] == f"level_{tree.depth}_label"
    # levels count as everywhere: in the tree, in the wide form, in counts, in settings
    assert {row["code"]: row["level"] for row in long.to_dicts()} == {
        n.code: n.level for n in tree.nodes.values()
    }
    assert long["level"].max() == tree.depth == len(wide.columns) / 2
    # the upload type accepts what we write
    assert DATA_TYPES["hierarchies"].table_faults(long.lazy()) == []
    assert DATA_TYPES["hierarchies"].table_faults(from_0.lazy()) == []


def test_wide_form() -> None:
    wide = hierarchy_df_to_wide(SECTORS, LABELS)
    assert wide.row(0) == ("50", "Energy", "5010", "Fossil", "501010", "Coal")
    assert wide.row(4) == ("52", "Funds", None, None, None, None)
    assert set(wide.dtypes) == {pl.String}
    with pytest.raises(ValueError, match="without a label: 52"):
        hierarchy_to_df(["52"], {})
