"""Record keys that are values of their own: JSON, or Avro with a schema of its own.

One column is its value alone: the JSON value, or Avro of the column's type. Several are an object, or a record with
these fields. A null in a key of one column makes a keyless record; among several it is a null field.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.encode.avro import ColumnarEncoder, Encoder
from replayer.encode.json import JsonEncoder
from replayer.encode.json_plan import make_json_plan
from replayer.encode.text_columns import find_text_column
from replayer.errors import UsageError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import AvroSchema, Enum, Field, Fixed, Node, Primitive, Record, Union, parse_schema


def key_schema(columns: tuple[str, ...], schema: AvroSchema) -> AvroSchema:
    """The schema of the Avro key of these columns: the one column's type without null, or a record of all of them.

    The record is called like the value's with ``Key`` behind. Raises UsageError as ``make_key_encoder`` does.
    """
    fields = _key_fields(columns, schema)
    defined: set[str] = set()
    if len(fields) == 1:
        return parse_schema(json.dumps(_written(fields[0].node, defined)), "the key's schema")
    written = [{"name": field.name, "type": _written(field.node, defined)} for field in fields]
    return parse_schema({"type": "record", "name": f"{schema.fullname}Key", "fields": written}, "the key's schema")


def _key_fields(columns: tuple[str, ...], schema: AvroSchema) -> tuple[Field, ...]:
    root = schema.root
    assert isinstance(root, Record)
    known = {field.name: field for field in root.fields}
    arrow = pa.schema([(field.name, arrow_type(field.node) or pa.null()) for field in root.fields])
    for name in columns:
        if columns.count(name) > 1:
            raise UsageError(f"--key: the column {name!r} is named twice", "name it once")
        find_text_column("--key", name, arrow, schema)
    fields = tuple(known[name] for name in columns)
    if len(fields) == 1 and isinstance(fields[0].node, Union):
        node = fields[0].node.nullable
        assert node is not None  # a wide union was refused above
        return (replace(fields[0], node=node),)
    return fields


def _written(node: Node, defined: set[str]) -> Any:
    """The JSON of a node of single values; a named type is written out once and then named."""
    match node:
        case Union():
            return [_written(branch, defined) for branch in node.branches]
        case Enum() | Fixed() if node.name in defined:
            return node.name
        case Enum():
            defined.add(node.name)
            return {"type": "enum", "name": node.name, "symbols": list(node.symbols)}
        case Fixed():
            defined.add(node.name)
            return {"type": "fixed", "name": node.name, "size": node.size} | _logical(node)
        case Primitive():
            logical = _logical(node)
            return {"type": node.kind} | logical if logical else node.kind
    raise AssertionError(f"{node} is no single value")


def _logical(node: Primitive | Fixed) -> dict[str, Any]:
    if not node.logical:
        return {}
    scaled = {"precision": node.precision, "scale": node.scale} if node.logical == "decimal" else {}
    return {"logicalType": node.logical} | scaled


def make_value_key_encoder(
    columns: tuple[str, ...], schema: AvroSchema, key_format: str, prefix: bytes
) -> ValueKeyEncoder | None:
    """The encoder for a key of these columns as ``json`` or ``avro`` behind ``prefix``; None without columns.

    Raises UsageError for a column that is not there, named twice, nested, or of a wide union.
    """
    if not columns:
        return None
    fields = _key_fields(columns, schema)
    is_single = len(fields) == 1
    if key_format == "json":
        encoder: Encoder = JsonEncoder(make_json_plan(fields, is_bare=is_single), prefix)
    else:
        # A record is its fields one behind the other, so one field alone is Avro of its type.
        encoder = ColumnarEncoder(AvroSchema("", Record("Key", fields)), prefix)
    return ValueKeyEncoder(columns, encoder, is_single=is_single)


class ValueKeyEncoder:
    """Writes the keys of RecordBatches with an encoder of values. It serves one thread."""

    def __init__(self, columns: tuple[str, ...], encoder: Encoder, *, is_single: bool) -> None:
        self._columns, self._encoder, self._is_single = columns, encoder, is_single
        self._last: tuple[pa.RecordBatch, pa.RecordBatch, NDArray[np.bool_] | None] | None = None

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """Bytes that ``encode_into`` touches at most."""
        return self._encoder.upper_bound(self._keys_of(batch)[0])

    def encode_into(
        self,
        batch: pa.RecordBatch,
        buffer: NDArray[np.uint8],
        key_ends: NDArray[np.int64],
        key_nulls: NDArray[np.bool_],
    ) -> int:
        """As KeyEncoder.encode_into."""
        keys, is_null = self._keys_of(batch)
        self._last = None
        rows = batch.num_rows
        if is_null is None:
            key_nulls[:rows] = False
            return self._encoder.encode_into(keys, buffer, key_ends)
        ends = np.zeros(keys.num_rows + 1, np.int64)
        written = self._encoder.encode_into(keys, buffer, ends[1:])
        key_nulls[:rows] = is_null
        # A keyless record ends where the last key before it does.
        key_ends[:rows] = ends[np.cumsum(~is_null)]
        return written

    def _keys_of(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, NDArray[np.bool_] | None]:
        """The key's columns, without the rows that have no key, and which rows these are if there are any."""
        if self._last is None or self._last[0] is not batch:
            keys = batch.select(list(self._columns))
            column: Any = keys.column(0)
            is_null = None
            if self._is_single and pa.types.is_dictionary(column.type) and column.dictionary.null_count:
                column = column.dictionary_decode()
            if self._is_single and column.null_count:
                is_null = column.is_null().to_numpy(zero_copy_only=False)
                keys = pa.RecordBatch.from_arrays([column.drop_null()], names=list(self._columns))
            self._last = (batch, keys, is_null)
        return self._last[1:]
