"""Named risk datasets: statuses, updates, what may be deleted, and derived ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor import Client
from openfactor.dataset import RiskDataset, build, derive, root_stages
from openfactor.dataset.entries import uploaded
from openfactor.dataset.loadings import read_loadings
from openfactor.errors import ConflictError, DataError, NotFoundError, SettingsError, StorageError
from openfactor.settings import (
    ContinuousExposureGroupSettings,
    DerivedRiskDatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    RiskDatasetReferencedExposureSettings,
    RiskDatasetUnitExposureSettings,
    RiskDatasetUploadedExposureSettings,
    UniverseSettings,
)
from openfactor.workspace.local import LocalWorkspace
from tests.database.raw import execute
from tests.dataset.test_build import FRI, GROUPS, MON, THU, exposure_rows, tables
from tests.markets import dataset_settings
from tests.stored import contents_of, files_of

SCORES = exposure_rows([(MON, "A", "alpha", "one", 1.0), (MON, "B", "alpha", "one", 2.0)])
REFERENCED = RiskDatasetReferencedExposureSettings()
UPLOADED = RiskDatasetUploadedExposureSettings(exposure_source="scores", continuous_factor_groups=["alpha"])
ROOT = dataset_settings(**GROUPS)
DERIVED = DerivedRiskDatasetSettings(reference_dataset="root", exposures=[REFERENCED, UPLOADED])


def put(client: Client, data_type: str, name: str, frame: pl.DataFrame, mode: str = "overwrite") -> None:
    uploads = client.equity.uploaders.get_data_type(data_type)
    uploads.get_or_create_dataset(name).fast_commit(frame, mode=mode)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A root dataset and one on top of it."""
    client = Client.local(tmp_path)
    for name, frame in tables().items():
        put(client, name, name, frame)
    put(client, "exposures", "scores", SCORES)
    client.equity.riskdatasets.create_dataset("root", ROOT)
    client.equity.riskdatasets.create_dataset("top", DERIVED)
    return client


def statuses(client: Client) -> dict[str, str]:
    return dict(client.equity.riskdatasets.list_riskdatasets().select("name", "status").rows())


def test_a_derived_dataset_is_like_any_other(client: Client) -> None:
    top = client.equity.riskdatasets.load("top")
    assert top.settings == DERIVED
    assert list(top.describe().exposure_settings_menu.continuous_hierarchies) == ["style", "alpha"]
    assert repr(top) == "<risk dataset 'top', ready: 2024-01-08 to 2024-01-12, 5 days, 2 listings>"
    exposures = ExposureSettings(exposures=ContinuousExposureGroupSettings(hierarchy="alpha"))
    universe = UniverseSettings(id_type="ticker")
    frame = client.equity.exposures.load(exposures.with_dataset("top")).get(universe)
    assert frame.filter(pl.col("date") == FRI)["alpha.one"].to_list() == [1.0, 2.0]
    model = client.equity.riskmodels.load(
        FactorRiskModelSettings(universe=universe, exposures=exposures).with_dataset("top")
    ).get_model()
    assert model.factors() == {"alpha": ["one"]}
    # but for Wednesday there is one return, or two that are equal
    assert model.status()["status"].to_list()[1:] == ["no_spread", "ok", "no_spread", "no_spread"]


def test_new_data_make_it_stale_and_an_update_fresh(client: Client) -> None:
    assert statuses(client) == {"root": "ready", "top": "ready"}
    put(client, "exposures", "scores", exposure_rows([(THU, "A", "alpha", "one", 3.0)]), "append")
    assert statuses(client) == {"root": "ready", "top": "data_stale"}
    top = client.equity.riskdatasets.load("top")
    before = client.equity.riskdatasets.list_riskdatasets().filter(pl.col("name") == "top").row(0, named=True)
    assert before["cache_key"] != before["latest_cache_key"]
    assert top.update()
    after = client.equity.riskdatasets.list_riskdatasets().filter(pl.col("name") == "top").row(0, named=True)
    assert after["cache_key"] == after["latest_cache_key"] == before["latest_cache_key"]
    assert after["last_updated_on"] > before["last_updated_on"]
    assert not top.update()  # there is nothing newer
    assert top.update(force=True)
    assert statuses(client) == {"root": "ready", "top": "ready"}


def test_an_update_of_the_reference_makes_what_is_on_it_stale(client: Client) -> None:
    caps = tables()["market_cap"].with_columns(pl.col("market_cap") * 2)
    put(client, "market_cap", "market_cap", caps)
    assert statuses(client) == {"root": "data_stale", "top": "ready"}
    client.equity.riskdatasets.load("root").update()
    assert statuses(client) == {"root": "ready", "top": "data_stale"}
    assert client.equity.riskdatasets.load("top").update()
    universe = UniverseSettings(id_type="ticker", mcap_filter={"lower": 150.0})
    assert client.equity.universes.load(universe.with_dataset("top")).coverage() == ["A"]


