"""Entries: what is kept under a name, as rows of the database."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from openfactor.database.tables import digest, time_of
from openfactor.errors import SettingsError, StorageError
from openfactor.settings import AnyRiskDatasetSettings, ColumnMapping, Settings
from openfactor.settings.saved import KINDS
from openfactor.settings.values import Reference

RISK_DATASET = "RiskDatasetSettings"
"""The kind of risk datasets, root or derived."""
COLUMN_MAPPING = ColumnMapping.settings_kind
"""The kind of mappings of columns."""
_TYPES: dict[str, Any] = {RISK_DATASET: AnyRiskDatasetSettings, COLUMN_MAPPING: ColumnMapping, **KINDS}
"""Kind of entry to the type of its value."""

REPLACE = "save it again with its name, in place of the damaged one, or restore a backup"
"""What to do about a damaged entry."""


@cache
def _adapter(kind: str) -> TypeAdapter[Settings]:
    return TypeAdapter(_TYPES[kind])


@dataclass(frozen=True)
class Entry:
    """One thing that is kept, as it was when it was read."""

    id: int
    kind: str
    name: str
    dataset: str | None
    """The dataset that saved settings are bound to."""
    value: dict[str, Any]
    """The settings as JSON; empty if they cannot be read."""
    fingerprint: str | None
    """Of a risk dataset: the data that it has."""
    description: str | None
    created_on: dt.datetime
    last_updated_on: dt.datetime
    revision: int
    """Raised by each change."""
    damage: str | None
    """Why it is not what was written; None if it is."""

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Entry:
        """The entry of a row."""
        texts = {name: row[name] for name in ("dataset", "fingerprint", "description")}
        texts = {name: None if text is None else str(text) for name, text in texts.items()}
        damage = None if row["digest"] == digest(row) else "its bytes are not those that were written"
        try:
            value = json.loads(row["value"])
        except (TypeError, ValueError):
            value = None
        if not isinstance(value, dict):
            value, damage = {}, "its settings are no JSON object"
        return cls(
            **texts, id=row["id"], revision=row["revision"], kind=str(row["kind"]), name=str(row["name"]),
            value=value, damage=damage,
            created_on=time_of(row["created_on"]), last_updated_on=time_of(row["last_updated_on"]),
        )  # fmt: skip

    @property
    def what(self) -> str:
        """Kind and name, for people."""
        return f"{kind_name(self.kind)} {self.name!r}"

    @property
    def damage_error(self) -> StorageError:
        """The error about a damaged entry."""
        return StorageError(f"the saved {self.what} is damaged: {self.damage}; {REPLACE}")

    @property
    def parent(self) -> Reference | None:
        """Of a derived dataset: name or id of its reference."""
        parent = self.value.get("reference_dataset") if self.kind == RISK_DATASET else None
        return parent if isinstance(parent, str | int) else None

    @property
    def settings(self) -> Settings:
        """The settings.

        Raises
        ------
        StorageError: the entry is damaged. SettingsError: this release does not know such settings.
        """
        if self.damage is not None:
            raise self.damage_error
        if self.kind not in _TYPES:
            raise SettingsError(
                f"the saved {self.what} is of another release:",
                [f"this release does not know the kind {self.kind!r}; install the one that saved it"],
            )
        try:
            return _adapter(self.kind).validate_python(self.value)
        except ValidationError as error:
            raise SettingsError(
                f"the saved {self.what} is not valid in this version of openfactor; replace it:",
                problems_of(error),
            ) from error

    def refers_to(self, other: Entry) -> bool:
        """By name or id, or because it is bound to it."""
        if self.id == other.id:
            return False
        if other.kind == RISK_DATASET and (
            other.name == self.dataset or self.parent in (other.name, other.id)
        ):
            return True
        try:
            references = self.settings.get_references()
        except (SettingsError, StorageError):  # what cannot be read refers to nothing that could serve it
            return False
        return (other.kind, other.name) in references or (other.kind, other.id) in references


def problems_of(error: ValidationError) -> list[str]:
    """One line per field that is not valid: its place and what is wrong with it."""
    return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]


def kind_name(kind: str) -> str:
    """A kind, for people."""
    return "risk dataset" if kind == RISK_DATASET else kind


def json_of(settings: Settings) -> str:
    """JSON as all databases take it: infinite numbers are texts, not constants of JavaScript."""
    return json.dumps(json.loads(settings.model_dump_json()))
