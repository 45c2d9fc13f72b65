"""From frames and files of users to the columns of a data type."""

from openfactor.uploads.parsing.file_names import bare_name
from openfactor.uploads.parsing.files import Source, is_archive, raising, sources
from openfactor.uploads.parsing.matching import check_mapping, refuse_file_name
from openfactor.uploads.parsing.parser import ParseOutcome, parse, parser_example, parser_names

__all__ = [
    "ParseOutcome",
    "Source",
    "bare_name",
    "check_mapping",
    "is_archive",
    "parse",
    "parser_example",
    "parser_names",
    "raising",
    "refuse_file_name",
    "sources",
]
