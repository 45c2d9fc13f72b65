"""Risk datasets: what enters, what is refused, and what each row holds."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openfactor.dataset import RiskDataset
from openfactor.dataset.storage import load, save
from openfactor.errors import DataError, StorageError
from openfactor.store import LocalObjects
from openfactor.synthetic import simulate
from tests.markets import dataset_of

MON, TUE, WED, THU, FRI, SAT = (dt.date(2024, 1, day) for day in range(8, 14))


def tables(**changes: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Two names over a week; B is listed on Tuesday and has no price on Thursday."""
    price_rows = [
        (MON, "A", 10.0, None), (TUE, "A", 11.0, 0.1), (WED, "A", 11.0, 0.0), (THU, "A", 11.0, 0.0),
        (FRI, "A", 11.0, 0.0), (TUE, "B", 5.0, None), (WED, "B", 6.0, 0.2), (FRI, "B", 6.0, 0.0),
    ]  # fmt: skip
    price = pl.DataFrame(price_rows, schema=["date", "asset_id", "close", "return"], orient="row")
    price = price.with_columns(
        pl.lit("ticker").alias("asset_id_type"), pl.lit("USD").alias("ccy"), pl.lit(False).alias("delisted")
    )
    caps = pl.DataFrame(
        [(MON, "A", 100.0, 0.2), (THU, "A", 200.0, 0.3), (MON, "B", 50.0, None)],
        schema=["date", "asset_id", "market_cap", "idio_vol"], orient="row",
    ).with_columns(
        pl.lit("ticker").alias("asset_id_type"), pl.lit("USD").alias("ccy"),
        pl.lit(None, dtype=pl.Float64).alias("volume"),
    )  # fmt: skip
    exposures = exposure_rows(
        [(MON, "A", "style", "size", 1.5), (MON, "B", "style", "size", -0.5),
         (MON, "A", "industry", "X", 1.0), (MON, "B", "industry", "Y", 1.0)]
    )  # fmt: skip
    idmap = pl.DataFrame({"from_id": ["A", "B"], "to_id": ["A", "B"]}).with_columns(
        pl.lit(dt.date.min).alias("start_date"), pl.lit(dt.date.max).alias("end_date"),
        pl.lit("ticker").alias("from_id_type"), pl.lit("ticker_core").alias("to_id_type"),
    )  # fmt: skip
    rates = pl.DataFrame({"date": [MON], "ccy": ["USD"], "fx_rate": [1.0]})
    closed = pl.DataFrame({"date": [SAT], "exchange": ["XNYS"]})
    return {
        "price": price, "market_cap": caps, "exposures": exposures, "idmap": idmap,
        "exchange_rates": rates, "exchange_dates": closed, **changes,
    }  # fmt: skip


def exposure_rows(rows: list[tuple]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows, schema=["date", "asset_id", "factor_group", "factor", "exposure"], orient="row"
    )
    return frame.with_columns(pl.lit("ticker").alias("asset_id_type"))


GROUPS = {"dense_factor_groups": {"style": None}, "sparse_factor_groups": {"industry": None}}


def built(**changes: pl.DataFrame) -> RiskDataset:
    return dataset_of(tables(**changes), **GROUPS)


def column(dataset: RiskDataset, values: np.ndarray, name: str) -> dict[dt.date, float]:
    """The values of one name by day."""
    at = dataset.identifiers.listing_ids("ticker").index(name)
    day = np.repeat(np.arange(len(dataset.days)), np.diff(dataset.panel.offsets))
    of_listing = dataset.panel.listing == at
    return {dataset.days[d]: v for d, v in zip(day[of_listing], values[of_listing].tolist(), strict=True)}


def main_by_day(dataset: RiskDataset) -> list[str]:
    """The main listing of each day, where there is one company."""
    names = dataset.identifiers.listing_ids("ticker")
    return [names[i] for i in dataset.panel.listing[dataset.panel.is_main_listing]]


def faults(changes: dict | None = None, **settings) -> dict[str, str]:
    with pytest.raises(DataError) as caught:
        dataset_of(tables(**(changes or {})), **(GROUPS | settings))
    by_rule: dict[str, str] = {}
    for fault in caught.value.faults:
        by_rule[fault.rule] = by_rule.get(fault.rule, "") + str(fault)
    return by_rule


