"""The data of risk datasets by what they were made from: built once, opened once, removed.

datasets/<fingerprint>/ has the data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from openfactor import dataset as datasets
from openfactor.context import Context
from openfactor.dataset import RiskDataset
from openfactor.dataset import storage as dataset_storage
from openfactor.errors import NotFoundError, StorageError
from openfactor.settings import AnyRiskDatasetSettings, DerivedRiskDatasetSettings
from openfactor.uploads import UploadSnapshot

ENGINE = 15
"""Part of every fingerprint. Raise it when the same inputs give other numbers than before."""


def fingerprint(*parts: object) -> str:
    """32 hexadecimal digits that stand for the parts, which must be JSON values."""
    text = json.dumps([ENGINE, *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class DatasetInputs:
    """All that a dataset is made from, as it was when the request came."""

    settings: AnyRiskDatasetSettings
    uploads: UploadSnapshot
    parent: str | None
    """Fingerprint of the reference dataset's data."""

    @cached_property
    def fingerprint(self) -> str:
        """Names the data that a build of these inputs gives."""
        value = self.settings.model_dump(mode="json")
        value.pop("reference_dataset", None)  # its data count, not its name
        return fingerprint("dataset", value, self.uploads.content_ids, self.parent)


class DatasetContents:
    """The data of risk datasets, by fingerprint.

    Parameters
    ----------
    folder : of the workspace
    """

    def __init__(self, folder: Path, context: Context) -> None:
        self._path = folder / "datasets"
        self._context = context

    def exists(self, fingerprint: str) -> bool:
        """The data are stored."""
        return self._folder(fingerprint).exists()

    def open(self, fingerprint: str) -> RiskDataset:
        """The data, mapped into memory.

        Raises
        ------
        StorageError: they are missing or damaged.
        """
        folder = self._folder(fingerprint)
        return self._context.cache.get(
            "dataset", folder, lambda: dataset_storage.load(folder), self._context.check
        )

    def open_pinned(self, fingerprint: str) -> RiskDataset:
        """The data that something was made from, whatever name they have or had. Data that are in memory
        outlive their removal from the disk.

        Raises
        ------
        NotFoundError: they were deleted. StorageError: they are damaged.
        """
        known = self._context.cache.peek("dataset", self._folder(fingerprint))
        if known is None and not self._folder(fingerprint).exists():
            raise NotFoundError(
                f"the data {fingerprint[:8]} of a risk dataset were deleted or replaced by newer ones; load "
                "again what you read from them"
            )
        return self.open(fingerprint)

    def open_or_none(self, fingerprint: str | None) -> RiskDataset | None:
        """The data, if there are any that can be read."""
        try:
            return None if fingerprint is None else self.open(fingerprint)
        except StorageError:
            return None

    def build(self, inputs: DatasetInputs, previous: str | None) -> None:
        """Build and store the data of inputs, unless they are stored.

        Parameters
        ----------
        previous : fingerprint of data of which factor groups that did not change are reused
        """
        folder = self._folder(inputs.fingerprint)
        with self._context.cache.single_flight("dataset", folder, self._context.check):
            if folder.exists():
                return
            began = time.monotonic()
            self._build(inputs, previous, folder)
            self._context.log_of(inputs.fingerprint).info("built in %.1f s", time.monotonic() - began)

    def remove(self, fingerprint: str) -> None:
        """Remove data from the disk."""
        shutil.rmtree(self._folder(fingerprint), ignore_errors=True)
        self._context.log_of(fingerprint).info("the data of the dataset were removed")

    @contextmanager
    def set_aside(self, fingerprint: str) -> Iterator[None]:
        """Data are out of the way; they come back if the block fails."""
        folder = self._folder(fingerprint)
        aside = folder.with_suffix(".replaced")
        self._context.cache.discard("dataset", folder)
        if folder.exists():
            folder.rename(aside)
        try:
            yield
        except BaseException:
            if aside.exists():
                aside.rename(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)

    def _build(self, inputs: DatasetInputs, previous: str | None, folder: Path) -> None:
        """Build a dataset and write it to the folder."""
        versions = {upload: f"{ENGINE} {version}" for upload, version in inputs.uploads.content_ids.items()}
        reuse = datasets.GroupReuse(versions, self.open_or_none(previous))
        if isinstance(inputs.settings, DerivedRiskDatasetSettings):
            parent = self.open(inputs.parent or "")
            built = datasets.derive(
                inputs.settings, parent, inputs.uploads, inputs.fingerprint, reuse, self._context
            )
        else:
            built = datasets.build(inputs.settings, inputs.uploads, inputs.fingerprint, reuse, self._context)
        complete = replace(
            built,
            upload_versions=inputs.uploads.versions,
            stored_content_hashes=built.hash_days(self._context),
        )
        dataset_storage.save(complete, folder, self._context)

    def _folder(self, fingerprint: str) -> Path:
        return self._path / fingerprint
