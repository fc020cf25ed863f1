"""What was typed and set in the environment becomes one configuration, or a list of all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from replayer.coerce.options import ErrorBudget, RejectOptions
from replayer.config import (
    OPTIONS,
    RunConfig,
)
from replayer.config import resolve as resolve_with_notes
from replayer.encode.options import RecordOptions, TimestampOptions
from replayer.settings.environment import Surroundings
from replayer.settings.faults import ConfigurationError
from replayer.settings.words import default_topic


def resolve(
    paths: Sequence[str], overrides: Sequence[str], typed: Mapping[str, str], environment: Mapping[str, str]
) -> RunConfig:
    return resolve_with_notes(paths, overrides, typed, Surroundings(environment)).config


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text("id,name\n1,a\n")
    return str(path)


def faults_of(
    paths: Sequence[str], overrides: Sequence[str], typed: Mapping[str, str], environment: Mapping[str, str]
) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        resolve(paths, overrides, typed, environment)
    assert caught.value.exit_code == 2
    return [(fault.where, fault.message) for fault in caught.value.faults]


def test_nothing_but_a_dataset(dataset: str) -> None:
    """One word is enough: the embedded broker, the base name as topic, no pacing, one pass."""
    config = resolve([dataset], [], {}, {})
    assert isinstance(config, RunConfig)
    assert config.kafka.bootstrap == ""
    assert (config.kafka.producer, config.kafka.properties, config.kafka.create_partitions) == ("auto", (), None)
    assert config.topic == "orders"
    assert config.source.paths == (dataset,)
    assert (config.source.format, config.schema.schema_file, config.schema.registry_url) == (None, None, None)
    assert (config.record.key_columns, config.rejects.file, config.pacing.rate) == ((), None, None)
    assert (config.limits.max_records, config.limits.duration_ns, config.limits.loops) == (None, None, 1)
    assert (config.workers, config.dry_run) == (None, False)


def test_every_option_arrives(dataset: str, tmp_path: Path) -> None:
    """Each option's value lands in the options of the stage that it is for."""
    schema = tmp_path / "orders.avsc"
    schema.write_text("{}")
    typed = {
        "bootstrap_server": "host:9092",
        "topic": "t",
        "registry_url": "http://registry:8081",
        "create_topic": "partitions=6",
        "workers": "3",
        "producer": "portable",
        "format": "csv",
        "schema": str(schema),
        "key": "name, id",
        "rejects_file": "r.ndjson",
        "rate": "1.5M/s",
        "max_records": "10k",
        "duration": "30s",
        "loops": "5",
        "dry_run": "true",
    }
    config = resolve([dataset], ["linger.ms=20", "linger.ms=30", "acks=all"], typed, {})
    assert config.kafka.bootstrap == "host:9092"
    assert config.kafka.properties == (("acks", "all"), ("linger.ms", "30"))
    assert (config.kafka.create_partitions, config.kafka.producer) == (6, "portable")
    assert (config.topic, config.workers, config.dry_run) == ("t", 3, True)
    assert (config.schema.schema_file, config.schema.registry_url) == (str(schema), "http://registry:8081")
    assert (config.source.format, config.record.key_columns) == ("csv", ("name", "id"))
    assert (config.rejects.file, config.pacing.rate) == ("r.ndjson", Fraction(1_500_000))
    assert (config.limits.max_records, config.limits.duration_ns, config.limits.loops) == (10_000, 30 * 10**9, 5)


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    """Nobody has to correct a command one fault at a time; each fault names the place that set it."""
    missing = str(tmp_path / "missing.csv")
    typed = {
        "topic": "a/b",
        "command_config": str(tmp_path / "no.properties"),
        "create_topic": "partition=6",
        "workers": "0",
        "producer": "natve",
        "format": "cvs",
        "schema": str(tmp_path / "no.avsc"),
        "key": "id,,name",
        "max_records": "1.5",
        "duration": "5 fortnights",
        "loop": "true",
        "loops": "3",
    }
    faults = faults_of([missing], ["linger.ms", "=5"], typed, {"REPLAYER_RATE": "10x"})
    wheres = [where for where, _ in faults]
    expected = ["--topic", "--command-config", "--create-topic", "--workers", "--producer", "--format", "--schema"]
    expected += ["--key", "REPLAYER_RATE", "--max-records", "--duration", "", "-X", "-X", "--loop"]
    assert wheres == expected
    assert all(message for _, message in faults)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ({"producer": "natve"}, "did you mean 'native'?"),
        ({"format": "parket"}, "did you mean 'parquet'?"),
        ({"create_topic": "partitons=6"}, "write partitions=6"),
        ({"schema": "registry:orders-value"}, "save the schema as FILE.avsc and name that"),
    ],
)
def test_one_fault_is_an_error_with_a_hint(dataset: str, typed: dict[str, str], hint: str) -> None:
    """A single fault reads like any other error: message and hint."""
    with pytest.raises(ConfigurationError) as caught:
        resolve([dataset], [], typed, {})
    assert caught.value.hint == hint
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize(
    ("typed", "environment", "bootstrap"),
    [
        ({"bootstrap_server": "a:1"}, {"REPLAYER_BOOTSTRAP_SERVER": "b:1", "KAFKA_BOOTSTRAP_SERVERS": "c:1"}, "a:1"),
        ({}, {"REPLAYER_BOOTSTRAP_SERVER": "b:1", "KAFKA_BOOTSTRAP_SERVERS": "c:1"}, "b:1"),
        ({}, {"KAFKA_BOOTSTRAP_SERVERS": "c:1"}, "c:1"),
        ({}, {"REPLAYER_BOOTSTRAP_SERVER": "", "KAFKA_BOOTSTRAP_SERVERS": "c:1"}, "c:1"),
        ({}, {}, ""),
    ],
)
def test_precedence(dataset: str, typed: dict[str, str], environment: dict[str, str], bootstrap: str) -> None:
    """Flag, then REPLAYER_*, then KAFKA_BOOTSTRAP_SERVERS, then the default; an empty variable is not set."""
    assert resolve([dataset], [], typed, environment).kafka.bootstrap == bootstrap


