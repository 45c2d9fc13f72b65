"""The frame of exposures: one row per trading day and asset, one column per factor of a stage."""

from __future__ import annotations

import polars as pl

from openfactor.contract.refs import FrameQuery
from openfactor.exposures import exposure_frame
from openfactor.exposures.conventions import LongForm
from openfactor.model.fitted import FittedModel
from openfactor.model.frames.kind import BY_ASSET, ID_TYPE, FrameKind, days_of


def _exposures(fitted: FittedModel, query: FrameQuery) -> pl.DataFrame:
    e, stage = fitted.estimates, fitted.stage_index(query.stage)
    days = [(int(fitted.days[p]), date) for p, date in days_of(fitted, query) if p >= 0]
    factors = [pair for pair, s in zip(e.pairs, e.stage, strict=True) if s == stage]
    id_type = fitted.id_type(query.id_type)
    frame = exposure_frame(
        fitted.dataset, fitted.columns[stage], factors, days, fitted.universe, id_type, fitted.context
    )
    return frame.sort("date", id_type)


FRAMES = {
    "exposures": FrameKind(
        _exposures, (*BY_ASSET, "stage"), LongForm(("date", ID_TYPE), "factor", "exposure"), "exposures"
    )
}
