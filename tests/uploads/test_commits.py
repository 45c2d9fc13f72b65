"""Commit modes against a slow twin, and what a version is."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
import warnings
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openfactor.client.upload import Upload
from openfactor.context import Context
from openfactor.errors import DataError, DataWarning, NotFoundError, SettingsError
from openfactor.results import UploadCommitResult
from openfactor.uploads import DATA_TYPES
from openfactor.uploads.schema import NUMBER, Column
from openfactor.uploads.storage import data_files, row_counts
from openfactor.uploads.storage.repair import CommitMode
from openfactor.uploads.types.exchange_rates import ExchangeRates
from tests.cancelling import cancel_everywhere, files_below
from tests.hypothesis_profiles import examples
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

Rows = dict[tuple[int, str], float]
KEY = ("date", "ccy")


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path).create("exchange_rates", "fx")


def slow_commit(before: Rows, incoming: Rows, mode: str, match: list[str] | None) -> Rows:
    """The rows after a commit, by the definition of the modes."""

    def part(key: tuple[int, str]) -> tuple:
        return tuple(value for name, value in zip(KEY, key, strict=True) if name in (match or KEY))

    if mode == "append":
        there = {part(key) for key in before}
        return before | {key: value for key, value in incoming.items() if part(key) not in there}
    if mode == "upsert":
        return before | incoming
    if match is None:
        return dict(incoming)
    replaced = {part(key) for key in incoming}
    return {key: value for key, value in before.items() if part(key) not in replaced} | incoming


def slow_counts(before: Rows, incoming: Rows, after: Rows) -> dict[str, int]:
    """What a commit says of its rows, from what was there before and after it."""
    new = incoming.keys() - before.keys()
    return {
        "rows_added": len(new & after.keys()),
        "rows_replaced": sum(1 for k in before.keys() & after.keys() if before[k] != after[k]),
        "rows_unchanged": sum(1 for k, v in incoming.items() if before.get(k) == v),
        "rows_ignored": sum(1 for k, v in incoming.items() if after.get(k) != v),
        "rows_removed": len(before.keys() - after.keys()),
    }


def counts(result: UploadCommitResult) -> dict[str, int]:
    return result.model_dump(exclude={"version", "committed_names", "notes"})


def frame(rows: Rows) -> pl.DataFrame:
    return rates(*((day, ccy, rate) for (day, ccy), rate in rows.items()))


tables = st.dictionaries(
    st.tuples(st.integers(1, 9), st.sampled_from(["EUR", "JPY", "CHF"])),
    st.sampled_from([0.5, 1.0, 1 / 3, 5e-324]),
    min_size=1,
    max_size=8,
)
matches = st.sampled_from([None, ["date"], ["ccy"], ["date", "ccy"]])
steps = st.one_of(
    st.tuples(st.sampled_from(["append", "overwrite"]), matches, tables),
    st.tuples(st.just("upsert"), st.none(), tables),
    st.tuples(st.just("restore"), st.integers(0, 5), st.just({})),
)


@examples(60)
@given(st.lists(steps, min_size=1, max_size=6), st.integers(1, 5))
def test_every_mode_does_what_its_definition_says(todo: list, file_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            data_files, "MAX_ROWS", file_rows
        )  # many files, so that some are rewritten and some not
        upload = UploadStore(Path(folder)).create("exchange_rates", "fx")
        versions: list[Rows] = [{}]
        for mode, match, rows in todo:
            if mode == "restore":
                rows = after = versions[match % len(versions)]
                done = upload.restore(match % len(versions))
            else:
                after = slow_commit(versions[-1], rows, mode, match)
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    done = upload.fast_commit(frame(rows), mode, match_columns=match)
                    again = upload.fast_commit(frame(rows), mode, match_columns=match)
                assert again.version == done.version, "replay"
                assert bool(told) == (done.rows_ignored > 0), "what is not taken is said"
            assert counts(done) == slow_counts(versions[-1], rows, after)
            version = done.version
            if version == len(versions):
                versions.append(after)
            assert version == len(versions) - 1
            assert versions[-1] == after
        for number, rows in enumerate(versions):
            assert_frame_equal(read(upload, number), frame(rows).sort("date", "ccy"), check_exact=True)


def test_a_commit_that_changes_nothing_is_no_version(upload: Upload) -> None:
    rows = rates((1, "EUR", 0.9), (2, "EUR", 0.8))
    assert upload.fast_commit(rows, "append").version == 1
    for mode in ("append", "upsert", "overwrite"):
        assert upload.fast_commit(rows, mode).version == 1
    assert upload.fast_commit(rows, "overwrite", match_columns=["ccy"]).version == 1
    assert upload.restore(1).version == 1
    assert upload.fast_commit(rows.head(1), "overwrite", match_columns=["ccy"]).version == 2


def test_append_says_what_it_leaves_out(upload: Upload) -> None:
    upload.fast_commit(rates((1, "EUR", 0.9), (1, "JPY", 150.0)), "append")
    with pytest.warns(DataWarning) as told:
        result = upload.fast_commit(rates((1, "EUR", 0.95), (1, "JPY", 150.0), (2, "EUR", 0.9)), "append")
    (message,) = (str(w.message) for w in told)
    assert message.startswith("append ignored 1 row whose key is stored with other values")
    assert "to replace the stored values, commit with mode='upsert'" in message
    assert message.endswith("First: date 2024-01-01, ccy EUR: fx_rate 0.9 is stored, 0.95 was given")
    assert told[0].filename == __file__
    assert counts(result) == {
        "rows_added": 1, "rows_replaced": 0, "rows_unchanged": 1, "rows_ignored": 1, "rows_removed": 0,
    }  # fmt: skip
    late = rates((2, "EUR", 0.9), (2, "JPY", 151.0), (3, "JPY", 152.0))
    with pytest.warns(
        DataWarning, match=r"ignored 1 row with new keys, because their date is stored already"
    ) as told:
        result = upload.fast_commit(late, "append", match_columns=["date"])
    assert len(told) == 1
    assert (result.rows_added, result.rows_unchanged, result.rows_ignored) == (1, 1, 1)
    many = rates(*((day, ccy, 9.0) for day in range(1, 20) for ccy in ("EUR", "JPY")))
    upload.fast_commit(many, "upsert")
    with pytest.warns(DataWarning, match="ignored 38 rows whose key") as told:
        upload.fast_commit(many.with_columns(fx_rate=8.0), "append")
    assert str(told[0].message).count("was given") == 5, "the first ones only"
    assert read(upload)["fx_rate"].to_list() == [9.0] * 38


def test_a_result_says_what_was_done(upload: Upload, tmp_path: Path) -> None:
    upload.fast_commit(rates((1, "EUR", 0.9), (2, "EUR", 0.8)), "append")
    upload.stage_df("late", rates((2, "EUR", 0.7), (3, "EUR", 0.7)))
    assert repr(upload.commit("upsert")) == (
        "UploadCommitResult(version=2, committed_names=['late'], rows_added=1, rows_replaced=1, "
        "rows_unchanged=0, rows_ignored=0, rows_removed=0, notes=[])"
    )
    rates((3, "EUR", 0.7)).write_csv(tmp_path / "fx_march.csv")
    done = upload.fast_commit(tmp_path / "fx_march.csv", "overwrite")
    assert done == UploadCommitResult(
        version=3, committed_names=["fx_march"], rows_unchanged=1, rows_removed=2
    )


def test_rows_of_equal_hashes_are_told_apart(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        row_counts,
        "_hashed",
        lambda rows, name: pl.DataFrame({"hash": pl.zeros(len(rows), eager=True)}).with_row_index(name),
    )
    upload.fast_commit(rates((1, "EUR", 0.9), (1, "JPY", 150.0), (2, "EUR", 0.8)), "append")
    done = upload.fast_commit(rates((1, "EUR", 0.9), (1, "JPY", 151.0), (2, "JPY", 152.0)), "upsert")
    assert (done.rows_added, done.rows_replaced, done.rows_unchanged) == (1, 1, 1)
    assert read(upload)["fx_rate"].to_list() == [0.9, 151.0, 0.8, 152.0]


def test_zero_and_minus_zero_are_different_values(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("series", "s")
    one = pl.DataFrame({"date": [dt.date(2024, 1, 1)], "series": ["x"], "value": [0.0]})
    upload.fast_commit(one, "append")
    assert upload.fast_commit(one.with_columns(value=-0.0), "upsert").version == 2
    assert str(upload.get_data().collect()["value"][0]) == "-0.0"


def test_values_come_back_bit_for_bit(upload: Upload) -> None:
    odd = [5e-324, 0.1 + 0.2, 1.7976931348623157e308, 1 / 3, 2.2250738585072014e-308]
    upload.fast_commit(rates(*((i + 1, "EUR", v) for i, v in enumerate(odd))), "overwrite")
    assert read(upload)["fx_rate"].to_list() == odd
    texts = ["ÄÖ", "x  y", "a\nb", 'q"q', "\U0001f4c8", "NA", "'"]
    upload.fast_commit(rates(*((1, text, 1.0) for text in texts)), "overwrite")
    assert sorted(read(upload)["ccy"]) == sorted(texts)


def test_keys_with_an_empty_part(tmp_path: Path) -> None:
    """The same quarter from two reports, one of a day that is not known."""
    upload = UploadStore(tmp_path).create("fundamentals", "f")
    reports = DATA_TYPES["fundamentals"].example().with_columns(asset_id=pl.lit("A"), revenue=1.0)
    assert reports["report_date"].null_count() == 1
    upload.fast_commit(reports, "append")
    assert upload.fast_commit(reports, "append").version == 1
    upload.fast_commit(reports.with_columns(revenue=2.0), "upsert")
    assert upload.get_data().collect()["revenue"].to_list() == [2.0, 2.0]
    unknown = reports.filter(pl.col("report_date").is_null())
    upload.fast_commit(unknown, "overwrite", match_columns=["report_date"])
    assert upload.get_data(filters=[("revenue", "=", 1.0)]).collect().height == 1
    assert upload.get_data().collect().height == 2


def test_what_failed_leaves_nothing(upload: Upload, tmp_path: Path) -> None:
    good = rates((1, "EUR", 0.9))
    upload.fast_commit(good, "overwrite")
    files = sorted(p.name for p in tmp_path.rglob("*"))
    with pytest.raises(DataError):
        upload.fast_commit(rates((1, "EUR", 0.9), (2, "EUR", -1.0)), "overwrite")
    assert_frame_equal(read(upload), good)
    assert upload.version == 1
    assert sorted(p.name for p in tmp_path.rglob("*")) == files


def test_modes_and_columns_that_cannot_be(upload: Upload) -> None:
    rows = rates((1, "EUR", 0.9))
    with pytest.raises(SettingsError, match=r"append: .*\n.*upsert: .*\n.*overwrite: "):
        upload.fast_commit(rows, "replace")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="'fx_rate' is not in the key: date, ccy"):
        upload.fast_commit(rows, "append", match_columns=["date", "fx_rate"])
    with pytest.raises(ValueError, match="give at least one of date, ccy"):
        upload.fast_commit(rows, "append", match_columns=[])
    with pytest.raises(SettingsError, match="upsert always matches the whole key"):
        upload.fast_commit(rows, "upsert", match_columns=["date"])
    assert set(upload.get_commit_modes()) == {"append", "upsert", "overwrite"}


def test_versions_by_number_and_time(upload: Upload) -> None:
    upload.fast_commit(rates((1, "EUR", 0.9)), "append")
    time.sleep(0.002)
    between = dt.datetime.now()
    time.sleep(0.002)
    upload.fast_commit(rates((2, "EUR", 0.8)), "append")
    history = upload.version_history()
    assert list(history) == [0, 1, 2]
    assert list(history.values()) == sorted(history.values())
    assert read(upload, between).height == 1, "a time without a zone is that of this machine"
    assert read(upload, between.astimezone(dt.UTC)).height == 1
    assert read(upload, history[2]).height == 2
    assert read(upload, history[0]).height == 0
    with pytest.raises(NotFoundError, match="did not exist at 2000"):
        read(upload, dt.datetime(2000, 1, 1))
    for version in (-1, 3):
        with pytest.raises(KeyError, match=f"versions 0 to 2, not {version}"):
            read(upload, version)
        with pytest.raises(NotFoundError):
            upload.restore(version)


def test_a_restored_version_is_a_new_one(upload: Upload, tmp_path: Path) -> None:
    first, second = rates((1, "EUR", 0.9)), rates((2, "EUR", 0.8), (2, "JPY", 150.0))
    upload.fast_commit(first, "overwrite")
    upload.fast_commit(second, "overwrite")
    size = sum(p.stat().st_size for p in tmp_path.rglob("*.parquet"))
    assert upload.restore(1).version == 3
    assert upload.restore(0).version == 4
    assert upload.restore(upload.version_history()[2]).version == 5
    assert size == sum(p.stat().st_size for p in tmp_path.rglob("*.parquet")), "no rows were written"
    for version, rows in enumerate((rates(), first, second, first, rates(), second)):
        assert_frame_equal(read(upload, version), rows)


class Wider(ExchangeRates):
    """Exchange rates with a column that came later."""

    name = "exchange_rates"
    columns = (*ExchangeRates.columns, Column("bid", NUMBER, "bid", (0.9, 0.91), optional=True))


def test_old_versions_stay_readable_when_the_type_gets_a_column(tmp_path: Path) -> None:
    old = UploadStore(tmp_path).create("exchange_rates", "fx")
    first, second = rates((1, "EUR", 0.9), (2, "EUR", 0.8)), rates((3, "EUR", 0.7))
    old.fast_commit(first, "append")
    old.fast_commit(second, "append")
    staged = old.stage_df("later", rates((5, "EUR", 0.5)))
    assert staged.success
    new = UploadStore(tmp_path, {"exchange_rates": Wider()}).open("exchange_rates", "fx")
    none, both = pl.lit(None, pl.Float64).alias("bid"), pl.concat([first, second])
    assert_frame_equal(read(new), both.with_columns(none))
    assert new.fast_commit(second, "append").version == 2, "nothing changes, so no column is added"
    bids = rates((2, "EUR", 0.85), (4, "EUR", 0.6)).with_columns(bid=1.5)
    assert new.fast_commit(bids, "upsert").version == 3, "the column comes with the rows"
    assert read(new)["bid"].to_list() == [None, 1.5, None, 1.5]
    assert new.commit("append").version == 4, "staged before the column was there"
    assert new.restore(1).version == 5
    expected = [rates(), first, both]
    for version, rows in enumerate(expected):
        assert_frame_equal(read(new, version), rows.with_columns(none))
    assert_frame_equal(read(new), first.with_columns(none))
    assert read(old, 3)["bid"].to_list() == [None, 1.5, None, 1.5], "the old type shows what is there"


def test_filters_columns_and_distinct_rows(upload: Upload) -> None:
    upload.fast_commit(rates((1, "EUR", 0.9), (2, "EUR", 0.8), (2, "JPY", 150.0), (3, "CHF", 0.9)), "append")

    def days(filters: object) -> list[tuple]:
        found = upload.get_data(filters=filters).collect().sort("date", "ccy")  # type: ignore[arg-type]
        return [(row[0].day, row[1]) for row in found.rows()]

    assert days([("ccy", "=", "EUR"), ("date", ">=", "2024-01-02")]) == [(2, "EUR")]
    assert days([[("ccy", "==", "JPY")], [("date", ">", dt.date(2024, 1, 2))]]) == [(2, "JPY"), (3, "CHF")]
    assert days([("ccy", "in", ["EUR", "CHF"]), ("fx_rate", "!=", 0.8)]) == [(1, "EUR"), (3, "CHF")]
    assert days([("ccy", "not in", ("EUR",)), ("fx_rate", "<", 1)]) == [(3, "CHF")]
    assert days([("fx_rate", "<=", 0.8)]) == [(2, "EUR")]
    assert days([]) == [(1, "EUR"), (2, "EUR"), (2, "JPY"), (3, "CHF")]
    assert upload.get_data(["ccy"], unique=True).collect().height == 3
    assert upload.get_data(["ccy"], filters=[("date", "=", "2024-01-03")]).collect().rows() == [("CHF",)]
    assert upload.get_data(head=2).collect().height == 2
    with pytest.raises(SettingsError, match="no columns 'rate'"):
        upload.get_data(["rate"])
    for bad in ([("rate", "=", 1), ("ccy", "~", 1), ("date", "=", "soon")], [("ccy",), "ccy", ("a", "=")]):
        with pytest.raises(SettingsError) as caught:
            upload.get_data(filters=bad)  # type: ignore[arg-type]
        assert len(caught.value.problems) == 3
    with pytest.raises(SettingsError, match="must not be mixed"):
        upload.get_data(filters=[("ccy", "=", "EUR"), [("ccy", "=", "JPY")]])  # type: ignore[list-item]


def test_summaries(tmp_path: Path) -> None:
    upload = UploadStore(tmp_path).create("exposures", "e")
    day = dt.date(2025, 5, 1)
    values = [("A", "size", -1.0), ("B", "size", 2.0), ("C", "size", 5.0), ("A", "value", 0.5)]
    rows = pl.DataFrame(
        [(day, a, "ticker", "style", f, v) for a, f, v in values]
        + [(day + dt.timedelta(1), "A", "ticker", "industry", "TECH", 1.0)],
        schema=upload.get_schema(),
        orient="row",
    )
    upload.stage_df("may", rows)
    details = upload.get_staging_data_detail_summary()
    assert dict(details.schema) == {
        "_name": pl.String, "date": pl.Date, "n_assets": pl.UInt32, "min_exposure": pl.Float32,
        "max_exposure": pl.Float32, "mean_exposure": pl.Float32, "median_exposure": pl.Float32,
        "std_exposure": pl.Float32,
    }  # fmt: skip
    # mean 6.5 / 4; squares about it 26.25 + ... = 19.6875 of three degrees of freedom
    first = details.row(0)
    assert first[:6] == ("may", day, 3, -1.0, 5.0, 1.625)
    assert first[6] == 1.25
    assert first[7] == pytest.approx((19.6875 / 3) ** 0.5, rel=1e-6)
    assert details.row(1)[1:3] == (day + dt.timedelta(1), 1)
    upload.commit("append")
    assert_frame_equal(upload.get_data_detail_summary(), details.drop("_name"))
    assert upload.get_data_detail_summary(0).is_empty()
    whole = upload.get_data_summary().row(0, named=True)
    assert (whole["n_rows"], whole["n_assets"], whole["n_factor_groups"], whole["n_factors"]) == (5, 3, 2, 3)
    assert (whole["min_date"], whole["max_date"]) == (day, day + dt.timedelta(1))


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite"])
def test_a_cancelled_commit_leaves_nothing(tmp_path: Path, mode: CommitMode) -> None:
    before = rates((1, "EUR", 0.9), (2, "EUR", 0.8))
    UploadStore(tmp_path).create("exchange_rates", "fx").fast_commit(before, "append")
    files = files_below(tmp_path)
    new = rates((2, "EUR", 0.7), (3, "EUR", 0.6))

    def check() -> None:
        assert files_below(tmp_path) == files

    def commit(context: Context) -> None:
        upload = UploadStore(tmp_path, context=context).open("exchange_rates", "fx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            assert upload.fast_commit(new, mode).version == 2

    assert cancel_everywhere(commit, check) >= 4


def test_a_cancelled_commit_keeps_what_is_staged(tmp_path: Path) -> None:
    UploadStore(tmp_path).create("exchange_rates", "fx").stage_df("x", rates((1, "EUR", 0.9)))
    files = files_below(tmp_path)

    def check() -> None:
        assert files_below(tmp_path) == files

    def commit(context: Context) -> None:
        upload = UploadStore(tmp_path, context=context).open("exchange_rates", "fx")
        assert upload.commit("append").committed_names == ["x"]

    assert cancel_everywhere(commit, check) >= 3
