"""Avro encoding: fastavro with its rows ready, row by row, against the columnar encoder with a bind per call.

    pytest benchmarks/micro/test_encode.py --benchmark-group-by=param:shape

The time of a round is that of ``ROW_COUNT`` rows; ``ns_per_row`` and ``bytes_per_row`` are in ``extra_info``. Nothing
timed is asserted: what is asserted is that both wrote the same bytes.
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import io
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest

from replayer.encode.avro import make_encoder
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import AvroSchema, parse_schema

ROW_COUNT = 8192
_EPOCH = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
_CITIES = ("Amsterdam", "Berlin", "Cairo", "Rio de Janeiro", "Ulaanbaatar")


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema, rows of Python values for fastavro, and the same rows as a RecordBatch."""

    schema: AvroSchema
    rows: list[dict[str, Any]]
    batch: pa.RecordBatch


def nullable(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def required(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind}


def _ten_columns(pick: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {
        "order_id": pick.randrange(1 << 40),
        "customer": f"customer-{pick.randrange(10**7):07}",
        "amount": pick.random() * 100,
        "quantity": pick.randrange(1000),
        "paid": pick.random() < 0.5,
        "placed": _EPOCH + dt.timedelta(microseconds=pick.randrange(10**13)),
        "sku": f"SKU-{pick.randrange(10**8):08}",
        "city": pick.choice(_CITIES),
        "note": "left at the door " + "." * pick.randrange(12),
        "score": pick.random(),
    }
    return {name: None if pick.random() < 0.05 else value for name, value in row.items()}


def _strings(pick: random.Random) -> dict[str, Any]:
    return {f"s{index}": "é" * (index % 2) + "x" * pick.randrange(8, 60) for index in range(12)}


def _nested(pick: random.Random) -> dict[str, Any]:
    point = {"x": pick.random(), "y": pick.random(), "label": None if pick.random() < 0.2 else "p"}
    return {"id": pick.randrange(10**6), "from": point, "to": {"at": dict(point), "city": pick.choice(_CITIES)}}


def _arrays(pick: random.Random) -> dict[str, Any]:
    return {
        "longs": [pick.randrange(1 << 30) for _ in range(pick.randrange(12))],
        "names": [pick.choice(_CITIES) for _ in range(pick.randrange(6))],
        "lines": [{"sku": f"SKU-{pick.randrange(1000)}", "count": pick.randrange(9)} for _ in range(pick.randrange(4))],
    }


def _maps(pick: random.Random) -> dict[str, Any]:
    return {
        "counts": {f"key-{index}": pick.randrange(1000) for index in range(pick.randrange(6))},
        "labels": {f"label-{index}": pick.choice(_CITIES) for index in range(pick.randrange(4))},
    }


def _scaled(unscaled: int, scale: int) -> decimal.Decimal:
    return decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=38))


def _decimals(pick: random.Random) -> dict[str, Any]:
    return {
        "price": _scaled(pick.randrange(-(10**9), 10**9), 2),
        "large": _scaled(pick.randrange(-(10**37), 10**37), 10),
        "fixed": _scaled(pick.randrange(-(10**9), 10**9), 2),
        "rate": None if pick.random() < 0.1 else _scaled(pick.randrange(10**6), 4),
    }


def _uuids(pick: random.Random) -> dict[str, Any]:
    made = [uuid.UUID(int=pick.getrandbits(128)) for _ in range(3)]
    return {"text": str(made[0]), "maybe": str(made[1]), "bytes": made[2].bytes}


def _decimal(precision: int, scale: int, **more: Any) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale, **more}


_POINT = {
    "type": "record",
    "name": "Point",
    "fields": [required("x", "double"), required("y", "double"), nullable("label", "string")],
}
_LINE = {"type": "record", "name": "Line", "fields": [required("sku", "string"), required("count", "int")]}
_UUID = {"type": "string", "logicalType": "uuid"}

