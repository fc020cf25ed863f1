"""Columns as text: what keys and headers show of a value; the table is in keys.py."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from replayer.errors import UsageError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import AvroSchema, Enum, Fixed, Node, Record, Union

# Arrays are typed by what they are found to hold.
_Array: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of single values; ``symbols`` are those of an enum, which arrives as int32 indices."""

    name: str
    arrow_type: pa.DataType
    symbols: _Array | None = None
    is_uuid_bytes: bool = False
    is_raw: bool = False
    """Bytes as they are and numbers as Java's serializers write them, instead of their text."""

    def text(self, array: _Array) -> _Array:
        """The values as a string or binary array, null where they are."""
        kind = self.arrow_type
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if self.symbols is not None:
            return self.symbols.take(array)
        if self.is_raw and not pa.types.is_string(kind):
            return array.cast(pa.binary()) if is_binary(kind) else big_endian(array)
        if self.is_uuid_bytes:
            return uuid_text(array)
        if is_binary(kind):
            return array.cast(pa.binary())
        if pa.types.is_floating(kind):
            return float_text(array)
        if pa.types.is_timestamp(kind):
            # Without the zone first: Arrow would look for the machine's time zone files even for UTC.
            text = pc.replace_substring(array.cast(pa.timestamp(kind.unit)).cast(pa.string()), " ", "T")
            return text if kind.tz is None else pc.binary_join_element_wise(text, "Z", "")
        return array.cast(pa.string())


def find_column(option: str, name: str, schema: pa.Schema) -> pa.DataType:
    """The type of a column of the coerced RecordBatches. Raises UsageError, naming the option, if there is none."""
    if name not in schema.names:
        close = difflib.get_close_matches(name, schema.names, n=1)
        raise UsageError(
            f"{option}: there is no column {name!r}; the columns are {', '.join(schema.names)}",
            f"did you mean {close[0]!r}?" if close else "name one of them",
        )
    kind: pa.DataType = schema.field(name).type
    return kind


def find_text_column(option: str, name: str, schema: pa.Schema, avro_schema: AvroSchema | None) -> TextColumn:
    """The column as text.

    ``avro_schema`` tells enums from integers, and uuids on 16 bytes from other bytes. Raises UsageError for a column
    that is not there, nested, or of a wide union.
    """
    kind = find_column(option, name, schema)
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(kind):
        raise UsageError(f"{option}: the column {name!r} is nested ({kind})", "name columns of single values")
    node = node_of(avro_schema, name)
    if node is not None and arrow_type(node) is None:
        raise UsageError(f"{option}: the column {name!r} has no single type in the schema", "name another column")
    node = node.nullable if isinstance(node, Union) else node
    symbols = pa.array(node.symbols, pa.string()) if isinstance(node, Enum) and kind == pa.int32() else None
    is_uuid = isinstance(node, Fixed) and node.logical == "uuid" and kind == pa.binary(16)
    return TextColumn(name, kind, symbols, is_uuid)


def node_of(avro_schema: AvroSchema | None, name: str) -> Node | None:
    """The schema's node of a top-level field."""
    root = None if avro_schema is None else avro_schema.root
    fields = root.fields if isinstance(root, Record) else ()
    return next((field.node for field in fields if field.name == name), None)


def float_text(array: _Array) -> _Array:
    """Every number as orjson prints it: it prints the whole column in one call, and the commas are taken out."""
    dtype = np.float32 if array.type == pa.float32() else np.float64
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(dtype)
    printed = np.frombuffer(orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY), dtype=np.uint8)[1:-1]
    commas = np.flatnonzero(printed == ord(","))
    ends = np.append(commas - np.arange(len(commas)), len(printed) - len(commas))
    offsets = np.append(0, ends[: len(array)]).astype(np.int32)
    return _string_array(array, offsets, printed[printed != ord(",")])


def big_endian(array: _Array) -> _Array:
    """Integers and floating-point numbers as their bytes, most significant first, null where they are."""
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False)
    width = numbers.dtype.itemsize
    swapped = np.frombuffer(numbers.astype(numbers.dtype.newbyteorder(">")).tobytes() or b"\0", np.uint8)
    offsets = np.arange(len(array) + 1, dtype=np.int32) * width
    made: _Array = pa.Array.from_buffers(pa.binary(), len(array), [None, _buffer(offsets), _buffer(swapped)])
    return pc.if_else(array.is_valid(), made, None) if array.null_count else made


def uuid_text(array: _Array) -> _Array:
    """Sixteen bytes as 8-4-4-4-12 lower-case hexadecimal digits (RFC 9562, section 4)."""
    count = len(array)
    if count == 0:
        return pa.array([], pa.string())
    raw = np.frombuffer(memoryview(array.buffers()[1]), np.uint8, 16 * count, 16 * array.offset).reshape(count, 16)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    written = np.full((count, 36), ord("-"), dtype=np.uint8)
    places = np.delete(np.arange(36), [8, 13, 18, 23])
    written[:, places[0::2]] = digits[raw >> 4]
    written[:, places[1::2]] = digits[raw & 15]
    return _string_array(array, np.arange(count + 1, dtype=np.int32) * 36, written.reshape(-1))


def _string_array(source: _Array, offsets: NDArray[np.int32], values: NDArray[np.uint8]) -> _Array:
    """A string array from its buffers, null where ``source`` is."""
    made = pa.StringArray.from_buffers(len(source), _buffer(offsets), _buffer(values))
    return pc.if_else(source.is_valid(), made, None) if source.null_count else made


def _buffer(array: NDArray[Any]) -> pa.Buffer:
    contiguous: Any = np.ascontiguousarray(array)  # a buffer, which only the stubs of Python 3.12 can say
    return pa.py_buffer(contiguous)


def is_binary(kind: pa.DataType) -> bool:
    """Bytes of any Arrow layout."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
