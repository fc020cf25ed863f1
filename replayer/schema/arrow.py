"""The Arrow types that stand for Avro types: what coercion produces and what the columnar encoder reads."""

from __future__ import annotations

import pyarrow as pa

from replayer.schema.avro import Array, AvroSchema, Enum, Fixed, Map, Node, Primitive, Record, Recursion, Union

MAX_DECIMAL_PRECISION = 76

_PRIMITIVE_TYPES: dict[tuple[str, str], pa.DataType] = {
    ("null", ""): pa.null(),
    ("boolean", ""): pa.bool_(),
    ("int", ""): pa.int32(),
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", ""): pa.int64(),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", "UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", "UTC"),
    ("long", "timestamp-nanos"): pa.timestamp("ns", "UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
    ("long", "local-timestamp-nanos"): pa.timestamp("ns"),
    ("float", ""): pa.float32(),
    ("double", ""): pa.float64(),
    ("bytes", ""): pa.binary(),
    ("string", ""): pa.string(),
    ("string", "uuid"): pa.string(),
}


def arrow_type(node: Node) -> pa.DataType | None:
    """The Arrow type of a node's values, or None where only the fastavro encoder takes them, column as it is.

    None stands for unions wider than null and one type, recursive types, decimals of more than 76 digits, and
    everything that contains one of them. Every nested field is nullable as Arrow sees it: what is null where Avro
    forbids it is for coercion to reject. Enums are int32 indices into their symbols; a nullable union has the type of
    its other branch. Strings may also come as ``dictionary<int32, string>``.
    """
    match node:
        case Primitive(logical="decimal") | Fixed(logical="decimal"):
            return _decimal(node.precision, node.scale)
        case Primitive():
            return _PRIMITIVE_TYPES[node.kind, node.logical]
        case Fixed():
            return pa.binary(node.size)
        case Enum():
            return pa.int32()
        case Array():
            item = arrow_type(node.item)
            return None if item is None else pa.list_(item)
        case Map():
            value = arrow_type(node.value)
            return None if value is None else pa.map_(pa.string(), value)
        case Record():
            fields = []
            for field in node.fields:
                kind = arrow_type(field.node)
                if kind is None:
                    return None
                fields.append(pa.field(field.name, kind))
            return pa.struct(fields)
        case Union():
            return None if node.nullable is None else arrow_type(node.nullable)
        case Recursion():
            return None


def arrow_types(schema: AvroSchema) -> dict[str, pa.DataType | None]:
    """The Arrow type by column, in the order of the fields, for a schema with a record at the top."""
    assert isinstance(schema.root, Record)
    return {field.name: arrow_type(field.node) for field in schema.root.fields}


def _decimal(precision: int, scale: int) -> pa.DataType | None:
    if precision > MAX_DECIMAL_PRECISION:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
