"""The staging area of an upload: tables that wait for a commit, one folder each, complete or not there."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from openfactor.errors import ConflictError, Fault, StorageError
from openfactor.results import UploadStagingResult
from openfactor.uploads.schema import DataType
from openfactor.uploads.storage.parts import Part, scan_parts

AREA = "_staging"
_RESULT = "result.json"


@dataclass(frozen=True)
class StagedItem:
    """A staged table: what came of staging it, its files, the faults that keep it from being committed."""

    result: UploadStagingResult
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        return self.result.name


def owners(items: Iterable[StagedItem]) -> dict[str, str]:
    """Path of a file to the name of the table that it belongs to."""
    return {str(part.path): item.name for item in items for part in item.parts}


def scan_owned(
    parts: Sequence[Part], owner: Mapping[str, str], data_type: DataType, column: str
) -> pl.LazyFrame:
    """The rows of parts, with the name of the table of each before them, in `column`."""
    rows = scan_parts(parts, data_type, path_column=column)
    # where there are no parts the path is empty
    name = pl.col(column).replace_strict(owner, default="", return_dtype=pl.String)
    return rows.select(name, *data_type.schema)


class StagingArea:
    """Below the folder of an upload. Each item appears, and goes, by renaming its folder."""

    def __init__(self, upload: Path) -> None:
        self._upload = upload
        self._folder = upload / AREA

    def names(self) -> list[str]:
        """Sorted."""
        if not self._folder.is_dir():
            return []
        return sorted(p.name for p in self._folder.iterdir() if not p.name.startswith("."))

    def get(self, names: Sequence[str] | None = None) -> list[StagedItem]:
        """The items, or those of the names that are there."""
        read = [self._read(name) for name in self.names() if names is None or name in names]
        return [item for item in read if item is not None]

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A hidden folder to write in; gone at the end.

        Raises
        ------
        StorageError: the disk refuses.
        """
        folder = self._folder / f".{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise StorageError(f"cannot write {self._upload}: {error}; nothing was stored") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def taken(self, names: Sequence[str]) -> list[str]:
        """Those of the names under which there are rows; what failed may always be staged again."""
        return [item.name for item in self.get(names) if item.result.success]

    def put(self, items: Sequence[StagedItem], scratch: Path) -> None:
        """Move items, whose files lie in folders of their names in `scratch`, into the area.

        Raises
        ------
        ConflictError: another process staged the name meanwhile.
        """
        for item in items:
            folder = scratch / item.name
            folder.mkdir(exist_ok=True)
            (folder / _RESULT).write_text(_as_json(item))
        for item in items:
            self._hide(item.name, scratch)
            try:
                (scratch / item.name).rename(self._folder / item.name)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                raise ConflictError(f"{item.name!r} was staged by someone else; stage it again") from error

    def remove(self, items: Sequence[StagedItem]) -> None:
        """Take items away, unless they were staged anew since."""
        with self.scratch() as scratch:
            for item in items:
                if self.has([item]):
                    self._hide(item.name, scratch)

    def has(self, items: Sequence[StagedItem]) -> bool:
        """Whether all items are still staged, none of them committed, wiped or replaced since."""
        now = {item.name: item.result.timestamp for item in self.get([item.name for item in items])}
        return all(now.get(item.name) == item.result.timestamp for item in items)

    def _hide(self, name: str, scratch: Path) -> None:
        with suppress(FileNotFoundError):
            (self._folder / name).rename(scratch / f"replaced-{uuid.uuid4().hex}")

    def _read(self, name: str) -> StagedItem | None:
        """The item; None if someone else took it away meanwhile."""
        folder = self._folder / name
        try:
            content = json.loads((folder / _RESULT).read_text())
            parts = [
                Part(folder / p["file"], p["rows"], p["size"], *(_as_date(p[day]) for day in ("low", "high")))
                for p in content["parts"]
            ]
            missing = [p.path.name for p in parts if p.path.stat().st_size != p.size]
            if missing:
                raise OSError(f"{missing[0]} is cut short")
            result = UploadStagingResult.model_validate(content["result"])
            faults = [Fault(**{**f, "examples": tuple(f["examples"])}) for f in content["faults"]]
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            if not folder.exists():
                return None
            raise StorageError(
                f"what is staged in {folder} is damaged: {error}; delete that folder"
            ) from error
        return StagedItem(result, tuple(parts), tuple(faults))


def _as_json(item: StagedItem) -> str:
    parts = [
        {"file": part.path.name, "rows": part.rows, "size": part.size, "low": part.low, "high": part.high}
        for part in item.parts
    ]
    faults = [asdict(fault) for fault in item.faults]
    content = {"result": item.result.model_dump(mode="json"), "parts": parts, "faults": faults}
    return json.dumps(content, default=str)


def _as_date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
