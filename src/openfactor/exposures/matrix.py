"""Exposures as frames: one row a day and asset, one column a factor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import RiskDataset, describe
from openfactor.dataset.calendar import within
from openfactor.exposures.design import Exposures, by_group, resolve, split_names
from openfactor.exposures.universe import Universe, universe_on
from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.universe import UniverseSettings
from openfactor.settings.validation import validate_exposures

Mask = NDArray[np.bool_]


class ExposureMatrix:
    """The exposures of the assets of a universe, as they stand on each day.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have.
    """

    def __init__(self, name: str, dataset: RiskDataset, settings: ExposureSettings) -> None:
        validate_exposures(settings, describe(dataset).exposure_settings_menu)
        self.dataset = name
        self.settings = settings
        self._data = dataset
        self._columns = resolve(dataset, settings)

    def __repr__(self) -> str:
        return f"<exposures on {self.dataset!r}: {', '.join(self.factors()) or 'no factors'}>"

    def factors(self) -> dict[str, list[str]]:
        """Group to its factors, both sorted."""
        return by_group(split_names(sorted(self._columns.names), self.settings))

    def dates(self, universe: Universe | UniverseSettings, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        return self._on(universe).dates(range_only=range_only)

    def get(
        self,
        universe: Universe | UniverseSettings,
        *,
        start: dt.date | None = None,
        end: dt.date | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
    ) -> pl.DataFrame:
        """date, the id type, `{group}.{factor}` (Float32): one row a day and company, sorted.

        universe : its settings, or a universe; one of another dataset gives only its settings
        start, end : first and last day, both included
        id_type : by default the universe's; a company is shown as its main listing if that is a member
        filter_tradedays : only trading days of the universe's calendar

        Null where a dense exposure is missing, 0 where an asset is not in a category; assets without any
        exposure are left out.

        Raises
        ------
        SettingsError: with everything in the universe that the dataset does not have.
        """
        chosen = self._on(universe)
        shown = chosen.id_type(id_type)
        days = [i for i in chosen.days(filter_tradedays) if within(self._data.days[i], start, end)]
        names = sorted(self._columns.names)
        inside = self._companies(chosen.inside)
        frame = exposure_frame(self._data, self._columns, names, days, inside, shown)
        return frame.filter(~_nothing(frame, self._columns)).sort("date", shown)

    def _on(self, universe: Universe | UniverseSettings) -> Universe:
        if isinstance(universe, Universe) and universe.dataset == self.dataset:
            return universe
        settings = universe.settings if isinstance(universe, Universe) else universe
        return universe_on(self.dataset, self._data, settings)

    def _companies(self, inside: Mask) -> Mask:
        """(rows,) one member of each company and day: the main listing, else the first."""
        panel = self._data.panel
        rows = np.flatnonzero(inside)
        day = panel.day[rows]
        listing = panel.listing[rows]
        entity = self._data.entity[listing]
        order = np.lexsort((listing, ~self._data.main[listing], entity, day))
        first = np.ones(len(rows), np.bool_)
        first[1:] = (np.diff(day[order]) != 0) | (np.diff(entity[order]) != 0)
        out = np.zeros(len(inside), np.bool_)
        out[rows[order[first]]] = True
        return out


def exposure_frame(
    dataset: RiskDataset,
    columns: Exposures,
    factors: Sequence[str],
    days: Iterable[int],
    inside: Mask,
    id_type: str,
) -> pl.DataFrame:
    """date, the id type, one Float32 column a factor.

    factors : names of `columns`, in the order in which they are wanted
    days : indices of stored days
    inside : (rows,) the panel's rows to show
    """
    panel = dataset.panel
    position = {name: k for k, name in enumerate(columns.names)}
    ids = pl.Series(dataset.identifiers.names(id_type), dtype=pl.String)
    schema = {"date": pl.Date, id_type: pl.String, **dict.fromkeys(factors, pl.Float32)}
    frames = [pl.DataFrame(schema=schema)]
    for day in days:
        rows = panel.rows_of(day)
        shown = np.flatnonzero(inside[rows])
        x = np.zeros((len(position), rows.stop - rows.start), np.float32)
        x[: len(columns.dense)] = columns.dense_rows(rows)
        for code, load in zip(*columns.categories(rows), strict=True):
            held = np.flatnonzero(code >= 0)
            np.add.at(x, (code[held], held), load[held])
        values: dict[str, object] = {
            "date": pl.repeat(dataset.days[day], len(shown), dtype=pl.Date, eager=True),
            id_type: ids.gather(panel.listing[rows][shown]),
        }
        frames.append(pl.DataFrame(values | {name: x[position[name], shown] for name in factors}))
    return pl.concat(frames).with_columns(pl.col(pl.Float32).fill_nan(None))


def _nothing(frame: pl.DataFrame, columns: Exposures) -> pl.Expr:
    """Whether a row has no dense exposure and no category."""
    dense = [pl.col(name).is_null() for name in columns.dense_names]
    categories = [pl.col(name) == 0 for name in columns.names[len(columns.dense_names) :]]
    return pl.all_horizontal([*dense, *categories]) if frame.width > 2 else pl.lit(True)
