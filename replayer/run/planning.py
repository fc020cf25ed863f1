"""What is decided before a run: the dataset opened, the schema found, everything checked that looking can check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from replayer.coerce.options import RejectOptions
from replayer.config import RunConfig
from replayer.encode.options import RecordOptions
from replayer.errors import DatasetError, SchemaError, UsageError
from replayer.run.messages import PipelineSetup
from replayer.schema.avro import AvroSchema, parse_schema
from replayer.schema.names import avro_names, renamed
from replayer.schema.options import SchemaOptions
from replayer.shm.layout import Layout
from replayer.source.open import SAMPLE_BYTES, Source, for_the_run, open_dataset, take_sample
from replayer.source.options import SourceOptions
from replayer.source.standard_input import wait_for_the_end, was_read_to_its_end
from replayer.units import format_bytes, format_count

RECORD_CAPACITY = 8192
SLOT_BYTES = 2 << 20
SLOTS_PER_WORKER = 12
RING_BYTES_MAX = 1 << 30
BATCH_SIZE_MAX = 1_000_000
_BATCH_MARGIN = 1_024
"""``batch.size`` stays this far below the topic's limit, which is for the whole Kafka batch with its header."""
_MESSAGE_MAX_DEFAULT = 1_000_000
"""librdkafka's own default of ``message.max.bytes``."""


@dataclass(frozen=True)
class DatasetPlan:
    """An opened dataset with the schema that its records will have."""

    source: Source
    schema: AvroSchema
    schema_where: str
    """Names the schema in errors."""
    schema_origin: str
    """Says where the schema came from."""
    renames: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def plan_dataset(
    source_options: SourceOptions, schema_options: SchemaOptions, record_name: str, *, is_only_looked_at: bool = False
) -> DatasetPlan:
    """Open the dataset and find its schema: the given one, or one inferred from types, a sample of text or every row.

    Standard input that ``is_only_looked_at`` can be read again. Raises DatasetError and SchemaError.
    """
    is_whole = schema_options.infer == "full" and schema_options.schema_file is None
    if is_whole:
        wait_for_the_end()
    source = open_dataset(source_options, is_whole=is_whole)
    if schema_options.schema_file is not None:
        path = schema_options.schema_file
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SchemaError(
                f"cannot read the schema {path}: {error}", "give --schema the path of an .avsc file"
            ) from error
        final = source if is_only_looked_at else for_the_run(source)
        return DatasetPlan(final, parse_schema(text, path), path, path, (), source.notes)
    inferred, origin = _infer(source, record_name, is_whole=is_whole)
    schema = parse_schema(inferred, "inferred schema")
    names = avro_names(source.schema.names)
    notes = [f"column {column!r} is field {name!r}" for column, name in renamed(names).items()]
    final = source if is_only_looked_at else for_the_run(source)
    return DatasetPlan(final, schema, "inferred schema", origin, tuple(names.items()), (*source.notes, *notes))


def is_live(source: Source) -> bool:
    """Whether the dataset is standard input."""
    return any(file.spool is not None for file in source.files)


def size_of(source: Source) -> str:
    """`` (5 MiB, 2,000 rows)`` behind the name of a dataset; nothing where no size is known."""
    if is_live(source):
        return ""
    rows = "" if source.total_rows is None else f", {format_count(source.total_rows)} rows"
    return f" ({format_bytes(source.total_bytes)}{rows})"


def _infer(source: Source, record_name: str, *, is_whole: bool) -> tuple[dict[str, Any], str]:
    """The schema and where it came from."""
    if is_whole:
        from replayer.schema.infer_whole import infer_whole

        return infer_whole(_readable(source), source.schema, record_name), "inferred from every row"
    from replayer.schema.infer import infer_schema

    sample = take_sample(source)
    seen_whole = max(source.total_bytes, sample.nbytes) < SAMPLE_BYTES
    seen = "the whole text" if seen_whole else f"the first {SAMPLE_BYTES >> 20} MiB of text"
    if seen_whole and is_live(source) and not was_read_to_its_end():
        seen = f"the first {format_count(sample.num_rows)} rows"
    is_typed = source.total_rows is not None
    return infer_schema(sample, record_name), "inferred from " + ("the dataset's types" if is_typed else seen)


