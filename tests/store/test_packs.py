"""What goes into a pack comes out again, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from polars.testing import assert_frame_equal

from openfactor.errors import StorageError
from openfactor.store import (
    DamagedObjectError,
    LocalObjects,
    Manifest,
    MissingObjectError,
    NewerFormatError,
    Pack,
    PackRef,
    read_manifest,
    write_manifest,
    write_pack,
)
from openfactor.store.packs import verify

TYPES = ["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "i1", "?", "<u8", "<M8[D]", "<U7"]
ARRAY = st.sampled_from(TYPES).flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


def some_pack(objects: LocalObjects) -> PackRef:
    """A pack with every part of the format."""
    rng = np.random.default_rng(1)
    arrays = {"x": rng.standard_normal(300), "codes": rng.integers(0, 9, (3, 70), np.int16)}
    return write_pack(objects, arrays, {"t": pl.DataFrame({"id": ["a", "b"], "n": [1, None]})})


@given(st.dictionaries(st.text(min_size=1, max_size=9), ARRAY, max_size=5))
@settings(max_examples=50)
def test_arrays_come_back(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]) -> None:
    objects = LocalObjects(tmp_path_factory.mktemp("store"))
    named = {name: array for name, array in arrays.items() if not name.startswith("table:")}
    pack = Pack(objects, write_pack(objects, named))
    assert list(pack) == list(named)
    for name, array in named.items():
        assert pack[name].dtype == array.dtype
        assert pack[name].shape == array.shape
        assert pack[name].tobytes() == array.tobytes()
        assert not pack[name].flags.writeable or not array.size


def test_columns_and_tables_come_back(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    columns = [np.arange(5, dtype=np.float16), np.full(10, 2, np.float16)[::2]]
    table = pl.DataFrame({"id": ["a", None], "on": [None, 3.5]})
    pack = Pack(objects, write_pack(objects, {"both": columns}, {"t": table}))
    np.testing.assert_array_equal(pack["both"], np.stack(columns))
    assert_frame_equal(pack.table("t"), table)
    assert pack["both"][1].ctypes.data % 2 == 0
    assert pack["both"].ctypes.data % 64 == 0


def test_equal_content_is_one_object(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    assert some_pack(objects) == some_pack(objects)
    assert len(list(objects.list("packs/"))) == 1
    assert not list(objects.list("drafts/"))


def test_a_pack_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    with pytest.raises(ZeroDivisionError):
        write_pack(objects, {"x": np.ones(3), "y": 1 / 0})  # type: ignore[dict-item]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_array_outlives_its_file(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    ref = some_pack(objects)
    values = Pack(objects, ref)["x"]
    objects.delete([ref.key])
    assert values.sum() == np.random.default_rng(1).standard_normal(300).sum()
    with pytest.raises(MissingObjectError):
        Pack(objects, ref)


def read_all(objects: LocalObjects, ref: PackRef) -> None:
    pack = Pack(objects, ref)
    for name in pack:
        pack[name].sum()
    pack.table("t")


def test_every_flipped_byte_of_an_array_or_its_place_is_noticed(tmp_path: Path) -> None:
    """Only padding between arrays can change without a word when arrays are read; `verify` sees that too."""
    objects = LocalObjects(tmp_path)
    ref = some_pack(objects)
    path = objects.local(ref.key)
    whole, unnoticed = path.read_bytes(), 0
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << (at % 8)
        path.write_bytes(changed)
        with pytest.raises(DamagedObjectError):
            verify(objects, ref)
        try:
            read_all(objects, ref)
        except StorageError:
            continue
        assert whole[at] == 0
        unnoticed += 1
    assert unnoticed < 3 * 64
    path.write_bytes(whole)
    read_all(objects, ref)
    verify(objects, ref)


@pytest.mark.parametrize("kept", [0, 1, 8, 500, -1])
def test_a_cut_pack_is_refused(tmp_path: Path, kept: int) -> None:
    objects = LocalObjects(tmp_path)
    ref = some_pack(objects)
    path = objects.local(ref.key)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedObjectError, match="bytes, not"):
        Pack(objects, ref)


def test_a_newer_format_is_told_as_that(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    ref = some_pack(objects)
    path = objects.local(ref.key)
    data = bytearray(path.read_bytes())
    data[7] = 9
    path.write_bytes(data)
    with pytest.raises(NewerFormatError, match="format 9"):
        Pack(objects, ref)


def test_manifests(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    ref = some_pack(objects)
    manifest = Manifest("dataset", {"days": 3}, {"2024-01": {"rows": ref}}, {"names": ref})
    content = write_manifest(objects, manifest)
    assert read_manifest(objects, content) == manifest
    assert list(read_manifest(objects, content).packs) == [ref, ref]
    assert write_manifest(objects, manifest) == content
    path = objects.local(f"manifests/{content[:2]}/{content}")
    path.write_bytes(path.read_bytes().replace(b"2024-01", b"2024-02"))
    with pytest.raises(DamagedObjectError):
        read_manifest(objects, content)
    with pytest.raises(MissingObjectError):
        read_manifest(objects, "0" * 64)