@pytest.mark.parametrize(
    ("overrides", "typed", "environment", "bootstrap"),
    [
        (["bootstrap.servers=x:1"], {}, {"REPLAYER_BOOTSTRAP_SERVER": "b:1"}, "x:1"),
        (["metadata.broker.list=x:1"], {}, {}, "x:1"),
        (["bootstrap.servers=x:1"], {"bootstrap_server": "a:1"}, {}, "a:1"),
        ([], {"command_config": "FILE"}, {"REPLAYER_BOOTSTRAP_SERVER": "b:1"}, "f:1"),
        (["bootstrap.servers=x:1"], {"command_config": "FILE"}, {}, "x:1"),
        ([], {}, {"REPLAYER_COMMAND_CONFIG": "FILE", "REPLAYER_BOOTSTRAP_SERVER": "b:1"}, "b:1"),
        ([], {}, {"REPLAYER_COMMAND_CONFIG": "FILE", "KAFKA_BOOTSTRAP_SERVERS": "c:1"}, "f:1"),
    ],
)
def test_the_address_among_properties(
    dataset: str,
    tmp_path: Path,
    overrides: list[str],
    typed: dict[str, str],
    environment: dict[str, str],
    bootstrap: str,
) -> None:
    """-X and -F may carry the address; they are as strong as the place that they were given in."""
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=f:1\nlinger.ms=7\n")
    typed = {key: value.replace("FILE", str(file)) for key, value in typed.items()}
    environment = {key: value.replace("FILE", str(file)) for key, value in environment.items()}
    config = resolve([dataset], overrides, typed, environment)
    assert config.kafka.bootstrap == bootstrap
    assert "bootstrap.servers" not in dict(config.kafka.properties)


def test_an_override_beats_the_properties_file(dataset: str, tmp_path: Path) -> None:
    """-X is stronger than -F."""
    file = tmp_path / "client.properties"
    file.write_text("linger.ms=7\nacks=1\n")
    config = resolve([dataset], ["linger.ms=9"], {"command_config": str(file)}, {})
    assert config.kafka.properties == (("acks", "1"), ("linger.ms", "9"))


@pytest.mark.parametrize(
    ("typed", "environment", "loops"),
    [
        ({}, {}, 1),
        ({"loops": "3"}, {}, 3),
        ({"loop": "true"}, {}, None),
        ({}, {"REPLAYER_LOOP": "true"}, None),
        ({}, {"REPLAYER_LOOP": "no"}, 1),
        ({"loops": "3"}, {"REPLAYER_LOOP": "yes"}, 3),
        ({"loop": "true"}, {"REPLAYER_LOOPS": "3"}, None),
    ],
)
def test_loops(dataset: str, typed: dict[str, str], environment: dict[str, str], loops: int | None) -> None:
    """--loop has no end, --loops N has one, and what is typed beats the environment."""
    assert resolve([dataset], [], typed, environment).limits.loops == loops


