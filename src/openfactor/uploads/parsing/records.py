"""Cells per record of a text file, counted without reading them: readers fill short records with nothing."""

from __future__ import annotations

import mmap

import numpy as np
import polars as pl

Buffer = bytes | mmap.mmap

_BLOCK = 16 << 20
"""Bytes that are looked at together."""
_QUOTE = ord('"')


def short_rows(
    data: Buffer, start: int, separator: str, line_end: str, rows: pl.DataFrame
) -> pl.DataFrame | None:
    """The rows that have fewer cells in the text than columns, from 0: `row`, `cells`; None if the records of
    the text are not the rows.

    Parameters
    ----------
    data
        The text.
    start
        Where its rows begin.
    separator, line_end
        One character each.
    rows
        What a reader made of it: text, with null for missing cells.
    """
    if rows.width < 2 or not rows.to_series(-1).null_count():
        return pl.DataFrame(schema={"row": pl.Int64, "cells": pl.Int64})
    records, total = _short_records(data, start, separator, line_end, rows.width)
    if total != len(rows):
        return None
    filled = [
        pl.when(pl.col(name).str.strip_chars() != "").then(i + 1) for i, name in enumerate(rows.columns)
    ]
    cells = rows[records["row"]].select(filled=pl.max_horizontal(filled).cast(pl.Int64))
    # blank lines have no filled cell; one beyond the counted cells was hidden by a quote within a cell
    return records.filter((cells["filled"] <= records["cells"]).fill_null(False))


def _short_records(
    data: Buffer, start: int, separator: str, line_end: str, width: int
) -> tuple[pl.DataFrame, int]:
    """Records with fewer cells than `width`, from 0: `row`, `cells`; and the number of all records."""
    cell_end, record_end = ord(separator), ord(line_end)
    rows, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    total, open_separators, quoted = 0, 0, np.uint8(0)
    for position in range(start, len(data), _BLOCK):
        block = np.frombuffer(data[position : position + _BLOCK], np.uint8)
        quotes = np.bitwise_xor.accumulate((block == _QUOTE).view(np.uint8)) ^ quoted
        outside = quotes == 0
        separators = np.flatnonzero((block == cell_end) & outside)
        ends = np.flatnonzero((block == record_end) & outside)
        before = np.searchsorted(separators, ends)
        cells = np.diff(before, prepend=-open_separators) + 1
        short = np.flatnonzero(cells < width)
        rows.append(total + short)
        counts.append(cells[short])
        total += len(ends)
        open_separators = int(len(separators) - (before[-1] if len(ends) else -open_separators))
        quoted = quotes[-1]
    if len(data) > start and data[-1:] != line_end.encode():  # the last record has no end
        if open_separators + 1 < width:
            rows.append(np.array([total]))
            counts.append(np.array([open_separators + 1]))
        total += 1
    return pl.DataFrame({"row": np.concatenate(rows), "cells": np.concatenate(counts)}), total
