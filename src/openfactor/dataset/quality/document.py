"""Writes the section on checks of `docs/data_quality.md` from the table of checks."""

from __future__ import annotations

from pathlib import Path

from openfactor.dataset.quality.table import CHECKS
from openfactor.settings.docstrings import field_descriptions
from openfactor.settings.quality import DataQualitySettings

BEGIN, END = "<!-- checks: written by `make docs` -->\n", "<!-- end of checks -->\n"


def markdown() -> str:
    """One section per check, then the settings with their defaults."""
    sections = []
    for check in CHECKS:
        lines = [f"### `{check.name}`", "", f"Compares: {check.looks_at}", "", check.reports]
        if check.thresholds:
            lines[-1] += f" Settings: {', '.join(f'`{name}`' for name in check.thresholds)}."
        sections.append("\n".join([*lines, "", f"Remedy: {check.remedy}.", ""]))
    meanings = field_descriptions(DataQualitySettings)
    rows = [
        f"| `{name}` | {field.default} | {' '.join(meanings[name].split())} |"
        for name, field in DataQualitySettings.model_fields.items()
        if name != "treatment"
    ]
    table = ["### Settings", "", "| setting | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join([*sections, *table])


def rewrite(page: Path) -> None:
    """Update the part of the page between the marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{markdown()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    rewrite(Path("docs/data_quality.md"))
