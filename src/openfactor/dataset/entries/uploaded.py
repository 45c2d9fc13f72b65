"""Factor groups of an exposures upload."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openfactor.dataset import checks
from openfactor.dataset.ambiguity import ambiguous_rows
from openfactor.dataset.coding import code_companies
from openfactor.dataset.content_hash import index_hash
from openfactor.dataset.entries.entry import Derivation, DerivedRows, Entry
from openfactor.dataset.entries.transforms import score_and_fill
from openfactor.dataset.factor_groups import FactorGroups, GroupPlan, Loadings
from openfactor.dataset.inventory import exposure_inventory, unknown_factors, used_dates, used_factors
from openfactor.dataset.loadings import read_loadings
from openfactor.dataset.precision import narrow_columns
from openfactor.dataset.reading import read_tree
from openfactor.dataset.resolving import count_unknown
from openfactor.errors import Fault
from openfactor.settings.hierarchies import unknown
from openfactor.settings.riskdataset import RiskDatasetUploadedExposureSettings


class UploadedEntry(Entry[RiskDatasetUploadedExposureSettings]):
    """Reads and transforms groups of an upload."""

    def __init__(self, settings: RiskDatasetUploadedExposureSettings, derivation: Derivation) -> None:
        super().__init__(settings, derivation)
        self._upload = f"exposures {settings.exposure_source}"
        self._rows = derivation.read("exposures", settings.exposure_source)
        self._groups = [*settings.continuous_factor_groups, *settings.categorical_factor_groups]
        self._plans: list[GroupPlan] = []
        self._inventory = pl.DataFrame()
        self._dates: set[dt.date] = set()

    def continuous_groups(self) -> Sequence[str]:
        return self.settings.continuous_factor_groups

    def categorical_groups(self) -> Sequence[str]:
        return self.settings.categorical_factor_groups

    def inspect(self) -> list[Fault]:
        row_counts, identifiers = self.derivation.row_counts, self.derivation.reference.identifiers
        inventory = exposure_inventory(self._rows)
        faults = self._plan_groups()
        is_known = pl.col("asset_id_type").is_in(identifiers.company_types)
        in_groups = pl.col("factor_group").is_in(self._groups)
        of_groups = inventory.filter(is_known & in_groups)
        self._inventory = used_factors(self._rows, of_groups, identifiers, row_counts, self._upload)
        reference_days = self.derivation.reference.days
        self._dates = used_dates(self._rows, self._inventory, identifiers, reference_days)
        if self._upload not in row_counts.read:  # several entries may read one upload
            by_type = inventory.filter(~is_known).group_by("asset_id_type").agg(pl.col("rows").sum())
            count_unknown(row_counts, self._upload, by_type, {}, identifiers.company_types)
        row_counts.read[self._upload] = int(inventory["rows"].sum())
        ambiguous = ambiguous_rows(identifiers, self._rows.filter(in_groups), self._upload)
        known = inventory.filter(is_known)["factor_group"].unique().sort().to_list()
        return [*ambiguous, *self._missing_groups(known), *faults,
                *unknown_factors(self._inventory, self._plans, self._upload)]  # fmt: skip

    def _plan_groups(self) -> list[Fault]:
        """Plan how to read the groups; faults of their hierarchies."""
        settings, faults = self.settings, []
        for group in self._groups:
            tree = None
            if group in settings.hierarchy_sources:
                tree, tree_faults = read_tree(settings.hierarchy_sources[group], self.derivation.read)
                faults += tree_faults
            plan = GroupPlan(
                group,
                sparse=group in settings.categorical_factor_groups,
                tree=tree,
                forward_fill=group in settings.factor_groups_forward_fill,
                max_age=settings.max_age,
                overrides=settings.categorical_overrides.get(group, {}),
            )
            self._plans.append(plan)
        return faults

    def _missing_groups(self, known: Sequence[str]) -> list[Fault]:
        """Groups without rows, or without rows of assets of the reference."""
        identifiers = self.derivation.reference.identifiers
        id_types = ", ".join(identifiers.company_types)
        missing = [
            Fault("missing_group", self._upload, "no rows of the factor group in an id type of the dataset "
                  f"({id_types}): {unknown(group, known)}", "factor_group")
            for group in self._groups if group not in known
        ]  # fmt: skip
        empty = set(self._groups).intersection(known) - set(self._inventory["factor_group"])
        return missing + checks.known_groups(self._rows, empty, identifiers, self._upload)

    def dates(self) -> set[dt.date]:
        return self._dates

    def first_named(self, sources: Collection[str] | None) -> NDArray[np.datetime64]:
        first = super().first_named(sources)
        if sources is not None and self.settings.exposure_source not in sources:
            return first
        identifiers = self.derivation.reference.identifiers
        of_groups = self._rows.filter(pl.col("factor_group").is_in(self._groups))
        types = self._inventory["asset_id_type"].unique().to_list()
        coded = code_companies(identifiers, of_groups, [], types).group_by("source").agg(pl.col("date").min())
        dates = coded.collect(engine="streaming")
        company = identifiers.source_company[dates["source"].to_numpy()]
        np.fmin.at(first, company, dates["date"].to_numpy().astype("datetime64[D]"))
        return first

    def build(self, rows: DerivedRows, groups: FactorGroups) -> list[Fault]:
        reuse, row_counts = self.derivation.reuse, self.derivation.row_counts
        if self._has_upload_alone():  # a recipe covers all groups of an upload
            settings, reference = self.settings, self.derivation.reference
            trees = [f"hierarchies/{name}" for name in settings.hierarchy_sources.values()]
            reuse.record(
                self._upload, [f"exposures/{settings.exposure_source}", *trees],
                index_hash(rows.index, reference.identifiers), settings.model_dump_json(),
                reference.exposure_dtype,
            )  # fmt: skip
        loadings = reuse.take_over(self._upload, self._groups, row_counts)
        faults: list[Fault] = []
        if loadings is None:
            loadings, faults = self._read(rows)
        if not faults:
            groups.add(self._plans, loadings)
        return faults

    def _has_upload_alone(self) -> bool:
        entries = self.derivation.settings.exposures
        sources = [e.exposure_source for e in entries if isinstance(e, type(self.settings))]
        return sources.count(self.settings.exposure_source) == 1

    def _read(self, rows: DerivedRows) -> tuple[Loadings, list[Fault]]:
        """The groups after their transforms, and exposures that the precision cannot hold."""
        settings, reference = self.settings, self.derivation.reference
        loadings, faults = Loadings({}, {}), []
        scored = set(settings.factor_groups_gaussianize)
        # scores are taken before rounding
        for precision, plans in (
            (reference.exposure_dtype, [plan for plan in self._plans if plan.name not in scored]),
            ("float64", [plan for plan in self._plans if plan.name in scored]),
        ):
            if plans:
                part, part_faults = read_loadings(
                    self._rows, self._inventory, plans, rows.index, reference.identifiers, precision,
                    self.derivation.row_counts, self._upload, self.derivation.context,
                )  # fmt: skip
                loadings.dense.update(part.dense)
                loadings.sparse.update(part.sparse)
                faults += part_faults
        return loadings, faults or self._transform(rows, loadings)

    def _transform(self, rows: DerivedRows, loadings: Loadings) -> list[Fault]:
        """Transform continuous groups in place; exposures that the precision cannot hold."""
        settings, index, faults = self.settings, rows.index, []
        zeros, filled = settings.factor_groups_gaussianize_maintain_zeros, settings.factor_groups_fill_miss
        for name, factors in loadings.dense.items():
            scores = name in settings.factor_groups_gaussianize
            if scores or name in filled:
                exact = {
                    factor: score_and_fill(
                        index, values, scores=scores, keep_zeros=name in zeros, fill=name in filled
                    )
                    for factor, values in factors.items()
                }
                loadings.dense[name], lost = narrow_columns(
                    name, exact, self.derivation.reference.exposure_dtype, index.days, index.offsets,
                    self._upload,
                )  # fmt: skip
                faults += lost
        return faults

    def uploads(self) -> Mapping[str, pl.LazyFrame]:
        return {self._upload: self._rows}

    def inventories(self) -> Mapping[str, pl.DataFrame]:
        return {self._upload: self._inventory}
