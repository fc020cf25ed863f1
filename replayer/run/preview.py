"""What a run would do, without doing any of it: nothing is produced, created, registered or written.

The dataset's first rows are read, fitted and encoded as a run would; the broker and the registry, where there are any,
are only asked.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from replayer.coerce.rejects import printable_values
from replayer.config import RunConfig
from replayer.encode.framing import confluent_prefix
from replayer.errors import DatasetError
from replayer.kafka.partition_kernels import partition_by_key
from replayer.kafka.properties import client_properties
from replayer.kafka.topics import Cluster
from replayer.run import planning
from replayer.run.arena import Arena
from replayer.run.messages import PipelineSetup, split_source_row
from replayer.run.pipeline import Pipeline
from replayer.run.registration import look_up

_SAMPLE_RECORDS = 65_536
_EMBEDDED_PARTITIONS = 4


@dataclass(frozen=True)
class TopicPlan:
    """Where the records would go."""

    name: str
    bootstrap: str
    """Empty for the embedded broker."""
    partition_count: int
    is_new: bool
    """Whether a run would create it."""


@dataclass(frozen=True)
class SchemaPlan:
    """What the records would look like."""

    origin: str
    subject: str | None
    """None for values without a schema id."""
    registry: str | None
    """None when nothing has a schema id."""
    schema_id: int | None
    """The id that the registry has for it; None when a run would register it."""
    key_subject: str | None
    key_schema_id: int | None
    encoder: str
    fallback_reason: str


@dataclass(frozen=True)
class RecordShown:
    """One record that would be sent, from its row to its bytes and back."""

    file: str
    row: int
    source: dict[str, Any]
    key: str | None
    partition: int | None
    """None for a keyless record, which goes where the run is at that moment."""
    timestamp_ms: int | None
    """None for the time of the send."""
    value_hex: str
    """Empty for a tombstone."""
    value: Any
    """What fastavro or a JSON parser decodes from the bytes; None for a tombstone."""


@dataclass(frozen=True)
class Preview:
    """What a run would do."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    size_bytes: int
    row_count: int | None
    """Rows of one pass; None without any way to tell."""
    is_exact: bool
    """Whether ``row_count`` is known and not estimated from the first rows."""
    sampled_rows: int
    sampled_rejects: int
    record_count: int | None
    """Records of the whole run, if no further row is rejected; None for an endless one."""
    value_bytes: float | None
    """Of an average record, key apart."""
    key_bytes: float | None
    rate_per_s: float | None
    duration_s: float | None
    """At the rate; None at ``max`` and for an endless run."""
    topic: TopicPlan
    schema: SchemaPlan
    records: tuple[RecordShown, ...]
    notes: tuple[str, ...]


def preview(config: RunConfig, show_count: int) -> Preview:
    """Look at everything that a run of ``config`` would use, with the first ``show_count`` records.

    Raises what a run would raise before its start.
    """
    topic, max_bytes = _topic(config)
    plan = planning.plan_dataset(config.source, config.schema, config.topic, is_only_looked_at=True)
    known = look_up(config, plan)
    limits = planning.batch_limits(dict(config.kafka.properties), max_bytes)
    from replayer.coerce.options import RejectOptions

    setup = planning.pipeline_setup(
        plan,
        config.record,
        RejectOptions(),
        (
            b"" if known.subject is None else confluent_prefix(known.schema_id or 0),
            b"" if known.key_subject is None else confluent_prefix(known.key_schema_id or 0),
        ),
        limits.max_record_bytes,
        "0",
        topic.partition_count,
    )
    sample = _Sample(Pipeline(setup), setup, topic.partition_count)
    sample.read(max(show_count, 1), config.limits.max_records)
    row_count, is_exact = sample.row_count(
        plan.source.total_rows, None if planning.is_live(plan.source) else plan.source.total_bytes
    )
    record_count = _record_count(config, row_count)
    rate = None if config.pacing.rate is None else float(config.pacing.rate)
    encoder = sample.pipeline.encoder
    return Preview(
        files=tuple(file.path for file in plan.source.files),
        formats=tuple(sorted({file.format for file in plan.source.files})),
        size_bytes=plan.source.total_bytes,
        row_count=row_count,
        is_exact=is_exact,
        sampled_rows=sample.pipeline.counts.rows_read,
        sampled_rejects=sample.pipeline.counts.rejected,
        record_count=record_count,
        value_bytes=sample.mean(sample.value_bytes),
        key_bytes=sample.mean(sample.key_bytes),
        rate_per_s=rate,
        duration_s=None if rate is None or record_count is None else record_count / rate,
        topic=topic,
        schema=SchemaPlan(
            plan.schema_origin, known.subject, known.registry, known.schema_id, known.key_subject, known.key_schema_id,
            encoder.name, encoder.fallback_reason,
        ),
        records=tuple(sample.shown[:show_count]),
        notes=plan.notes,
    )  # fmt: skip


def _topic(config: RunConfig) -> tuple[TopicPlan, int | None]:
    """The topic as it is or as it would be made, and its largest Kafka batch. Raises BrokerError."""
    asked = config.kafka.create_partitions
    if not config.kafka.bootstrap:
        return TopicPlan(config.topic, "", asked or _EMBEDDED_PARTITIONS, is_new=True), None
    cluster = Cluster(client_properties(config.kafka))
    cluster.connect()
    if asked is not None and not cluster.has_topic(config.topic):
        return TopicPlan(config.topic, config.kafka.bootstrap, asked, is_new=True), None
    found = cluster.describe_topic(config.topic)
    return TopicPlan(found.name, config.kafka.bootstrap, found.partition_count, is_new=False), found.max_message_bytes


