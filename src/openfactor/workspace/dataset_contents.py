"""The data of risk datasets by what they were made from: built once, opened once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from dataclasses import dataclass, replace
from functools import cached_property

from openfactor import dataset as datasets
from openfactor.context import Context
from openfactor.contract.refs import PinnedUpload
from openfactor.database import Contents
from openfactor.dataset import RiskDataset
from openfactor.dataset import storage as dataset_storage
from openfactor.dataset.root_stages import Resumption, runs_before
from openfactor.dataset.runs import month
from openfactor.errors import NotFoundError, StorageError
from openfactor.settings import AnyRiskDatasetSettings, DerivedRiskDatasetSettings
from openfactor.store import DATASET, Leases, MissingObjectError, Objects
from openfactor.uploads import UploadSnapshot

ENGINE = 20
"""Part of every fingerprint. Raise it when the same inputs give other numbers than before."""


ANCESTORS_TRIED = 3
"""Earlier data of the same settings, the newest first, after which a build may go on."""
UNDATED = ("idmap", "hierarchies")
"""Uploads that a change of concerns all days."""


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

    @property
    def settings_hash(self) -> str:
        """The same for all data that were built from these settings."""
        return fingerprint("dataset settings", self.settings.model_dump(mode="json"))

    @cached_property
    def fingerprint(self) -> str:
        """Names the data that a build of these inputs gives."""
        value = self.settings.model_dump(mode="json")
        value.pop("reference_dataset", None)  # its data count, not its name
        return fingerprint("dataset", value, self.uploads.content_ids, self.parent)


def _not_stored(fingerprint: str) -> MissingObjectError:
    return MissingObjectError(
        f"the data {fingerprint[:8]} of a risk dataset are not stored; update the dataset"
    )


class DatasetContents:
    """The data of risk datasets, by the recipe that they were made from."""

    def __init__(self, objects: Objects, leases: Leases, contents: Contents, context: Context) -> None:
        self._objects = objects
        self._leases = leases
        self._contents = contents
        self._context = context

    def exists(self, fingerprint: str) -> bool:
        """The data were built and not removed since."""
        return self._contents.find(fingerprint) is not None

    def open(self, fingerprint: str) -> RiskDataset:
        """The data, mapped into memory.

        Raises
        ------
        StorageError: they are missing or damaged.
        """
        content = self._contents.find(fingerprint)
        if content is None:
            raise _not_stored(fingerprint)
        return self._context.cache.get(
            "dataset", content, lambda: self._load(fingerprint, content), self._context.check
        )

    def _load(self, fingerprint: str, content: str) -> RiskDataset:
        with self._leases.reading(content) as lease:
            if self._contents.find(fingerprint) is None:  # pruned before the lease was seen
                raise _not_stored(fingerprint)
            return lease.until_freed(dataset_storage.load(self._objects, content))

    def open_pinned(self, fingerprint: str) -> RiskDataset:
        """The data that something was made from, whatever name they have or had.

        Raises
        ------
        NotFoundError: they were removed. StorageError: they are damaged.
        """
        if not self.exists(fingerprint):
            raise NotFoundError(
                f"the data {fingerprint[:8]} of a risk dataset were removed; load again what you read "
                "from them"
            )
        return self.open(fingerprint)

    def open_or_none(self, fingerprint: str | None) -> RiskDataset | None:
        """The data, if there are any that can be read."""
        try:
            return None if fingerprint is None else self.open(fingerprint)
        except StorageError:
            return None

    def build(self, inputs: DatasetInputs, previous: str | None, *, again: bool = False) -> None:
        """Build and store the data of inputs, unless they are stored.

        Parameters
        ----------
        previous : fingerprint of data of which factor groups that did not change are reused
        again : build them in any case
        """
        recipe = inputs.fingerprint
        with self._context.cache.single_flight("dataset", recipe, self._context.check):
            if not again and self._contents.touch(recipe):
                return
            began = time.monotonic()
            content = self._build(inputs, previous, again=again)
            self._contents.put(recipe, DATASET, content, settings=inputs.settings_hash)
            self._context.log_of(recipe).info("built in %.1f s", time.monotonic() - began)

    def _build(self, inputs: DatasetInputs, previous: str | None, *, again: bool) -> str:
        """Build a dataset and store it; its content."""
        versions = {upload: f"{ENGINE} {version}" for upload, version in inputs.uploads.content_ids.items()}
        reuse = datasets.GroupReuse(versions, self.open_or_none(previous))
        if isinstance(inputs.settings, DerivedRiskDatasetSettings):
            parent = self.open(inputs.parent or "")
            built = datasets.derive(
                inputs.settings, parent, inputs.uploads, inputs.fingerprint, reuse, self._context
            )
        else:
            built = datasets.build(
                inputs.settings,
                inputs.uploads,
                inputs.fingerprint,
                self._context,
                None if again else self._resumption(inputs),
            )
        complete = replace(
            built,
            upload_versions=inputs.uploads.versions,
            upload_contents=inputs.uploads.content_ids,
            stored_content_hashes=built.hash_days(self._context),
        )
        return dataset_storage.save(complete, self._objects, self._context)

    def _resumption(self, inputs: DatasetInputs) -> Resumption | None:
        """Where the build can go on after earlier data of the same settings; None: at the beginning."""
        best: Resumption | None = None
        for made in self._contents.list(DATASET, settings=inputs.settings_hash)[:ANCESTORS_TRIED]:
            dataset = self.open_or_none(made.recipe)
            changed = None if dataset is None else _first_change(inputs.uploads, dataset)
            if dataset is None or changed is None:
                continue
            n_runs = runs_before(dataset.states, dataset.run_names, month(changed))
            if n_runs and (best is None or n_runs > best.n_runs):
                best = Resumption(dataset, n_runs)
            if n_runs >= len(dataset.run_names) - 1:  # no other data can be nearer
                break
        if best is not None:
            self._context.log_of(inputs.fingerprint).info("goes on after %s", best.month)
        return best


def _first_change(uploads: UploadSnapshot, dataset: RiskDataset) -> dt.date | None:
    """The first day on which uploads are not as they were when a dataset was built; None if all days may be
    others, or if that is not known.
    """
    contents, first = uploads.content_ids, dt.date.max
    if contents.keys() != dataset.upload_contents.keys():
        return None
    for key, content in contents.items():
        data_type, _, name = key.partition("/")
        before = PinnedUpload(version=dataset.upload_versions[key], content=dataset.upload_contents[key])
        if content == before.content:
            continue
        try:
            changes = uploads.changed_since(data_type, name, before)
        except (NotFoundError, StorageError):
            return None
        if changes is None:
            continue
        if data_type in UNDATED or changes.first_day is None:
            return None
        first = min(first, changes.first_day)
    return first
