"""``replayer config``: what holds in a folder, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from replayer.settings.project import parse_project
from tests.unit.cli.fakes import CommandLine

TEXT = """\
version: 1
kafka:
  bootstrap: host:9092
  properties: {sasl.password: hunter2, linger.ms: 20}
registry: {url: "https://al:hunter2@registry"}
streams:
  - topic: orders
    dataset: {path: [a.csv, "b c.csv"]}
    key: {columns: "yes"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "replayer.yaml").write_text(TEXT)
    (tmp_path / ".env").write_text("REPLAYER_RATE=5k\n")
    return tmp_path


def test_what_is_set_is_a_project_file(folder: Path) -> None:
    """What is printed says the same again, but for secrets."""
    command = CommandLine(environment={"KAFKA_TOPIC": "other"}, folder=folder)
    assert command("config") == 0
    text = command.stdout.getvalue().decode()
    assert "hunter2" not in text
    project = parse_project(text)
    assert {key: one.text for key, one in project.settings.items()} == {
        "kafka.bootstrap": "host:9092",
        "registry.url": "https://********@registry",
        "pacing.rate": "5k",
        "streams.topic": "other",
        "streams.key.columns": "yes",
    }
    assert {key: one.text for key, one in project.properties.items()} == {
        "linger.ms": "20",
        "sasl.password": "********",
    }


def test_origins(folder: Path) -> None:
    """Each value says where it was set, and what is not set is listed with its default."""
    command = CommandLine(environment={"KAFKA_TOPIC": "other"}, folder=folder)
    assert command("config", "--show-origin") == 0
    text = command.stdout.getvalue().decode()
    for line in (
        "  bootstrap: host:9092  # replayer.yaml line 3: kafka.bootstrap",
        "    sasl.password: '********'  # replayer.yaml line 4: kafka.properties.sasl.password".replace("'", '"'),
        "  rate: 5k  # REPLAYER_RATE (.env line 1)",
        "topic: other  # KAFKA_TOPIC",
        "# workers:  # default",
    ):
        assert line in text
    assert parse_project(text).settings.keys() == parse_project(TEXT).settings.keys() | {"pacing.rate"}


def test_nothing_is_set(tmp_path: Path) -> None:
    """An ordinary folder has no settings, and that is no error."""
    command = CommandLine(folder=tmp_path)
    assert command("config") == 0
    assert command.stdout.getvalue() == b"version: 1\n"


def test_faults_are_told(tmp_path: Path) -> None:
    """Exit 2 with the line."""
    (tmp_path / "replayer.yaml").write_text("version: 1\nrun: {worker: 5}\n")
    command = CommandLine(folder=tmp_path)
    assert command("config") == 2
    assert command.stderr.getvalue() == (
        "error: replayer.yaml line 2: run.worker: unknown key\nhint: did you mean 'workers'?\n"
    )


def test_run_without_a_dataset_takes_the_projects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare ``replayer run`` replays what the project file names."""
    monkeypatch.chdir(folder)
    for name in ("a.csv", "b c.csv"):
        (folder / name).write_text("yes\n1\n")
    command = CommandLine(folder=folder)
    assert command("run") == 0, command.stderr.getvalue()
    (config,) = command.configs
    assert (config.source.paths, config.topic, config.record.key_columns) == (("a.csv", "b c.csv"), "orders", ("yes",))


def test_switches_and_lists_are_written_as_the_file_has_them(tmp_path: Path) -> None:
    """Truth values, headers and a new topic are read again as what they were."""
    (tmp_path / "replayer.yaml").write_text(
        "version: 1\nkafka: {create_topic: {partitions: 6}}\nrun: {loop: true}\n"
        'streams: [{dataset: {path: a.csv, header_row: no}, headers: {a: x, b: "{c}"}}]\n'
    )
    command = CommandLine(folder=tmp_path)
    assert command("config") == 0
    project = parse_project(command.stdout.getvalue().decode())
    assert {key: one.text for key, one in project.settings.items()} == {
        "kafka.create_topic": "partitions=6",
        "run.loop": "true",
        "streams.dataset.header_row": "false",
        "streams.headers": "a=x\nb={c}",
    }
