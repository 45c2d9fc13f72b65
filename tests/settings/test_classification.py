"""A hierarchy and memberships from a table of assets, sectors and industries."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import polars as pl
import pytest

from openfactor.errors import DataError
from openfactor.settings import Tree, hierarchy_and_memberships, hierarchy_from_df, hierarchy_to_df
from openfactor.uploads import DATA_TYPES
from tests.markets import good_rows

DAY = dt.date(2024, 1, 2)
TABLE = pl.DataFrame(
    [
        ("A", "Energy", "Oil"), ("B", "Energy", "Other"), ("C", "Financials", "Other"),
        ("D", "Utilities", "Utilities"), ("E", "Cash", None),
    ],
    schema=["asset_id", "sector", "industry"], orient="row",
)  # fmt: skip


def made(df: object, **options) -> tuple[pl.DataFrame, pl.DataFrame]:
    options = {"factor_group": "industry", "asset_id_type": "ticker", "date": DAY, **options}
    return hierarchy_and_memberships(df, ["sector", "industry"], **options)


def test_codes_of_names_are_their_paths() -> None:
    tree, members = made(TABLE)
    assert tree.rows() == [
        (1, "Cash", "Cash", None), (1, "Energy", "Energy", None), (1, "Financials", "Financials", None),
        (1, "Utilities", "Utilities", None), (2, "Energy/Oil", "Oil", "Energy"),
        (2, "Energy/Other", "Other", "Energy"),
        (2, "Financials/Other", "Other", "Financials"), (2, "Utilities/Utilities", "Utilities", "Utilities"),
    ]  # fmt: skip
    assert members["factor"].to_list() == [
        "Energy/Oil",
        "Energy/Other",
        "Financials/Other",
        "Utilities/Utilities",
        "Cash",
    ]
    assert_uploads(tree, members)


def assert_uploads(tree: pl.DataFrame, members: pl.DataFrame) -> None:
    """Both are taken as they are, and every membership is a leaf, as risk datasets want."""
    assert good_rows(tree, "hierarchies").height == tree.height
    assert good_rows(members, "exposures").height == members.height
    assert dict(members.schema) == DATA_TYPES["exposures"].schema | {"date": pl.Date()}
    assert set(members["factor"]) <= set(Tree(*hierarchy_from_df(tree)).leaves)


def test_codes_with_labels_by_day_from_pandas() -> None:
    days = [DAY, DAY + dt.timedelta(1)]
    frame = pd.DataFrame({
        "date": days * 2, "asset_id": ["A", "A", "B", "B"], "asset_id_type": "ticker",
        "sector": [10, 10, 20, 20], "industry": [1010.0, 1010.0, 2010.0, float("nan")],
        "name": ["Energy", "Energy", "Materials", "Materials"],
    })  # fmt: skip
    with pytest.raises(DataError, match="no_leaf"):
        made(frame, asset_id_type=None, date="date", own_codes=True)
    frame.loc[3, "industry"] = 2020
    tree, members = made(frame, asset_id_type=None, date="date", labels={"sector": "name"}, own_codes=True)
    assert tree.rows() == [
        (1, "10", "Energy", None), (1, "20", "Materials", None), (2, "1010", "1010", "10"),
        (2, "2010", "2010", "20"), (2, "2020", "2020", "20"),
    ]  # fmt: skip
    assert members.select("date", "asset_id", "factor").rows() == [
        (days[0], "A", "1010"), (days[1], "A", "1010"), (days[0], "B", "2010"), (days[1], "B", "2020"),
    ]  # fmt: skip
    assert_uploads(tree, members)


def test_names_that_hold_the_joint_stay_apart() -> None:
    places = [
        ("a", "x/y"),
        ("a/x", "y"),
        ("b/", "c"),
        ("b", "/c"),
        ("b\\", "c"),
        ("b\\/", "c"),
        ("b", "\\/c"),
    ]
    frame = pl.DataFrame(
        [(str(i), *place) for i, place in enumerate(places)], schema=["asset_id", "sector", "industry"],
        orient="row",
    )  # fmt: skip
    tree, members = made(frame)
    assert tree["code"].n_unique() == tree.height
    assert members["factor"].n_unique() == len(places)
    assert_uploads(tree, members)


def test_nothing_later_changes_a_code() -> None:
    """Any part of a table gives its assets the codes that the whole table does."""
    whole = dict(made(TABLE)[1].select("asset_id", "factor").rows())
    for n in range(1, TABLE.height):
        for part in (TABLE.head(n), TABLE.tail(n)):
            tree, members = made(part)
            assert dict(members.select("asset_id", "factor").rows()).items() <= whole.items()
            assert_uploads(tree, members)


def test_levels_with_labels_hold_codes_and_the_others_names() -> None:
    frame = TABLE.with_columns(number=pl.Series(["10", "10", "40", "55", "99"]))
    tree, members = hierarchy_and_memberships(
        frame, ["number", "industry"], factor_group="g", asset_id_type="t", date=DAY,
        labels={"number": "sector"},
    )  # fmt: skip
    assert dict(tree.select("code", "label").rows()) == {
        "10": "Energy", "40": "Financials", "55": "Utilities", "99": "Cash", "10/Oil": "Oil",
        "10/Other": "Other", "40/Other": "Other", "55/Utilities": "Utilities",
    }  # fmt: skip
    assert_uploads(tree, members)


def test_codes_of_a_classification_have_one_place_each() -> None:
    with pytest.raises(DataError) as caught:
        made(TABLE, own_codes=True)
    (fault,) = caught.value.faults
    assert (fault.rule, fault.examples) == ("two_parents", (
        "Other: Energy > Other; Financials > Other", "Utilities: Utilities; Utilities > Utilities",
    ))  # fmt: skip
    once = TABLE.filter(~pl.col("asset_id").is_in(["C", "D"]))
    tree, members = made(once, own_codes=True)
    assert members["factor"].to_list() == ["Oil", "Other", "Cash"]
    assert_uploads(tree, members)


def test_every_fault_is_named() -> None:
    frame = pl.DataFrame(
        [
            ("A", "Energy", "Oil", "x"), ("A", "Energy", "Gas", "y"), (None, "Energy", "Gas", "x"),
            ("C", "", " ", "x"),
            ("D", None, "Gas", "x"), ("E", "Energy", None, "x"),
        ],
        schema=["asset_id", "sector", "industry", "name"], orient="row",
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        made(frame, labels={"sector": "name"})
    assert {fault.rule for fault in caught.value.faults} == {
        "empty",
        "gap",
        "no_leaf",
        "two_places",
        "two_labels",
    }
    with pytest.raises(DataError) as caught:
        made(TABLE, asset_id="id", labels={"sector": "name"}, date="day", asset_id_type=None)
    assert [fault.column for fault in caught.value.faults] == ["id", "name", "asset_id_type", "day"]


def test_blanks_and_order_make_no_difference() -> None:
    again = TABLE.reverse().with_columns(pl.col("sector") + "\u00a0", " " + pl.col("industry"))
    tree, members = made(TABLE)
    other_tree, other_members = made(again)
    assert other_tree.equals(tree)
    assert other_members.sort("asset_id").equals(members.sort("asset_id"))


def test_levels_count_as_in_every_other_hierarchy() -> None:
    tree, _ = made(TABLE)
    hierarchy, labels = hierarchy_from_df(tree)
    other = hierarchy_to_df(hierarchy, labels)
    assert dict(tree.select("code", "level").rows()) == dict(other.select("code", "level").rows())
    assert tree["level"].min() == 1


@pytest.mark.parametrize("kind", ["lazy", "arrow", "pandas", "pandas with an index", "one level as text"])
def test_frames_of_any_kind(kind: str) -> None:
    frames = {
        "lazy": TABLE.lazy,
        "arrow": TABLE.to_arrow,
        "pandas": TABLE.to_pandas,
        "pandas with an index": lambda: TABLE.to_pandas().set_index("asset_id"),
        "one level as text": lambda: TABLE,
    }
    given = frames[kind]()
    if kind == "one level as text":
        one = hierarchy_and_memberships(
            given, "sector", factor_group="g", asset_id_type="ticker", date=dt.datetime(2024, 1, 2)
        )
        assert one[0].rows() == [
            (1, name, name, None) for name in ("Cash", "Energy", "Financials", "Utilities")
        ]
        assert one[1].schema["date"] == pl.Date
        return
    for got, expected in zip(made(given), made(TABLE), strict=True):
        assert got.equals(expected)


def test_a_column_of_pandas_that_mixes_numbers_and_text() -> None:
    frame = pd.DataFrame(
        {"asset_id": ["A", "B", "C"], "sector": [1010, "15x", 20.0], "industry": [None, 1, "y"]}
    )
    _, members = made(frame)
    assert members["factor"].to_list() == ["1010", "15x/1", "20/y"]


def test_a_table_without_levels() -> None:
    with pytest.raises(DataError, match="name at least one level"):
        hierarchy_and_memberships(TABLE, [], factor_group="g", asset_id_type="ticker", date=DAY)
