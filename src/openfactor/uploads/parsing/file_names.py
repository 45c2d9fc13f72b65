"""Names of files."""

from pathlib import PurePosixPath

PACKED = ".gz"


def split_name(name: str) -> tuple[str, str, bool]:
    """Name without extensions, extension in lower case, and whether the file is packed."""
    path = PurePosixPath(name)
    packed = path.suffix.lower() == PACKED
    if packed:
        path = PurePosixPath(path.stem)
    return path.stem, path.suffix.lower(), packed


def bare_name(name: str) -> str:
    """Name without extensions."""
    return split_name(name)[0]
