"""Rules for names of uploads and of staged tables."""

from __future__ import annotations

import re

from openfactor.errors import SettingsError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_LONGEST = 128


def check_name(name: str) -> str:
    """The name, if an upload or dataset can have it.

    Raises
    ------
    SettingsError
        It does not start with a letter, or has characters other than letters, digits, `_`, `-` and `.`.
    """
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    rules = [f"up to {_LONGEST} letters, digits, '_', '-' and '.', starting with a letter"]
    if name.count("/") == 1 and all(_NAME.fullmatch(part) for part in name.split("/")):
        rules.append("names with an owner, as in 'owner/name', are reserved")
    raise SettingsError(f"{name!r} cannot be a name:", rules)


def check_staged_name(name: str) -> str:
    """The name, if a table can be staged under it: any text that can be the name of a file.

    Raises
    ------
    SettingsError
        It is empty or longer than 200 bytes, starts with a dot, or has separators of paths or invisible
        characters.
    """
    if (
        not (0 < len(name.encode()) <= 200)
        or name[0] == "."
        or re.search(r"[/\\]", name)
        or not name.isprintable()
    ):
        raise SettingsError(
            f"{name!r} cannot be the name of a staged table:",
            ["up to 200 bytes, without '/' and '\\', not starting with '.', all characters visible"],
        )
    return name
