"""RunConfig: all that a run was asked to do, composed of each stage's own options and never changed after.

Precedence: flag > ``REPLAYER_*`` > ``KAFKA_BOOTSTRAP_SERVERS`` and ``SCHEMA_REGISTRY_URL`` > default. All faults of a
configuration are reported together, each with the place that it was set in, so that nobody corrects them one at a time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replayer.coerce.options import POLICIES, RejectOptions, parse_budget
from replayer.encode.options import RecordOptions
from replayer.errors import DatasetError, UsageError
from replayer.kafka.options import KafkaOptions
from replayer.kafka.properties import client_properties, read_properties_file
from replayer.pacing.options import PacingOptions
from replayer.run.options import LimitOptions
from replayer.schema.options import SchemaOptions
from replayer.settings.faults import ConfigurationError, Fault, did_you_mean
from replayer.source.discover import FORMATS, discover
from replayer.source.options import SourceOptions
from replayer.units import parse_count, parse_duration_ns, parse_rate

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")
_DATA_SUFFIX = re.compile(r"(\.(parquet|csv|tsv|ndjson|jsonl|json|avro|gz|zst|zstd))+\Z", re.IGNORECASE)
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_BOOTSTRAP_NAMES = ("bootstrap.servers", "metadata.broker.list")


@dataclass(frozen=True)
class RunConfig:
    """What one run was asked to do, every value parsed and checked."""

    kafka: KafkaOptions
    source: SourceOptions
    schema: SchemaOptions
    record: RecordOptions
    rejects: RejectOptions
    pacing: PacingOptions
    limits: LimitOptions
    topic: str
    workers: int | None = None
    """None chooses from the machine's cores."""
    dry_run: bool = False


@dataclass(frozen=True)
class Resolved:
    """A configuration without faults, and what is worth saying about where it came from."""

    config: RunConfig
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Option:
    """One option of ``run``: its flag, its key in the configuration file, its parser and its environment variables."""

    flag: str
    key: str
    parse: Callable[[str], Any]
    other_variables: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The flag without dashes in front and with underscores inside: ``max_records``."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, strongest first."""
        return (f"REPLAYER_{self.name.upper()}", *self.other_variables)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise UsageError(f"{text!r} is not one of {', '.join(words)}", did_you_mean(text, words))
        return text

    return parse


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise UsageError(f"{text!r} is neither true nor false", "write true or false")
    return value


def _worker_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise UsageError(f"{text!r} is not a number of workers", "give a whole number from 1 to 256")
    return int(text)


def _columns(text: str) -> tuple[str, ...]:
    columns = tuple(column.strip() for column in text.split(","))
    if not all(columns):
        raise UsageError(f"{text!r} names an empty column", "write it like customer_id or country,city")
    doubled = sorted({column for column in columns if columns.count(column) > 1})
    if doubled:
        raise UsageError(f"{text!r} names {', '.join(doubled)} more than once")
    return columns


def parse_topic(text: str) -> str:
    """The name, if Kafka allows it."""
    if not _TOPIC.match(text) or text in (".", ".."):
        raise UsageError(
            f"{text!r} is not a topic's name", "topics have 1 to 249 letters, digits, dots, dashes and underscores"
        )
    return text


def parse_partition_count(text: str) -> int:
    """A whole number from 1 to 100,000."""
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise UsageError(f"{text!r} is not a partition count", "give a whole number from 1 to 100,000, like 6")
    return int(text)


def _create_topic(text: str) -> int:
    partitions: int | None = None
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name.strip() != "partitions":
            raise UsageError(f"{name.strip()!r} is not a setting of a new topic", "write partitions=6")
        if not equals:
            raise UsageError(f"{part!r} gives no partition count", "write partitions=6")
        partitions = parse_partition_count(value.strip())
    assert partitions is not None  # split never returns an empty list
    return partitions


def _existing_file(text: str) -> str:
    if text.startswith("registry:"):
        raise UsageError(f"{text!r}: a schema is taken from a file only", "save the schema as FILE.avsc and name that")
    if not Path(text).is_file():
        raise UsageError(f"there is no file {text!r}", "check the path")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise UsageError("the value is empty", "give a value or leave the option out")
    return text.strip()


