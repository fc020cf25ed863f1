"""What is decided before a run: the dataset opened, the schema found, everything checked that looking can check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replayer.coerce.options import RejectOptions
from replayer.config import RunConfig
from replayer.encode.options import RecordOptions
from replayer.errors import SchemaError
from replayer.run.messages import PipelineSetup
from replayer.schema.avro import AvroSchema, parse_schema
from replayer.schema.names import avro_names, renamed
from replayer.schema.options import SchemaOptions
from replayer.source.discover import discover
from replayer.source.open import SAMPLE_BYTES, Source, open_source, take_sample
from replayer.source.options import SourceOptions

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


def plan_dataset(source_options: SourceOptions, schema_options: SchemaOptions, record_name: str) -> DatasetPlan:
    """Open the dataset and find its schema: the given one, or one inferred from types, a sample of text or every row.

    Raises DatasetError and SchemaError.
    """
    is_whole = schema_options.infer == "full" and schema_options.schema_file is None
    source = open_source(discover(source_options), is_whole=is_whole)
    if schema_options.schema_file is not None:
        path = schema_options.schema_file
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SchemaError(
                f"cannot read the schema {path}: {error}", "give --schema the path of an .avsc file"
            ) from error
        return DatasetPlan(source, parse_schema(text, path), path, path, (), source.notes)
    inferred, origin = _infer(source, record_name, is_whole=is_whole)
    schema = parse_schema(inferred, "inferred schema")
    names = avro_names(source.schema.names)
    notes = [f"column {column!r} is field {name!r}" for column, name in renamed(names).items()]
    return DatasetPlan(source, schema, "inferred schema", origin, tuple(names.items()), (*source.notes, *notes))


def _infer(source: Source, record_name: str, *, is_whole: bool) -> tuple[dict[str, Any], str]:
    """The schema and where it came from."""
    if is_whole:
        from replayer.schema.infer_whole import infer_whole

        return infer_whole(
            (one.batch for one in source.batches()), source.schema, record_name
        ), "inferred from every row"
    from replayer.schema.infer import infer_schema

    sample = take_sample(source)
    seen_whole = max(source.total_bytes, sample.nbytes) < SAMPLE_BYTES
    seen = "the whole text" if seen_whole else f"the first {SAMPLE_BYTES >> 20} MiB of text"
    is_typed = source.total_rows is not None
    return infer_schema(sample, record_name), "inferred from " + ("the dataset's types" if is_typed else seen)


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


def pipeline_setup(
    plan: DatasetPlan, record: RecordOptions, rejects: RejectOptions, prefix: bytes, max_record_bytes: int
) -> PipelineSetup:
    """What the reader needs to turn rows into records. A key column goes by its name in the dataset or the schema."""
    fields = dict(plan.renames)
    return PipelineSetup(
        source=plan.source,
        schema_text=plan.schema.text,
        schema_where=plan.schema_where,
        prefix=prefix,
        key_columns=tuple(fields.get(column, column) for column in record.key_columns),
        renames=plan.renames,
        rejects=rejects,
        max_record_bytes=max_record_bytes,
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