def _record_count(config: RunConfig, row_count: int | None) -> int | None:
    limits, totals = config.limits, []
    if row_count is not None and limits.loops is not None:
        totals.append(row_count * limits.loops)
    if limits.max_records is not None:
        totals.append(limits.max_records)
    if limits.duration_ns is not None and config.pacing.rate is not None:
        totals.append(int(config.pacing.rate * limits.duration_ns / 10**9))
    return min(totals, default=None)


class _Sample:
    """The first records of the dataset, encoded."""

    def __init__(self, pipeline: Pipeline, setup: PipelineSetup, partition_count: int) -> None:
        self.pipeline, self._setup = pipeline, setup
        self._partition_count = partition_count
        self.value_bytes = self.key_bytes = 0
        self.shown: list[RecordShown] = []
        self._is_whole = True
        self._agreed = (0, 0)

    def read(self, show_count: int, limit: int | None) -> None:
        """Read until enough is known, and keep what the first records are."""
        try:
            self._read(show_count, limit)
        except DatasetError:
            # A damaged place further on, or standard input that waits: what is there is shown.
            if not self.pipeline.counts.rows_read:
                raise
            self._is_whole = False

    def _read(self, show_count: int, limit: int | None) -> None:
        arena, pipeline = Arena(), self.pipeline
        pipeline.records_left = limit
        rows_before = bytes_before = 0
        for rows in pipeline.chunks(arena):
            value_bytes, key_bytes = arena.bytes_of(rows)
            self.value_bytes += value_bytes
            self.key_bytes += key_bytes if pipeline.has_keys else 0
            for row in rows[: show_count - len(self.shown)].tolist():
                self.shown.append(self._show(arena, row))
            if limit is not None:
                pipeline.records_left = limit - pipeline.counts.encoded
            if pipeline.input_bytes != bytes_before:
                # All RecordBatches of a block name the block's end, so only where one begins do rows and bytes agree.
                self._agreed = (rows_before, bytes_before)
                bytes_before = pipeline.input_bytes
            rows_before = pipeline.counts.rows_read
            is_limit = limit is not None and pipeline.counts.encoded >= limit
            if is_limit or (pipeline.counts.encoded >= _SAMPLE_RECORDS and self._agreed[0]):
                self._is_whole = False
                return

    def _show(self, arena: Arena, row: int) -> RecordShown:
        arrays, pipeline = arena.arrays, self.pipeline
        is_null = len(arrays.value_is_null) > 0 and bool(arrays.value_is_null[row])
        value = b"" if is_null else _piece(arrays.values, arrays.value_ends, row)
        key = None
        if pipeline.has_keys and not arrays.key_is_null[row]:
            key = _piece(arrays.keys, arrays.key_ends, row).decode("utf-8", "backslashreplace")
        file_index, source_row = split_source_row(int(arrays.source_rows[row]))
        batch = pipeline.last_batch
        assert batch is not None
        place = int(np.searchsorted(batch.row_numbers, source_row))
        columns = batch.batch.slice(place, 1)
        source = {
            name: printable_values(column)[0]
            for name, column in zip(columns.schema.names, columns.columns, strict=True)
        }
        file = pipeline.source.files[file_index].path
        timestamp_ms = int(arrays.timestamps_ms[row]) if len(arrays.timestamps_ms) else None
        decoded = None if is_null else self._decoded(value)
        return RecordShown(
            file, source_row, source, key, self._partition(arena, row), timestamp_ms, value.hex(), decoded
        )

    def _partition(self, arena: Arena, row: int) -> int | None:
        arrays, record = arena.arrays, self._setup.record
        if arena.partitions is not None:
            return int(arena.partitions[row])
        if record.partitioner == "round-robin":
            return len(self.shown) % self._partition_count
        if not self.pipeline.has_keys or arrays.key_is_null[row]:
            return None
        found = np.zeros(1, np.int32)
        is_crc32 = record.partitioner == "crc32"
        partition_by_key(
            arrays.keys, arrays.key_ends, arrays.key_is_null, self._partition_count, np.array([row]), found, is_crc32
        )
        return int(found[0])

    def _decoded(self, value: bytes) -> Any:
        if self._setup.record.value_format == "json":
            return json.loads(value)
        import fastavro

        content = io.BytesIO(value[len(self._setup.prefix) :])
        return fastavro.schemaless_reader(content, _parsed(self._setup.schema_text), None)

    def row_count(self, total_rows: int | None, total_bytes: int | None) -> tuple[int | None, bool]:
        """Rows of a pass: known, counted, or estimated from how far the first rows reach."""
        if total_rows is not None:
            return total_rows, True
        if self._is_whole:
            return self.pipeline.counts.rows_read, True
        rows, read_bytes = (
            self._agreed if self._agreed[1] else (self.pipeline.counts.rows_read, self.pipeline.input_bytes)
        )
        return (int(rows * total_bytes / read_bytes) if read_bytes and total_bytes is not None else None), False

    def mean(self, total_bytes: int) -> float | None:
        """Of the sampled records."""
        encoded = self.pipeline.counts.encoded
        return total_bytes / encoded if encoded else None


def _parsed(schema_text: str) -> Any:
    import fastavro

    return fastavro.parse_schema(json.loads(schema_text))


def _piece(content: Any, ends: Any, row: int) -> bytes:
    start = int(ends[row - 1]) if row else 0
    return bytes(content[start : int(ends[row])])
