"""The Markdown table of figures. Pure: a function of what results files hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEADER = ("scenario", "figure", "measured", "target", "", "spread", "detail")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns line up in plain text too. A ``|`` in a cell is escaped."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def format_value(value: float, unit: str) -> str:
    """Three significant digits, whole numbers from 1,000 on; the unit behind, joined if it is ``×`` or ``%``."""
    magnitude = abs(value)
    if magnitude >= 1000:
        text = f"{value:,.0f}"
    elif magnitude >= 100 or value == 0:
        text = f"{value:.0f}"
    elif magnitude >= 10:
        text = f"{value:.1f}"
    elif magnitude >= 1:
        text = f"{value:.2f}"
    else:
        text = f"{value:.3f}"
    gap = "" if unit in ("×", "%") else " "
    return f"{text}{gap}{unit}".strip()


def figure_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """One row a figure of one results file; see ``results.to_document`` for its form."""
    rows = []
    for figure in result["figures"]:
        unit, target = figure["unit"], figure["target"]
        values = figure["values"]
        spread = ""
        if len(values) > 1:
            spread = f"{format_value(min(values), '')} … {format_value(max(values), '')}"
        rows.append(
            [
                result["scenario"],
                figure["name"],
                format_value(figure["median"], unit),
                "" if target is None else f"{target['relation']} {format_value(target['value'], unit)}",
                figure["verdict"],
                spread,
                figure["detail"],
            ]
        )
    return rows


def results_table(results: Iterable[Mapping[str, Any]]) -> str:
    """The table of all figures of several results files."""
    return markdown_table(HEADER, (row for result in results for row in figure_rows(result)))
