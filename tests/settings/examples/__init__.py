"""Every public value with all of its fields set, so that nothing is lost only because it had its default."""

from openfactor.settings.values import Value
from tests.settings.examples.constants import INF
from tests.settings.examples.contract import CONTRACT
from tests.settings.examples.legacy import LEGACY
from tests.settings.examples.results import RESULTS
from tests.settings.examples.settings import SETTINGS

__all__ = ["INF", "SETTINGS", "VALUES"]

VALUES: list[Value] = [*SETTINGS, *LEGACY, *RESULTS, *CONTRACT]
"""At least one value of every public class."""