@pytest.mark.parametrize(
    ("paths", "topic"),
    [
        (["orders.parquet"], "orders"),
        (["data/orders.csv.gz"], "orders"),
        (["data/orders"], "orders"),
        (["data/orders/"], "orders"),
        (["data/orders/*.parquet"], "orders"),
        (["data/orders-*.parquet"], "orders"),
        (["data/orders-[0-9].ndjson.zst"], "orders"),
        (["data/orders.2024.csv"], "orders.2024"),
        (["My Orders (1).csv"], "My_Orders_1"),
        (["a/orders.csv", "b/orders.csv"], "orders"),
        (["a.csv", "b.csv"], None),
        ([], None),
        (["数.csv"], None),
        (["x" * 300 + ".csv"], "x" * 249),
    ],
)
def test_the_topic_is_the_datasets_base_name(paths: list[str], topic: str | None) -> None:
    """A name that Kafka allows, or none where the dataset gives no single one."""
    assert default_topic(paths) == topic


def test_an_unclear_topic_must_be_named(tmp_path: Path) -> None:
    """Two datasets of different names give no topic; with -t they do."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id\n1\n")
    paths = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert [where for where, _ in faults_of(paths, [], {}, {})] == ["--topic"]
    assert resolve(paths, [], {"topic": "both"}, {}).topic == "both"


def test_what_was_typed_cannot_forge_a_line(tmp_path: Path) -> None:
    """Case 39: a line break in a file name stays inside its line of the error."""
    with pytest.raises(ConfigurationError) as caught:
        resolve([str(tmp_path / "a\nerror: b")], [], {"rate": "1\n2"}, {})
    assert len(caught.value.lines) == 5
    assert not any("\n" in line for line in caught.value.lines)


def test_a_variable_that_sets_nothing_is_noted(dataset: str) -> None:
    """A near miss is named; variables that are meant for something else are not."""
    environment = {"REPLAYER_MAX_RECORD": "5", "REPLAYER_RATE": "5", "REPLAYER_TEST_BOOTSTRAP_SERVER": "x", "PATH": ""}
    notes = resolve_with_notes([dataset], [], {}, Surroundings(environment)).notes
    assert notes == ("REPLAYER_MAX_RECORD sets nothing: did you mean REPLAYER_MAX_RECORDS?",)


def test_what_a_properties_file_says_to_java_only_is_noted(dataset: str, tmp_path: Path) -> None:
    """A serializer in -F is not an error, and not passed over in silence."""
    file = tmp_path / "client.properties"
    file.write_text("key.serializer=org.apache.kafka.common.serialization.StringSerializer\n")
    (note,) = resolve_with_notes([dataset], [], {"command_config": str(file)}, Surroundings({})).notes
    assert "key.serializer is ignored" in note


def test_a_property_that_breaks_a_promise_is_a_fault(dataset: str) -> None:
    """What the client refuses is listed with all other faults."""
    faults = faults_of([dataset], ["transactional.id=t"], {"rate": "0"}, {})
    assert [message for _, message in faults] == [
        "a rate of 0 would never send anything",
        "transactional.id=t cannot be used",
    ]


@pytest.mark.parametrize(
    ("typed", "rejects"),
    [
        ({}, RejectOptions(None, "keep", None)),
        ({"rejects_file": "r.parquet"}, RejectOptions("r.parquet", "keep", None)),
        ({"on_reject": "keep"}, RejectOptions("orders-rejects.ndjson", "keep", None)),
        ({"on_reject": "count", "rejects_file": "r"}, RejectOptions(None, "count", None)),
        ({"on_reject": "stop"}, RejectOptions(None, "stop", None)),
        ({"max_rejects": "0.5%"}, RejectOptions(None, "keep", ErrorBudget(share=Fraction(1, 200)))),
        ({"on_reject": "count", "max_rejects": "7"}, RejectOptions(None, "count", ErrorBudget(count=7))),
    ],
)
def test_rejects(dataset: str, typed: dict[str, str], rejects: RejectOptions) -> None:
    """Kept when that is asked for, even without a name for the file; only counted by ``count``."""
    assert resolve([dataset], [], typed, {}).rejects == rejects


def test_stop_and_a_budget_exclude_each_other(dataset: str) -> None:
    """One ends at the first rejected row, the other does not."""
    faults = faults_of([dataset], [], {"on_reject": "stop", "max_rejects": "5"}, {})
    assert faults == [("--on-reject", "ends a run at the first rejected row, but --max-rejects allows 5")]


def test_each_option_has_one_flag_and_one_key() -> None:
    """One name for one thing."""
    assert len({option.flag for option in OPTIONS}) == len({option.key for option in OPTIONS}) == len(OPTIONS)


def test_how_a_timestamp_is_read_needs_a_column(dataset: str) -> None:
    """A unit or a zone alone would do nothing in silence."""
    assert faults_of([dataset], [], {"timestamp_unit": "ms"}, {}) == [
        ("", "--timestamp-unit says how a column is read, but none is named")
    ]
    assert resolve([dataset], [], {"timestamp_col": "at", "timestamp_unit": "s"}, {}).record == RecordOptions(
        timestamp=TimestampOptions("at", "s", None)
    )
