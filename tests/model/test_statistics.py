"""Standard errors and effective numbers of names, worked out from the frames that a user gets."""

from __future__ import annotations

import numpy as np
import pytest

from openfactor.model import estimate
from openfactor.synthetic import simulate
from tests.handles import RiskModel
from tests.markets import dataset_of, model_settings

MARKET = simulate(60, 12, industries=4, styles=("size",), late_listings=0, delistings=0, seed=6)
DATA = dataset_of(MARKET.uploads)


def model_of(**construction: object) -> RiskModel:
    settings = model_settings(estimation=False, **construction)
    return RiskModel(DATA, settings, estimate(DATA, settings, "x"))


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return model_of()


def cross_section(model: RiskModel, day: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exposures (n, K), returns (n,) and weights (n,) of the regression whose returns are of a day."""
    x = model.exposures(start=day, end=day, dated="returns").drop("date")
    names = x["ticker"].to_list()
    r, w = (
        frame.select(names).to_numpy().ravel().astype(float)
        for frame in (
            model.asset_returns(start=day, end=day, dated="returns"),
            model.weights(start=day, end=day, dated="returns"),
        )
    )
    used = np.isfinite(r) & (np.nan_to_num(w) > 0)
    return x.drop("ticker").to_numpy().astype(float)[used], r[used], w[used]


def test_standard_errors_are_those_of_constrained_least_squares(model: RiskModel) -> None:
    """s² Z (Z'X'WXZ)⁻¹ Z' with Z a basis of what the zero sum of the industries by cap leaves."""
    day = model.dates()[5]
    x, r, w = cross_section(model, day)
    factors = model.exposures(start=day, end=day, dated="returns").columns[2:]
    caps = model.market_caps(start=day, end=day, dated="returns").select(factors).to_numpy().ravel()
    industry = np.array([name.startswith("industry.") for name in factors])
    constraint = np.where(industry, caps, 0.0)
    free = np.linalg.svd(constraint[None])[2][1:].T
    omega = len(r) * w / w.sum()
    gram = np.linalg.inv(free.T @ (x.T * omega) @ x @ free)
    f = free @ gram @ free.T @ (x.T * omega) @ r
    variance = omega @ (r - x @ f) ** 2 / (len(r) - free.shape[1])
    expected = np.sqrt(variance * np.diag(free @ gram @ free.T))
    shown = model.standard_errors(start=day, end=day).select(factors).to_numpy().ravel()
    np.testing.assert_allclose(
        model.fret(start=day, end=day).select(factors).to_numpy().ravel(), f, rtol=1e-4
    )
    np.testing.assert_allclose(shown, expected, rtol=1e-4)


@pytest.mark.parametrize("weights", ["Equal", "SqrtCap"])
def test_effective_names(weights: str) -> None:
    """(Σ w)² / Σ w² of the names of a category: their number where all weigh the same."""
    model = model_of(weights=weights)
    day = model.dates()[5]
    x, _, w = cross_section(model, day)
    columns = model.exposures(start=day, end=day, dated="returns").columns[2:]
    shown = model.effective_names(start=day, end=day).row(0, named=True)
    for k, name in enumerate(columns):
        if not name.startswith("industry."):
            assert shown[name] is None, name
            continue
        inside = w * x[:, k]
        assert shown[name] == pytest.approx(inside.sum() ** 2 / (inside**2).sum(), rel=1e-5)
        if weights == "Equal":
            assert shown[name] == pytest.approx((x[:, k] > 0).sum(), rel=1e-5)
