"""Compiles the kernels of a whole model, so that the processes of a test session find them compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def warm_up() -> None:
    """Compile in a process of its own; seconds where the kernels are in numba's cache already."""
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(root / "src"), str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(
        [sys.executable, "-m", "tests.warmup"], check=True, cwd=root, env=os.environ | {"PYTHONPATH": path}
    )


def main() -> None:
    """Build, fit and forecast on a market of two currencies, plainly and with Huber's loss."""
    from openfactor.model import estimate
    from openfactor.synthetic import simulate
    from tests.handles import RiskModel
    from tests.markets import dataset_of, model_settings

    market = simulate(40, 30, industries=3, styles=("size", "value"), currencies=("USD", "EUR"))
    dataset = dataset_of(market.uploads)
    for epsilon in (None, 1.35):
        settings = model_settings(huber_epsilon=epsilon)
        forecast = RiskModel(dataset, settings, estimate(dataset, settings, "warm-up")).forecast()
        forecast.factor_covariance()
        forecast.specific_volatility()


if __name__ == "__main__":
    main()
