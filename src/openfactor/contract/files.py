"""Files of a user as they cross the seam: by path where both sides see the same disk, else by their bytes."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from openfactor.errors import StorageError


class UserFile:
    """A file or a folder of files.

    Parameters
    ----------
    path : where it is on this side
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __repr__(self) -> str:
        return f"<file {self.path.name}>"

    def to_bytes(self) -> bytes:
        """An uncompressed ZIP archive of the file, or of all files of the folder.

        Raises
        ------
        StorageError: it cannot be read.
        """
        out = io.BytesIO()
        try:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
                archive.write(self.path, self.path.name)
                if self.path.is_dir():
                    for file in sorted(self.path.rglob("*")):
                        archive.write(file, file.relative_to(self.path.parent))
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error}") from error
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> UserFile:
        """The file in a temporary folder that lives as long as this object.

        Raises
        ------
        ValueError: the bytes are no such archive.
        """
        folder = tempfile.TemporaryDirectory(prefix="openfactor-")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                    raise ValueError("a file of the message is compressed, which could hide its size")
                archive.extractall(folder.name)  # refuses to leave the folder
        except (OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"a file of the message cannot be read: {error}") from error
        (path,) = Path(folder.name).iterdir()
        file = cls(path)
        file._temporary = folder
        return file