def _readable(source: Source) -> Iterator[pa.RecordBatch]:
    """All rows before a damaged place: the run delivers them, and reports the place itself."""
    rows = 0
    try:
        for one in source.batches():
            rows += one.batch.num_rows
            yield one.batch
    except DatasetError:
        if not rows:
            raise


@dataclass(frozen=True)
class BatchLimits:
    """Sizes that librdkafka and the reader must agree on with the topic."""

    batch_bytes: int
    max_record_bytes: int


def batch_limits(properties: Mapping[str, str], topic_max_bytes: int | None) -> BatchLimits:
    """``batch.size`` below the topic's ``max.message.bytes``, unless the user set it: a larger batch fails whole."""
    client_max = int(properties.get("message.max.bytes", _MESSAGE_MAX_DEFAULT))
    if topic_max_bytes is not None and "message.max.bytes" not in properties:
        client_max = max(client_max, topic_max_bytes)
    record_max = client_max if topic_max_bytes is None else min(client_max, topic_max_bytes)
    batch_bytes = min(BATCH_SIZE_MAX, max(record_max - _BATCH_MARGIN, record_max // 2))
    return BatchLimits(
        int(properties.get("batch.size", batch_bytes)),
        record_max,
    )


def plan_layout(worker_count: int, partition_count: int, max_record_bytes: int) -> Layout:
    """Shared memory for a run: a slot takes the largest record, and very large ones leave fewer slots to a worker.

    Raises UsageError when records are so large that two slots a worker would pass RING_BYTES_MAX.
    """
    bytes_capacity = max(SLOT_BYTES, max_record_bytes)
    slot_count = min(SLOTS_PER_WORKER, RING_BYTES_MAX // (bytes_capacity * worker_count))
    if slot_count < 2:
        raise UsageError(
            f"records of up to {format_bytes(max_record_bytes)} would need more than {format_bytes(RING_BYTES_MAX)} "
            f"of shared memory for {worker_count} workers",
            "lower -X message.max.bytes, or give fewer --workers",
        )
    return Layout(worker_count, slot_count, partition_count, RECORD_CAPACITY, bytes_capacity)


def pipeline_setup(
    plan: DatasetPlan,
    record: RecordOptions,
    rejects: RejectOptions,
    prefixes: tuple[bytes, bytes],
    max_record_bytes: int,
    run_id: str,
    partition_count: int | None = None,
) -> PipelineSetup:
    """What the reader needs to turn rows into records. Columns go by their names in the dataset or the schema.

    ``prefixes`` stand before every value and every key.
    """
    return PipelineSetup(
        source=plan.source,
        schema_text=plan.schema.text,
        schema_where=plan.schema_where,
        prefix=prefixes[0],
        key_prefix=prefixes[1],
        record=by_field(record, dict(plan.renames)),
        renames=plan.renames,
        rejects=rejects,
        max_record_bytes=max_record_bytes,
        run_id=run_id,
        partition_count=partition_count,
    )


def by_field(record: RecordOptions, fields: Mapping[str, str]) -> RecordOptions:
    """The options with the names of fields in place of those of columns."""
    timestamp, tombstone = record.timestamp, record.tombstone
    return replace(
        record,
        key_columns=tuple(fields.get(column, column) for column in record.key_columns),
        timestamp=timestamp and replace(timestamp, column=fields.get(timestamp.column, timestamp.column)),
        partition_column=fields.get(record.partition_column or "", record.partition_column),
        tombstone=tombstone and replace(tombstone, column=fields.get(tombstone.column, tombstone.column)),
        headers=tuple(
            replace(rule, value=fields.get(rule.value, rule.value)) if rule.source == "column" else rule
            for rule in record.headers
        ),
    )


def record_total(config: RunConfig, plan: DatasetPlan) -> int | None:
    """How many records the run will send if no row is rejected, where that is known; else None."""
    totals = []
    rows, loops = plan.source.total_rows, config.limits.loops
    if rows is not None and loops is not None:
        totals.append(rows * loops)
    if config.limits.max_records is not None:
        totals.append(config.limits.max_records)
    if config.limits.duration_ns is not None and config.pacing.rate is not None:
        totals.append(int(config.pacing.rate * config.limits.duration_ns / 10**9))
    return min(totals, default=None)
