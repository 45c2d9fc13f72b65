"""Small JSON files with a digest of themselves, so that damage is noticed."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def write_signed(content: Any) -> bytes:
    """The content as JSON in one line, and its digest in a second one."""
    line = json.dumps(content, default=str).encode()
    return line + b"\n" + _digest(line) + b"\n"


def read_signed(data: bytes) -> Any:
    """The content of a file of `write_signed`, or of JSON without a digest, as earlier releases wrote it.

    Raises
    ------
    ValueError
        It is not what was written.
    """
    line, end, digest = data.partition(b"\n")
    if end and digest != _digest(line) + b"\n":
        raise ValueError("it is not what was written")
    return json.loads(line)


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).hexdigest().encode()
