"""From files to encoded records: source → coerce → encode. The reader places what comes out; a dry run counts it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replayer.coerce.plan import Coerced, plan_coercion
from replayer.coerce.rejects import RejectedRow, printable_values, raw_writer
from replayer.encode.avro import make_encoder
from replayer.encode.headers import BoundHeaders, Origin, make_header_encoder
from replayer.encode.json import make_json_encoder
from replayer.encode.keys import KeyEncoder, make_key_encoder
from replayer.encode.partition_column import make_partition_column
from replayer.encode.timestamps import make_timestamp_column
from replayer.encode.tombstones import make_tombstone_column
from replayer.encode.unfit import Unfit
from replayer.encode.value_keys import ValueKeyEncoder, make_value_key_encoder
from replayer.run.arena import Arena
from replayer.run.messages import ROW_BITS, PipelineSetup
from replayer.run.rejecting import Rejecting
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import AvroSchema, Record, parse_schema
from replayer.source.batch import SourceBatch

TOO_LARGE = "too_large"


@dataclass
class PipelineCounts:
    """What the pipeline did so far; CPU nanoseconds of this process by stage."""

    rows_read: int = 0
    rejected: int = 0
    encoded: int = 0
    fallback_rows: int = 0
    value_bytes: int = 0
    key_bytes: int = 0
    read_ns: int = 0
    coerce_ns: int = 0
    encode_ns: int = 0


class Pipeline:
    """Turns the dataset into arenas full of records, one RecordBatch at a time, as often as it is asked to.

    Raises DatasetError, SchemaError or UsageError from its constructor when the parts do not fit together.
    """

    def __init__(self, setup: PipelineSetup) -> None:
        self._setup = setup
        self.source = setup.source
        schema = parse_schema(setup.schema_text, setup.schema_where)
        self._coercer = plan_coercion(self.source.schema, schema, dict(setup.renames))
        if setup.record.value_format == "json":
            is_epoch = setup.record.json_timestamps == "epoch"
            self.encoder = make_json_encoder(schema, setup.prefix, is_epoch=is_epoch)
        else:
            self.encoder = make_encoder(schema, setup.prefix)
        record, columns = setup.record, coerced_schema(schema)
        self._key_encoder = _make_key_encoder(setup, columns, schema)
        self._timestamps = make_timestamp_column(record.timestamp, columns)
        self._partitions = make_partition_column(record.partition_column, columns, setup.partition_count)
        self._tombstones = make_tombstone_column(record.tombstone, columns, schema)
        self._headers = make_header_encoder(record.headers, columns, schema)
        paths = [file.path for file in self.source.files]
        self.rejecting = Rejecting(setup.rejects, paths)
        self._write_raw = raw_writer(self.source.schema)
        self.records_left: int | None = None
        """How many more records the run may have, None for any number; whoever takes the chunks keeps it true."""
        self.counts = PipelineCounts()
        self.input_bytes = 0
        """How far the current pass has come, in bytes of the files as stored."""
        self.last_batch: SourceBatch | None = None
        """What the last chunk was made of."""
        self.loop = 0

    @property
    def has_keys(self) -> bool:
        """Whether records have keys at all."""
        return self._key_encoder is not None

    def chunks(self, arena: Arena) -> Iterator[npt.NDArray[np.int64]]:
        """Fill ``arena`` with one RecordBatch after the other, one pass over the dataset.

        Yields the positions in the arena of the records that are to be sent: all but those that the topic would refuse,
        up to the limit, or to the row that spent the budget for rejects. That row ends the pass.
        """
        counts = self.counts
        started_ns = time.process_time_ns()
        for source_batch in self.source.batches():
            read_ns = time.process_time_ns()
            self.input_bytes, self.last_batch = source_batch.input_bytes, source_batch
            coerced = self._coercer.coerce(source_batch)
            self.rejecting.add(coerced.rejects)
            coerced_ns = time.process_time_ns()
            rows = self._settle(coerced, self._encode(coerced, source_batch, arena))
            counts.read_ns += read_ns - started_ns
            counts.coerce_ns += coerced_ns - read_ns
            counts.encode_ns += time.process_time_ns() - coerced_ns
            yield rows
            if self.rejecting.spent:
                return
            started_ns = time.process_time_ns()
        self.loop += 1

    def _settle(self, coerced: Coerced, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Count the RecordBatch as far as limits and budget let it count; returns the rows still to be sent."""
        counts = self.counts
        settled = self.rejecting.settle(coerced.row_numbers[rows], self.records_left, is_kept=self.loop == 0)
        counts.rows_read += settled.rows
        counts.rejected += settled.rejected
        counts.encoded += settled.records
        if self.encoder.fallback_reason:
            counts.fallback_rows += settled.records
        return rows[: settled.records]

    def _encode(self, coerced: Coerced, source_batch: SourceBatch, arena: Arena) -> npt.NDArray[np.int64]:
        source_rows = coerced.row_numbers + (source_batch.file_index << ROW_BITS)
        timestamps = None if self._timestamps is None else self._timestamps.read(coerced.batch)
        stamps_ms = None if timestamps is None else timestamps.milliseconds
        arena.fill(coerced.batch, self.encoder, self._key_encoder, source_rows, stamps_ms, self._bind_headers(coerced))
        if self._tombstones is not None:
            arena.drop_values(self._tombstones.read(coerced.batch))
        unfit = () if timestamps is None else timestamps.unfit
        if self._partitions is not None:
            arena.partitions, outside = self._partitions.read(coerced.batch)
            unfit += outside
        rows = np.arange(arena.record_count, dtype=np.int64)
        if unfit:
            rows = self._reject_unfit(coerced, source_batch, unfit)
        limit = self._setup.max_record_bytes
        if arena.largest_bound() > limit:
            is_fit = arena.sizes()[rows] <= limit
            if not is_fit.all():
                self._reject_large(coerced, source_batch, arena, rows[~is_fit])
                rows = rows[is_fit]
        return rows

    def _bind_headers(self, coerced: Coerced) -> BoundHeaders | None:
        if self._headers is None:
            return None
        file = self.source.files[coerced.file_index].path
        return self._headers.bind(coerced.batch, Origin(self._setup.run_id, file, coerced.row_numbers))

    def _reject_unfit(
        self, coerced: Coerced, source_batch: SourceBatch, unfit: tuple[Unfit, ...]
    ) -> npt.NDArray[np.int64]:
        """Reject each row that some rule finds, for the first of them; returns the positions of the others."""
        is_fit = np.ones(coerced.batch.num_rows, np.bool_)
        rejects = []
        for one in unfit:
            for position in np.flatnonzero(one.rows & is_fit).tolist():
                row = int(coerced.row_numbers[position])
                raw = self._raw_row(source_batch, row)
                rejects.append(RejectedRow(source_batch.file_index, row, one.column, one.reason, one.detail, raw))
            is_fit &= ~one.rows
        self.rejecting.add(rejects)
        return np.flatnonzero(is_fit)

    def _reject_large(
        self, coerced: Coerced, source_batch: SourceBatch, arena: Arena, positions: npt.NDArray[np.int64]
    ) -> None:
        sizes = arena.sizes()
        limit = self._setup.max_record_bytes
        rejects = []
        for position in positions.tolist():
            detail = f"{sizes[position]:,} bytes on the wire, the topic takes {limit:,}"
            row = int(coerced.row_numbers[position])
            raw = self._raw_row(source_batch, row)
            rejects.append(RejectedRow(source_batch.file_index, row, "", TOO_LARGE, detail, raw))
        self.rejecting.add(rejects)

    def _raw_row(self, source_batch: SourceBatch, row: int) -> str:
        place = int(np.searchsorted(source_batch.row_numbers, row))
        columns = source_batch.batch.slice(place, 1).columns
        return self._write_raw([printable_values(column)[0] for column in columns])

    def close(self) -> None:
        """Close the rejects file."""
        self.rejecting.close()


def _make_key_encoder(
    setup: PipelineSetup, columns: pa.Schema, schema: AvroSchema
) -> KeyEncoder | ValueKeyEncoder | None:
    record = setup.record
    if record.key_format in ("json", "avro"):
        return make_value_key_encoder(record.key_columns, schema, record.key_format, setup.key_prefix)
    return make_key_encoder(record.key_columns, columns, schema, is_raw=record.key_format == "raw")


def coerced_schema(schema: AvroSchema) -> pa.Schema:
    """The Arrow schema of coerced RecordBatches; a wide union, which has no Arrow type of its own, shows as null."""
    assert isinstance(schema.root, Record)  # make_encoder refuses anything else
    fields = [(field.name, arrow_type(field.node)) for field in schema.root.fields]
    return pa.schema([(name, pa.null() if kind is None else kind) for name, kind in fields])
