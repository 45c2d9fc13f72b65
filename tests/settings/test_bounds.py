"""Numbers that no computation survives are refused by the settings that would hold them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from openfactor.settings import (
    DataQualitySettings,
    EigenfactorSettings,
    FactorCovarianceSettings,
    ModelConstructionSettings,
    RollingBetaSettings,
    StructuralVolSettings,
)

HUGE, NOT_FINITE = [1e308, 10**30], [float("inf"), float("-inf"), float("nan")]
FIELDS: list[tuple[type[Any], str, Any]] = [
    (ModelConstructionSettings, "thin_category_shrinkage", lambda value: {"industry": value}),
    (ModelConstructionSettings, "thin_category_shrinkage_overrides", lambda value: {("g", "f"): value}),
    (ModelConstructionSettings, "huber_epsilon", None),
    (EigenfactorSettings, "seed", None),
    (FactorCovarianceSettings, "shrink_cor_length", None),
    (StructuralVolSettings, "min_history", None),
    (DataQualitySettings, "median_days", None),
    (RollingBetaSettings, "overlap", None),
]


@pytest.mark.parametrize("value", [-1, *HUGE, *NOT_FINITE])
@pytest.mark.parametrize(("kind", "field", "wrap"), FIELDS)
def test_numbers_beyond_reason_are_refused(kind: type[Any], field: str, wrap: Any, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        kind.model_validate({field: wrap(value) if wrap else value})
