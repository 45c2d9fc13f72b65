"""Settings that are kept under a name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from openfactor import Client
from openfactor.database.tables import digest
from openfactor.errors import ConflictError, NotFoundError, SettingsError, StorageError
from openfactor.settings import (
    CalendarSettings,
    CategoricalFilterSettings,
    ContinuousExposureGroupSettings,
    DatasetSettings,
    ExposureSettings,
    FactorRiskModelSettings,
    InlineUploadedExposureGroupSettings,
    ModelConstructionSettings,
    PortfolioOrganizerSettings,
    TimeSeriesBetaExposureGroupSettings,
    UniverseSettings,
)
from tests.database.raw import execute
from tests.dataset.test_build import FRI, GROUPS, MON, SAT, THU, WED, exposure_rows, tables
from tests.markets import dataset_settings

SMALL = UniverseSettings(id_type="ticker", mcap_filter={"upper": 60.0})
ALL = UniverseSettings(id_type="ticker")
STYLE = ExposureSettings(exposures=ContinuousExposureGroupSettings(hierarchy="style"))


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client.local(tmp_path)
    for name, frame in tables().items():
        put(client, name, name, frame)
    client.equity.riskdatasets.create_dataset("d", dataset_settings(**GROUPS))
    return client


def put(client: Client, data_type: str, name: str, frame: pl.DataFrame) -> None:
    uploads = client.equity.uploaders.get_data_type(data_type)
    uploads.get_or_create_dataset(name).fast_commit(frame, mode="overwrite")


def test_save_read_list_update_delete(client: Client, tmp_path: Path) -> None:
    universes = client.equity.universes.settings
    key = universes.save("small", SMALL.with_dataset("d"), description="up to 60")
    assert universes.get_identifiers() == {"small": key}
    assert universes.get("small") == universes.get(key) == SMALL.with_dataset("d")
    saved = Client.local(tmp_path).settings_registry[UniverseSettings].read("small")
    assert (saved.id, saved.name, saved.kind, saved.description) == (
        key,
        "small",
        "UniverseSettings",
        "up to 60",
    )
    assert saved.value == SMALL.with_dataset("d")
    assert saved.issues == []
    universes.update_description("small", "tiny")
    assert universes.save("small", ALL.with_dataset("d"), overwrite=True) == key
    again = universes.read(key)
    assert again.value == ALL.with_dataset("d")
    assert again.description == "tiny"  # no new one was given
    assert again.last_updated_on > saved.last_updated_on
    assert again.created_on == saved.created_on
    listed = universes.list()
    assert listed.select("name", "id", "dataset", "valid", "description").rows() == [
        ("small", key, "d", True, "tiny")
    ]
    assert repr(universes) == "<saved UniverseSettings: small>"
    universes.delete("small")
    assert universes.get_identifiers() == {}
    assert universes.save("small", SMALL.with_dataset("d")) != key  # an id does not come back


def test_names_are_checked(client: Client) -> None:
    universes = client.equity.universes.settings
    universes.save("small", SMALL.with_dataset("d"))
    with pytest.raises(ConflictError, match="overwrite=True"):
        universes.save("small", ALL.with_dataset("d"))
    with pytest.raises(NotFoundError, match="no UniverseSettings named 'smal'; known: small"):
        universes.get("smal")
    with pytest.raises(NotFoundError, match="the id 99"):
        universes.save(99, ALL.with_dataset("d"), overwrite=True)
    with pytest.raises(SettingsError, match="name"):
        universes.save("7 up", ALL.with_dataset("d"))
    with pytest.raises(TypeError, match="with_dataset"):
        universes.save("bare", ALL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="UniverseSettings"):
        universes.save("other", STYLE.with_dataset("d"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="can be saved"):
        client.settings_registry[DatasetSettings]  # type: ignore[type-var]
    client.equity.exposures.settings.save("small", STYLE.with_dataset("d"))  # names are by kind


def test_what_does_not_fit_is_not_saved(client: Client) -> None:
    universes = client.equity.universes.settings
    filters = [CategoricalFilterSettings(hierarchy="industry", include=["XX"])]
    with pytest.raises(SettingsError, match="did you mean 'X'"):
        universes.save("x", ALL.model_copy(update={"categorical_filters": filters}).with_dataset("d"))
    with pytest.raises(NotFoundError, match="no risk dataset named 'e'"):
        universes.save("x", ALL.with_dataset("e"))
    beta = TimeSeriesBetaExposureGroupSettings(tsfactors_source="x", factor_group="b", currency="EUR")
    with pytest.raises(SettingsError, match="tsbeta group 'b': currency: there is no 'EUR'; possible: USD"):
        client.equity.exposures.settings.save("x", ExposureSettings(exposures=beta).with_dataset("d"))
    inline = InlineUploadedExposureGroupSettings(exposure_source="scores", factor_group="alpha")
    with pytest.raises(SettingsError, match="upload of type exposures: there is no 'scores'"):
        client.equity.exposures.settings.save("x", ExposureSettings(exposures=inline).with_dataset("d"))
    assert universes.get_identifiers() == {}


def test_a_model_of_saved_parts(client: Client) -> None:
    universes, exposures = client.equity.universes.settings, client.equity.exposures.settings
    regressions = client.settings_registry[ModelConstructionSettings]
    key = universes.save("all", ALL.with_dataset("d"))
    universes.save("small", SMALL.with_dataset("d"))
    exposures.save("style", STYLE.with_dataset("d"))
    regressions.save("est", ModelConstructionSettings(estimation_universe="all").with_dataset("d"))
    settings = FactorRiskModelSettings(universe="all", exposures="style", modelconstruction="est")
    assert settings.get_references() == [
        ("UniverseSettings", "all"), ("ExposureSettings", "style"), ("ModelConstructionSettings", "est"),
    ]  # fmt: skip
    client.equity.riskmodels.settings.save("model", settings.with_dataset("d"))
    model = client.equity.riskmodels.load("model").get_model()
    assert model.settings.stages[0].construction.estimation_universe == ALL
    spelled_out = FactorRiskModelSettings(
        universe=ALL, exposures=STYLE, modelconstruction=ModelConstructionSettings(estimation_universe=ALL)
    )
    same = client.equity.riskmodels.load(spelled_out.with_dataset("d")).get_model()
    assert same.fingerprint == model.fingerprint
    # an id refers as a name does
    by_id = settings.model_copy(update={"universe": [key]}).with_dataset("d")
    assert client.equity.riskmodels.load(by_id).get_model().fingerprint == model.fingerprint
    with pytest.raises(
        ConflictError, match="in use by FactorRiskModelSettings 'model', ModelConstructionSettings 'est'"
    ):
        universes.delete("all")
    # a new version of a part is used from then on
    universes.save("all", SMALL.with_dataset("d"), overwrite=True)
    changed = client.equity.riskmodels.load("model").get_model()
    assert changed.fingerprint != model.fingerprint
    with pytest.raises(NotFoundError, match="no UniverseSettings named 'most'"):
        client.equity.riskmodels.load(
            FactorRiskModelSettings(universe="most", exposures=STYLE).with_dataset("d")
        )


def test_load_by_name(client: Client) -> None:
    client.equity.universes.settings.save("small", SMALL.with_dataset("d"))
    key = client.equity.exposures.settings.save("style", STYLE.with_dataset("d"))
    assert client.equity.universes.load("small").coverage() == ["B"]
    exposures = client.equity.exposures.load(key)
    assert exposures.get("small")["ticker"].unique().to_list() == ["B"]
    with pytest.raises(NotFoundError, match="known: small"):
        exposures.get("large")


def test_saved_portfolios_filter_a_universe(client: Client) -> None:
    books = pl.DataFrame({"portfolio_id": ["P"], "asset_id": ["B"], "date": [MON]})
    books = books.with_columns(asset_id_type=pl.lit("ticker"), nav=pl.lit(1.0))
    put(client, "portfolios", "books", books)
    organizer = PortfolioOrganizerSettings(enabled_portfolios="books")
    client.settings_registry[PortfolioOrganizerSettings].save("mine", organizer.with_dataset("d"))
    universe = ALL.model_copy(update={"portfolio_filter": "mine"})
    assert client.equity.universes.load(universe.with_dataset("d")).coverage() == ["B"]
    matrix = client.equity.exposures.load(STYLE.with_dataset("d"))
    assert matrix.get(universe)["ticker"].unique().to_list() == ["B"]


def test_settings_that_became_invalid_say_why(client: Client) -> None:
    exposures = client.equity.exposures.settings
    put(client, "exposures", "scores", exposure_rows([(MON, "A", "alpha", "one", 1.0)]))
    inline = InlineUploadedExposureGroupSettings(exposure_source="scores", factor_group="alpha")
    exposures.save("alpha", ExposureSettings(exposures=inline).with_dataset("d"))
    matrix = client.equity.exposures.load("alpha")
    assert matrix.get(ALL)["alpha.one"].to_list() == [1.0] * 5
    client.equity.uploaders.get_data_type("exposures").get_dataset("scores").destroy()
    saved = exposures.read("alpha")
    assert saved.value is None
    assert "there is no 'scores'" in saved.issues[0]
    assert saved.raw_json["exposures"][0]["exposure_source"] == "scores"
    assert exposures.list()["valid"].to_list() == [False]
    with pytest.raises(SettingsError, match="not valid any more"):
        exposures.get("alpha")


def test_menus(client: Client) -> None:
    menu = client.equity.universes.settings.available_settings("d")
    assert menu.id_types == ["ticker", "ticker_core"]  # type: ignore[attr-defined]
    assert client.settings_registry[FactorRiskModelSettings].available_settings("d") is not None
    assert UniverseSettings in client.settings_registry.get_settings_types()


def test_a_model_knows_the_version_of_the_uploads_that_it_used(client: Client) -> None:
    put(
        client,
        "exposures",
        "scores",
        exposure_rows([(MON, "A", "alpha", "one", 1.0), (MON, "B", "alpha", "one", 2.0)]),
    )
    inline = InlineUploadedExposureGroupSettings(exposure_source="scores", factor_group="alpha")
    settings = FactorRiskModelSettings(
        universe=ALL, exposures=ExposureSettings(exposures=inline)
    ).with_dataset("d")
    before = client.equity.riskmodels.load(settings).get_model()
    put(
        client,
        "exposures",
        "scores",
        exposure_rows([(MON, "A", "alpha", "one", 2.0), (MON, "B", "alpha", "one", 2.0)]),
    )
    after = client.equity.riskmodels.load(settings).get_model()
    assert after.fingerprint != before.fingerprint
    assert not after.fret().equals(before.fret())


def test_calendars_and_ids(client: Client) -> None:
    both = pl.DataFrame({"date": [SAT, THU, THU], "exchange": ["XNYS", "XLON", "XNYS"]})
    put(client, "exchange_dates", "exchange_dates", both)
    client.equity.riskdatasets.load("d").update()

    def days(*filters: list[str]) -> list:
        settings = CalendarSettings(filters=list(filters))
        return client.equity.calendars.load(settings.with_dataset("d")).get(start=WED)

    assert days(["XNYS"]) == days(["XLON"]) == days(["XNYS", "XLON"]) == [WED, FRI]
    put(client, "exchange_dates", "exchange_dates", both.head(2))  # New York is open on Thursday
    client.equity.riskdatasets.load("d").update()
    assert days(["XNYS", "XLON"]) == [WED, THU, FRI]  # a day when either is open
    assert days(["XNYS"], ["XLON"]) == [WED, FRI]  # when both are
    calendar = client.equity.calendars.load(CalendarSettings().with_dataset("d"))
    assert repr(calendar) == f"<calendar on {calendar.data}: 2024-01-08 to 2024-01-12, 5 trading days>"
    with pytest.raises(SettingsError, match="there is no 'XNYZ'; did you mean 'XNYS'"):
        client.equity.calendars.validate(CalendarSettings(filters=[["XNYZ"]]).with_dataset("d"))
    fits = CalendarSettings(filters=[["XLON"]]).with_dataset("d")
    assert client.equity.calendars.validate(fits) == fits

    found = client.equity.ids.lookup("A")
    assert found.select("id", "from_id_type", "to_id_type", "idmap").rows() == [
        ("A", "ticker", "ticker_core", "idmap")
    ]
    assert client.equity.ids.lookup(["A", "B", "C"])["id"].to_list() == ["A", "B"]
    assert len(client.equity.ids.lookup(["A", "B"], top_n=1)) == 1


def test_days_may_be_texts(client: Client) -> None:
    universe = client.equity.universes.load(ALL.with_dataset("d"))
    by_date = universe.get(start=WED, end=THU)
    assert universe.get(start="2024-01-10", end=dt.datetime(2024, 1, 11, 17)).equals(by_date)
    assert universe.get(start="").equals(universe.get())
    matrix = client.equity.exposures.load(STYLE.with_dataset("d"))
    assert matrix.get(ALL, start="2024-01-12")["date"].unique().to_list() == [FRI]
    model = client.equity.riskmodels.load(
        FactorRiskModelSettings(universe=ALL, exposures=STYLE).with_dataset("d")
    ).get_model()
    assert model.fret(end="2024-01-10")["date"].to_list()[-1] == WED
    assert model.exposures(start="2024-01-12")["date"].unique().to_list() == [FRI]
    assert len(client.equity.riskdatasets.load("d").counts(start="2024-01-12")) == 1
    assert client.equity.calendars.load(CalendarSettings().with_dataset("d")).get(start="2024-01-12") == [FRI]
    with pytest.raises(SettingsError, match=r"'12/01/2024' is not a date.*\n.*2024-01-31"):
        universe.get(start="12/01/2024")


def test_infinite_numbers_are_stored_as_json_that_any_database_takes(client: Client, tmp_path: Path) -> None:
    endless = FactorRiskModelSettings(universe=ALL, halflife_idio_vra=float("inf")).with_dataset("d")
    models = client.settings_registry[FactorRiskModelSettings]
    models.save("endless", endless)
    assert models.read("endless").raw_json["halflife_idio_vra"] == "Infinity"
    assert models.get("endless") == endless


def test_damaged_and_foreign_entries_are_listed_beside_the_others(client: Client, tmp_path: Path) -> None:
    universes, datasets = client.equity.universes.settings, client.equity.riskdatasets
    for name in ("a", "b"):
        universes.save(name, SMALL.with_dataset("d"))
        datasets.create_dataset(name, dataset_settings(**GROUPS))
    execute(tmp_path, "UPDATE entries SET value = replace(value, '60.0', '61.0') WHERE name = 'a'")
    execute(tmp_path, "UPDATE entries SET value = '{' WHERE name = 'a' AND kind = 'RiskDatasetSettings'")
    foreign = dict.fromkeys(("dataset", "fingerprint", "description"))
    for kind, name, value in (
        ("RiskDatasetSettings", "newer", '{"kind": "root", "warp": 9}'),
        ("RiskBudgetSettings", "a", "{}"),
    ):
        row = foreign | {"kind": kind, "name": name, "value": value}
        execute(
            tmp_path,
            "INSERT INTO entries (kind, name, value, created_on, last_updated_on, digest)"
            " VALUES (?, ?, ?, '2030-01-01', '2030-01-01', ?)",
            kind, name, value, digest(row),
        )  # fmt: skip
    assert universes.list().select("name", "valid").rows() == [("a", False), ("b", True)]
    assert "its bytes are not those that were written" in universes.read("a").issues[0]
    listed = datasets.list_riskdatasets()
    statuses = dict(listed.select("name", "status").rows())
    assert statuses == {"a": "corrupt", "b": "ready", "d": "ready", "newer": "corrupt"}
    problems = dict(listed.select("name", "problem").rows())
    assert "its settings are no JSON object; save it again" in problems["a"]
    assert "not valid in this version of openfactor" in problems["newer"]
    assert "warp" in problems["newer"]
    assert problems["b"] is None
    with pytest.raises(StorageError, match="save it again"):
        client.equity.universes.load("a")
    universes.save("a", SMALL.with_dataset("d"), overwrite=True)
    datasets.create_or_replace_dataset("a", dataset_settings(**GROUPS))
    assert universes.get("a") == SMALL.with_dataset("d")
    datasets.delete_dataset("newer")
    assert set(datasets.list_riskdatasets()["status"]) == {"ready"}
