"""Exposures as frames: one row per day and asset, one column per factor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.context import Context
from openfactor.contract.refs import FrameQuery
from openfactor.dataset import RiskDataset
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.shown import Shown
from openfactor.errors import SettingsError
from openfactor.exposures.columns import ReferenceMasks
from openfactor.exposures.conventions import LongForm, in_layout, refuse_options
from openfactor.exposures.factor_columns import FactorColumns, by_group
from openfactor.exposures.membership import Membership
from openfactor.exposures.resolution import resolve
from openfactor.exposures.universe_frames import shown_universe_days
from openfactor.numerics.cross_section import design_matrix
from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.universe import CalendarSettings, UniverseSettings

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ExposureInputs:
    """Settings of exposures on a dataset, for any universe on it."""

    dataset: RiskDataset
    settings: ExposureSettings
    """Valid on the dataset."""
    read: UploadReader = no_uploads
    """Gives the uploads that the settings name."""
    context: Context = field(default_factory=Context)

    def columns(self, universe: Membership, estimation: Membership | None = None) -> FactorColumns:
        """The factors' columns on a universe.

        Parameters
        ----------
        estimation
            The names that `standardize_method` and `net_of` look at; by default the universe.
        """
        reference = ReferenceMasks(universe.company_rows, (estimation or universe).company_rows)
        return resolve(self.dataset, self.settings, universe.settings, reference, self.read, self.context)


def exposures_of_universe(
    inputs: ExposureInputs,
    universe: Membership,
    query: FrameQuery,
    standardize_universe: Membership | None = None,
) -> pl.DataFrame:
    """The frame "exposures": one row per day and company, one Float32 column per factor, sorted.

    Null where a dense exposure is missing, 0 where an asset is not in a category; assets without any exposure
    are left out. A company is shown as the first of its listings that is a member.

    Parameters
    ----------
    standardize_universe
        The names that `standardize_method` and `net_of` look at; by default the universe.

    Raises
    ------
    SettingsError
        Universes with different calendars; an option of the query that the frame does not have; an id type
        that the dataset does not have.
    """
    if query.frame != "exposures":
        raise SettingsError("there is no such frame:", [f"{query.frame!r}; exposures are 'exposures'"])
    refuse_options(query, ("id_type", "dated"))
    if standardize_universe and standardize_universe.settings.calendar != universe.settings.calendar:
        raise SettingsError(
            "the universes do not fit together:",
            ["the standardize_universe must have the calendar of the universe"],
        )
    id_type, columns = universe.id_type(query.id_type), inputs.columns(universe, standardize_universe)
    frame = exposure_frame(
        inputs.dataset, columns, sorted(columns.pairs), shown_universe_days(universe, query),
        universe.company_rows, id_type, inputs.context,
    )  # fmt: skip
    wide = frame.filter(~_nothing(frame, columns)).sort("date", id_type)
    return in_layout(wide, query.layout, LongForm(("date", id_type), "factor", "exposure"))


def exposure_coverage(inputs: ExposureInputs, universe: Membership, id_type: str | None = None) -> list[str]:
    """The assets of a universe with any exposure on any day, sorted: those of the frame.

    Raises
    ------
    SettingsError
        The dataset does not have the id type.
    """
    columns, has_exposure = inputs.columns(universe), universe.company_rows.copy()
    days = universe.days()
    with inputs.context.step("exposures", len(days)) as advance:
        for day in days:
            rows = inputs.dataset.panel.rows_of(day)
            dense, codes, _ = columns.evaluate(rows)
            has_exposure[rows] &= np.isfinite(dense).any(axis=0) | (codes >= 0).any(axis=0)
            advance()
    return inputs.dataset.assets(universe.id_type(id_type), has_exposure)


def exposure_factors(inputs: ExposureInputs, universe: Membership | None = None) -> dict[str, list[str]]:
    """Group to its factors, both sorted: those on a universe; None: all."""
    if universe is None:
        data = inputs.dataset
        all_assets = UniverseSettings(
            id_type=data.identifiers.id_types[0], calendar=CalendarSettings(filters=[sorted(data.closed)])
        )
        universe = Membership.of(data, all_assets)
    return by_group(sorted(inputs.columns(universe).pairs))


def exposure_frame(
    dataset: RiskDataset,
    columns: FactorColumns,
    factors: Sequence[tuple[str, str]],
    days: Sequence[tuple[int, dt.date]],
    inside: Mask,
    id_type: str,
    context: Context,
) -> pl.DataFrame:
    """date, the id type, one Float32 column per factor; see `Shown` for the assets and what they are called.

    Parameters
    ----------
    factors
        Groups and factors of `columns`, in the order of the frame's columns.
    days
        Indices of stored days, and the date that their rows carry.
    inside
        (rows,) the panel's rows to show.
    """
    panel = dataset.panel
    position = {pair: k for k, pair in enumerate(columns.pairs)}
    names = {f"{group}.{factor}": position[group, factor] for group, factor in factors}
    schema = {"date": pl.Date, id_type: pl.String, **dict.fromkeys(names, pl.Float32)}
    frames, shown = [pl.DataFrame(schema=schema)], Shown(dataset, inside, id_type)
    with context.step("exposures", len(days)) as advance:
        for day, date in days:
            rows = panel.rows_of(day)
            place, code = shown.rows(rows, date)
            x = design_matrix(*columns.evaluate(rows), len(position))[place].T.astype(np.float32)
            values: dict[str, object] = {
                "date": pl.repeat(date, len(place), dtype=pl.Date, eager=True),
                id_type: shown.naming.texts(code),
            }
            frames.append(pl.DataFrame(values | {name: x[k] for name, k in names.items()}))
            advance()
    shown.warn()
    return pl.concat(frames).with_columns(pl.col(pl.Float32).fill_nan(None))


def _nothing(frame: pl.DataFrame, columns: FactorColumns) -> pl.Expr:
    """Whether a row has no dense exposure and no category."""
    dense = [pl.col(name).is_null() for name in columns.dense_names]
    categories = [pl.col(name) == 0 for name in columns.names[columns.n_dense :]]
    return pl.all_horizontal([*dense, *categories]) if frame.width > 2 else pl.lit(True)
