"""Values of the contract with all of their fields set."""

from __future__ import annotations

from openfactor.contract.failures import Failure
from openfactor.contract.refs import (
    DiagnosticsQuery,
    ForecastProperties,
    FrameQuery,
    ModelProperties,
    ModelRef,
    Pinned,
    PinnedUpload,
    RowQuery,
    TaskStatus,
)
from openfactor.errors import DataError, Fault, SettingsError
from openfactor.settings import FactorRiskModelSettings, UniverseSettings
from openfactor.settings.values import Value
from tests.settings.examples.constants import DAY, INF, MOMENT, NEXT_DAY
from tests.settings.examples.results import VERSION
from tests.settings.examples.settings import FORECAST, MODELS, UNIVERSES

UPLOAD_VERSION = PinnedUpload(version=3, content="cd" * 16)
PINNED = Pinned[FactorRiskModelSettings](
    setting=MODELS[0], data=VERSION, uploads={"tsfactors/ff": UPLOAD_VERSION}
)
CONTRACT: list[Value] = [
    UPLOAD_VERSION, PINNED, Pinned[UniverseSettings](setting=UNIVERSES[0], data=VERSION, uploads={}),
    ModelRef(pinned=PINNED, fingerprint="ef"),
    FrameQuery(
        frame="factor_returns", start=DAY, end=NEXT_DAY, id_type="ticker", stage=2, layout="long",
        dated="returns", trading_days_only=True, forecast=FORECAST,
    ),
    RowQuery(
        columns=["date"], unique=True, head=5, version=UPLOAD_VERSION,
        filters=[[("ccy", "in", ["EUR", "円"]), ("close", ">", 0.5), ("close", "<", INF)],
            [("date", "in", [DAY, NEXT_DAY]), ("time", ">=", MOMENT), ("n", "=", None), ("flag", "=", True)],
        ],
    ),
    ModelProperties(
        dates=[DAY, NEXT_DAY], factors=[("market", "Ålpha")], n_stages=2, n_regressions=2, mean_r2=0.5
    ),
    ForecastProperties(settings=FORECAST, dates=[DAY], n_factors=3, periods_per_year=252.0),
    DiagnosticsQuery(
        forecast=FORECAST, start=DAY, end=NEXT_DAY, burn_in=10, window=20, n_portfolios=5, seed=3
    ),
    TaskStatus(
        id="t1", name="risk model on 'd'", state="failed", message="März", done=3, total=5, unit="days"
    ),
    Failure.of(DataError("not stored:", [
        Fault("positive", "price 'p'", "must be above 0", "close", 3, ("2024-01-02 Å",)),
        Fault("no_rows", "price 'p'", "has no rows"),
    ])),
    Failure.of(SettingsError("do not fit:", ["no 'style'"])),
    Failure.of(DataError("not stored:", [])).model_copy(update={"notes": ("while building 'd'",)}),
]  # fmt: skip
