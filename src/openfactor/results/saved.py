"""Saved settings as the registry holds them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from openfactor.settings.saved import AnyDatasetSettings
from openfactor.settings.values import Value


class SavedSettings(Value):
    """Settings saved under a name."""

    id: int
    """Unique across all kinds."""
    kind: str
    """`Settings.settings_kind` of the settings."""
    name: str
    """Unique within the kind."""
    value: AnyDatasetSettings | None
    """The settings and their dataset; None if they are no longer valid."""
    issues: list[str]
    """Why they are not valid: names and references that no longer exist."""
    raw_json: dict[str, Any]
    """The stored JSON."""
    description: str | None
    """As given by the user."""
    created_on: dt.datetime
    """UTC, without a time zone."""
    last_updated_on: dt.datetime
    """UTC, without a time zone."""
