"""Which Arrow type stands for which Avro type."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from replayer.schema.arrow import arrow_type, arrow_types
from replayer.schema.avro import parse_schema


def logical(kind: str, logical_type: str, /, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical_type, **more}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("null", pa.null()),
        ("boolean", pa.bool_()),
        ("int", pa.int32()),
        ("long", pa.int64()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("bytes", pa.binary()),
        ("string", pa.string()),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, pa.int32()),
        ({"type": "fixed", "name": "F", "size": 3}, pa.binary(3)),
        (logical("fixed", "uuid", name="F", size=16), pa.binary(16)),
        (logical("fixed", "decimal", name="F", size=8, precision=18, scale=4), pa.decimal128(18, 4)),
        (logical("bytes", "decimal", precision=38, scale=38), pa.decimal128(38, 38)),
        (logical("bytes", "decimal", precision=39), pa.decimal256(39, 0)),
        (logical("bytes", "decimal", precision=77), None),
        (logical("int", "date"), pa.date32()),
        (logical("int", "time-millis"), pa.time32("ms")),
        (logical("long", "time-micros"), pa.time64("us")),
        (logical("long", "timestamp-millis"), pa.timestamp("ms", "UTC")),
        (logical("long", "timestamp-micros"), pa.timestamp("us", "UTC")),
        (logical("long", "timestamp-nanos"), pa.timestamp("ns", "UTC")),
        (logical("long", "local-timestamp-millis"), pa.timestamp("ms")),
        (logical("long", "local-timestamp-micros"), pa.timestamp("us")),
        (logical("long", "local-timestamp-nanos"), pa.timestamp("ns")),
        (logical("string", "uuid"), pa.string()),
        (["null", "long"], pa.int64()),
        (["long", "null"], pa.int64()),
        (["long", "string"], None),
        (["long"], None),
        (["null", "long", "string"], None),
        ({"type": "array", "items": ["null", "int"]}, pa.list_(pa.int32())),
        ({"type": "array", "items": ["int", "string"]}, None),
        ({"type": "map", "values": "double"}, pa.map_(pa.string(), pa.float64())),
        ({"type": "map", "values": ["int", "string"]}, None),
    ],
)
def test_each_avro_type(written: Any, expected: pa.DataType | None) -> None:
    """The table of the contract between coercion and encoding; None where only fastavro takes the column."""
    assert arrow_type(parse_schema(json.dumps(written), "test").root) == expected


def test_records() -> None:
    """A record is a struct of its fields, and None if one of them is; at the top each column counts alone."""
    fields = [{"name": "b", "type": "int"}, {"name": "a", "type": ["null", "string"]}]
    schema = parse_schema({"type": "record", "name": "R", "fields": fields}, "test")
    assert arrow_type(schema.root) == pa.struct([("b", pa.int32()), ("a", pa.string())])
    wide = [*fields, {"name": "w", "type": ["int", "string"]}]
    schema = parse_schema({"type": "record", "name": "R", "fields": wide}, "test")
    assert arrow_type(schema.root) is None
    assert arrow_types(schema) == {"b": pa.int32(), "a": pa.string(), "w": None}


def test_recursive_records() -> None:
    """A type that contains itself has no Arrow type."""
    node = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    assert arrow_type(parse_schema(node, "test").root) is None
