"""Kinds of entries in the `exposures` of a derived dataset.

A kind is one file with a subclass of `Entry`, listed in `table.ENTRY_KINDS`. Kinds do not import each other.
"""
