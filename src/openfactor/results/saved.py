"""Saved settings as the registry holds them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from openfactor.settings.saved import AnyDatasetSettings
from openfactor.settings.values import Value


class SavedSettings(Value):
    """Settings that are kept under a name."""

    id: int
    """Unique over all kinds."""
    kind: str
    """The class of the settings."""
    name: str
    value: AnyDatasetSettings | None
    """The settings and their dataset; None if they are not valid any more."""
    issues: list[str]
    """Why they are not valid: references and names that are not there any more."""
    raw_json: dict[str, Any]
    """What is stored."""
    description: str | None
    created_on: dt.datetime
    last_updated_on: dt.datetime
