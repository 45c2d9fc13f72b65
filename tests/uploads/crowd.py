"""What each process of a crowd does with the uploads of a folder."""

from __future__ import annotations

import datetime as dt
import random
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from openfactor.client.upload import Upload
from openfactor.errors import DataWarning, OpenfactorError
from openfactor.uploads import UploadStore as EngineStore
from tests.uploads.stores import UploadStore
from tests.uploads.tables import rates, read

KIND = "exchange_rates"
NAMES = ["fx", "gx"]


def _recreate(store: UploadStore, name: str) -> None:
    store.delete(KIND, name)
    store.create(KIND, name)


def _read(upload: Upload) -> None:
    frame = read(upload)
    assert frame.select("date", "ccy").is_unique().all()


def disturb(folder: Path, seed: int, steps: int, parent: Connection) -> None:
    """Do random things; tell the parent what came of them, by kind of error or "done"."""
    warnings.simplefilter("ignore", DataWarning)
    rng, store, engine = random.Random(seed), UploadStore(folder), EngineStore(folder)
    handles: dict[str, Upload] = {}
    told: Counter[str] = Counter()
    others: list[str] = []
    for number in range(steps):
        name = rng.choice(NAMES)
        upload = handles.get(name)
        rows = rates((rng.randint(1, 28), f"P{seed}", seed + number / 1000))
        actions: dict[str, Callable[[], Any]] = {"create": lambda name=name: store.create(KIND, name)}
        is_there = name in store.names(KIND)
        if is_there and rng.random() < 0.03:
            actions = {
                "delete": lambda name=name: store.delete(KIND, name),
                "recreate": lambda name=name: _recreate(store, name),
            }
        elif upload is not None and (is_there or rng.random() < 0.2):  # it may be gone
            actions = {
                "append": lambda u=upload, r=rows: u.fast_commit(r, "append"),
                "upsert": lambda u=upload, r=rows: u.fast_commit(r, "upsert"),
                "overwrite": lambda u=upload, r=rows: u.fast_commit(r, "overwrite"),
                "stage": lambda u=upload, r=rows: u.stage_df(f"t{rng.randint(1, 3)}", r, replace=True),
                "commit": lambda u=upload: u.commit("upsert"),
                "wipe": lambda u=upload: u.wipe_staging(),
                "restore": lambda u=upload: u.restore(max(u.version - 1, 0)),
                "read": lambda u=upload: _read(u),
                "history": lambda u=upload: u.version_history(),
                "check": lambda: check(engine),
                "remove leftovers": lambda: engine.upkeep.remove_leftovers(
                    engine.upkeep.leftovers(dt.timedelta(minutes=5))
                ),
                "remove versions": lambda: engine.upkeep.remove_versions(dt.datetime.now(dt.UTC)),
            }
        action = rng.choice(sorted(actions))
        try:
            actions[action]()
            told["done"] += 1
        except OpenfactorError as error:
            told[error.kind] += 1
            if error.kind not in ("not_found", "conflict"):
                others.append(f"{action}: {error}")
        except BaseException as error:
            others.append(f"{action}: {error!r}")
        with suppress(OpenfactorError):  # where it is deleted, the old handle is used on
            handles[name] = store.open(KIND, name)
    parent.send((told, others))


def check(engine: EngineStore) -> None:
    found = engine.upkeep.check()
    assert found == [], found


def commit_staged(folder: Path, parent: Connection) -> None:
    """Commit what is staged, when told to."""
    warnings.simplefilter("ignore", DataWarning)
    upload = UploadStore(folder).open(KIND, "fx")
    parent.send(upload.version)
    parent.recv()
    parent.send(upload.commit("append").version)
