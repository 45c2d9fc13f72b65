"""Checking and pruning what is stored."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from openfactor import Client
from openfactor.errors import NotFoundError, StorageError
from openfactor.synthetic import simulate
from tests.markets import dataset_settings, model_settings, until
from tests.stored import contents_of, files_of

MARKET = simulate(30, 40, industries=3, seed=3)
DAYS = MARKET.factor_returns["date"].to_list()


def commit(client: Client, day: int) -> None:
    for name, frame in until(MARKET.uploads, DAYS[day]).items():
        upload = client.equity.uploaders[name].get_or_create_dataset(name)
        upload.fast_commit(frame, "overwrite")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace whose dataset and model were updated four times; no client has it open."""
    with Client.local(tmp_path, progress=False) as client:
        commit(client, 20)
        client.equity.riskdatasets.create_dataset("d", dataset_settings())
        model = client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()
        for day in range(21, 25):
            commit(client, day)
            model = model.update()
    return tmp_path


def prune(client: Client, keep: int = 0, *, dry_run: bool = False) -> dict[str, int]:
    return client.prune(keep=keep, grace_hours=0, dry_run=dry_run).removed


def model_of(client: Client):
    return client.equity.riskmodels.load(model_settings().with_dataset("d")).get_model()


def test_what_was_replaced_goes_and_the_rest_is_as_it_was(folder: Path) -> None:
    with Client.local(folder, progress=False) as client:
        before = model_of(client).fret()
    client = Client.local(folder, progress=False)
    assert [len(contents_of(folder).list(kind)) for kind in ("dataset", "estimates")] == [5, 5]
    assert prune(client, keep=2)["results"] == 4
    assert prune(client)["results"] == 4
    assert [len(contents_of(folder).list(kind)) for kind in ("dataset", "estimates")] == [1, 1]
    assert len(files_of(folder, "manifests")) == 2
    assert client.check().ok
    assert client.check().n_contents == 2
    again = model_of(client)
    assert again.fret().equals(before)
    assert again.exposures().height > 0
    assert prune(client) == {"results": 0}
    commit(client, 26)
    assert again.update().dates()[-1] == DAYS[26]


def test_a_dry_run_removes_nothing(folder: Path) -> None:
    client = Client.local(folder, progress=False)
    packs, made = files_of(folder, "packs"), contents_of(folder).list()
    report = client.prune(keep=0, grace_hours=0, dry_run=True)
    assert (files_of(folder, "packs"), contents_of(folder).list()) == (packs, made)
    assert str(report).startswith("would remove 8 results, ")
    size = sum(path.stat().st_size for kind in ("packs", "manifests") for path in files_of(folder, kind))
    real = client.prune(keep=0, grace_hours=0)
    assert (real.removed, real.n_bytes) == (report.removed, report.n_bytes)
    left = sum(path.stat().st_size for kind in ("packs", "manifests") for path in files_of(folder, kind))
    assert size - left == real.n_bytes


def test_what_was_just_written_stays(folder: Path) -> None:
    client = Client.local(folder, progress=False)
    packs = files_of(folder, "packs")
    assert client.prune(keep=0).removed == {"results": 0}
    assert files_of(folder, "packs") == packs


def test_what_another_client_has_open_stays_until_it_is_closed(folder: Path) -> None:
    reader, other = (Client.local(folder, progress=False) for _ in range(2))
    model = model_of(reader)
    commit(other, 26)
    model_of(other).update()
    other.close()
    third = Client.local(folder, progress=False)
    assert prune(third)["results"] == 8
    assert prune(third) == {"results": 0}
    assert model.exposures().height > 0
    assert model.forecast().specific_volatility().height > 0
    reader.close()
    assert prune(third)["results"] == 2


def test_a_handle_of_pruned_data_says_so(folder: Path) -> None:
    with Client.local(folder, progress=False) as client:
        model = model_of(client)
        commit(client, 26)
        model.update()
    later = Client.local(folder, progress=False)
    prune(later)
    old = type(model)(later._workspace, model.ref)
    with pytest.raises(NotFoundError, match="were removed; load again"):
        old.exposures()


def test_drafts_of_a_process_that_was_killed_go(folder: Path) -> None:
    (folder / "store" / "drafts" / "1-dead").write_bytes(b"half a pack")
    client = Client.local(folder, progress=False)
    assert client.prune().removed == {"results": 0}
    assert prune(client, keep=2)["drafts"] == 1
    assert not files_of(folder, "drafts")