def test_an_update_that_fails_changes_nothing(client: Client) -> None:
    price = tables()["price"].with_columns(ccy=pl.lit("GBP"))
    put(client, "price", "price", price)
    root = client.equity.riskdatasets.load("root")
    with pytest.raises(DataError, match="no_rate"):
        root.update()
    assert root.status == client.equity.riskdatasets.get_dataset_status("root") == "data_stale"
    assert root.describe().build_report.n_rows == 9
    with pytest.raises(DataError, match="no_rate"):
        client.equity.riskdatasets.create_or_replace_dataset("root", ROOT)
    assert root.describe().build_report.n_rows == 9


def test_only_what_changed_is_built(client: Client, tmp_path: Path) -> None:
    built = files_of(tmp_path, "manifests")
    put(client, "exposures", "scores", exposure_rows([(THU, "A", "alpha", "one", 3.0)]), "append")
    client.equity.riskdatasets.load("top").update()
    assert built < files_of(tmp_path, "manifests")
    assert len(files_of(tmp_path, "manifests") - built) == 1


def same_panels(one: RiskDataset, other: RiskDataset) -> None:
    for group, factors in one.panel.dense.items():
        for factor, values in factors.items():
            np.testing.assert_array_equal(other.panel.dense[group][factor], values)
    for name, source in one.panel.sparse.items():
        np.testing.assert_array_equal(other.panel.sparse[name].codes, source.codes)
    np.testing.assert_array_equal(one.panel.market_cap, other.panel.market_cap)
    assert one.report == other.report
    assert one.trees.keys() == other.trees.keys()


