"""RunConfig: all that a run was asked to do, composed of each stage's own options and never changed after.

Precedence: flag > ``REPLAYER_*`` > ``KAFKA_*`` and ``SCHEMA_REGISTRY_*`` > ``replayer.yaml`` > default; variables of an
env file are as strong as those of the environment, where it has none of that name. All faults of a configuration are
reported together, each with the place that it was set in, so that nobody corrects them one at a time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replayer.coerce.options import POLICIES, RejectOptions, parse_budget
from replayer.encode.options import RecordOptions
from replayer.encode.parsing import RECORD_OPTIONS, parse_columns, record_options
from replayer.errors import DatasetError, UsageError
from replayer.kafka.options import KafkaOptions
from replayer.kafka.properties import REDACTED, client_properties, read_properties_file, redacted
from replayer.pacing.options import PacingOptions
from replayer.run.options import LimitOptions
from replayer.schema.options import SchemaOptions
from replayer.settings.client import ClientSettings, Layer, Strength, file_strength, settle_client, strength_of
from replayer.settings.environment import Surroundings
from replayer.settings.faults import ConfigurationError, Fault
from replayer.settings.project import Project
from replayer.settings.words import (
    boolean,
    create_topic,
    default_topic,
    existing_file,
    not_empty,
    one_of,
    parse_topic,
    worker_count,
)
from replayer.source import options as dataset
from replayer.source.discover import FORMATS, discover
from replayer.source.standard_input import WORD
from replayer.units import parse_count, parse_duration_ns, parse_rate

_LOGIN = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True)
class RunConfig:
    """What one run was asked to do, every value parsed and checked."""

    kafka: KafkaOptions
    source: dataset.SourceOptions
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


OPTIONS = (
    Option("--bootstrap-server", "kafka.bootstrap", not_empty, ("KAFKA_BOOTSTRAP_SERVERS",)),
    Option("--topic", "streams.topic", parse_topic, ("KAFKA_TOPIC",)),
    Option("--command-config", "kafka.command_config", existing_file),
    Option("--registry-url", "registry.url", not_empty, ("SCHEMA_REGISTRY_URL",)),
    Option("--create-topic", "kafka.create_topic", create_topic),
    Option("--workers", "run.workers", worker_count),
    Option("--producer", "run.producer", one_of("auto", "native", "portable")),
    Option("--format", "streams.dataset.format", one_of(*FORMATS)),
    Option("--columns", "streams.dataset.columns", parse_columns),
    Option("--union-schemas", "streams.dataset.union_schemas", boolean),
    Option("--encoding", "streams.dataset.encoding", dataset.parse_encoding),
    Option("--delimiter", "streams.dataset.delimiter", dataset.parse_delimiter),
    Option("--quote", "streams.dataset.quote", dataset.parse_quote),
    Option("--header-row", "streams.dataset.header_row", boolean),
    Option("--null-words", "streams.dataset.null_words", dataset.parse_null_words),
    Option("--infer", "streams.dataset.infer", one_of("fast", "full")),
    Option("--schema", "streams.schema.file", existing_file),
    *(Option(flag, key, one_of(*parse) if isinstance(parse, tuple) else parse) for flag, key, parse in RECORD_OPTIONS),
    Option("--on-reject", "streams.rejects.policy", one_of(*POLICIES)),
    Option("--max-rejects", "streams.rejects.max", parse_budget),
    Option("--rejects-file", "streams.rejects.file", not_empty),
    Option("--rate", "pacing.rate", parse_rate),
    Option("--max-records", "run.max_records", parse_count),
    Option("--duration", "run.duration", parse_duration_ns),
    Option("--loop", "run.loop", boolean),
    Option("--loops", "run.loops", parse_count),
    Option("--dry-run", "run.dry_run", boolean),
)
"""Every option that can also be set in the environment (headers one a line). ``-X`` and DATASET are typed only."""


@dataclass
class _Resolution:
    """Values and faults as they are found; lives inside ``resolve`` only."""

    surroundings: Surroundings
    typed: Mapping[str, str | None]
    project: Project
    values: dict[str, Any] = field(default_factory=dict)
    wheres: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
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
            if self.surroundings.variables.get(variable):
                return self.surroundings.variables[variable], self.surroundings.where(variable)
        setting = self.project.settings.get(option.key)
        return None if setting is None else (setting.text, setting.where)

    def parse_all(self) -> None:
        for option in OPTIONS:
            found = self.look_up(option)
            if found is None:
                continue
            text, self.wheres[option.name] = found
            self.texts[option.name] = text
            try:
                self.values[option.name] = option.parse(text)
            except UsageError as error:
                self.fault(self.wheres[option.name], error.message, error.hint)


def _client(resolution: _Resolution, overrides: Sequence[str]) -> ClientSettings:
    """The client's properties from the project file, the environment, -F and then -X, and the strongest address."""
    values, wheres, project = resolution.values, resolution.wheres, resolution.project
    given = {name: one.text for name, one in project.properties.items()}
    layers = [Layer(Strength.PROJECT, given, {name: one.where for name, one in project.properties.items()})]
    path = values.get("command_config")
    if path is not None:
        try:
            file = read_properties_file(path)
            from_file = dict.fromkeys(file.properties, f"{path} ({wheres['command_config']})")
            layers.append(Layer(file_strength(wheres["command_config"]), file.properties, from_file))
            resolution.notes += file.notes
        except UsageError as error:
            resolution.fault(wheres["command_config"], error.message, error.hint)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            resolution.fault("-X", f"{text!r} is not key=value", "write it like -X linger.ms=20")
            continue
        layers.append(Layer(Strength.OVERRIDE, {key.strip(): value.strip()}, {key.strip(): "-X"}))
    address, where = values.get("bootstrap_server", ""), wheres.get("bootstrap_server", "")
    return settle_client(layers, resolution.surroundings, address, where)


