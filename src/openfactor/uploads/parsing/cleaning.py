"""Texts without the blanks that people do not see."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_BLANK = r"[\s\u200b\u2060\ufeff]"
_BLANKS_AROUND = rf"^{_BLANK}+|{_BLANK}+$"
_HARD_BLANK = "[\u00a0\u2007\u202f]"
_UNCLEAN = rf"^{_BLANK}|{_BLANK}$|{_HARD_BLANK}"
_SUSPECT = rf"{_UNCLEAN}|\x00|^#|^Err:"
_FIRST_ROWS = 1000


def clean(texts: pl.Series) -> pl.Series:
    """Texts without blanks around them, with ordinary blanks for non-breaking ones; empty texts are null."""
    if texts.unique().str.contains(_UNCLEAN).any():
        texts = texts.str.replace_all(_HARD_BLANK, " ").str.replace_all(_BLANKS_AROUND, "")
    empty = (texts == "").fill_null(False)
    return texts.set(empty, None) if empty.any() else texts


def cleaning_note(before: pl.Series, after: pl.Series, name: str) -> str | None:
    """How many texts have changed; those that were only blank are empty, which is no change."""
    changed = before.filter((before != after).fill_null(False))
    if not len(changed):
        return None
    shown = ", ".join(repr(text) for text in changed.unique(maintain_order=True).head(3))
    noun = "cell" if len(changed) == 1 else "cells"
    return (
        f"{name}: removed blanks around, or replaced non-breaking ones in, {len(changed):,} {noun}: {shown}"
    )


def clean_columns(frame: pl.DataFrame, names: Sequence[str]) -> set[str]:
    """The columns that are text with nothing to clean, to refuse or to count as empty.

    Most columns of text have few distinct values, so these are checked, those of all columns together. A
    column whose first rows have a single value is checked first for having no other.
    """
    texts = [name for name in names if frame.schema[name] == pl.String]
    first = frame.head(_FIRST_ROWS)
    candidates = [name for name in texts if first.get_column(name).n_unique() == 1]
    constancy = [pl.col(name).eq_missing(pl.col(name).first()).all() for name in candidates]
    is_constant = frame.lazy().select(constancy).collect()
    constant = [name for name in candidates if is_constant.get_column(name).item()]
    varying = [name for name in texts if name not in constant]
    distinct = frame.lazy().select(pl.col(name).unique().implode() for name in varying).collect()
    values = [first.get_column(name).head(1) for name in constant]
    values += [distinct.get_column(name).explode() for name in varying]
    return {s.name for s in values if not (s.str.contains(_SUSPECT) | (s == "")).any()}
