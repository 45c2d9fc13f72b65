"""Users' frames (polars, pandas, pyarrow) as polars frames that can travel; needs nothing of the engine."""

from openfactor.frames.conversion import SOURCE_ROW, as_polars, as_table
from openfactor.frames.mixed import MIXED, mixed_series

__all__ = ["MIXED", "SOURCE_ROW", "as_polars", "as_table", "mixed_series"]
