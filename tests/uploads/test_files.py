"""Files that are read, and files that are refused before they can do harm."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import random
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openfactor import Client, progress
from openfactor.client.upload import Upload
from openfactor.errors import DataError, NotFoundError, SettingsError, StorageError
from openfactor.uploads.parsing import sources
from tests.hypothesis_profiles import examples
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

DAMAGES = 400
GOOD = b"date,ccy,fx_rate\n2024-01-01,EUR,0.9\n"
FRAME = rates((1, "EUR", 0.9))


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return UploadStore(tmp_path / "store").create("exchange_rates", "fx")


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", GOOD),
        ("x.CSV", GOOD),
        ("x.txt", GOOD.replace(b",", b"\t")),
        ("x.csv", GOOD.replace(b",", b";")),
        ("x.csv", GOOD.replace(b",", b"|")),
        ("bom.csv", b"\xef\xbb\xbf" + GOOD),
        ("crlf.csv", GOOD.replace(b"\n", b"\r\n")),
        ("unended.csv", GOOD[:-1]),
        ("quoted.csv", b'"date","ccy","fx_rate"\n"2024-01-01","EUR","0.9"\n'),
        ("blank.csv", GOOD + b"\n,,\n\n"),
        ("rates_2024-01-01.csv", b"ccy,fx_rate\nEUR,0.9\n"),
    ],
)
def test_text(upload: Upload, tmp_path: Path, name: str, data: bytes) -> None:
    result = upload.stage_file(write(tmp_path / name, data))
    assert result.success, result
    assert result.name == Path(name).stem
    upload.commit("append")
    assert_frame_equal(read(upload), FRAME)


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.feather", "x.ipc", "stream.arrow", "x.xlsx"])
def test_other_files(upload: Upload, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    {
        "x.parquet": FRAME.write_parquet, "x.xlsx": FRAME.write_excel, "stream.arrow": FRAME.write_ipc_stream,
    }.get(name, FRAME.write_ipc)(path)  # fmt: skip
    assert upload.fast_commit(path, "append").version == 1
    assert_frame_equal(read(upload), FRAME)


def test_frames_of_other_libraries(upload: Upload) -> None:
    indexed = FRAME.to_pandas().set_index(["date", "ccy"])
    categories = FRAME.with_columns(pl.col("ccy").cast(pl.Categorical))
    batch = FRAME.to_arrow().to_batches()[0]
    for i, df in enumerate((FRAME.to_pandas(), indexed, FRAME.to_arrow(), batch, FRAME.lazy(), categories)):
        assert upload.stage_df(f"frame {i}", df).success
        assert_frame_equal(upload.get_staging_data([f"frame {i}"]).drop("_name").collect(), FRAME)
    with pytest.raises(SettingsError, match="int is no table"):
        upload.fast_commit(5, "append")
    mixed = pd.DataFrame({"date": ["2024-01-01"] * 2, "ccy": ["EUR", 5], "fx_rate": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"\[mixed_types\] fx.ccy"):
        upload.fast_commit(mixed, "append")


def test_files_of_an_archive_are_staged_under_their_names(upload: Upload, tmp_path: Path) -> None:
    parquet = io.BytesIO()
    rates((4, "EUR", 0.6)).write_parquet(parquet)
    path = zipped(
        tmp_path / "all.zip",
        {
            "r_2024-01-02.csv": b"ccy,fx_rate\nEUR,0.8\n",
            "r_2024-01-01.csv": b"ccy,fx_rate\nEUR,0.9\n",
            "three.tsv": b"date\tccy\tfx_rate\n2024-01-03\tEUR\t0.7\n",
            "four.parquet": parquet.getvalue(),
        },
    )
    result = upload.stage_file(path)
    assert result.success
    assert result.success_parser == "table"
    names = ["four", "r_2024-01-01", "r_2024-01-02", "three"]
    assert list(upload.get_staging_results()) == names
    committed = upload.commit("append")
    assert (committed.version, committed.committed_names) == (1, names)
    assert read(upload)["fx_rate"].to_list() == [0.9, 0.8, 0.7, 0.6]


def test_one_bad_file_of_an_archive_stages_none(upload: Upload, tmp_path: Path) -> None:
    path = zipped(tmp_path / "two.zip", {"a.csv": GOOD, "b.csv": b"date,ccy\n2024-01-02,EUR\n"})
    result = upload.stage_file(path)
    assert not result.success
    assert "b.fx_rate: is missing" in result.results[0].messages[0]
    assert list(upload.get_staging_results()) == ["two"]
    with pytest.raises(DataError, match="missing_column"):
        upload.commit("append")
    zipped(path, {"a.csv": GOOD, "b.csv": b"date,ccy,fx_rate\n2024-01-02,EUR,1\n"})
    assert upload.stage_file(path).success
    assert list(upload.get_staging_results()) == ["a", "b"]
    assert upload.commit("append").version == 1


def bomb(path: Path) -> Path:
    return zipped(path, {"x.csv": b"0" * (100 << 20)})


def lying_bomb(path: Path) -> Path:
    """The list of files says 100 bytes."""
    data = bytearray(bomb(path).read_bytes())
    entry = data.find(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 100)
    return write(path, bytes(data))


def bomb_workbook(path: Path) -> Path:
    return zipped(path, {"xl/worksheets/sheet1.xml": b"0" * (100 << 20)})


def endless_line(path: Path) -> Path:
    """Two GiB without an end of line, which take no space on disk."""
    with path.open("wb") as file:
        file.write(b"date,ccy,fx_rate\n")
        file.truncate((2 << 30) + 17)
    return path


def encrypted(path: Path) -> Path:
    data = bytearray(zipped(path, {"x.csv": GOOD}).read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    return write(path, bytes(data))


def parquet_bomb(path: Path) -> Path:
    """600 million rows without a value, in a megabyte."""
    empty = pa.record_batch({"ccy": pa.nulls(10_000_000, pa.float64())})
    with pq.ParquetWriter(path, empty.schema) as file:
        for _ in range(60):
            file.write_batch(empty)
    assert path.stat().st_size < 2 << 20
    return path


def two_sheets(path: Path) -> Path:
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        FRAME.write_excel(book, "one")
        FRAME.write_excel(book, "two")
    return path


def raw(data: bytes) -> Callable[[Path], Path]:
    return lambda path: write(path, data)


HOSTILE: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "zip bomb": ("x.zip", bomb, "bomb"),
    "zip bomb with a false size": ("x.zip", lying_bomb, "unreadable_file"),
    "workbook bomb": ("x.xlsx", bomb_workbook, "bomb"),
    "path in an archive": ("x.zip", lambda p: zipped(p, {"../x.csv": GOOD}), "path"),
    "absolute path in an archive": ("x.zip", lambda p: zipped(p, {"/etc/x.csv": GOOD}), "path"),
    "backslash in an archive": ("x.zip", lambda p: zipped(p, {"..\\x.csv": GOOD}), "path"),
    "folder in an archive": ("x.zip", lambda p: zipped(p, {"a/x.csv": GOOD}), "path"),
    "archive in an archive": ("x.zip", lambda p: zipped(p, {"x.zip": GOOD}), "unknown_format"),
    "two files of one name": (
        "x.zip",
        lambda p: zipped(p, {"a.csv": GOOD, "a.tsv": GOOD}),
        "repeated_member",
    ),
    "encrypted": ("x.zip", encrypted, "encrypted"),
    "empty archive": ("x.zip", lambda p: zipped(p, {}), "empty_file"),
    "no archive": ("x.zip", raw(b"PK no"), "unreadable_file"),
    "line of 2 GiB": ("x.csv", endless_line, "long_line"),
    "bytes that are not UTF-8": ("x.csv", raw(GOOD + b"2024-01-02,E\xff,1\n"), "encoding"),
    "headings that are not UTF-8": ("x.csv", raw(b"date,\xff,fx_rate\n" + GOOD), "encoding"),
    "UTF-16": ("x.csv", raw(GOOD.decode().encode("utf-16")), "encoding"),
    "gzip": ("x.csv", raw(gzip.compress(GOOD)), "packed_file"),
    "zstd": ("x.csv", raw(b"\x28\xb5\x2f\xfd" + GOOD), "packed_file"),
    "zip named csv": ("x.csv", lambda p: zipped(p, {"x.csv": GOOD}), "packed_file"),
    "repeated heading": ("x.csv", raw(b"date,ccy,ccy,fx_rate\n2024-01-01,EUR,EUR,1\n"), "repeated_heading"),
    "more cells than headings": ("x.csv", raw(GOOD + b"2024-01-02,EUR,1,2\n"), "unreadable_file"),
    "quote without an end": ("x.csv", raw(GOOD + b'2024-01-02,"EUR,1\n'), "unreadable_file"),
    "empty file": ("x.csv", raw(b""), "empty_file"),
    "headings only": ("x.csv", raw(b"date,ccy,fx_rate\n"), "no_rows"),
    "Parquet bomb": ("x.parquet", parquet_bomb, "bomb"),
    "cut Parquet": ("x.parquet", raw(b"PAR1xxxxPAR1"), "unreadable_file"),
    "cut Arrow": ("x.arrow", raw(b"ARROW1\0\0"), "unreadable_file"),
    "cut stream": ("x.arrow", raw(b"\xff\xff\xff\xff\x10"), "unreadable_file"),
    "no workbook": ("x.xlsx", raw(b"PK\x03\x04"), "unreadable_file"),
    "two sheets": ("x.xlsx", two_sheets, "sheets"),
    "unknown kind": ("x.json", raw(b"{}"), "unknown_format"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused(upload: Upload, tmp_path: Path, case: str) -> None:
    name, make, rule = HOSTILE[case]
    path = make(tmp_path / name)
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(DataError) as caught:
        upload.fast_commit(path, "append")
    assert {fault.rule for fault in caught.value.faults} == {rule}
    result = upload.stage_file(path)
    assert not result.success
    assert rule in result.results[0].messages[0]
    with pytest.raises(DataError, match="nothing was stored"):
        upload.commit("append")
    assert upload.version == 0
    assert upload.wipe_staging() == {"x": result}
    assert sorted(p.name for p in tmp_path.iterdir()) == before, "nothing was unpacked"


def test_counts_of_hostile_files() -> None:
    print(f"{len(HOSTILE)} kinds of harmful or broken files are refused")
    assert len(HOSTILE) == 31


def test_the_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (source,) = sources(write(tmp_path / "x.csv", GOOD * 3 + b"\xe9\n" + GOOD))
    with pytest.raises(DataError, match="line 7 is not UTF-8"):
        source.read()


def test_every_fault_of_an_archive_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"../a.csv": GOOD, "b.json": GOOD, "c.csv": b"0" * (20 << 20)})
    with pytest.raises(DataError) as caught:
        sources(path)
    assert [fault.rule for fault in caught.value.faults] == ["path", "unknown_format", "bomb"]


def test_no_such_file(upload: Upload, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        upload.stage_file(tmp_path / "x.csv")
    with pytest.raises(NotFoundError, match="there is no file"):
        upload.fast_commit(tmp_path, "append")


def test_long_lines_are_found_wherever_they_are(tmp_path: Path) -> None:
    long = b"a" * (17 << 20)
    for data in (GOOD + long, long + b"\n" + GOOD, GOOD + long + b"\n" + GOOD):
        (source,) = sources(write(tmp_path / "x.csv", data))
        with pytest.raises(DataError, match="long_line"):
            source.read()
    day = dt.date(2024, 1, 1)
    many = b"date,ccy,fx_rate\n" + b"".join(b"%s,%06d,1\n" % (str(day).encode(), i) for i in range(900_000))
    assert len(many) > 16 << 20
    (source,) = sources(write(tmp_path / "x.csv", many))
    assert source.read().frame.height == 900_000


HARD = "\u00a0\u2007\u202f\u200b\u2060\ufeff"
"""Blanks that do not break or cannot be seen, which are cleaned away."""
texts = st.text(min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and not set(text) & set("\0" + HARD) and text[0] != "#"
)
numbers = st.floats(min_value=5e-324, max_value=1.7e308, allow_subnormal=True)


@examples(60)
@given(st.dictionaries(st.tuples(st.integers(1, 28), texts), numbers, min_size=1, max_size=6))
def test_any_text_and_number_comes_back_from_text(rows: dict[tuple[int, str], float]) -> None:
    frame = rates(*((day, ccy, rate) for (day, ccy), rate in rows.items()))
    with tempfile.TemporaryDirectory() as folder:
        upload = UploadStore(Path(folder) / "store").create("exchange_rates", "fx")
        for separator in (",", ";", "\t"):
            path = Path(folder) / "x.csv"
            frame.write_csv(path, separator=separator, quote_style="non_numeric")
            assert upload.stage_file(path, replace=True).success
            staged = upload.get_staging_data().drop("_name").collect()
            assert_frame_equal(staged.sort("date", "ccy"), frame.sort("date", "ccy"), check_exact=True)


def test_progress(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BEFORE_A_BAR", 0.0)
    path = zipped(tmp_path / "x.zip", {"a.csv": GOOD, "b.csv": GOOD.replace(b"01-01", b"01-02")})
    for shown in (True, False):
        client = Client.local(tmp_path / "workspace", progress=shown)
        upload = client.equity.uploaders["exchange_rates"].create_or_replace_dataset("fx")
        assert upload.stage_file(path).success
        assert ("reading exchange_rates: 100%" in capfd.readouterr().err) == shown


@pytest.mark.parametrize("folder", ["a b", "é", "h#i", "q?r", "y*", "{z}", "s's", 't"u', "~", ":"])
def test_folders_and_files_of_any_name(tmp_path: Path, folder: str) -> None:
    upload = Client.local(tmp_path / folder).equity.uploaders["exchange_rates"].create_dataset("fx")
    upload.fast_commit(FRAME, "append")
    upload.stage_df(folder, rates((2, "EUR", 0.8)))
    assert upload.get_staging_data().collect()["_name"].to_list() == [folder]
    upload.commit("append")
    upload.fast_commit(rates((2, "EUR", 0.7)), "upsert")
    assert read(upload)["fx_rate"].to_list() == [0.9, 0.7]
    assert upload.get_data(filters=[("date", "=", "2024-01-02")]).collect().height == 1
    for suffix, form in (("csv", "write_csv"), ("parquet", "write_parquet"), ("arrow", "write_ipc")):
        for name in (f"{folder}.{suffix}", f"[x] {folder}.{suffix}"):
            with (tmp_path / name).open("wb") as file:
                getattr(rates((3, "EUR", 0.6)), form)(file)
            assert upload.stage_file(tmp_path / name, replace=True).success
            assert upload.get_staging_data([Path(name).stem]).collect()["fx_rate"].to_list() == [0.6]


@pytest.mark.parametrize("folder", ["x[1]", "p%20q", "a|b", "a^b", "a\\b", "a\nb"])
def test_folders_that_tables_cannot_be_in(tmp_path: Path, folder: str) -> None:
    with pytest.raises(StorageError, match="choose a folder without"):
        Client.local(tmp_path / folder)
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_refused_or_read(upload: Upload, tmp_path: Path) -> None:
    """Cut anywhere, or with some bytes changed: never another error than a refusal."""
    rng = random.Random(4)
    frame = rates(*((day, ccy, 0.5 + day) for day in range(1, 29) for ccy in ("EUR", "JPY")))
    writers = {
        "x.parquet": frame.write_parquet, "x.arrow": frame.write_ipc, "s.arrow": frame.write_ipc_stream,
        "x.xlsx": frame.write_excel, "x.csv": frame.write_csv,
    }  # fmt: skip
    for name, write_file in writers.items():
        write_file(tmp_path / name)
    whole = {name: (tmp_path / name).read_bytes() for name in writers}
    zipped(tmp_path / "x.zip", {"a.csv": whole["x.csv"], "b.parquet": whole["x.parquet"]})
    whole["x.zip"] = (tmp_path / "x.zip").read_bytes()
    told: Counter[str] = Counter()
    for _ in range(DAMAGES):
        name = rng.choice(sorted(whole))
        data = bytearray(whole[name])
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        for _ in range(rng.choice([1, 3, 10]) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        result = upload.stage_file(write(tmp_path / name, bytes(data)), replace=True)
        assert result.success or result.results[0].messages
        told["read" if result.success else "refused"] += 1
    print(f"{DAMAGES} damaged files: {dict(told)}")
    assert told["refused"] > DAMAGES / 2


def test_days_beyond_the_calendar(upload: Upload, tmp_path: Path) -> None:
    days = pl.Series("date", [7_000_000, -900_000], dtype=pl.Int32).cast(pl.Date)
    frame = pl.DataFrame([days]).with_columns(ccy=pl.lit("EUR"), fx_rate=1.0)
    frame.write_parquet(tmp_path / "x.parquet")
    late = frame.with_columns(pl.col("date").cast(pl.Datetime("us")))
    for df in (tmp_path / "x.parquet", frame, late):
        with pytest.raises(DataError, match=r"\[unreadable\] .*date: cannot be read as a date"):
            upload.fast_commit(df, "append")
