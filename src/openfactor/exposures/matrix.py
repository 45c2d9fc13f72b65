"""Exposures as frames: one row a day and asset, one column a factor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import RiskDataset
from openfactor.dataset.calendar import within
from openfactor.dataset.reading import UploadReader, no_uploads
from openfactor.dataset.shown import Shown
from openfactor.errors import SettingsError
from openfactor.exposures.columns import CrossSection
from openfactor.exposures.design import Exposures, by_group, resolve
from openfactor.exposures.universe import Universe, universe_on
from openfactor.numerics.cross_section import design_matrix
from openfactor.processes import BoundToProcess
from openfactor.results.provenance import DataVersion
from openfactor.settings.dates import DateLike
from openfactor.settings.exposures import ExposureSettings
from openfactor.settings.universe import CalendarSettings, UniverseSettings
from openfactor.settings.validation import validate
from openfactor.settings.values import Reference, inline

Mask = NDArray[np.bool_]
AnyUniverse = Universe | UniverseSettings | Reference


class ExposureMatrix(BoundToProcess):
    """The exposures of the assets of a universe, as they stand on each day.

    Raises
    ------
    SettingsError: with everything in the settings that the dataset does not have.
    """

    def __init__(
        self,
        name: str,
        dataset: RiskDataset,
        settings: ExposureSettings,
        read: UploadReader = no_uploads,
        follow: Callable[[UniverseSettings | Reference], UniverseSettings] | None = None,
        threads: int | None = None,
    ) -> None:
        validate(settings, dataset.properties.factor_risk_model_settings_menu)
        self.dataset = name
        self.settings = settings
        self._data = dataset
        self._read = read
        self._follow = follow or inline
        self._threads = threads

    def __repr__(self) -> str:
        groups = dict.fromkeys(group.factor_group for group in self.settings.exposures)
        return f"<exposures on {self.data}: {', '.join(groups) or 'no factors'}>"

    @property
    def data(self) -> DataVersion:
        """Which data they stand on."""
        return self._data.version(self.dataset)

    def factors(self, universe: AnyUniverse | None = None) -> dict[str, list[str]]:
        """Group to its factors, both sorted: those on a universe, or without one all that there are."""
        every = UniverseSettings(calendar=CalendarSettings(filters=[sorted(self._data.closed)]))
        chosen = self._on(
            universe or every.model_copy(update={"id_type": self._data.identifiers.id_types[0]})
        )
        return by_group(sorted(self._columns(chosen, chosen).pairs))

    def dates(self, universe: AnyUniverse, *, range_only: bool = False) -> list[dt.date]:
        """The days on which there can be exposures, or the first and the last of them."""
        return self._on(universe).dates(range_only=range_only)

    def coverage(self, universe: AnyUniverse, id_type: str | None = None) -> list[str]:
        """The assets of a universe with any exposure on any day, sorted: those in `get`.

        Raises
        ------
        SettingsError: as `get`.
        """
        chosen = self._on(universe)
        columns, exposed = self._columns(chosen, chosen), chosen.companies.copy()
        for day in chosen.days():
            rows = self._data.panel.rows_of(day)
            dense, codes, _ = columns.at(rows)
            exposed[rows] &= np.isfinite(dense).any(axis=0) | (codes >= 0).any(axis=0)
        return self._data.assets(chosen.id_type(id_type), exposed)

    def get(
        self,
        universe: AnyUniverse,
        *,
        standardize_universe: AnyUniverse | None = None,
        start: DateLike | None = None,
        end: DateLike | None = None,
        id_type: str | None = None,
        filter_tradedays: bool = False,
    ) -> pl.DataFrame:
        """date, the id type, `{group}.{factor}` (Float32): one row a day and company, sorted.

        universe : its settings, the name or id of saved ones, or a universe; one of another dataset gives
            only its settings
        standardize_universe : whom `standardize_method` and `net_of` look at; by default the universe
        start, end : first and last day, both included
        id_type : by default the universe's; a company is shown as the first of its listings that is a member
        filter_tradedays : only trading days of the universe's calendar

        Null where a dense exposure is missing, 0 where an asset is not in a category; assets without any
        exposure are left out.

        Raises
        ------
        SettingsError: with everything in the universe that the dataset does not have, or universes with
        different calendars.
        """
        chosen = self._on(universe)
        estimation = chosen if standardize_universe is None else self._on(standardize_universe)
        if estimation.settings.calendar != chosen.settings.calendar:
            raise SettingsError(
                "the universes do not fit together:",
                ["the standardize_universe must have the calendar of the universe"],
            )
        shown = chosen.id_type(id_type)
        columns = self._columns(chosen, estimation)
        days = [i for i in chosen.days(filter_tradedays) if within(self._data.days[i], start, end)]
        pairs = sorted(columns.pairs)
        frame = exposure_frame(self._data, columns, pairs, days, chosen.companies, shown)
        return frame.filter(~_nothing(frame, columns)).sort("date", shown)

    def _columns(self, universe: Universe, estimation: Universe) -> Exposures:
        return resolve(
            self._data,
            self.settings,
            universe.settings,
            CrossSection(universe.companies, estimation.companies),
            self._read,
            self._threads,
        )

    def _on(self, universe: AnyUniverse) -> Universe:
        if isinstance(universe, Universe) and universe.dataset == self.dataset:
            return universe
        settings = universe.settings if isinstance(universe, Universe) else self._follow(universe)
        return universe_on(self.dataset, self._data, settings, self._read)


def exposure_frame(
    dataset: RiskDataset,
    columns: Exposures,
    factors: Sequence[tuple[str, str]],
    days: Iterable[int],
    inside: Mask,
    id_type: str,
) -> pl.DataFrame:
    """date, the id type, one Float32 column a factor; see `Shown` for the assets and what they are called.

    factors : groups and factors of `columns`, in the order in which they are wanted
    days : indices of stored days
    inside : (rows,) the panel's rows to show
    """
    panel = dataset.panel
    position = {pair: k for k, pair in enumerate(columns.pairs)}
    names = {f"{group}.{factor}": position[group, factor] for group, factor in factors}
    schema = {"date": pl.Date, id_type: pl.String, **dict.fromkeys(names, pl.Float32)}
    frames, shown = [pl.DataFrame(schema=schema)], Shown(dataset, inside, id_type)
    for day in days:
        rows, date = panel.rows_of(day), dataset.days[day]
        place, code = shown.rows(rows, date)
        x = design_matrix(*columns.at(rows), len(position))[place].T.astype(np.float32)
        values: dict[str, object] = {
            "date": pl.repeat(date, len(place), dtype=pl.Date, eager=True),
            id_type: shown.naming.texts(code),
        }
        frames.append(pl.DataFrame(values | {name: x[k] for name, k in names.items()}))
    shown.warn()
    return pl.concat(frames).with_columns(pl.col(pl.Float32).fill_nan(None))


def _nothing(frame: pl.DataFrame, columns: Exposures) -> pl.Expr:
    """Whether a row has no dense exposure and no category."""
    dense = [pl.col(name).is_null() for name in columns.dense_names]
    categories = [pl.col(name) == 0 for name in columns.names[columns.n_dense :]]
    return pl.all_horizontal([*dense, *categories]) if frame.width > 2 else pl.lit(True)
