"""The summary on the terminal."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from replayer.metrics.ledger import SourceCounts, close_ledger
from replayer.report.model import RunReport
from replayer.report.table import Paint
from replayer.report.text import render_text
from tests.unit.report import samples

SAMPLES = {
    "at-max": samples.AT_MAX,
    "paced-with-trouble": samples.PACED_WITH_TROUBLE,
    "empty": samples.EMPTY,
    "many-partitions": samples.MANY_PARTITIONS,
    "dry-run": samples.DRY,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_summary(name: str, golden: Callable[[str, str], None]) -> None:
    """The summary is what the golden file shows."""
    golden(f"summary-{name}.txt", render_text(SAMPLES[name]))


def test_verbose_summary(golden: Callable[[str, str], None]) -> None:
    """-v adds the reason of the producer, all files and each worker."""
    golden("summary-verbose.txt", render_text(samples.PACED_WITH_TROUBLE, is_verbose=True))


@pytest.mark.parametrize("name", SAMPLES)
def test_colour_changes_no_text(name: str) -> None:
    """Without its colours the coloured summary is the plain one: no alignment depends on them."""
    coloured = render_text(SAMPLES[name], Paint(is_coloured=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(SAMPLES[name])


def test_the_ledger_of_the_summary_adds_up() -> None:
    """The two columns of the ledger sum to the records encoded, by the numbers that are shown."""
    text = render_text(samples.PACED_WITH_TROUBLE)
    shown = [
        (name, int(count.replace(",", "")))
        for name, count in re.findall(r"^    ([a-z ]+?)  +[-+=]? +([\d,]+)$", text.split("  ledger\n")[1], re.MULTILINE)
    ]
    first, second = dict(shown[:3]), dict(shown[3:])
    assert first["rows read"] - first["rejected"] == first["encoded"]
    assert sum(second.values()) == 2 * second["encoded"]
    assert first["encoded"] == second["encoded"] == 600_000


def _with_ledger(**changes: int) -> RunReport:
    source = dataclasses.replace(samples.AT_MAX.ledger.source, **changes)
    return dataclasses.replace(samples.AT_MAX, ledger=close_ledger(source, samples.AT_MAX.partitions))


def test_a_ledger_that_does_not_close_says_where() -> None:
    """The fault stands in the summary, in words and numbers."""
    text = render_text(_with_ledger(encoded=1_199_999))
    assert "DOES NOT CLOSE" in text
    assert "rows read 1,200,000, but filtered 0 + rejected 0 + encoded 1,199,999" in text


@pytest.mark.parametrize(
    ("end_offset_after", "words"),
    [
        (401_000, "end offsets moved by 1,200,000, 1,200,000 delivered; no other writer"),
        (401_005, "not exclusive, foreign writers: 5 records"),
        (400_999, "end offsets moved by 1,199,999 only, 1,200,000 delivered"),
        (None, "not asked: the broker gave no end offsets"),
    ],
)
def test_the_proof_is_said_in_words(end_offset_after: int | None, words: str) -> None:
    """What the broker says is shown as it is, more and less included."""
    last = dataclasses.replace(samples.AT_MAX.partitions[2], end_offset_after=end_offset_after)
    partitions = (*samples.AT_MAX.partitions[:2], last)
    ledger = close_ledger(samples.AT_MAX.ledger.source, partitions)
    assert words in render_text(dataclasses.replace(samples.AT_MAX, ledger=ledger, partitions=partitions))


def test_what_was_not_measured_is_not_a_number() -> None:
    """None is never shown as 0 (case 1: an empty dataset says so plainly)."""
    text = render_text(samples.EMPTY)
    assert "the dataset has no rows: nothing was sent" in text
    assert "throughput  not measured\n" in text
    assert "time        2.31 s in all\n" in text
    assert "None" not in text
    assert "nan" not in text


def test_all_rows_rejected() -> None:
    """A run that could send nothing does not look like a success."""
    ledger = close_ledger(SourceCounts(rows_read=5, rejected=5), samples.EMPTY.partitions)
    text = render_text(dataclasses.replace(samples.EMPTY, ledger=ledger, exit_code=5))
    assert text.startswith("complete (exit 5)  none of 5 rows fits the schema: nothing was sent\n")


HOSTILE = "\x1b[2J\x1b[31mred\r\nforged  line\x07\u202e\x9b1m"


def test_case_39_hostile_names_cannot_reach_the_terminal() -> None:
    """Every text of the report may come from data; none brings a control character or a line of its own."""

    def poison(value: object) -> object:
        if isinstance(value, str):
            return HOSTILE
        if isinstance(value, tuple):
            return tuple(poison(part) for part in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return dataclasses.replace(value, **{name: poison(getattr(value, name)) for name in names})
        return value

    poisoned = poison(samples.PACED_WITH_TROUBLE)
    assert isinstance(poisoned, RunReport)
    text = render_text(poisoned, is_verbose=True)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert not re.search(r"^ *forged", text, re.MULTILINE)
