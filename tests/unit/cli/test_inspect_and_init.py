"""``inspect`` prints, ``init`` writes; both leave everything else alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fastavro
import pytest
import yaml

from tests.unit.cli.fakes import CommandLine

TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


def test_inspect_prints_a_table_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is what was asked for, so it is on stdout; nothing is written."""
    monkeypatch.chdir(tmp_path)
    command = CommandLine()
    assert command("inspect", str(TESTDATA / "orders.csv")) == 0
    text = command.stdout.getvalue().decode()
    assert "2,000 values with leading zeros, first '0076793' in row 0" in text
    assert command.stderr.getvalue() == ""
    assert os.listdir(tmp_path) == []


def test_inspect_prints_a_schema() -> None:
    """--avsc is an Avro schema that others read."""
    command = CommandLine()
    assert command("inspect", str(TESTDATA / "orders.parquet"), "--avsc") == 0
    schema = json.loads(command.stdout.getvalue())
    fastavro.parse_schema(schema)
    assert schema["name"] == "orders"


def test_inspect_prints_json() -> None:
    """--output json has all of it."""
    command = CommandLine()
    assert command("inspect", str(TESTDATA / "orders.csv"), "--output", "json", "--infer", "fast") == 0
    document = json.loads(command.stdout.getvalue())
    assert (document["version"], document["rows"], len(document["columns"])) == (1, 2_000, 12)
    assert document["key"]["column"] == "order_id"


@pytest.mark.parametrize("words", [["missing.csv"], ["x.csv", "--format", "cvs"]])
def test_inspect_refuses_as_run_does(words: list[str]) -> None:
    """The same words for the same mistakes, exit 2."""
    command = CommandLine()
    assert command("inspect", *words) == 2
    assert command.stderr.getvalue().startswith("error: ")


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders.ndjson.zst"])
def test_init_makes_a_bare_run_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The two files say all that a run needs; the dataset is found from the folder of the project file."""
    command = CommandLine(folder=tmp_path)
    assert command("init", str(TESTDATA / name), "--into", str(tmp_path)) == 0, command.stderr.getvalue()
    assert sorted(os.listdir(tmp_path)) == ["orders.avsc", "replayer.yaml"]
    assert "replayer run replays" in command.stderr.getvalue()
    monkeypatch.chdir(tmp_path)
    assert command("run") == 0, command.stderr.getvalue()
    (config,) = command.configs
    assert (config.topic, config.record.key_columns, config.schema.schema_file) == (
        "orders",
        ("order_id",),
        "orders.avsc",
    )
    assert (config.pacing.rate, config.rejects.policy, config.kafka.bootstrap) == (None, "keep", "")
    assert fastavro.schema.load_schema("orders.avsc")["name"] == "orders"


def test_init_with_paths_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are written relative to the new folder, names that YAML would mistake are quoted."""
    monkeypatch.chdir(tmp_path)
    for name in ("yes.csv", "a, b.csv"):
        Path(name).write_text("no\n1\n")
    command = CommandLine()
    assert command("init", "yes.csv", "a, b.csv", "--into", "p/q", "-t", "no") == 0, command.stderr.getvalue()
    written = yaml.safe_load((tmp_path / "p/q/replayer.yaml").read_text())
    (stream,) = written["streams"]
    assert stream["dataset"]["path"] == ["../../yes.csv", "../../a, b.csv"]
    assert (stream["topic"], stream["schema"]["file"], stream["key"]["columns"]) == ("no", "no.avsc", "no")


@pytest.mark.parametrize("there", ["replayer.yaml", "orders.avsc"])
def test_init_overwrites_nothing(tmp_path: Path, there: str) -> None:
    """What is there stays there: exit 2, and neither file is written."""
    (tmp_path / there).write_text("mine")
    command = CommandLine()
    assert command("init", str(TESTDATA / "orders.csv"), "--into", str(tmp_path)) == 2
    assert f"{there} is there already" in command.stderr.getvalue()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


def test_case_44_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Case 44: exit 2 with the path."""
    (tmp_path / "file").write_text("")
    command = CommandLine()
    assert command("init", str(TESTDATA / "orders.csv"), "--into", str(tmp_path / "file" / "in")) == 2
    assert f"{tmp_path / 'file' / 'in'} cannot be written to" in command.stderr.getvalue()


def test_init_writes_how_the_dataset_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare run reads the dataset in the same way as init did."""
    (tmp_path / "o.txt").write_text("1|'a'|NA\n2|'b'|x\n")
    monkeypatch.chdir(tmp_path)
    command = CommandLine(folder=tmp_path)
    words = ["--format", "csv", "--delimiter", "pipe", "--quote", "'", "--header-row", "no", "--null-words", "NA"]
    assert command("init", "o.txt", "-t", "o", "--encoding", "latin-1", "--union-schemas", *words) == 0
    assert command("run") == 0, command.stderr.getvalue()
    assert command("run", "o.txt", "--encoding", "latin-1", "--union-schemas", *words, "-t", "o") == 0
    bare, typed = command.configs
    assert bare.source == typed.source


@pytest.mark.parametrize("flag", ["--json-array", "--json-lines"])
def test_inspect_knows_the_spellings_of_format(tmp_path: Path, flag: str) -> None:
    """The two flags are short for a --format here, too."""
    path = tmp_path / "o.json"
    path.write_text('[{"a":1}]' if flag == "--json-array" else '{"a":1}')
    command = CommandLine()
    assert command("inspect", str(path), flag, "--output", "json") == 0, command.stderr.getvalue()
    assert json.loads(command.stdout.getvalue())["format"] == ("json-array" if flag == "--json-array" else "ndjson")