def test_rows_last_from_the_first_price_to_the_last() -> None:
    dataset = built()
    assert dataset.days == (MON, TUE, WED, THU, FRI)
    assert list(column(dataset, dataset.panel.priced, "A")) == [MON, TUE, WED, THU, FRI]
    assert column(dataset, dataset.panel.priced, "B") == {TUE: True, WED: True, THU: False, FRI: True}


def test_the_latest_cap_stands() -> None:
    dataset = built()
    assert column(dataset, dataset.panel.market_cap, "A") == {
        MON: 100,
        TUE: 100,
        WED: 100,
        THU: 200,
        FRI: 200,
    }
    assert column(dataset, dataset.panel.market_cap, "B") == {TUE: 50, WED: 50, THU: 50, FRI: 50}


def test_exposures_stand_until_the_next_snapshot_which_says_all() -> None:
    rows = [
        (MON, "A", "style", "size", 1.5), (MON, "B", "style", "size", -0.5),
        (THU, "A", "style", "size", 2.5), (MON, "A", "industry", "X", 1.0),
    ]  # fmt: skip
    dataset = built(exposures=exposure_rows(rows))
    size = dataset.panel.dense["style"]["size"].astype(float)
    assert column(dataset, size, "A") == {MON: 1.5, TUE: 1.5, WED: 1.5, THU: 2.5, FRI: 2.5}
    b = column(dataset, size, "B")
    assert [b[TUE], b[WED], b[THU]] == [-0.5, -0.5, -0.5]  # no price on Thursday: the old one stands
    assert math.isnan(b[FRI])  # priced, and the snapshot of Thursday leaves it out


def test_partial_membership() -> None:
    rows = [
        (MON, "A", "style", "size", 1.5), (MON, "A", "industry", "X", 0.25),
        (MON, "A", "industry", "Y", 0.75), (MON, "B", "industry", "Y", 1.0), (MON, "B", "industry", "X", 0.0),
    ]  # fmt: skip
    group = built(exposures=exposure_rows(rows)).panel.sparse["industry"]
    assert group.categories == ("X", "Y")
    assert [codes[0] for codes in group.codes] == [0, 1]
    assert group.loadings is not None
    assert [float(loadings[0]) for loadings in group.loadings] == [0.25, 0.75]
    last = [codes[-1] for codes in group.codes]  # B: a loading of zero is no membership
    assert last == [1, -1]


def test_share_classes_share_exposures_and_caps_but_not_returns() -> None:
    idmap = tables()["idmap"].with_columns(pl.Series("to_id", ["B", "B"]))  # A belongs to company B
    rows = [(MON, "B", "style", "size", -0.5), (MON, "B", "industry", "Y", 1.0)]
    caps = tables()["market_cap"].filter(pl.col("asset_id") == "B")
    dataset = built(idmap=idmap, exposures=exposure_rows(rows), market_cap=caps)
    assert main_by_day(dataset) == ["A", "B", "B", "B", "B"]  # B is listed on Tuesday
    size = dataset.panel.dense["style"]["size"].astype(float)
    assert set(column(dataset, size, "A").values()) == {-0.5}
    assert set(column(dataset, dataset.panel.market_cap, "A").values()) == {50.0}
    assert column(dataset, dataset.panel.local_return, "A")[TUE] == pytest.approx(0.1)
    assert dataset.identifiers.listing_ids("ticker_core") == ["B", "B"]


def test_main_listing_is_the_one_with_caps_when_none_is_the_core() -> None:
    idmap = tables()["idmap"].with_columns(pl.Series("to_id", ["E1", "E1"]))
    caps = tables()["market_cap"].filter(pl.col("asset_id") == "B")
    assert main_by_day(built(idmap=idmap, market_cap=caps)) == ["A", "B", "B", "B", "B"]


def test_delisting_ends_a_name() -> None:
    price = tables()["price"].with_columns(delisted=(pl.col("asset_id") == "A") & (pl.col("date") == WED))
    dataset = built(price=price)
    assert list(column(dataset, dataset.panel.priced, "A")) == [MON, TUE, WED]
    assert dataset.report.rows_dropped["price"] == {"after the delisting": 2}