def test_groups_whose_upload_did_not_change_are_taken_over(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noting(rows, found, plans, *args, **options):
        read.extend(plan.name for plan in plans)
        return read_loadings(rows, found, plans, *args, **options)

    monkeypatch.setattr(uploaded, "read_loadings", noting)
    workspace = LocalWorkspace(tmp_path)  # beside the client: the arrays behind the names

    def rows(data_type: str, name: str) -> pl.LazyFrame:
        return workspace.uploads._store.open(data_type, name).queries.rows()

    datasets = client.equity.riskdatasets
    put(client, "market_cap", "market_cap", tables()["market_cap"].with_columns(pl.col("market_cap") * 2))
    datasets.load("root").update()
    datasets.load("top").update()
    assert read == []  # nothing but caps is new
    same_panels(build(ROOT, rows, "x"), workspace.saved._riskdatasets.open("root"))

    read.clear()
    put(client, "exposures", "scores", exposure_rows([(THU, "A", "alpha", "one", 3.0)]), "append")
    put(client, "exposures", "more", exposure_rows([(MON, "A", "beta", "one", 3.0)]))
    datasets.load("top").update()
    assert read == ["alpha"]
    read.clear()
    more = RiskDatasetUploadedExposureSettings(exposure_source="more", continuous_factor_groups=["beta"])
    wider = DERIVED.model_copy(update={"exposures": [REFERENCED, UPLOADED, more]})
    datasets.create_or_replace_dataset("top", wider)
    assert read == ["beta"]
    same_panels(
        derive(wider, workspace.saved._riskdatasets.open("root"), rows, "x"),
        workspace.saved._riskdatasets.open("top"),
    )


def test_a_forced_update_that_fails_keeps_what_there_was(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(root_stages, "ExposureStage", fail)
    with pytest.raises(KeyboardInterrupt):
        client.equity.riskdatasets.load("root").update(force=True)
    assert statuses(client) == {"root": "ready", "top": "ready"}


def test_missing_and_damaged_data(client: Client, tmp_path: Path) -> None:
    listed = client.equity.riskdatasets.list_riskdatasets()
    root = listed.filter(pl.col("name") == "root")["cache_key"].item()
    client.equity.uploaders.get_data_type("exposures").get_dataset("scores").destroy()
    assert statuses(client) == {"root": "ready", "top": "data_stale"}  # usable, and cannot be built again
    with pytest.raises(NotFoundError, match="scores"):
        client.equity.riskdatasets.load("top").update()
    content = contents_of(tmp_path).find(root)
    assert content is not None
    (tmp_path / "store" / "manifests" / content[:2] / content).write_bytes(b"")
    again = Client.local(tmp_path)
    assert statuses(again) == {"root": "corrupt", "top": "not_ready"}
    with pytest.raises(StorageError, match="is damaged"):
        again.equity.riskdatasets.load("root").describe()
    (made,) = [made for made in contents_of(tmp_path).list() if made.recipe == root]
    assert not contents_of(tmp_path).remove(made)  # the dataset has it
    execute(tmp_path, "DELETE FROM contents WHERE recipe = ?", root)
    third = Client.local(tmp_path)
    assert statuses(third) == {"root": "needs_update", "top": "not_ready"}
    assert repr(third.equity.riskdatasets.load("root")) == "<risk dataset 'root': needs_update>"
    assert third.equity.riskdatasets.load("root").update()
    assert statuses(third)["root"] == "ready"


def test_a_dataset_in_use_is_not_deleted(client: Client) -> None:
    datasets = client.equity.riskdatasets
    with pytest.raises(ConflictError, match="'root' is in use by RiskDatasetSettings 'top'"):
        datasets.delete_dataset("root")
    client.equity.universes.settings.save("mine", UniverseSettings(id_type="ticker").with_dataset("top"))
    with pytest.raises(ConflictError, match="'top' is in use by UniverseSettings 'mine'"):
        datasets.delete_dataset_if_exists("top")
    client.equity.universes.settings.delete("mine")
    datasets.delete_dataset("top")
    datasets.delete_dataset("root")
    assert datasets.get_dataset_names() == []


def test_a_dataset_in_use_may_be_replaced(client: Client) -> None:
    other = ROOT.model_copy(update={"exposure_dtype": "float32"})
    client.equity.riskdatasets.create_or_replace_dataset("root", other)
    assert client.equity.riskdatasets.load("root").settings == other
    assert statuses(client) == {"root": "ready", "top": "data_stale"}


def test_a_dataset_cannot_be_its_own_reference(client: Client) -> None:
    on_itself = DERIVED.model_copy(update={"reference_dataset": "top"})
    with pytest.raises(ConflictError, match="cannot be its own reference"):
        client.equity.riskdatasets.create_or_replace_dataset("top", on_itself)
    with pytest.raises(ConflictError, match="cannot be its own reference"):
        client.equity.riskdatasets.create_or_replace_dataset(
            "root", DERIVED.model_copy(update={"reference_dataset": "top"})
        )


def test_references_by_id(client: Client) -> None:
    ids = dict(client.equity.riskdatasets.list_riskdatasets().select("name", "id").rows())
    unit = RiskDatasetUnitExposureSettings(factor_group="market", factor="m")
    settings = DerivedRiskDatasetSettings(reference_dataset=ids["root"], exposures=[unit])
    made = client.equity.riskdatasets.create_dataset("by_id", settings)
    assert client.equity.riskdatasets.load(ids["root"]).name == "root"
    assert list(made.describe().exposure_settings_menu.continuous_hierarchies) == ["market"]
    with pytest.raises(ConflictError, match="by_id"):
        client.equity.riskdatasets.delete_dataset(ids["root"])
    with pytest.raises(NotFoundError, match=r"no risk dataset with the id 99; known: .*\(by_id\)"):
        client.equity.riskdatasets.load(99)


def test_a_derived_dataset_that_fails_leaves_nothing(client: Client, tmp_path: Path) -> None:
    before = files_of(tmp_path, "manifests")
    wrong = DERIVED.model_copy(update={"exchange_codes": ["XLON"]})
    with pytest.raises(SettingsError, match="exchange_codes"):
        client.equity.riskdatasets.create_dataset("x", wrong)
    with pytest.raises(NotFoundError, match="reference_dataset: there is no 'nothing'; possible: root, top"):
        client.equity.riskdatasets.create_dataset(
            "x", DERIVED.model_copy(update={"reference_dataset": "nothing"})
        )
    assert "x" not in client.equity.riskdatasets.get_dataset_names()
    assert files_of(tmp_path, "manifests") == before


def test_everything_that_is_not_there_is_named_at_once(client: Client) -> None:
    wrong = ROOT.model_copy(
        update={"price_source": "prize", "series_source": "x", "dense_factor_groups": {"style": "tree"}}
    )
    with pytest.raises(NotFoundError) as caught:
        client.equity.riskdatasets.create_dataset("x", wrong)
    assert str(caught.value).split("\n  - ")[1:] == [
        "upload of type price: there is no 'prize'; did you mean 'price'? possible: price",
        "upload of type series: there is no 'x'; possible: none",
        "upload of type hierarchies: there is no 'tree'; possible: none",
    ]
    menu = client.equity.riskdatasets.available_settings()
    assert menu.available_reference_datasets == ["root", "top"]
    assert menu.available_exposures_sources == ["exposures", "scores"]
    assert menu.available_hierarchy_sources == []


def test_two_names_of_the_same_data_share_them(client: Client, tmp_path: Path) -> None:
    client.equity.riskdatasets.create_dataset("twin", ROOT)
    assert len(files_of(tmp_path, "manifests")) == 2
    client.equity.riskdatasets.delete_dataset("twin")
    assert statuses(client) == {"root": "ready", "top": "ready"}


def test_coverage_and_its_picture(client: Client) -> None:
    top = client.equity.riskdatasets.load("top")
    assert top.counts(start=FRI)["with_alpha"].to_list() == [2]
    assert top.coverage() == top.coverage("ticker_core") == ["A", "B"]
    with pytest.raises(SettingsError, match="cusip"):
        top.coverage("cusip")
    figure = top.plot_coverage()
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == [
        "listings", "priced", "market cap", "with style", "with alpha", "with industry",
    ]  # fmt: skip
    assert axes.lines[0].get_ydata().tolist() == [1, 2, 2, 2, 2]
    assert top.series().is_empty()
