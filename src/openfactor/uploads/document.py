"""The sections on data types of `docs/uploads.md`, made from their classes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openfactor.uploads.parsing import parser_example, parser_names
from openfactor.uploads.schema import Column, DataType
from openfactor.uploads.summaries import detail_summary
from openfactor.uploads.types import DATA_TYPES

BEGIN, END = "<!-- data types: written by `make docs` -->\n", "<!-- end of data types -->\n"


def markdown(data_types: Iterable[DataType]) -> str:
    """One section per data type."""
    return "\n".join(_section(data_type) for data_type in data_types)


def rewrite(page: Path) -> None:
    """Replace the part of the page between `BEGIN` and `END`."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{markdown(DATA_TYPES.values())}\n{END}{rest.partition(END)[2]}")


def _section(data_type: DataType) -> str:
    lines = [f"### `{data_type.name}`", "", data_type.description, ""]
    lines += ["| column | type | meaning | aliases |", "|---|---|---|---|"]
    lines += [_row(column) for column in data_type.columns]
    lines.append("")
    rules: dict[str, list[str]] = {}
    for rule in data_type.rules:
        rules.setdefault(f"{rule.message} (`{rule.name}`)", []).append(rule.column)
    if rules:
        sentences = [f"{', '.join(columns)} {message}" for message, columns in rules.items()]
        lines += [f"Rules: {'; '.join(sentences)}.", ""]
    names = detail_summary(data_type.empty().lazy(), data_type).collect_schema().names()
    lines += [f"Detail summary: {', '.join(names)}.", ""]
    for parser in parser_names(data_type):
        example = parser_example(data_type, parser).write_csv().strip()
        lines += [f"As `{parser}`:", "", "```", example, "```", ""]
    return "\n".join(lines)


def _row(column: Column) -> str:
    name = f"**{column.name}**" if column.key else column.name
    emptiness = "; may be empty or left out" if column.may_be_empty else ""
    if column.default is not None:
        emptiness = f"; {str(column.default).lower()} if empty or left out"
    return f"| {name} | {column.dtype} | {column.description}{emptiness} | {', '.join(column.aliases)} |"


if __name__ == "__main__":
    rewrite(Path("docs/uploads.md"))
