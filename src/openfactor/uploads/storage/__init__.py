"""Rows on disk: files of rows, versioned tables of them, and the staging area."""
