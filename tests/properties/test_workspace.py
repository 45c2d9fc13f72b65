"""A workspace used by two clients at random, against a simple model of what must hold.

The model knows which rows each version of the price upload has, and which version a dataset was built from.
"""

from __future__ import annotations

import tempfile

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from polars.testing import assert_frame_equal

from openfactor import Client
from openfactor.errors import ConflictError, NotFoundError
from openfactor.model import Estimates, RiskModel, estimate
from openfactor.synthetic import simulate
from tests.client.test_riskmodels import commit
from tests.hypothesis_profiles import examples
from tests.markets import dataset_of, dataset_settings, model_settings, until

MARKET = simulate(12, 16, industries=2, styles=("size",), seed=21)
DAYS = MARKET.factor_returns["date"].to_list()
SETTINGS = model_settings()
KEY = ["date", "asset_id"]
clients = st.sampled_from([0, 1])
names = st.sampled_from(["d", "e"])


def prices(last: int, raised: bool) -> pl.DataFrame:
    """The prices up to a day; `raised` is a correction of the returns of the tenth day."""
    frame = until(MARKET.uploads, DAYS[last])["price"]
    wrong = pl.lit(raised) & (pl.col("date") == DAYS[9])
    return frame.with_columns(
        pl.when(wrong).then(pl.col("return") + 0.01).otherwise("return").alias("return")
    )


class Workspace(RuleBasedStateMachine):
    """What two clients do, in any order, and what they must see afterwards."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clients = [Client.local(self.folder.name, progress=False, threads=1) for _ in range(2)]
        commit(self.clients[0], MARKET.uploads | {"price": prices(11, False)})
        self.versions = [None, prices(11, False)]
        self.built: dict[str, int] = {}
        self.fitted: list[tuple[str, int, RiskModel]] = []
        self.expected: dict[int, Estimates] = {}

    @property
    def latest(self) -> int:
        return len(self.versions) - 1

    def upload(self, client: int):
        return self.clients[client].equity.uploaders["price"]["price"]

    @rule(client=clients, last=st.integers(11, 15), raised=st.booleans())
    def overwrite(self, client: int, last: int, raised: bool) -> None:
        rows = prices(last, raised)
        result = self.upload(client).fast_commit(rows, mode="overwrite")
        if not rows.equals(self.versions[-1]):
            self.versions.append(rows)
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
            self.versions.append(rows)  # the same rows in other files are a version too
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
        self.clients[client] = Client.local(self.folder.name, progress=False, threads=1)

    @invariant()
    def uploads_are_what_was_committed(self) -> None:
        for client in (0, 1):
            upload = self.upload(client)
            assert upload.version == self.latest
            assert_frame_equal(rows_of(upload.get_data()), self.versions[-1].select(*KEY, "return").sort(KEY))

    @invariant()
    def datasets_know_whether_they_are_up_to_date(self) -> None:
        for client in self.clients:
            datasets = client.equity.riskdatasets
            assert datasets.get_dataset_names() == sorted(self.built)
            for name, version in self.built.items():
                assert datasets.load(name).status == ("ready" if version == self.latest else "data_stale")
                priced = datasets.load(name).counts().filter(pl.col("priced") > 0)
                assert priced["date"].max() == self.versions[version]["date"].max()

    @invariant()
    def models_are_those_of_their_data(self) -> None:
        for _, version, model in self.fitted:
            if version not in self.expected:
                data = dataset_of(MARKET.uploads | {"price": self.versions[version]})
                self.expected[version] = estimate(data, SETTINGS, "twin")
            twin = self.expected[version]
            assert model.estimates.dates == twin.dates
            np.testing.assert_array_equal(model.estimates.factor_returns, twin.factor_returns)
            np.testing.assert_array_equal(model.estimates.specific_return, twin.specific_return)

    def teardown(self) -> None:
        self.folder.cleanup()


def rows_of(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.select(*KEY, "return").collect().sort(KEY)


TestWorkspace = Workspace.TestCase
TestWorkspace.settings = examples(10, stateful_step_count=12, suppress_health_check=list(HealthCheck))