def _loops(resolution: _Resolution, paths: Sequence[str]) -> int | None:
    loop, loops = resolution.values.get("loop", False), resolution.values.get("loops")
    strengths = [strength_of(resolution.wheres.get(name, "")) for name in ("loop", "loops")]
    if loop and loops is not None and strengths[0] == strengths[1]:
        resolution.fault(
            resolution.wheres["loop"],
            f"reads the dataset without end, but {resolution.wheres['loops']} says {loops:,} times",
            "keep one of the two",
        )
    if WORD in paths and (loop or loops not in (None, 1)):
        where = resolution.wheres["loop" if loop else "loops"]
        resolution.fault(where, "standard input can be read once only", "save it in a file first")
    if not loop or (loops is not None and strengths[1] > strengths[0]):
        return loops if loops is not None else 1
    return None


def _topic_of(resolution: _Resolution, paths: Sequence[str]) -> str:
    if "topic" in resolution.wheres:
        return str(resolution.values.get("topic", ""))
    topic = resolution.project.name or default_topic(paths)
    if topic is None and paths:
        what = "standard input does" if WORD in paths else f"{len(paths)} dataset paths do"
        resolution.fault("--topic", f"{what} not give the topic a name", "name it with -t TOPIC")
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


def _check_dataset(resolution: _Resolution, source: dataset.SourceOptions) -> None:
    if not source.paths:
        resolution.fault("", "no dataset is named", "name a file, folder or glob: replayer run orders.parquet")
        return
    try:
        discover(source)
    except DatasetError as error:
        resolution.fault(resolution.project.paths_where, error.message, error.hint)


