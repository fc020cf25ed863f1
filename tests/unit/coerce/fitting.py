"""Puts one column through a plan, for the tables of these tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from replayer.coerce.plan import Coerced, Coercer, plan_coercion
from replayer.schema.avro import AvroSchema, parse_schema
from replayer.schema.text import TextKind, mark_text
from replayer.source.batch import Malformed, SourceBatch


def record_of(**types: Any) -> AvroSchema:
    """A record with these fields."""
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    return parse_schema({"type": "record", "name": "Row", "fields": fields}, "test")


def source_batch(batch: pa.RecordBatch, malformed: tuple[Malformed, ...] = ()) -> SourceBatch:
    """Rows numbered from 100."""
    return SourceBatch(batch, 0, np.arange(100, 100 + batch.num_rows, dtype=np.int64), malformed)


def plan(array: Any, avro_type: Any, text: TextKind = "") -> Coercer:
    """The plan for a column v of this array's type into this Avro type."""
    return plan_coercion(mark_text(pa.schema([("v", array.type)]), text), record_of(v=avro_type), {})


@dataclass(frozen=True)
class Outcome:
    """What became of a column."""

    values: list[Any]
    reasons: dict[int, str]
    """Reason by place of the rejected row."""
    kind: pa.DataType
    coerced: Coerced


def fit(array: Any, avro_type: Any, text: TextKind = "") -> Outcome:
    """Coerce one column; checks that every row is accepted or rejected, and once only."""
    rows = source_batch(pa.RecordBatch.from_arrays([array], names=["v"]))
    coerced = plan(array, avro_type, text).coerce(rows)
    coerced.batch.validate(full=True)
    accepted, rejected = coerced.row_numbers.tolist(), [reject.row for reject in coerced.rejects]
    assert sorted(accepted + rejected) == rows.row_numbers.tolist()
    assert coerced.batch.num_rows == len(accepted)
    column = coerced.batch.column(0)
    stored = (
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) or pa.types.is_time64(column.type) else column
    )
    stored = stored.cast(pa.int32()) if pa.types.is_time32(column.type) else stored
    reasons = {reject.row - 100: reject.reason for reject in coerced.rejects}
    return Outcome(stored.to_pylist(), reasons, column.type, coerced)
