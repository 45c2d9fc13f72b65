"""Trading days."""

import numpy as np
import pytest

from openfactor.dataset.calendar import trading_days
from openfactor.errors import SettingsError

CLOSED = {"A": np.array([1, 1, 0, 0], bool), "B": np.array([1, 0, 1, 0], bool)}


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ([["A"]], [2, 3]),
        ([["A", "B"]], [1, 2, 3]),  # closed when both are
        ([["A"], ["B"]], [3]),  # closed when either is
    ],
)
def test_closed_days_combine(filters: list[list[str]], days: list[int]) -> None:
    assert trading_days(CLOSED, filters, 4).tolist() == days


def test_unknown_exchange() -> None:
    with pytest.raises(SettingsError, match="C, D; the exchanges are A, B"):
        trading_days(CLOSED, [["D", "A"], ["C"]], 4)
