"""The project file: what it sets, what is wrong in it, and the JSON Schema that it is checked against."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from replayer.cli.project_schema import schema_text
from replayer.config import OPTIONS, RunConfig, resolve
from replayer.encode.options import HeaderRule, RecordOptions, TimestampOptions, TombstoneRule
from replayer.settings.environment import Surroundings
from replayer.settings.faults import ConfigurationError
from replayer.settings.project import SCHEMA_FILE, parse_project, read_project
from replayer.source.options import CsvOptions, SourceOptions

WHOLE = """\
version: 1
kafka:
  bootstrap: host:9092
  properties: {linger.ms: 20, enable.idempotence: true}
  create_topic: {partitions: 6}
registry: {url: "http://registry:8081"}
run: {workers: 3, max_records: 1_000, duration: 1m, loops: 2}
pacing: {rate: 100k}
streams:
  - name: shop
    dataset: {path: orders.csv, format: csv}
    key: {columns: [country, city]}
    rejects: {policy: keep, file: r.ndjson, max: 0.5%}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "orders.csv").write_text("country,city\nNL,Delft\n")
    (tmp_path / "other.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(text: str, *paths: str, typed: Mapping[str, str] = {}, environment: Mapping[str, str] = {}) -> RunConfig:
    return resolve(paths, [], typed, Surroundings(environment), parse_project(text)).config


def faults_of(text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        parse_project(text)
    return [(fault.where, fault.message, fault.hint) for fault in caught.value.faults]


def test_a_whole_file(folder: Path) -> None:
    """Each key sets what its flag sets, numbers as they are written; the stream's name is its topic's."""
    config = resolved(WHOLE)
    assert (config.kafka.bootstrap, config.kafka.create_partitions) == ("host:9092", 6)
    assert config.kafka.properties == (("enable.idempotence", "true"), ("linger.ms", "20"))
    assert config.schema.registry_url == "http://registry:8081"
    assert (config.workers, config.topic, config.source.paths) == (3, "shop", ("orders.csv",))
    assert (config.limits.max_records, config.limits.duration_ns, config.limits.loops) == (1000, 60 * 10**9, 2)
    assert config.pacing.rate == Fraction(100_000)
    assert config.record.key_columns == ("country", "city")
    assert (config.rejects.file, str(config.rejects.budget)) == ("r.ndjson", "0.5%")


@pytest.mark.parametrize(
    ("typed", "environment", "topic"),
    [
        ({"topic": "flag"}, {"REPLAYER_TOPIC": "own", "KAFKA_TOPIC": "kafka"}, "flag"),
        ({}, {"REPLAYER_TOPIC": "own", "KAFKA_TOPIC": "kafka"}, "own"),
        ({}, {"KAFKA_TOPIC": "kafka"}, "kafka"),
        ({}, {}, "file"),
    ],
)
def test_precedence(folder: Path, typed: dict[str, str], environment: dict[str, str], topic: str) -> None:
    """Flag, then REPLAYER_*, then KAFKA_*, then the project file."""
    text = "version: 1\nstreams: [{dataset: {path: orders.csv}, topic: file}]\n"
    assert resolved(text, typed=typed, environment=environment).topic == topic


@pytest.mark.parametrize(
    ("typed", "environment", "bootstrap"),
    [({}, {}, "host:9092"), ({}, {"KAFKA_BOOTSTRAP_SERVERS": "k:1"}, "k:1"), ({"bootstrap_server": "f:1"}, {}, "f:1")],
)
def test_the_address(folder: Path, typed: dict[str, str], environment: dict[str, str], bootstrap: str) -> None:
    """The project file's address is the weakest."""
    assert resolved(WHOLE, typed=typed, environment=environment).kafka.bootstrap == bootstrap


RECORDS = """\
version: 1
streams:
  - dataset: {path: orders.csv, header_row: yes, delimiter: ",", quote: none, null_words: [NA, "-"], columns: [country]}
    key: {columns: country, format: json}
    value: {format: json, timestamps: epoch, tombstone_if: country=NL}
    partition: {by: crc32}
    headers: {source: replay, place: "{country}", number: 1_000, empty: ""}
    timestamp: {column: country, zone: UTC}
"""


def test_the_make_up_of_records(folder: Path) -> None:
    """Keys of the dataset and the record are those of the flags; headers are a mapping."""
    config = resolved(RECORDS)
    assert config.source == SourceOptions(
        ("orders.csv",), columns=("country",), csv=CsvOptions(",", "", True, ("NA", "-"))
    )
    assert config.record == RecordOptions(
        key_columns=("country",),
        key_format="json",
        timestamp=TimestampOptions("country", None, "UTC"),
        headers=(
            HeaderRule("source", "text", "replay"),
            HeaderRule("place", "column", "country"),
            HeaderRule("number", "text", "1_000"),
            HeaderRule("empty", "text", ""),
        ),
        tombstone=TombstoneRule("country", "NL"),
        value_format="json",
        partitioner="crc32",
        json_timestamps="epoch",
    )


def test_headers_as_a_list(folder: Path) -> None:
    """A name may come twice, as it may on the command line."""
    text = 'version: 1\nstreams: [{dataset: {path: orders.csv}, headers: [a=1, "a={@row}"]}]\n'
    assert resolved(text).record.headers == (HeaderRule("a", "text", "1"), HeaderRule("a", "row"))


@pytest.mark.parametrize("headers", ['{a: "x\\ny"}', '{"a=b": c}', '["a=x\\nb=y"]', "text", "{a: {b: c}}"])
def test_a_header_is_one_name_and_one_value(headers: str) -> None:
    """A line break would smuggle in another header, an equals sign move the border of name and value."""
    (fault,) = faults_of(f"version: 1\nstreams: [{{headers: {headers}}}]\n")
    assert fault[0].startswith("replayer.yaml line 2: streams[0].headers")


def test_a_typed_dataset_leaves_the_stream_aside(folder: Path) -> None:
    """The cluster and the pace are the folder's, the schema, key and topic are the stream's."""
    config = resolved(WHOLE, "other.csv")
    assert (config.source.paths, config.topic, config.record.key_columns) == (("other.csv",), "other", ())
    assert (config.kafka.bootstrap, config.pacing.rate) == ("host:9092", Fraction(100_000))


def test_a_login_in_the_environment(folder: Path) -> None:
    """A user name means SASL_SSL and PLAIN unless something else is set; the embedded broker takes no login."""
    login = {"KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p", "KAFKA_COMPRESSION_TYPE": "zstd"}
    properties = dict(
        resolved("version: 1", "other.csv", environment=login | {"KAFKA_BOOTSTRAP_SERVERS": "k:1"}).kafka.properties
    )
    assert properties == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "u",
        "sasl.password": "p",
        "compression.type": "zstd",
    }
    text = "version: 1\nkafka: {bootstrap: 'k:1', properties: {security.protocol: SASL_PLAINTEXT, sasl.username: x}}"
    properties = dict(resolved(text, "other.csv", environment=login).kafka.properties)
    assert (properties["security.protocol"], properties["sasl.username"]) == ("SASL_PLAINTEXT", "u")
    assert resolved("version: 1", "other.csv", environment=login).kafka.properties == ()


@pytest.mark.parametrize(
    ("text", "where", "message", "hint"),
    [
        ("version: 1\nrun:\n  max_record: 5\n", "line 3: run.max_record", "unknown key", "did you mean 'max_records'?"),
        ("version: 1\npace: {}\n", "line 2: pace", "unknown key", "did you mean 'pacing'?"),
        (
            "version: 1\nstreams:\n  - topic: a\n    datset: {}\n",
            "line 4: streams[0].datset",
            "unknown key",
            "did you mean 'dataset'?",
        ),
        ("run: {loops: 5}\n", "line 1", "'version' is a required property", "a project file begins with version: 1"),
        ("version: 2\n", "line 1: version", "1 was expected", "The version of this format."),
        (
            "version: 1\nrun: {loop: maybe}",
            "line 2: run.loop",
            'is not true or false: "maybe"',
            "Read the dataset again and again.",
        ),
        ("version: 1\nrun: [a]", "line 2: run", 'is not a mapping: ["a"]', ""),
        ("version: 1\nrun: {loops: 1}\nrun: {}\n", "line 3: run", "stands twice, first in line 2", ""),
        (
            "version: 1\nstreams:\n  - topic: a\n  - topic: b\n",
            "line 2: streams",
            "has 2 streams, and a run has one stream only so far",
            "make a folder with a replayer.yaml for each of them",
        ),
        ("version: 1\n  x: [", "line 2", "not YAML: mapping values are not allowed here", ""),
        ("a: &a [*a]\n", "line 1: a[0][0][0]", "is nested too deeply", ""),
    ],
)  # fmt: skip
def test_faults_have_a_place(text: str, where: str, message: str, hint: str) -> None:
    """The line and the path of the key, what is wrong, and what was meant."""
    (fault,) = faults_of(text)
    assert fault == (f"replayer.yaml {where}", message, hint)


def test_all_faults_are_listed_in_the_order_of_the_file() -> None:
    """Nobody corrects them one at a time."""
    text = "version: 1\nrun: {lops: 1}\npacing: {rat: 5}\nkafka: {create_topic: {partitions: many}}\n"
    assert [where for where, _, _ in faults_of(text)] == [
        "replayer.yaml line 2: run.lops",
        "replayer.yaml line 3: pacing.rat",
        "replayer.yaml line 4: kafka.create_topic.partitions",
    ]


def test_a_value_that_does_not_parse_is_told_with_its_line(folder: Path) -> None:
    """A rate that is none: the same words as for the flag, and the place in the file."""
    with pytest.raises(ConfigurationError) as caught:
        resolved("version: 1\npacing:\n  rate: fast\n", "orders.csv")
    (fault,) = caught.value.faults
    assert (fault.where, fault.message) == ("replayer.yaml line 3: pacing.rate", "'fast' is not a rate")


def test_a_key_without_a_value_sets_nothing(folder: Path) -> None:
    """A template with empty keys is as good as none."""
    assert resolved("version: 1\npacing:\n  rate:\nrun:\n", "orders.csv").pacing.rate is None


def test_no_file_is_no_project(tmp_path: Path) -> None:
    """A folder without a project file is an ordinary folder."""
    assert read_project(tmp_path) is None


def _keys(schema: Mapping[str, Any], place: str = "") -> list[str]:
    """The keys of the schema that hold values."""
    found = []
    for key, inner in schema["properties"].items():
        inner = inner.get("items", inner) if key == "streams" else inner  # noqa: PLW2901 (the list's one kind of item)
        is_branch = inner.get("type") == "object" and f"{place}{key}" not in ("kafka.properties", "kafka.create_topic")
        found += _keys(inner, f"{place}{key}.") if is_branch else [f"{place}{key}"]
    return found


def test_each_option_has_exactly_one_key_of_the_file() -> None:
    """The options of ``run`` and the keys of the schema are the same, but for what is typed without a name."""
    keys = _keys(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    others = ["version", "streams.name", "streams.dataset.path", "kafka.properties"]
    assert sorted(keys) == sorted([*others, *(option.key for option in OPTIONS)])


def test_the_published_schema_is_that_of_the_options() -> None:
    """A changed option without a changed schema file fails; UPDATE_GOLDEN=1 writes it."""
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))
