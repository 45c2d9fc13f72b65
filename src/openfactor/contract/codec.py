"""Arguments and answers of calls as bytes and back, told by their annotations.

A message is `MAGIC`, the length of the header (4 bytes, little-endian), the header as JSON, and the blobs
that it refers to, one after the other: frames as Arrow streams, byte strings as they are. The header has
`value`, and in `blobs` the length of each. Values are checked against the annotation on both sides.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import polars as pl
from pydantic import ConfigDict, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict  # pydantic refuses that of typing before Python 3.12

from openfactor.contract.files import UserFile
from openfactor.errors import StorageError

MAGIC = b"openfactor1\n"
_LENGTH = struct.Struct("<I")


@dataclass
class _Blobs:
    """The blobs of one message, in order."""

    parts: list[bytes] = field(default_factory=list)

    def add(self, part: bytes) -> dict[str, int]:
        """Append a blob; the reference to it in the header."""
        self.parts.append(part)
        return {"blob": len(self.parts) - 1}

    def get(self, reference: Any) -> bytes:
        """The blob that a reference of a header means; ValueError if there is none."""
        number = reference.get("blob") if isinstance(reference, Mapping) else None
        if not isinstance(number, int) or not 0 <= number < len(self.parts):
            raise ValueError(f"{reference!r} refers to no part of the message")
        return self.parts[number]


class _AsBlob:
    """Annotation of a type whose values travel as blobs."""

    def __init__(self, kind: type, write: Callable[[Any], bytes], read: Callable[[bytes], Any]) -> None:
        self._kind, self._write, self._read = kind, write, read

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, info: core_schema.ValidationInfo) -> Any:
            if isinstance(value, self._kind):
                return value
            return self._read(info.context.get(value))  # type: ignore[union-attr]

        def write(value: Any, info: core_schema.SerializationInfo) -> Any:
            return info.context.add(self._write(value))  # type: ignore[union-attr]

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True)
        )


def _write_frame(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc_stream(out)
    return out.getvalue()


def _read_frame(data: bytes) -> pl.DataFrame:
    try:
        return pl.read_ipc_stream(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise ValueError(f"a frame of the message cannot be read: {error}") from error


_BLOBS: dict[Any, Any] = {
    pl.DataFrame: Annotated[Any, _AsBlob(pl.DataFrame, _write_frame, _read_frame)],
    UserFile: Annotated[Any, _AsBlob(UserFile, UserFile.to_bytes, UserFile.from_bytes)],
    bytes: Annotated[Any, _AsBlob(bytes, bytes, bytes)],
}


def _on_the_wire(annotation: Any) -> Any:
    """The annotation with frames and byte strings as blobs, at any depth."""
    if annotation in _BLOBS:
        return _BLOBS[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return reduce(or_, (_on_the_wire(arg) for arg in args))
    if origin in (list, dict, tuple, Sequence, Mapping):
        return origin[tuple(_on_the_wire(arg) for arg in args)]
    return annotation


def record(name: str, fields: Mapping[str, Any]) -> Any:
    """The annotation of a dictionary with these fields, any of which may be left out, and no others."""
    wire = {field: _on_the_wire(annotation) for field, annotation in fields.items()}
    make: Any = TypedDict
    kind = make(name, wire, total=False)
    kind.__pydantic_config__ = ConfigDict(extra="forbid")
    return kind


@lru_cache(maxsize=1024)
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_on_the_wire(annotation))


def pack(annotation: Any, value: Any) -> bytes:
    """The message of a value.

    Raises
    ------
    TypeError: the value does not fit the annotation.
    """
    blobs, adapter = _Blobs(), _adapter(annotation)
    try:
        checked = adapter.validate_python(value, context=blobs)
    except ValidationError as error:
        raise TypeError(f"{type(value).__name__} is not {annotation}: {error}") from error
    # not dump_json: pydantic writes infinite numbers inside unions as null, whatever the models say
    value = adapter.dump_python(checked, mode="json", context=blobs)
    lengths = [len(part) for part in blobs.parts]
    header = json.dumps(
        {"value": value, "blobs": lengths}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    return b"".join([MAGIC, _LENGTH.pack(len(header)), header, *blobs.parts])


def unpack(annotation: Any, message: bytes) -> Any:
    """The value of a message.

    Raises
    ------
    StorageError: the message is cut, is none of ours, or its value does not fit the annotation.
    """
    shown, blobs = _opened(message)
    try:
        return _adapter(annotation).validate_json(json.dumps(shown), context=blobs)
    except ValidationError as error:
        raise StorageError(f"the message does not hold {annotation}: {error}") from error


def _opened(message: bytes) -> tuple[Any, _Blobs]:
    """The value of a header, and the blobs behind it."""
    start = len(MAGIC) + _LENGTH.size
    if message[: len(MAGIC)] != MAGIC or len(message) < start:
        raise StorageError("this is no message of openfactor, or one of another release")
    (length,) = _LENGTH.unpack_from(message, len(MAGIC))
    try:
        header = json.loads(message[start : start + length])
        value, lengths = header["value"], [int(n) for n in header["blobs"]]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"the header of the message cannot be read: {error}") from error
    at = start + length
    if min(lengths, default=0) < 0 or at + sum(lengths) != len(message):
        raise StorageError(
            f"the message has {len(message):,} bytes, not the {at + sum(lengths):,} it speaks of"
        )
    parts = []
    for n in lengths:
        parts.append(message[at : at + n])
        at += n
    return value, _Blobs(parts)
