"""The spellings of --format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.fakes import CommandLine


@pytest.mark.parametrize(
    ("words", "format_"),
    [
        ([], None),
        (["--json-lines"], "ndjson"),
        (["--json-array"], "json-array"),
        (["--format", "json"], "json"),
    ],
)
def test_the_spellings_mean_a_format(tmp_path: Path, words: list[str], format_: str | None) -> None:
    """Each of the two flags is short for a --format."""
    (tmp_path / "o.json").write_text("[]")
    command = CommandLine()
    assert command("run", str(tmp_path / "o.json"), *words) == 0
    assert command.configs[0].source.format == format_


@pytest.mark.parametrize("words", [["--json-lines", "--json-array"], ["--json-lines", "--format", "csv"]])
def test_a_format_is_said_once(tmp_path: Path, words: list[str]) -> None:
    """Two of them contradict each other: exit 2, both named."""
    (tmp_path / "o.json").write_text("[]")
    command = CommandLine()
    assert command("run", str(tmp_path / "o.json"), *words) == 2
    assert "name the format twice" in command.stderr.getvalue()
