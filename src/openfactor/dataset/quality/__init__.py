"""Data quality: what a built dataset shows about the uploads that it was built from.

One small function per check, listed in `table.CHECKS`. What they look at is gathered once, in `evidence`.
"""

from openfactor.dataset.quality.report import known_checks, with_quality
from openfactor.dataset.quality.table import CHECKS

__all__ = ["CHECKS", "known_checks", "with_quality"]
