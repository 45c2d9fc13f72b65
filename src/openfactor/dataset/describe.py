"""What a dataset offers to settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfactor.settings.menus import (
    CalendarSettingsMenu,
    ExposureSettingsMenu,
    FactorRiskModelSettingsMenu,
    ModelConstructionSettingsMenu,
    RiskDatasetProperties,
    UniverseSettingsMenu,
)

if TYPE_CHECKING:
    from openfactor.dataset.panel import RiskDataset


def describe(dataset: RiskDataset) -> RiskDatasetProperties:
    """The menus of a dataset and its build report; `RiskDataset.properties` keeps them."""
    sparse = {name: dataset.trees[name] for name in dataset.panel.sparse}
    dense = {name: dataset.trees[name] for name in dataset.panel.dense}
    universe = UniverseSettingsMenu(
        calendar_settings_menu=CalendarSettingsMenu(exchanges=sorted(dataset.closed)),
        id_types=list(dataset.identifiers.id_types),
        categorical_hierarchies={name: tree.hierarchy for name, tree in sparse.items()},
        categorical_hierarchies_labels={name: tree.labels for name, tree in sparse.items()},
    )
    return RiskDatasetProperties(
        factor_risk_model_settings_menu=FactorRiskModelSettingsMenu(
            exposure_settings_menu=ExposureSettingsMenu(
                universe_settings_menu=universe,
                continuous_hierarchies={name: tree.hierarchy for name, tree in dense.items()},
                continuous_hierarchies_labels={name: tree.labels for name, tree in dense.items()},
            ),
            modelconstruction_settings_menu=ModelConstructionSettingsMenu(
                weights=["SqrtCap", "Cap", *(["InvIdioVar"] if dataset.has_idio_vol else [])],
                currencies=list(dataset.currencies),
                series=dataset.series["series"].unique().sort().to_list(),
            ),
        ),
        build_report=dataset.report,
    )