def test_what_is_dropped_is_counted() -> None:
    price = tables()["price"]
    foreign = price.head(1).with_columns(asset_id=pl.lit("Z"))
    cusip = price.head(1).with_columns(asset_id_type=pl.lit("ticker_core"))
    euro = price.head(1).with_columns(ccy=pl.lit("EUR"))
    other = exposure_rows([(MON, "A", "region", "EU", 1.0)])
    dataset = built(
        price=pl.concat([price, foreign, cusip, euro]), exposures=pl.concat([tables()["exposures"], other])
    )
    assert dataset.report.rows_dropped == {
        "exposures": {"factor group region is not in the settings": 1},
        "price": {"unsupported id type: ticker_core": 1, "unknown asset": 1, "quoted in another currency": 1},
    }
    assert dataset.report.rows_read["price"] == 11


def test_caps_are_kept_in_dollars() -> None:
    caps = tables()["market_cap"].with_columns(ccy=pl.lit("EUR"))
    rates = pl.DataFrame({"date": [MON, THU, MON], "ccy": ["EUR", "EUR", "USD"], "fx_rate": [0.5, 0.8, 1.0]})
    dataset = built(market_cap=caps, exchange_rates=rates)
    assert (
        column(dataset, dataset.panel.market_cap, "A")[WED] == 200.0
    )  # 100 EUR of Monday at 0.5 EUR a dollar
    assert column(dataset, dataset.panel.market_cap, "A")[THU] == 250.0


def test_id_type_that_the_idmap_does_not_lead_from() -> None:
    message = faults(master_id_type="isin")["unknown_id_type"]
    assert "'isin'" in message
    assert "ticker to ticker_core" in message


def test_mappings_that_start_after_the_as_of_date_do_not_count() -> None:
    idmap = tables()["idmap"].with_columns(start_date=pl.lit(FRI))
    assert "unknown_id_type" in faults({"idmap": idmap}, as_of_date="2024-01-08")


def test_upload_in_an_id_type_that_the_id_map_lacks() -> None:
    price = tables()["price"].with_columns(asset_id_type=pl.lit("tikcer"))
    message = faults({"price": price})["unknown_id_type"]
    assert "price.asset_id_type" in message
    assert "'tikcer'" in message
    assert "ticker, ticker_core" in message


def test_currency_without_a_rate_names_currency_and_day() -> None:
    price = tables()["price"].with_columns(ccy=pl.lit("EUR"))
    late = pl.DataFrame({"date": [WED], "ccy": ["EUR"], "fx_rate": [0.9]})
    assert "EUR is used from 2024-01-08" in faults({"price": price})["no_rate"]
    assert "first rate is of 2024-01-10" in faults({"price": price, "exchange_rates": late})["no_rate"]


@pytest.mark.parametrize("value", [70000.0, -1e300, 1e-9])
def test_exposure_that_half_precision_cannot_hold(value: float) -> None:
    rows = exposure_rows([(MON, "A", "style", "size", value), (MON, "B", "industry", "Y", 1.0)])
    message = faults({"exposures": rows})["precision"]
    assert 'exposure_dtype="float32"' in message
    assert "id A" in message
    assert "factor size" in message


def test_single_precision_holds_more_and_has_limits_too() -> None:
    rows = exposure_rows([(MON, "A", "style", "size", 70000.0), (MON, "B", "industry", "Y", 1.0)])
    dataset = dataset_of(tables(exposures=rows), exposure_dtype="float32", **GROUPS)
    assert dataset.panel.dense["style"]["size"].dtype == np.float32
    beyond = exposure_rows([(MON, "A", "style", "size", 1e300), (MON, "B", "industry", "Y", 1.0)])
    assert "rescale" in faults({"exposures": beyond}, exposure_dtype="float32")["precision"]


def test_group_that_the_upload_does_not_have() -> None:
    message = faults(sparse_factor_groups={"industry": None, "country": None})["missing_group"]
    assert "'country'" in message
    assert "industry, style" in message


def test_history_that_starts_with_a_return_after_appends() -> None:
    """Rows that were appended are held against the rule on the whole history here."""
    from openfactor.dataset import build
    from tests.markets import dataset_settings

    rows = {name: frame.lazy() for name, frame in tables().items()}
    rows["price"] = rows["price"].filter(pl.col("date") > MON)
    with pytest.raises(DataError, match="first_return"):
        build(dataset_settings(**GROUPS), lambda data_type, _: rows[data_type], "x")


