"""The older dialects against what they mean in the present one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor import settings as now
from openfactor.errors import SettingsError
from openfactor.settings import legacy as old
from openfactor.settings.menus import ExposureSettingsMenu
from openfactor.synthetic import simulate
from tests.dataset.test_root import with_trees
from tests.markets import dataset_of, dataset_settings, model_settings

MARKET = simulate(40, 20, industries=3, styles=("size", "value"), seed=2)


def menu() -> ExposureSettingsMenu:
    return dataset_of(MARKET.uploads).properties.exposure_settings_menu


def test_universes() -> None:
    first = old.UniverseSettings(
        dataset="d",
        id_type="ticker",
        industry=old.IndustrySettings(hierarchy="industry", include=["I00"]),
        region=old.RegionSettings(hierarchy="region", exclude=["EU"]),
        mcap=old.MCapSettings(lower=5.0),
    )
    second = old.UniverseSettings(
        calendar=old.CalendarSettings(dataset="d"),
        id_type="ticker",
        categorical_filters=[
            old.CategoricalFilterSettings(hierarchy="industry", include=["I00"]),
            old.CategoricalFilterSettings(hierarchy="region", exclude=["EU"]),
        ],
        mcap_filter=old.MCapFilterSettings(lower=5.0),
    )
    expected = now.UniverseSettings(
        id_type="ticker",
        categorical_filters=[
            now.CategoricalFilterSettings(hierarchy="industry", include=["I00"]),
            now.CategoricalFilterSettings(hierarchy="region", exclude=["EU"]),
        ],
        mcap_filter=now.MCapFilterSettings(lower=5.0),
    ).with_dataset("d")
    assert first.bound(lambda _: menu()) == second.bound(lambda _: menu()) == expected
    assert old.UniverseSettings.default().translate() == now.UniverseSettings()
    assert old.ExposureSettings.default() == old.ExposureSettings()
    with pytest.raises(SettingsError, match="names no risk dataset"):
        old.UniverseSettings().bound(lambda _: menu())
    with pytest.raises(ValueError, match="GDP"):
        old.MCapSettings(gdp_deflator_asof=dt.date(2020, 1, 1))


def test_exposures_of_the_first_dialect() -> None:
    settings = old.ExposureSettings(
        industries=old.HierarchyLevel(hierarchy="industry", level=1), regions=None, standardize_styles=False
    )
    assert settings.translate(menu()) == now.ExposureSettings(
        exposures=[
            now.ContinuousExposureGroupSettings(hierarchy="market"),
            now.ContinuousExposureGroupSettings(hierarchy="style"),
            now.CategoricalExposureGroupSettings(hierarchy="industry"),
        ]
    )
    some = old.ExposureSettings(
        market=False, styles={"size": []}, industries=None, regions=None, other={"extra": "value"}
    ).translate(menu())
    style, other = some.exposures
    assert style.hierarchy.groupings == {"size": ["size"]}
    assert style.standardize_method == "equal_weighted"
    assert (other.factor_group, other.hierarchy.groupings) == ("other", {"extra": ["value"]})
    assert old.ExposureSettings(styles={}, market=False, industries=None, regions=None).translate(
        menu()
    ) == now.ExposureSettings(exposures=[])


def test_custom_groups_of_the_first_dialect() -> None:
    groups = old.HierarchyGroups(hierarchy="industry", groupings={"Zed": ["Z"], "Rest": ["~Z"]})
    settings = old.ExposureSettings(market=False, styles={}, industries=groups, regions=None)
    (group,) = settings.translate(with_trees().properties.exposure_settings_menu).exposures
    assert group.hierarchy == now.HierarchyGroups(name="industry", groupings={"Zed": ["Z"], "Rest": ["~Z"]})


def test_exposures_that_the_dataset_does_not_have() -> None:
    with pytest.raises(SettingsError) as caught:
        old.ExposureSettings(styles={"siz": []}, other={"x": "valu"}).translate(menu())
    assert [p.split(";")[0] for p in caught.value.problems] == [
        "styles: there is no 'siz'",
        "industries: there is no 'trbc'",
        "regions: there is no 'continent'",
        "other: there is no 'valu'",
    ]
    assert "industries=None leaves them out" in str(caught.value)
    with pytest.raises(SettingsError, match="market=False"):
        old.ExposureSettings(industries=None, regions=None).translate(
            menu().model_copy(update={"continuous_hierarchies": {}, "continuous_hierarchies_labels": {}})
        )
    with pytest.raises(ValueError, match="exposures and market are of two dialects"):
        old.ExposureSettings(exposures=[], market=False)


def test_uploaded_groups_by_the_part_that_they_play() -> None:
    settings = old.RiskDatasetSettings(
        reference_dataset="d",
        exposures=[
            old.RiskDatasetUploadedExposureSettings(
                exposure_source="mine", market_factor_group="m", style_factor_group="s",
                other_factor_group="o", industry_factor_group="i", region_factor_group="r",
                style_factor_huberize=False,
            )
        ],
    )  # fmt: skip
    assert settings.translate() == now.DerivedRiskDatasetSettings(
        reference_dataset="d",
        exposures=[
            now.RiskDatasetUploadedExposureSettings(
                exposure_source="mine",
                continuous_factor_groups=["m", "s", "o"],
                categorical_factor_groups=["i", "r"],
                factor_groups_fill_miss=["s"],
            )
        ],
        trim_assets="ccy_union",
    )


def test_uploaded_groups_of_the_second_dialect() -> None:
    lists = {
        "exposure_source": "mine", "continuous_factor_groups": ["s"], "categorical_factor_groups": ["i"],
        "factor_groups_gaussianize": ["s"], "hierarchy_sources": {"i": "tree"},
    }  # fmt: skip
    settings = old.RiskDatasetSettings(
        reference_dataset="d",
        exposures=[
            old.RiskDatasetUploadedExposureSettings(**lists),
            old.RiskDatasetReferencedExposureSettings(
                continuous_factor_groups=["m"], categorical_factor_groups=[]
            ),
            old.RiskDatasetUnitExposureSettings(factor="f", factor_group="g", factor_type="categorical"),
        ],
    )
    assert settings.translate() == now.DerivedRiskDatasetSettings(
        reference_dataset="d",
        exposures=[
            now.RiskDatasetUploadedExposureSettings(**lists),
            now.RiskDatasetReferencedExposureSettings(
                continuous_factor_groups=["m"], categorical_factor_groups=[]
            ),
            now.RiskDatasetUnitExposureSettings(factor="f", factor_group="g", factor_type="categorical"),
        ],
    )
    with pytest.raises(ValueError, match="are of two dialects"):
        old.RiskDatasetUploadedExposureSettings(**lists, style_factor_group="s")


def test_other_entries_of_a_dataset() -> None:
    settings = old.RiskDatasetSettings(
        reference_dataset="d",
        exposures=[
            old.RiskDatasetReferencedExposureSettings(
                market_factor_groups="market", style_factor_groups=["style"], other_factor_groups=[]
            ),
            old.RiskDatasetUnitExposureSettings.region(),
            old.RiskDatasetUnitExposureSettings.industry(),
            old.RiskDatasetUnitExposureSettings.market(),
            old.RiskDatasetHuberRegressionExposureSettings(tsfactors_source="ff", huberize=False),  # type: ignore[call-arg]
        ],
    ).translate()
    assert settings.trim_assets == "none"  # there is no uploaded entry to trim to
    referenced, region, industry, market, huber = settings.exposures
    assert referenced.continuous_factor_groups == ["market", "style"]
    assert referenced.categorical_factor_groups is None
    assert [(e.factor_group, e.factor, e.factor_type) for e in (region, industry, market)] == [
        ("region", "world", "categorical"), ("industry", "industry", "categorical"),
        ("market", "market", "continuous"),
    ]  # fmt: skip
    assert type(huber) is now.RiskDatasetHuberRegressionExposureSettings
    assert not huber.gaussianize
    with pytest.raises(ValueError, match="give style_factor_groups, other_factor_groups too"):
        old.RiskDatasetReferencedExposureSettings(market_factor_groups=["market"])
    with pytest.raises(ValueError, match="from_reference"):
        old.RiskDatasetSettings(reference_dataset="d", estimation_universe="from_coverage")


def test_older_settings_through_a_client(tmp_path: Path) -> None:
    client = Client.local(tmp_path)
    for name, frame in MARKET.uploads.items():
        uploads = client.equity.uploaders.get_data_type(name)
        uploads.create_dataset(name).fast_commit(frame, mode="overwrite")
    client.equity.riskdatasets.create_dataset("d", dataset_settings())
    copy = client.equity.riskdatasets.create_dataset("copy", old.RiskDatasetSettings(reference_dataset="d"))
    assert (
        copy.describe().exposure_settings_menu
        == client.equity.riskdatasets.load("d").describe().exposure_settings_menu
    )

    universe = old.UniverseSettings(dataset="copy", id_type="ticker")
    members = client.equity.universes.load(universe)
    assert_frame_equal(
        members.get(),
        client.equity.universes.load(now.UniverseSettings(id_type="ticker").with_dataset("d")).get(),
    )
    exposures = client.equity.exposures.load(
        old.ExposureSettings(
            industries=old.HierarchyLevel(name="industry"),  # type: ignore[call-arg]
            regions=None,
            standardize_styles=False,
        )
    )
    plain = now.ExposureSettings(
        exposures=[
            now.ContinuousExposureGroupSettings(hierarchy="market"),
            now.ContinuousExposureGroupSettings(hierarchy="style"),
            now.CategoricalExposureGroupSettings(hierarchy="industry"),
        ]
    )
    expected = client.equity.exposures.load(plain.with_dataset("d"))
    assert_frame_equal(exposures.get(universe), expected.get(now.UniverseSettings(id_type="ticker")))
    assert exposures.dates(universe, range_only=True) == expected.dates(
        now.UniverseSettings(id_type="ticker"), range_only=True
    )

    model = client.equity.riskmodels.load(
        old.FactorRiskModelSettings(
            universe=universe,
            exposures=old.ExposureSettings(exposures=plain.exposures),
            modelconstruction=old.ModelConstructionSettings(
                zero_sum_constraints={"industry": "mcap_weighted"},
                return_clip_bounds=(None, None),
                estimation_universe=old.UniverseSettings(
                    id_type="ticker", industry=old.IndustrySettings(hierarchy="estimation_universe")
                ),
            ),
        )
    ).get_model()
    usual = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
    assert_frame_equal(model.fret(), usual.fret())
