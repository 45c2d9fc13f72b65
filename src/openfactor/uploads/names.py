"""Names that may be used, and those that are kept for later."""

from __future__ import annotations

import re

from openfactor.errors import SettingsError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_LONGEST = 128


def check_name(name: str) -> str:
    """The name, if it may name an upload or a dataset.

    Raises
    ------
    SettingsError: it does not start with a letter, or holds other than letters, digits, `_`, `-`, `.`.
    """
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    rules = [f"up to {_LONGEST} letters, digits, '_', '-' and '.', starting with a letter"]
    if name.count("/") == 1 and all(_NAME.fullmatch(part) for part in name.split("/")):
        rules.append("names with an owner, as in 'owner/name', are reserved")
    raise SettingsError(f"{name!r} cannot be a name:", rules)


def check_staged_name(name: str) -> str:
    """The name, if a table may be staged under it: any text that can be the name of a file.

    Raises
    ------
    SettingsError: it is empty or longer than 200 bytes, starts with a dot, or holds separators of paths or
    characters that cannot be seen.
    """
    if (
        not (0 < len(name.encode()) <= 200)
        or name[0] == "."
        or re.search(r"[/\\]", name)
        or not name.isprintable()
    ):
        raise SettingsError(
            f"{name!r} cannot be the name of a staged table:",
            ["up to 200 bytes, without '/' and '\\', not starting with '.', all of it visible"],
        )
    return name
