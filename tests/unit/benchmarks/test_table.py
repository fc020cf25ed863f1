"""The printed table and the files of results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.figures import AT_LEAST, Figure, Outcome, Target
from benchmarks.table import format_value, markdown_table, results_table

CIRCUMSTANCES = {
    "date": "2026-01-01T00:00:00+00:00",
    "command": "scripts/bench encode",
    "is_quick": False,
    "machine": {
        "cpu_model": "A CPU",
        "cpu_cores": 2,
        "python": "3.11.7",
        "librdkafka": "2.16.0",
        "kafka": "4.1.1",
        "numba": "0.68",
        "pyarrow": "26.0",
    },
    "load_average_before": [0.5, 0.4, 0.3],
}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_234_567.8, "records/s", "1,234,568 records/s"),
        (123.4, "×", "123×"),
        (12.34, "%", "12.3%"),
        (1.234, "×", "1.23×"),
        (0.0765, "cores", "0.076 cores"),
        (-17.25, "ppm", "-17.2 ppm"),
        (0, "ppm", "0 ppm"),
        (0.5, "", "0.500"),
    ],
)
def test_values_have_about_three_digits(value: float, unit: str, text: str) -> None:
    """Whole numbers from 100 on; the unit behind a blank unless it is a sign."""
    assert format_value(value, unit) == text


def test_the_table_lines_up_and_escapes_bars() -> None:
    """A bar in a cell must not open a new column."""
    assert markdown_table(("a", "bb"), [("x|y", "1"), ("z", "22222")]) == (
        "| a    | bb    |\n|------|-------|\n| x\\|y | 1     |\n| z    | 22222 |\n"
    )


def test_a_missed_target_is_shown() -> None:
    """Figure, target, verdict and the spread of the trials stand in one row."""
    figure = Figure("ours / theirs", "×", (1.1, 1.2, 1.4), Target(AT_LEAST, 1.5), "12 against 10 s")
    document = results.to_document("encode", Outcome({}, [], [figure]), CIRCUMSTANCES)
    row = results_table([document]).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["encode", "ours / theirs", "1.20×", "≥ 1.50×", "missed", "1.10 … 1.40", "12 against 10 s"]


def test_results_survive_the_disk_and_make_the_readme(tmp_path: Path) -> None:
    """The page holds the table and the notes of every scenario that has a file, in the scenarios' own order."""
    for name in ("text", "encode"):
        outcome = Outcome({"rows": 1}, [{"a": 1.5}], [Figure(f"of {name}", "s", (2.0,))], [f"a note on {name}"])
        results.save(results.to_document(name, outcome, CIRCUMSTANCES), tmp_path)
    results.write_readme(("encode", "paced", "text"), tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert page.index("of encode") < page.index("of text") < page.index("A CPU") < page.index("a note on text")
    saved = json.loads((tmp_path / "encode.json").read_text())
    assert saved["trials"] == [{"a": 1.5}]
    assert saved["figures"][0]["median"] == 2.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "encode.json", "text.json"]
