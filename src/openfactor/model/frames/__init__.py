"""Frames of a fitted model by name: `frame(fitted, query)` builds all that users see.

To add a frame, write the function that builds it and add it to the `FRAMES` of its file.
"""

from __future__ import annotations

import polars as pl

from openfactor.contract.refs import FrameQuery
from openfactor.errors import SettingsError
from openfactor.exposures.conventions import in_layout, refuse_options
from openfactor.model.fitted import FittedModel
from openfactor.model.frames import (
    asset_values,
    exposures,
    factor_values,
    forecast_factors,
    forecast_specific,
    forecast_status,
    regression_tables,
)
from openfactor.model.frames.kind import FrameKind

FRAMES: dict[str, FrameKind] = {
    **factor_values.FRAMES,
    **regression_tables.FRAMES,
    **asset_values.FRAMES,
    **exposures.FRAMES,
    **forecast_factors.FRAMES,
    **forecast_specific.FRAMES,
    **forecast_status.FRAMES,
}
"""Name to frame."""


def frame(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    """A frame of a fitted model or of a forecast from it.

    docs/models.md has a table of the frames, their columns, units and the day that their rows carry; both
    layouts are described in `exposures.conventions`. Rows are those of trading days from `query.start` to
    `query.end`, both included.

    Raises
    ------
    SettingsError
        There is no such frame, or it does not have an option that the query sets; an id type that the
        dataset, or a stage that the model, does not have.
    NotFoundError
        A forecast of a date that has none.
    """
    kind = FRAMES.get(query.frame)
    if kind is None:
        names = ", ".join(sorted(FRAMES))
        raise SettingsError(
            "there is no such frame:", [f"{query.frame!r}; the frames of a model are {names}"]
        )
    refuse_options(query, kind.options)
    form = kind.form(fitted, query)
    wide = kind.build(fitted, query.model_copy(update={"dated": query.dated or kind.dated}))
    return wide if form is None else in_layout(wide, query.layout, form)


__all__ = ["FRAMES", "FrameKind", "frame"]
