"""Values as bytes and back."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openfactor.contract.codec import MAGIC, pack, unpack
from openfactor.errors import StorageError
from openfactor.settings import DatasetSettings, RiskForecastSettings, UniverseSettings
from openfactor.settings.hierarchies import Hierarchy

FRAME = pl.DataFrame(
    {
        "date": [dt.date(2024, 1, 2), None],
        "name": ["ä\n", None],
        "x": [math.inf, math.nan],
        "many": [["a"], []],
        "at": pl.Series([dt.datetime(2024, 1, 2, 3, 4, 5, 6), None], dtype=pl.Datetime("us", "UTC")),
        "small": pl.Series([1.5, None], dtype=pl.Float32),
    }
)
BOUND = UniverseSettings(id_type="t").with_dataset("d")
CASES: list[tuple[Any, Any]] = [
    (None, None),
    (str, "ä\n"),
    (bool, True),
    (int, -(2**40)),
    (float, 0.1 + 0.2),
    (float, math.inf),
    (float | None, -math.inf),
    (dt.date, dt.date(2024, 2, 29)),
    (dt.date | str | None, dt.date(2024, 2, 29)),
    (dt.datetime, dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)),
    (Literal["append", "upsert"], "upsert"),
    (list[dt.date], [dt.date(2024, 1, 1)]),
    (dict[str, int], {"a": 1}),
    (tuple[int, str], (1, "b")),
    (tuple[str, ...], ("a", "b")),
    (Sequence[str], ["a"]),
    (Mapping[str, float], {"a": 1.5}),
    (Hierarchy, {"a": ["b", "c"]}),
    (bytes, b"\x00\xff"),
    (dict[str, bytes], {"a": b"1", "b": b""}),
    (DatasetSettings[Any] | str | int, BOUND),
    (DatasetSettings[Any] | str | int, 7),
    (RiskForecastSettings | None, RiskForecastSettings()),
]


@pytest.mark.parametrize(("annotation", "value"), CASES, ids=lambda x: str(x)[:40])
def test_values(annotation: Any, value: Any) -> None:
    again = unpack(annotation, pack(annotation, value))
    assert again == value
    assert isinstance(again, type(value))


def test_not_a_number() -> None:
    assert math.isnan(unpack(float, pack(float, math.nan)))


def test_frames_at_any_depth() -> None:
    assert_frame_equal(unpack(pl.DataFrame, pack(pl.DataFrame, FRAME)), FRAME)
    assert_frame_equal(unpack(pl.DataFrame | None, pack(pl.DataFrame | None, FRAME)), FRAME)
    assert unpack(pl.DataFrame | None, pack(pl.DataFrame | None, None)) is None
    several = {"a": [FRAME, FRAME.clear()], "b": []}
    again = unpack(dict[str, list[pl.DataFrame]], pack(dict[str, list[pl.DataFrame]], several))
    assert again["b"] == []
    for mine, theirs in zip(again["a"], several["a"], strict=True):
        assert_frame_equal(mine, theirs)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_messages_are_refused(noise: bytes, at: int) -> None:
    """Cut anywhere, overwritten anywhere or no message at all: an error of ours or a value of the kind."""
    message = pack(dict[str, bytes], {"a": b"some bytes", "b": b"more"})
    for wrong in (message[:at], noise, MAGIC + noise, message[:at] + noise + message[at + len(noise) :]):
        if wrong == message:
            continue
        try:
            found = unpack(dict[str, bytes], wrong)
        except StorageError:
            continue
        assert all(isinstance(k, str) and isinstance(v, bytes) for k, v in found.items())


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="str is not"):
        pack(int, "one")
    with pytest.raises(TypeError, match="str is not"):
        pack(pl.DataFrame, "frame")
    with pytest.raises(StorageError, match="does not hold"):
        unpack(int, pack(str, "one"))
    with pytest.raises(StorageError, match="does not hold"):
        unpack(pl.DataFrame, pack(bytes, b"no frame"))
