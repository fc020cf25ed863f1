"""One way to run an encoder for all tests: it checks the invariants of the buffer, and gives a record per row."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest

from replayer.encode.avro import Encoder
from replayer.schema.avro import Array, AvroSchema, Enum, Map, Node, Record, Union

GUARD = 0xA5


def run_encoder(encoder: Encoder, batch: pa.RecordBatch) -> list[bytes]:
    """The records of a RecordBatch. Nothing may be touched behind the bound, and the ends must never fall."""
    bound = encoder.upper_bound(batch)
    room = np.full(bound + 64, GUARD, dtype=np.uint8)
    ends = np.full(batch.num_rows + 1, -7, dtype=np.int64)
    written = encoder.encode_into(batch, room[:bound], ends)
    assert written <= bound
    assert (room[bound:] == GUARD).all()
    assert ends[batch.num_rows] == -7
    starts = [0, *ends[: batch.num_rows].tolist()]
    assert starts == sorted(starts)
    assert starts[-1] == written
    return [room[start:end].tobytes() for start, end in itertools.pairwise(starts)]


def with_fastavro(schema: AvroSchema, rows: Iterable[dict[str, Any]]) -> list[bytes]:
    """The same rows by ``schemaless_writer``."""
    parsed = fastavro.parse_schema(json.loads(schema.text))
    written = []
    for row in rows:
        target = io.BytesIO()
        fastavro.schemaless_writer(target, parsed, row)
        written.append(target.getvalue())
    return written


def for_arrow(node: Node, value: Any) -> Any:
    """What fastavro takes for a value, as ``pa.array`` takes it: enums as indices, maps as pairs."""
    if value is None:
        return None
    match node:
        case Enum():
            return node.symbols.index(value)
        case Array():
            return [for_arrow(node.item, entry) for entry in value]
        case Map():
            return [(key, for_arrow(node.value, entry)) for key, entry in value.items()]
        case Record():
            return {field.name: for_arrow(field.node, value[field.name]) for field in node.fields}
        case Union():
            return for_arrow(node.nullable, value) if node.nullable else value
    return value


@pytest.fixture(scope="session")
def run() -> Callable[[Encoder, pa.RecordBatch], list[bytes]]:
    return run_encoder


@pytest.fixture(scope="session")
def golden() -> Callable[[AvroSchema, Iterable[dict[str, Any]]], list[bytes]]:
    return with_fastavro


@pytest.fixture(scope="session")
def arrow_value() -> Callable[[Node, Any], Any]:
    return for_arrow
