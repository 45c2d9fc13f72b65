"""Numbers and codes of errors in the binary formats of Excel."""

from __future__ import annotations

CUT_OFF = "the workbook is cut off, or damaged"
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!",
    0x2A: "#N/A", 0x2B: "#GETTING_DATA",
}  # fmt: skip


def error_text(code: int) -> str:
    """What Excel shows for the code of an error."""
    return _ERRORS.get(code, "#VALUE!")


def unsigned(data: bytes | memoryview, start: int, size: int) -> int:
    """A little-endian number; ValueError beyond the end of the data."""
    if start < 0 or start + size > len(data):
        raise ValueError(CUT_OFF)
    return int.from_bytes(data[start : start + size], "little")