def test_leases_of_a_process_that_was_killed_end(folder: Path) -> None:
    code = (
        "import os, sys; from openfactor import Client; c = Client.local(sys.argv[1], progress=False);"
        "c.equity.riskdatasets.load('d').describe(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 9
    assert files_of(folder, "leases")
    with Client.local(folder, progress=False) as client:
        client.equity.riskdatasets.delete_dataset("d")
        assert prune(client)["results"] == 10
    assert not files_of(folder, "packs")
    assert not files_of(folder, "leases")


def test_every_damaged_file_is_named_and_can_be_restored(folder: Path) -> None:
    client = Client.local(folder, progress=False)
    prune(client)
    expected = model_of(client).fret()
    client.close()
    rng, n_damaged = random.Random(1), 0
    for path in sorted(files_of(folder, "packs") | files_of(folder, "manifests")):
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        n_damaged += 1
        with Client.local(folder, progress=False) as client:
            report = client.check()
            assert not report.ok
            assert any(path.name in damage.problem for damage in report.damage)
            (remedy,) = {damage.remedy for damage in report.damage}
            (serves,) = {tuple(damage.serves) for damage in report.damage}
            assert set(serves) <= {"risk dataset 'd'", "a model on 'd'"}
            if "update" in remedy:
                assert client.equity.riskdatasets.load("d").update(force=True)
            else:
                engine = client.equity.riskmodels.load(model_settings().with_dataset("d"))
                engine.get_model("compute-and-persist")
            assert client.check().ok, str(client.check())
            assert model_of(client).fret().equals(expected)
    assert n_damaged > 10


def test_a_missing_pack_is_told_as_missing(folder: Path) -> None:
    client = Client.local(folder, progress=False)
    prune(client)
    for path in files_of(folder, "packs"):
        path.unlink()
    report = client.check()
    assert all("is missing" in damage.problem for damage in report.damage)
    assert "risk dataset 'd'" in str(report)
    with pytest.raises(StorageError, match="is missing"):
        Client.local(folder, progress=False).equity.riskdatasets.load("d").describe()


@pytest.mark.slow
def test_pruning_beside_writers_and_readers(folder: Path) -> None:
    """One process prunes without grace for what has a name, while others update, fit and read."""
    code = """
import sys, time
from openfactor import Client
client = Client.local(sys.argv[1], progress=False)
end = time.monotonic() + 15
n = 0
while time.monotonic() < end:
    n += client.prune(keep=0, grace_hours=float(sys.argv[2])).removed["results"]
print(n)
"""
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    # half-written contents have no name yet: the grace is longer than a write takes
    pruner = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(5 / 3600)], stdout=subprocess.PIPE, text=True, env=env
    )
    n_updates = 0
    with Client.local(folder, progress=False) as client:
        model = model_of(client)
        while pruner.poll() is None:
            day = 25 + n_updates % 14
            commit(client, day)
            model = model.update()
            assert model.dates()[-1] == DAYS[day]
            assert model.exposures(start=DAYS[day]).height > 0
            n_updates += 1
            time.sleep(0.05)
        assert client.check().ok
    removed = int(pruner.communicate()[0])
    print(f"{n_updates} updates beside {removed} pruned results")
    assert removed > 0
    assert n_updates > 3


def test_what_killed_processes_left_in_uploads_goes_and_old_versions_when_asked(folder: Path) -> None:
    client = Client.local(folder)
    rows = {"date": ["2024-01-01"], "ccy": ["EUR"], "fx_rate": [0.9]}
    upload = client.equity.uploaders["exchange_rates"].create_dataset("pruned")
    upload.fast_commit(pl.DataFrame(rows), "append")
    upload.fast_commit(pl.DataFrame({**rows, "fx_rate": [0.8]}), "upsert")
    part = folder / "uploads" / "exchange_rates" / f".part-{'0' * 32}"
    part.mkdir()
    (part / "x").write_bytes(b"123")
    counts = client.prune(grace_hours=0, dry_run=True).removed
    assert counts["upload leftovers"] == 1
    assert "upload versions" not in counts, "kept for ever"
    would = client.prune(grace_hours=0, upload_days=0, dry_run=True)
    did = client.prune(grace_hours=0, upload_days=0)
    assert did.removed["upload leftovers"] == would.removed["upload leftovers"] == 1
    assert did.removed["upload versions"] == would.removed["upload versions"] >= 2
    assert did.n_bytes == would.n_bytes > 3
    assert not part.exists()
    assert upload.get_data().collect()["fx_rate"].to_list() == [0.8]
    with pytest.raises(NotFoundError, match="was removed"):
        upload.get_data(version=1).collect()
    assert list(upload.version_history()) == [2]