def resolve(
    paths: Sequence[str],
    overrides: Sequence[str],
    typed: Mapping[str, str | None],
    surroundings: Surroundings,
    project: Project | None = None,
) -> Resolved:
    """Parse and check everything that was typed, set in the environment and written in the project file.

    ``overrides`` are the ``-X key=value`` words, ``typed`` maps an option's name to its text (flags to ``"true"``).
    With ``paths`` the streams of the project file are left aside. Raises ConfigurationError with all faults.
    """
    project = project or Project({}, {})
    if paths and project.paths:
        project = project.without_streams()
    paths = tuple(paths) or project.paths
    resolution = _Resolution(surroundings, typed, project)
    resolution.parse_all()
    values = resolution.values
    source = dataset.source_options(paths, values)
    _check_dataset(resolution, source)
    client = _client(resolution, overrides)
    kafka = KafkaOptions(
        bootstrap=client.bootstrap,
        properties=tuple(sorted(client.properties.items())),
        create_partitions=values.get("create_topic"),
        producer=values.get("producer", "auto"),
    )
    try:
        client_properties(kafka)
    except UsageError as error:
        resolution.fault("", error.message, error.hint)
    record = RecordOptions()
    try:
        record = record_options(values)
    except UsageError as error:
        resolution.fault("", error.message, error.hint)
    topic = _topic_of(resolution, paths)
    config = RunConfig(
        kafka=kafka,
        source=source,
        schema=SchemaOptions(values.get("schema"), values.get("registry_url"), values.get("infer", "fast")),
        record=record,
        rejects=_rejects(resolution, topic),
        pacing=PacingOptions(rate=values.get("rate")),
        limits=LimitOptions(
            max_records=values.get("max_records"), duration_ns=values.get("duration"), loops=_loops(resolution, paths)
        ),
        topic=topic,
        workers=values.get("workers"),
        dry_run=values.get("dry_run", False),
    )
    if resolution.faults:
        raise ConfigurationError(resolution.faults)
    return Resolved(config, (*_unknown_variables(surroundings.variables), *resolution.notes))


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A note for each ``REPLAYER_*`` variable that sets nothing and looks like one that would."""
    known = [variable for option in OPTIONS for variable in option.variables if variable.startswith("REPLAYER_")]
    notes = []
    for name in sorted(environment):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.92)
        if name.startswith("REPLAYER_") and name not in known and close:
            notes.append(f"{name} sets nothing: did you mean {close[0]}?")
    return notes


def read_options(paths: Sequence[str], typed: Mapping[str, str | None]) -> dataset.SourceOptions:
    """How a dataset is read, for commands that only look at one. Raises ConfigurationError."""
    resolution = _Resolution(Surroundings({}), typed, Project({}, {}))
    resolution.parse_all()
    if resolution.faults:
        raise ConfigurationError(resolution.faults)
    return dataset.source_options(paths, resolution.values)


@dataclass(frozen=True)
class Origin:
    """One setting, as text, and the place that it came from."""

    key: str
    text: str
    where: str


def origins(surroundings: Surroundings, project: Project | None) -> tuple[Origin, ...]:
    """Every setting that the environment and the project file make, in the order of the options; no flag is looked at.

    Raises ConfigurationError with all faults of single values.
    """
    project = project or Project({}, {})
    resolution = _Resolution(surroundings, {}, project)
    resolution.parse_all()
    client = _client(resolution, ())
    if resolution.faults:
        raise ConfigurationError(resolution.faults)
    found = {option.key: (resolution.texts[option.name], resolution.wheres[option.name])
             for option in OPTIONS if option.name in resolution.wheres}  # fmt: skip
    if client.bootstrap:
        found = {"kafka.bootstrap": (client.bootstrap, client.bootstrap_where)} | found
        found["kafka.bootstrap"] = (client.bootstrap, client.bootstrap_where)
    if project.paths:
        found["streams.dataset.path"] = (",".join(project.paths), project.paths_where)
    for name, value in redacted(client.properties).items():
        found[f"kafka.properties.{name}"] = (value, client.wheres[name])
    return tuple(Origin(key, _LOGIN.sub(f"://{REDACTED}@", text), where) for key, (text, where) in found.items())
