"""A crowd of processes and threads on the same few names: what each was told adds up to what there is."""

from __future__ import annotations

import json
import multiprocessing
import random
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from openfactor import Client
from openfactor.errors import ConflictError, NotFoundError
from tests.client.killing import UNIVERSE, on, write_template
from tests.client.test_kills import state_of

NAMES = ["a", "b", "c"]
ROUNDS = 25


def live(client: Client, rng: random.Random, told: Counter[str]) -> None:
    """Make, replace and delete datasets and settings at random; count what was reported to have happened."""
    datasets, universes = client.equity.riskdatasets, client.equity.universes.settings
    for _ in range(ROUNDS):
        name, other = rng.choice(NAMES), rng.choice(["root", *NAMES])
        deeds = {
            f"+{name}": lambda name=name, other=other: datasets.create_dataset(name, on(other)),
            f"={name}": lambda name=name, other=other: datasets.create_or_replace_dataset(name, on(other)),
            f"-{name}": lambda name=name: datasets.delete_dataset(name),
            f"+u {name}": lambda name=name: universes.save(name, UNIVERSE),
            f"=u {name}": lambda name=name: universes.save(name, UNIVERSE, overwrite=True),
            f"-u {name}": lambda name=name: universes.delete(name),
            f"^{name}": lambda name=name: datasets.load(name).update(force=rng.random() < 0.3),
            "list": lambda: datasets.list_riskdatasets(),
        }
        deed = rng.choice(list(deeds))
        try:
            deeds[deed]()
            told[deed] += 1
        except (ConflictError, NotFoundError) as error:
            told["misled"] += "overwrite=True" in str(error) and deed[0] != "+"
            told[f"refused: {deed[0]}"] += 1


def crowd(folder: Path, seed: int, threads: int) -> Counter[str]:
    """Several threads of one process, most of them sharing a client."""
    told, failures = [Counter[str]() for _ in range(threads)], list[BaseException]()

    def run(client: Client, number: int) -> None:
        try:
            live(client, random.Random(100 * seed + number), told[number])
        except BaseException as error:
            failures.append(error)

    one, two = (Client.local(folder, progress=False, threads=1) for _ in range(2))
    with one, two:
        clients = [(one, two)[number % 4 == 3] for number in range(threads)]
        workers = [threading.Thread(target=run, args=(c, number)) for number, c in enumerate(clients)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]
    return sum(told, Counter[str]())


@pytest.mark.slow
def test_a_crowd_on_the_same_names(tmp_path: Path) -> None:
    write_template(tmp_path)
    folder = tmp_path / "w"
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(crowd, folder, seed, 4) for seed in range(3)]
        told = sum((job.result() for job in jobs), Counter[str]())
    print(dict(told))
    assert told["misled"] == 0, "advice that the call had followed"
    entries = state_of(folder)
    kinds = {kind: {name for k, name, *_ in entries if k == kind} for kind in {entry[0] for entry in entries}}
    for name in NAMES:  # `=` may have made or replaced
        for kind, mark in (("RiskDatasetSettings", ""), ("UniverseSettings", "u ")):
            there = name in kinds.get(kind, set())
            made, gone = told[f"+{mark}{name}"], told[f"-{mark}{name}"]
            assert made <= gone + there
            assert made + told[f"={mark}{name}"] >= gone + there
    parents = {name: json.loads(value).get("reference_dataset") for kind, name, _, value, *_ in entries
               if kind == "RiskDatasetSettings"}  # fmt: skip
    for name in parents:
        at, seen = name, list[str]()
        while at is not None:
            assert at not in seen, "a circle"
            seen.append(at)
            at = parents[at]  # which is there