OPTIONS = (
    Option("--bootstrap-server", "kafka.bootstrap", _text, ("KAFKA_BOOTSTRAP_SERVERS",)),
    Option("--topic", "streams.topic", parse_topic),
    Option("--command-config", "kafka.command_config", _existing_file),
    Option("--registry-url", "registry.url", _text, ("SCHEMA_REGISTRY_URL",)),
    Option("--create-topic", "kafka.create_topic", _create_topic),
    Option("--workers", "run.workers", _worker_count),
    Option("--producer", "run.producer", _one_of("auto", "native", "portable")),
    Option("--format", "streams.dataset.format", _one_of(*FORMATS)),
    Option("--schema", "streams.schema.file", _existing_file),
    Option("--key", "streams.key.columns", _columns),
    Option("--on-reject", "streams.rejects.policy", _one_of(*POLICIES)),
    Option("--max-rejects", "streams.rejects.max", parse_budget),
    Option("--rejects-file", "streams.rejects.file", _text),
    Option("--rate", "pacing.rate", parse_rate),
    Option("--max-records", "run.max_records", parse_count),
    Option("--duration", "run.duration", parse_duration_ns),
    Option("--loop", "run.loop", _boolean),
    Option("--loops", "run.loops", parse_count),
    Option("--dry-run", "run.dry_run", _boolean),
)
"""Every option that can also be set in the environment. ``-X`` and DATASET are lists and are typed only."""


@dataclass
class _Resolution:
    """Values and faults as they are found; lives inside ``resolve`` only."""

    environment: Mapping[str, str]
    typed: Mapping[str, str | None]
    values: dict[str, Any] = field(default_factory=dict)
    wheres: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, where: str, message: str, hint: str = "") -> None:
        self.faults.append(Fault(where, message, hint))

    def look_up(self, option: Option) -> tuple[str, str] | None:
        """The option's text and the place that set it, or None."""
        typed = self.typed.get(option.name)
        if typed is not None:
            return typed, option.flag
        for variable in option.variables:
            # An empty variable counts as not set: shells have no easy way to unset one for a single command.
            if self.environment.get(variable):
                return self.environment[variable], variable
        return None

    def parse_all(self) -> None:
        for option in OPTIONS:
            found = self.look_up(option)
            if found is None:
                continue
            text, self.wheres[option.name] = found
            try:
                self.values[option.name] = option.parse(text)
            except UsageError as error:
                self.fault(self.wheres[option.name], error.message, error.hint)

    def is_typed(self, name: str) -> bool:
        return self.wheres.get(name, "").startswith("--")


def default_topic(paths: Sequence[str]) -> str | None:
    """The dataset's base name as a topic, None if unclear: ``data/orders.csv.gz``, ``orders/*.csv`` give ``orders``."""
    names = set()
    for path in paths:
        name = _DATA_SUFFIX.sub("", Path(path).name)
        if not name.strip("*?.") or (name.startswith("[") and name.endswith("]")):
            name = Path(path).parent.name
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", re.sub(r"\[[^]]*\]|[*?]+", "", name)).strip("._-")
        names.add(name[:249])
    return names.pop() if len(names) == 1 and "" not in names else None