def test_all_faults_come_together() -> None:
    price = tables()["price"].with_columns(ccy=pl.lit("GBP"))
    rows = exposure_rows([(MON, "A", "style", "size", 1e9), (MON, "B", "industry", "Y", 1.0)])
    assert set(faults({"price": price, "exposures": rows})) == {"no_rate", "precision"}


def test_forgotten_weekend_is_a_warning() -> None:
    extra = tables()["price"].filter((pl.col("date") == FRI) & (pl.col("asset_id") == "A"))
    price = pl.concat([tables()["price"], extra.with_columns(date=pl.lit(SAT))])
    never = pl.DataFrame({"date": [dt.date(2024, 2, 1)], "exchange": ["XNYS"]})
    assert built(price=price).report.warnings == []
    (warning,) = built(price=price, exchange_dates=never).report.warnings
    assert "XNYS" in warning
    assert "2024-01-13 (Sat)" in warning


def test_menus() -> None:
    properties = built().properties
    assert properties.universe_settings_menu.id_types == ["ticker", "ticker_core"]
    assert properties.calendar_settings_menu.exchanges == ["XNYS"]
    assert properties.universe_settings_menu.categorical_hierarchies == {"industry": ["X", "Y"]}
    assert properties.exposure_settings_menu.continuous_hierarchies == {"style": ["size"]}
    assert properties.modelconstruction_settings_menu.weights == ["SqrtCap", "Cap", "InvIdioVar", "Equal"]


def test_a_dataset_on_disk_is_the_same(tmp_path: Path) -> None:
    dataset = dataset_of(simulate(20, 6, industries=2, exchanges=("XNYS", "XTKS")).uploads)
    objects = LocalObjects(tmp_path)
    content = save(dataset, objects)
    again = load(objects, content)
    for name in ("offsets", "listing", "local_return", "priced", "market_cap", "idio_vol"):
        np.testing.assert_array_equal(getattr(again.panel, name), getattr(dataset.panel, name))
    for factor, values in dataset.panel.dense["style"].items():
        assert again.panel.dense["style"][factor].dtype == np.float16
        np.testing.assert_array_equal(again.panel.dense["style"][factor], values)
    assert again.panel.sparse.keys() == dataset.panel.sparse.keys()
    np.testing.assert_array_equal(
        again.panel.sparse["industry"].codes, dataset.panel.sparse["industry"].codes
    )
    np.testing.assert_array_equal(again.usd_per_unit, dataset.usd_per_unit)
    for exchange, mask in dataset.closed.items():
        np.testing.assert_array_equal(again.closed[exchange], mask)
    assert again.days == dataset.days
    assert again.report == dataset.report
    assert again.settings == dataset.settings


def test_a_panel_is_mapped_not_read(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    content = save(dataset_of(simulate(20, 6, industries=2).uploads), objects)
    panel = load(objects, content).panel
    columns = [
        panel.market_cap,
        panel.priced,
        panel.dense["style"]["size"][:],
        panel.sparse["industry"].codes[0],
    ]
    for column in columns:
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0
        assert column.base is not None


@pytest.mark.parametrize("damage", ["nothing", "cut", "gone"])
def test_a_damaged_dataset_says_what_to_do(tmp_path: Path, damage: str) -> None:
    objects = LocalObjects(tmp_path)
    content = save(dataset_of(simulate(20, 6, industries=2).uploads), objects)
    for file in [path for path in (tmp_path / "packs").rglob("*") if path.is_file()]:
        whole = file.read_bytes()
        if damage == "gone":
            file.unlink()
        else:
            file.write_bytes(b"nothing" if damage == "nothing" else whole[:-7])
        with pytest.raises(StorageError, match="is missing" if damage == "gone" else "client.check"):
            read_all(load(objects, content))
        file.write_bytes(whole)
    read_all(load(objects, content))


def read_all(dataset: RiskDataset) -> None:
    """Look at every array and table."""
    panel = dataset.panel
    for name in ("listing", "local_return", "currency", "priced", "delisted", "is_main_listing"):
        getattr(panel, name).sum()
    np.isfinite([panel.market_cap, panel.idio_vol]).sum()
    for column in [column for factors in panel.dense.values() for column in factors.values()]:
        column[:].sum()
    for group in panel.sparse.values():
        group[:].codes[0].sum()
    for state in dataset.states.values():
        assert state.keys()
