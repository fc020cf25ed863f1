"""What ``run`` and ``broker`` ask for, and where they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replayer.report.json import from_json
from replayer.report.text import render_text
from tests.unit.cli.fakes import CommandLine, Terminal, finish_at_once
from tests.unit.report.samples import AT_MAX, PACED_WITH_TROUBLE


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n")
    return str(path)


def test_stdout_carries_nothing_without_output_json(dataset: str) -> None:
    """Plan and summary are talk, and talk goes to stderr."""
    command = CommandLine()
    assert command("run", dataset) == 0
    assert command.stdout.getvalue() == b""
    assert command.stderr.getvalue() == "orders.csv to orders\n\n" + render_text(AT_MAX)


def test_stdout_carries_one_document_with_output_json(dataset: str) -> None:
    """The report and nothing else; the text summary is left out."""
    command = CommandLine()
    assert command("run", dataset, "--output", "json") == 0
    assert from_json(command.stdout.getvalue()) == AT_MAX
    assert command.stderr.getvalue() == "orders.csv to orders\n"


def test_the_reports_exit_code_is_the_commands(dataset: str) -> None:
    """A run that ended badly still has its summary, and its own exit code."""
    command = CommandLine(lambda config, observer: PACED_WITH_TROUBLE)
    assert command("run", dataset) == 6
    assert "failed (exit 6)" in command.stderr.getvalue()


def test_options_reach_the_run(dataset: str) -> None:
    """Short names, long names and the alias of --max-records mean the same."""
    command = CommandLine(environment={"REPLAYER_KEY": "id", "SCHEMA_REGISTRY_URL": "http://registry"})
    words = ("-b", "host:1", "-t", "t", "-X", "linger.ms=5", "-X", "acks=1", "--max-messages", "5", "--loop")
    assert command("run", dataset, *words) == 0
    (config,) = command.configs
    assert (config.kafka.bootstrap, config.topic) == ("host:1", "t")
    assert config.kafka.properties == (("acks", "1"), ("linger.ms", "5"))
    assert (config.limits.max_records, config.limits.loops) == (5, None)
    assert (config.record.key_columns, config.schema.registry_url) == (("id",), "http://registry")
    assert command.dry_configs == []


def test_a_dry_run_never_reaches_the_supervisor(dataset: str) -> None:
    """Case 43 at the command line: --dry-run calls the dry run and nothing else."""
    command = CommandLine()
    assert command("run", dataset, "--dry-run") == 0
    assert command.configs == []
    assert [config.dry_run for config in command.dry_configs] == [True]


def test_quiet_says_nothing_when_all_is_well(dataset: str) -> None:
    """-q leaves errors only."""
    command = CommandLine(environment={"REPLAYER_RATS": "5"})
    assert command("run", dataset, "-q") == 0
    assert command.stderr.getvalue() == ""


def test_verbose_adds_details(dataset: str) -> None:
    """-v shows reasons during the run and in the summary."""
    command = CommandLine()
    command("run", dataset, "-v")
    text = command.stderr.getvalue()
    assert text.startswith("orders.csv to orders\nthe native producer has what it needs\n")
    assert "the bundled librdkafka has what it needs" in text


def test_json_progress_is_ndjson_to_the_end(dataset: str) -> None:
    """--progress json makes every line of stderr a JSON object, the report included."""
    command = CommandLine()
    command("run", dataset, "--progress", "json")
    lines = [json.loads(line) for line in command.stderr.getvalue().splitlines()]
    assert [line["type"] for line in lines] == ["plan", "progress", "report"]
    assert lines[1]["delivered"] == 412_339
    assert lines[2]["report"]["ledger"]["closes"] is True


def test_a_mistyped_variable_is_noted(dataset: str) -> None:
    """A REPLAYER_ variable that sets nothing is said before the run."""
    command = CommandLine(environment={"REPLAYER_MAX_RECORD": "5"})
    command("run", dataset)
    assert command.stderr.getvalue().startswith("note: REPLAYER_MAX_RECORD sets nothing")


def test_the_live_line_is_closed_before_an_error(dataset: str) -> None:
    """An error after progress starts on a line of its own."""

    def run(config, observer):  # type: ignore[no-untyped-def]
        finish_at_once(config, observer)
        raise ValueError("x")

    command = CommandLine(run, stderr=Terminal())
    assert command("run", dataset) == 1
    assert "\nerror: unexpected ValueError" in command.stderr.getvalue()


def test_broker_prints_its_address(dataset: str) -> None:
    """The address is the broker's data and goes to stdout; Ctrl-C is its ordinary end."""
    command = CommandLine()
    assert command("broker", "--partitions", "3", "--topic", "a", "--topic", "b") == 0
    assert command.brokers == [(("a", "b"), 3)]
    assert command.stdout.getvalue() == b"127.0.0.1:9092\n"
    assert "listens on 127.0.0.1:9092" in command.stderr.getvalue()


def test_samples_are_whole() -> None:
    """The fakes return reports whose books close, so that what is shown is what a real run shows."""
    assert AT_MAX.ledger.closes
    assert PACED_WITH_TROUBLE.ledger.closes
