"""A workspace used by two clients at random, one of them over messages, against a simple model.

The model knows which rows each version of the price upload has, and which version a dataset was built from.
Handles are kept for as long as the test runs: a fitted model shows the version it was fitted on, whatever
it is asked and however late. Files are damaged, a third client must say so, and then they are put back.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor.client.riskmodel import RiskModel
from openfactor.dataset import RiskDataset
from openfactor.errors import ConflictError, DataWarning, NotFoundError, StorageError
from openfactor.model import Estimates, estimate
from openfactor.synthetic import simulate
from openfactor.workspace.local import LocalWorkspace
from openfactor.workspace.loopback import LoopbackWorkspace
from tests import handles
from tests.client.test_riskmodels import commit
from tests.hypothesis_profiles import examples
from tests.markets import dataset_of, dataset_settings, model_settings, until

MARKET = simulate(12, 16, industries=2, styles=("size",), seed=21)
DAYS = MARKET.factor_returns["date"].to_list()
SETTINGS = model_settings()
KEY = ["date", "asset_id"]
clients = st.sampled_from([0, 1])
names = st.sampled_from(["d", "e"])


DAMAGED = {
    "uploads": "uploads/price/*/*.parquet",
    "manifests": "store/manifests/*/*",
    "packs": "store/packs/*/*",
}
"""What is damaged, and its files in the folder of the workspace."""


def prices(last: int, raised: bool) -> pl.DataFrame:
    """The prices up to a day; `raised` is a correction of the returns of the tenth day."""
    frame = until(MARKET.uploads, DAYS[last])["price"]
    wrong = pl.lit(raised) & (pl.col("date") == DAYS[9])
    return frame.with_columns(
        pl.when(wrong).then(pl.col("return") + 0.01).otherwise("return").alias("return")
    )


@contextmanager
def cut_short(files: list[Path]) -> Iterator[None]:
    """The files lose their second half, then get it back; who has mapped them already sees nothing of it."""
    for file in files:
        content = file.read_bytes()
        os.replace(file, file.with_name(f"{file.name}.whole"))
        file.write_bytes(content[: len(content) // 2])
    try:
        yield
    finally:
        for file in files:
            os.replace(file.with_name(f"{file.name}.whole"), file)


class Workspace(RuleBasedStateMachine):
    """What two clients do, in any order, and what they must see afterwards."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clients = [self.opened(number) for number in range(2)]
        commit(self.clients[0], MARKET.uploads | {"price": prices(11, False)})
        self.versions = [None, prices(11, False).sort(KEY)]
        self.built: dict[str, int] = {}
        self.fitted: list[tuple[str, int, RiskModel]] = []
        self.expected: dict[int, tuple[RiskDataset, Estimates]] = {}

    def opened(self, number: int = 0) -> Client:
        kind = (LocalWorkspace, LoopbackWorkspace)[number]
        return Client(kind(self.folder.name, progress=False, threads=1))

    def twin(self, version: int) -> RiskModel:
        """The model that a fit on the prices of a version must give, made without any workspace."""
        if version not in self.expected:
            dataset = dataset_of(MARKET.uploads | {"price": self.versions[version]})
            self.expected[version] = dataset, estimate(dataset, SETTINGS, "twin")
        dataset, estimates = self.expected[version]
        return handles.RiskModel(dataset, SETTINGS, estimates)

    @property
    def latest(self) -> int:
        return len(self.versions) - 1

    def upload(self, client: int):
        return self.clients[client].equity.uploaders["price"]["price"]

    @rule(client=clients, last=st.integers(11, 15), raised=st.booleans())
    def overwrite(self, client: int, last: int, raised: bool) -> None:
        self.committed(client, "overwrite", prices(last, raised), prices(last, raised))

    @rule(client=clients, raised=st.booleans())
    def append(self, client: int, raised: bool) -> None:
        """The day after the last one, and a correction that `append` must not take."""
        before = self.versions[-1]
        last = DAYS.index(before["date"].max())
        rows = prices(min(last + 1, len(DAYS) - 1), raised).filter(
            pl.col("date").is_in([DAYS[9], *DAYS[last + 1 :]])
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the correction is left out
            self.committed(
                client, "append", rows, pl.concat([before, rows.filter(pl.col("date") > DAYS[last])])
            )

    @rule(client=clients, raised=st.booleans())
    def upsert(self, client: int, raised: bool) -> None:
        rows = prices(11, raised).filter(pl.col("date") == DAYS[9])
        after = pl.concat([self.versions[-1].filter(pl.col("date") != DAYS[9]), rows])
        self.committed(client, "upsert", rows, after)

    def committed(self, client: int, mode: str, rows: pl.DataFrame, after: pl.DataFrame) -> None:
        after = after.sort(KEY)
        result = self.upload(client).fast_commit(rows, mode=mode)
        if not after.equals(self.versions[-1]) or result.version > self.latest:
            self.versions.append(after)  # the same rows in other files are a version too
        assert result.version == self.latest

    @rule(client=clients, version=st.integers(1, 30))
    def restore(self, client: int, version: int) -> None:
        if version > self.latest:
            with pytest.raises(NotFoundError):
                self.upload(client).restore(version)
            return
        rows = self.versions[version]
        result = self.upload(client).restore(version)
        if not rows.equals(self.versions[-1]) or result.version > self.latest:
            self.versions.append(rows)
        assert result.version == self.latest

    @rule(client=clients, name=names)
    def create(self, client: int, name: str) -> None:
        datasets = self.clients[client].equity.riskdatasets
        if name in self.built:
            with pytest.raises(ConflictError):
                datasets.create_dataset(name, dataset_settings())
        else:
            datasets.create_dataset(name, dataset_settings())
            self.built[name] = self.latest

    @precondition(lambda self: self.built)
    @rule(client=clients, data=st.data(), force=st.booleans())
    def update(self, client: int, data: st.DataObject, force: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.built)))
        built = self.clients[client].equity.riskdatasets.load(name).update(force)
        if force or len(self.statuses(self.built[name])) == 1:
            assert built == (force or self.built[name] != self.latest)
        self.built[name] = self.latest

    @precondition(lambda self: self.built)
    @rule(client=clients, data=st.data())
    def delete(self, client: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.built)))
        self.clients[client].equity.riskdatasets.delete_dataset(name)
        del self.built[name]
        for each in self.clients:
            with pytest.raises(NotFoundError):
                each.equity.riskdatasets.load(name)

    @precondition(lambda self: self.built)
    @rule(client=clients, data=st.data())
    def fit(self, client: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.built)))
        model = self.clients[client].equity.riskmodels.load(SETTINGS.with_dataset(name)).get_model()
        self.fitted.append((name, self.built[name], model))

    @precondition(lambda self: self.fitted)
    @rule(data=st.data())
    def update_model(self, data: st.DataObject) -> None:
        name, _, model = data.draw(st.sampled_from(self.fitted))
        if name not in self.built:
            with pytest.raises(NotFoundError):
                model.update()
            return
        newer = model.update()
        self.built[name] = self.latest
        self.fitted.append((name, self.latest, newer))

    @rule(client=clients)
    def reopen(self, client: int) -> None:
        self.clients[client] = self.opened(client)

    @precondition(lambda self: self.fitted)
    @rule(data=st.data())
    def forecast(self, data: st.DataObject) -> None:
        """What is computed from a handle only now is that of its own data, however old they are."""
        _, version, model = data.draw(st.sampled_from(self.fitted))
        twin = self.twin(version)
        assert_frame_equal(model.forecast().factor_covariance(), twin.forecast().factor_covariance())
        assert_frame_equal(model.forecast().specific_volatility(), twin.forecast().specific_volatility())
        assert_frame_equal(model.exposures(), twin.exposures())

    @precondition(lambda self: self.built)
    @rule(kind=st.sampled_from(sorted(DAMAGED)), data=st.data())
    def damage(self, kind: str, data: st.DataObject) -> None:
        """A client that comes later says so; put back, everything is as it was."""
        name = data.draw(st.sampled_from(sorted(self.built)))
        with cut_short(sorted(Path(self.folder.name).glob(DAMAGED[kind]))):
            later = self.opened()
            datasets = later.equity.riskdatasets
            if kind == "uploads":
                with pytest.raises(StorageError, match="damaged"):
                    later.equity.uploaders["price"]["price"].get_data().collect()
            else:
                assert datasets.load(name).status == "corrupt"
                with pytest.raises(StorageError, match="is damaged"):
                    datasets.load(name).describe()
                if (name, self.built[name]) in [each[:2] for each in self.fitted]:
                    self.never_wrong(later, name)

    def never_wrong(self, client: Client, name: str) -> None:
        """A model whose files are damaged is refused, or fitted again; it never has other numbers."""
        try:
            model = client.equity.riskmodels.load(SETTINGS.with_dataset(name)).get_model()
        except StorageError:
            return
        same(model, self.twin(self.built[name]))

    @invariant()
    def uploads_are_what_was_committed(self) -> None:
        for client in (0, 1):
            upload = self.upload(client)
            assert upload.version == self.latest
            assert_frame_equal(rows_of(upload.get_data()), self.versions[-1].select(*KEY, "return").sort(KEY))

    def statuses(self, version: int) -> set[str]:
        """What a dataset of a version can say. Rows count, not numbers: those of an earlier version that came
        back are up to date, unless they lie in other files.
        """
        if version == self.latest:
            return {"ready"}
        key = [*KEY, "return"]
        rows, latest = (self.versions[v].select(key).sort(KEY) for v in (version, self.latest))
        return {"ready", "data_stale"} if rows.equals(latest) else {"data_stale"}

    @invariant()
    def datasets_know_whether_they_are_up_to_date(self) -> None:
        for client in self.clients:
            datasets = client.equity.riskdatasets
            assert datasets.get_dataset_names() == sorted(self.built)
            for name, version in self.built.items():
                assert datasets.load(name).status in self.statuses(version)
                priced = datasets.load(name).counts().filter(pl.col("priced") > 0)
                assert priced["date"].max() == self.versions[version]["date"].max()

    @invariant()
    def models_are_those_of_their_data(self) -> None:
        for name, version, model in self.fitted:
            same(model, self.twin(version))
            assert model.data.dataset == name
            assert model.data.uploads["price/price"] == version

    def teardown(self) -> None:
        self.folder.cleanup()


def same(model: RiskModel, twin: RiskModel) -> None:
    assert model.dates() == twin.dates()
    assert_frame_equal(model.fret(), twin.fret(), check_exact=True)
    assert_frame_equal(model.idio(), twin.idio(), check_exact=True)
    with suppress(ConflictError):  # over messages there are no arrays
        arrays, expected = model.arrays(), twin.arrays()
        np.testing.assert_array_equal(arrays.factor_returns, expected.factor_returns)
        np.testing.assert_array_equal(arrays.specific_return, expected.specific_return)


def rows_of(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.select(*KEY, "return").collect().sort(KEY)


TestWorkspace = Workspace.TestCase
TestWorkspace.settings = examples(24, stateful_step_count=15, suppress_health_check=list(HealthCheck))