def _properties(resolution: _Resolution, overrides: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """The client's properties from -F and then -X, and the bootstrap address that they give."""
    properties: dict[str, str] = {}
    path = resolution.values.get("command_config")
    if path is not None:
        try:
            file = read_properties_file(path)
            properties.update(file.properties)
            resolution.notes += file.notes
        except UsageError as error:
            resolution.fault(resolution.wheres["command_config"], error.message, error.hint)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            resolution.fault("-X", f"{text!r} is not key=value", "write it like -X linger.ms=20")
            continue
        properties.pop(key.strip(), None)  # so that the order of the dictionary is that of the last settings
        properties[key.strip()] = value.strip()
    # The two names mean one thing, and the one that came last is the one that was meant.
    given = [name for name in properties if name in _BOOTSTRAP_NAMES]
    addresses = [properties.pop(name) for name in given]
    return properties, addresses[-1] if addresses else None


def _bootstrap(resolution: _Resolution, from_properties: str | None, is_override: bool) -> str:
    own = resolution.values.get("bootstrap_server", "")
    if from_properties is None or resolution.is_typed("bootstrap_server"):
        return str(own)
    # A typed -X or -F beats the environment; a file that the environment names beats only KAFKA_BOOTSTRAP_SERVERS.
    if is_override or resolution.is_typed("command_config") or not own:
        return from_properties
    is_our_variable = resolution.wheres["bootstrap_server"].startswith("REPLAYER_")
    return str(own) if is_our_variable else from_properties


def _loops(resolution: _Resolution) -> int | None:
    loop, loops = resolution.values.get("loop", False), resolution.values.get("loops")
    if loop and loops is not None and resolution.is_typed("loop") == resolution.is_typed("loops"):
        resolution.fault(
            resolution.wheres["loop"],
            f"reads the dataset without end, but {resolution.wheres['loops']} says {loops:,} times",
            "keep one of the two",
        )
    if resolution.is_typed("loops") or not loop:
        return loops if loops is not None else 1
    return None


def _topic_of(resolution: _Resolution, paths: Sequence[str]) -> str:
    if "topic" in resolution.wheres:
        return str(resolution.values.get("topic", ""))
    topic = default_topic(paths)
    if topic is None and paths:
        resolution.fault("--topic", f"{len(paths)} dataset paths do not give the topic a name", "name it with -t TOPIC")
    return topic or ""


def _rejects(resolution: _Resolution, topic: str) -> RejectOptions:
    values, wheres = resolution.values, resolution.wheres
    policy, file, budget = (values.get(name) for name in ("on_reject", "rejects_file", "max_rejects"))
    if policy == "stop" and budget is not None:
        message = f"ends a run at the first rejected row, but {wheres['max_rejects']} allows {budget}"
        resolution.fault(wheres["on_reject"], message, "keep one of the two")
    if policy == "count" and file is not None:
        resolution.notes.append(f"{wheres['on_reject']} only counts rejected rows: nothing is written to {file}")
        file = None
    if policy == "keep" and file is None:
        from replayer.coerce.rejects import unused_path

        file = unused_path(f"{topic}-rejects.ndjson")
    return RejectOptions(file, policy or "keep", budget)


def _check_dataset(resolution: _Resolution, source: SourceOptions) -> None:
    if not source.paths:
        resolution.fault("", "no dataset is named", "name a file, folder or glob: replayer run orders.parquet")
        return
    try:
        discover(source)
    except DatasetError as error:
        resolution.fault("", error.message, error.hint)


def resolve(
    paths: Sequence[str],
    overrides: Sequence[str],
    typed: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> Resolved:
    """Parse and check everything that was typed and set in the environment.

    ``overrides`` are the ``-X key=value`` words, ``typed`` maps an option's name to its text (flags to ``"true"``).
    Raises ConfigurationError with all faults.
    """
    resolution = _Resolution(environment, typed)
    resolution.parse_all()
    values = resolution.values
    source = SourceOptions(paths=tuple(paths), format=values.get("format"))
    _check_dataset(resolution, source)
    properties, from_properties = _properties(resolution, overrides)
    is_override = any(text.partition("=")[0].strip() in _BOOTSTRAP_NAMES for text in overrides)
    kafka = KafkaOptions(
        bootstrap=_bootstrap(resolution, from_properties, is_override),
        properties=tuple(sorted(properties.items())),
        create_partitions=values.get("create_topic"),
        producer=values.get("producer", "auto"),
    )
    try:
        client_properties(kafka)
    except UsageError as error:
        resolution.fault("", error.message, error.hint)
    topic = _topic_of(resolution, paths)
    config = RunConfig(
        kafka=kafka,
        source=source,
        schema=SchemaOptions(schema_file=values.get("schema"), registry_url=values.get("registry_url")),
        record=RecordOptions(key_columns=values.get("key", ())),
        rejects=_rejects(resolution, topic),
        pacing=PacingOptions(rate=values.get("rate")),
        limits=LimitOptions(
            max_records=values.get("max_records"), duration_ns=values.get("duration"), loops=_loops(resolution)
        ),
        topic=topic,
        workers=values.get("workers"),
        dry_run=values.get("dry_run", False),
    )
    if resolution.faults:
        raise ConfigurationError(resolution.faults)
    return Resolved(config, (*_unknown_variables(environment), *resolution.notes))


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A note for each ``REPLAYER_*`` variable that sets nothing and looks like one that would."""
    known = [variable for option in OPTIONS for variable in option.variables if variable.startswith("REPLAYER_")]
    notes = []
    for name in sorted(environment):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.92)
        if name.startswith("REPLAYER_") and name not in known and close:
            notes.append(f"{name} sets nothing: did you mean {close[0]}?")
    return notes
