"""From frames and files of users to the columns of a data type."""

from openfactor.uploads.parsing.files import Source, sources
from openfactor.uploads.parsing.frames import as_polars
from openfactor.uploads.parsing.layouts import Outcome, parse, parser_example, parser_names

__all__ = ["Outcome", "Source", "as_polars", "parse", "parser_example", "parser_names", "sources"]