_SHAPES: dict[str, tuple[Callable[[random.Random], dict[str, Any]], list[dict[str, Any]]]] = {
    "ten-nullable-columns": (
        _ten_columns,
        [
            nullable("order_id", "long"),
            nullable("customer", "string"),
            nullable("amount", "double"),
            nullable("quantity", "int"),
            nullable("paid", "boolean"),
            nullable("placed", {"type": "long", "logicalType": "timestamp-micros"}),
            nullable("sku", "string"),
            nullable("city", "string"),
            nullable("note", "string"),
            nullable("score", "double"),
        ],
    ),
    "strings": (_strings, [required(f"s{index}", "string") for index in range(12)]),
    "nested-records": (
        _nested,
        [
            required("id", "long"),
            required("from", _POINT),
            nullable(
                "to", {"type": "record", "name": "To", "fields": [required("at", "Point"), required("city", "string")]}
            ),
        ],
    ),
    "arrays": (
        _arrays,
        [
            required("longs", {"type": "array", "items": "long"}),
            required("names", {"type": "array", "items": "string"}),
            required("lines", {"type": "array", "items": _LINE}),
        ],
    ),
    "maps": (
        _maps,
        [
            required("counts", {"type": "map", "values": "long"}),
            required("labels", {"type": "map", "values": "string"}),
        ],
    ),
    "decimals": (
        _decimals,
        [
            required("price", _decimal(18, 2)),
            required("large", _decimal(38, 10)),
            required("fixed", _decimal(18, 2, type="fixed", name="Amount", size=8)),
            nullable("rate", _decimal(9, 4)),
        ],
    ),
    "uuids": (
        _uuids,
        [
            required("text", _UUID),
            nullable("maybe", _UUID),
            required("bytes", {"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}),
        ],
    ),
}
SHAPE_NAMES = tuple(_SHAPES)


@functools.cache
def make_shape(name: str) -> Shape:
    make_row, fields = _SHAPES[name]
    pick = random.Random(name)
    schema = parse_schema({"type": "record", "name": "Measured", "fields": fields}, name)
    rows = [make_row(pick) for _ in range(ROW_COUNT)]
    columns = [
        pa.array([list(row[column].items()) if pa.types.is_map(kind) else row[column] for row in rows], type=kind)
        for column, kind in arrow_types(schema).items()
        if kind is not None
    ]
    return Shape(schema, rows, pa.record_batch(columns, names=list(arrow_types(schema))))


def dictionary_encoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The RecordBatch with every string column dictionary-encoded, as Parquet files bring them."""
    columns = [column.dictionary_encode() if column.type == pa.string() else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)


def _fastavro_bytes(schema: Any, rows: list[dict[str, Any]]) -> bytes:
    target = io.BytesIO()
    for row in rows:
        fastavro.schemaless_writer(target, schema, row)
    return target.getvalue()


def _columnar(shape: Shape, batch: pa.RecordBatch) -> Callable[[], memoryview]:
    encoder = make_encoder(shape.schema, b"")
    assert encoder.name == "columnar"
    buffer = np.zeros(encoder.upper_bound(batch), dtype=np.uint8)
    ends = np.zeros(batch.num_rows, dtype=np.int64)

    def encode() -> memoryview:
        return memoryview(buffer)[: encoder.encode_into(batch, buffer, ends)]

    return encode


def _note(benchmark: Any, byte_count: int) -> None:
    if benchmark.stats is None:  # --benchmark-disable
        return
    benchmark.extra_info["ns_per_row"] = round(benchmark.stats.stats.min / ROW_COUNT * 1e9, 1)
    benchmark.extra_info["bytes_per_row"] = round(byte_count / ROW_COUNT, 1)


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_fastavro(benchmark: Any, shape: str) -> None:
    """The reference: one call per row, the schema parsed beforehand."""
    made = make_shape(shape)
    schema = fastavro.parse_schema(json.loads(made.schema.text))
    written = benchmark.pedantic(_fastavro_bytes, (schema, made.rows), rounds=5, warmup_rounds=1)
    _note(benchmark, len(written))


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_columnar(benchmark: Any, shape: str) -> None:
    """Bind and loop, plain string columns."""
    made = make_shape(shape)
    written = benchmark.pedantic(_columnar(made, made.batch), rounds=50, warmup_rounds=3)
    _note(benchmark, len(written))
    assert bytes(written) == _fastavro_bytes(json.loads(made.schema.text), made.rows)


@pytest.mark.parametrize("shape", ["ten-nullable-columns", "strings"])
def test_columnar_from_dictionaries(benchmark: Any, shape: str) -> None:
    """Bind and loop, strings written once per distinct value and copied per row."""
    made = make_shape(shape)
    written = benchmark.pedantic(_columnar(made, dictionary_encoded(made.batch)), rounds=50, warmup_rounds=3)
    _note(benchmark, len(written))
    assert bytes(written) == _fastavro_bytes(json.loads(made.schema.text), made.rows)
