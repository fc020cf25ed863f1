"""Avro records by fastavro, row by row, for the schemas that the columnar encoder does not do.

Slow, but exact and the same on every machine: dates, times and timestamps reach fastavro as the integers that Avro
stores, so neither the time zone of the machine nor the range of Python's ``datetime`` plays a part.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import pyarrow as pa

from replayer.encode.by_row import RowEncoder
from replayer.errors import SchemaError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import Array, AvroSchema, Enum, Map, Node, Record, Union

_Convert = Callable[[Any], Any]


class FastavroEncoder(RowEncoder):
    """Encodes each row with ``schemaless_writer``; ``fallback_reason`` says why."""

    name = "fastavro"

    def __init__(self, schema: AvroSchema, prefix: bytes, reason: str) -> None:
        assert isinstance(schema.root, Record)
        super().__init__(schema.root.fields, prefix, reason)
        self._schema = fastavro.parse_schema(json.loads(schema.text))

    def _write(self, batch: pa.RecordBatch) -> tuple[bytes, list[int]]:
        names = [field.name for field in self._fields]
        columns = [_values(field.node, batch.column(index)) for index, field in enumerate(self._fields)]
        target = io.BytesIO()
        ends = []
        for row in range(batch.num_rows):
            target.write(self._prefix)
            record = {name: values[row] for name, values in zip(names, columns, strict=True)}
            try:
                fastavro.schemaless_writer(target, self._schema, record)
            except Exception as error:  # fastavro raises whatever the value's type makes it stumble over
                raise SchemaError(f"row {row} of a RecordBatch does not fit the schema: {error}") from error
            ends.append(target.tell())
        return target.getvalue(), ends


def _values(node: Node, array: Any) -> list[Any]:
    """A column as the Python values that fastavro takes."""
    if arrow_type(node) is None:
        # Column as it is: a union's branch is chosen from the Python value.
        return [_plain(value) for value in python_values(array)]
    convert = _converter(node)
    values = array.cast(_storage_type(array.type)).to_pylist()
    return values if convert is None else [None if value is None else convert(value) for value in values]


def _storage_type(kind: Any) -> Any:
    """The type with the integers that Avro stores in place of dates, times and timestamps, and without dictionaries."""
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    if pa.types.is_time64(kind) or pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_storage_type(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_storage_type(kind.key_type), kind.item_field.with_type(_storage_type(kind.item_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_storage_type(field.type)) for field in kind])
    return kind


def _converter(node: Node) -> _Convert | None:
    """What turns a value of ``to_pylist`` into fastavro's; None where they are the same. Nulls are kept from it."""
    match node:
        case Union():
            assert node.nullable is not None
            return _converter(node.nullable)
        case Enum():
            return node.symbols.__getitem__
        case Array():
            item = _optional(_converter(node.item))
            return None if item is None else lambda values: [item(value) for value in values]
        case Map():
            entry = _optional(_converter(node.value)) or _same
            return lambda pairs: {key: entry(value) for key, value in pairs}
        case Record():
            fields = {field.name: _optional(_converter(field.node)) or _same for field in node.fields}
            return lambda row: {name: convert(row[name]) for name, convert in fields.items()}
    return None


def _optional(convert: _Convert | None) -> _Convert | None:
    return None if convert is None else lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value


def python_values(array: Any) -> list[Any]:
    """A column as Python values, maps as dictionaries."""
    values: list[Any] = array.to_pylist(maps_as_pydicts="strict") if _has_map(array.type) else array.to_pylist()
    return values


def _has_map(kind: pa.DataType) -> bool:
    return pa.types.is_map(kind) or any(_has_map(kind.field(index).type) for index in range(kind.num_fields))


def _plain(value: Any) -> Any:
    """The value with a zone for every ``datetime`` without one: fastavro would take it to be in the machine's own."""
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value
