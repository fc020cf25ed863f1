"""Results on disk: one JSON file a scenario, and the table of all of them in results/README.md."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Outcome
from benchmarks.table import results_table

FOLDER = Path(__file__).parent / "results"
_INTRODUCTION = """\
# Results

Written by `scripts/bench`; what each figure means is in [../README.md](../README.md). A figure is the median of its
trials, a ratio the median of the ratios pair by pair, the spread their smallest and largest. The JSON files beside this
one hold every trial.

"""


def _figure_document(figure: Figure) -> dict[str, Any]:
    target = None if figure.target is None else {"relation": figure.target.relation, "value": figure.target.value}
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.median,
        "values": list(figure.values),
        "target": target,
        "verdict": figure.verdict,
        "detail": figure.detail,
    }


def to_document(scenario: str, outcome: Outcome, circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form. ``circumstances``: date, command, machine, load averages, versions."""
    return {
        "scenario": scenario,
        **circumstances,
        "settings": outcome.settings,
        "figures": [_figure_document(figure) for figure in outcome.figures],
        "notes": outcome.notes,
        "trials": outcome.trials,
    }


def now_text() -> str:
    """The time in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def save(document: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write one scenario's file; the file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['scenario']}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def load_all(order: tuple[str, ...], folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The results there are, in the given order of scenarios."""
    paths = [folder / f"{name}.json" for name in order]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def _circumstances_line(document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    quick = ", quick" if document["is_quick"] else ""
    load = document["load_average_before"][0]
    return (
        f"- {document['scenario']}: `{document['command']}`, {document['date']}{quick}; {machine['cpu_model']}, "
        f"{machine['cpu_cores']} cores; load average before {load}; Python {machine['python']}, "
        f"librdkafka {machine['librdkafka']}, Kafka {machine['kafka']}, numba {machine['numba']}, "
        f"pyarrow {machine['pyarrow']}"
    )


def write_readme(order: tuple[str, ...], folder: Path = FOLDER) -> None:
    """Make results/README.md from all JSON files there are."""
    documents = load_all(order, folder)
    lines = [_circumstances_line(document) for document in documents]
    notes = [f"- {document['scenario']}: {note}" for document in documents for note in document["notes"]]
    text = _INTRODUCTION + results_table(documents) + "\n## When and where\n\n" + "\n".join(lines) + "\n"
    if notes:
        text += "\n## Notes\n\n" + "\n".join(notes) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
