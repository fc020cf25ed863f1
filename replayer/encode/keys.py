"""Record keys from the columns of coerced RecordBatches.

A key of one column is its plain text, so that consumers and Java producers of the same keys agree on the partition:

=============  =========================================================================================================
column         key bytes of one column; in a key of several columns
=============  =========================================================================================================
string, enum   the text (an enum's symbol); a JSON string
bytes, fixed   the bytes; a JSON string with the character U+0000 to U+00FF of each byte, as Avro's JSON encoding has it
uuid           the text, lower case from 16 bytes; a JSON string
int, long      decimal digits; a JSON number
float, double  as orjson prints them, ``1.0``; a JSON number. NaN and infinities are ``null``, as JSON has no other word
boolean        ``true`` or ``false``; the same
decimal        with the digits of its scale, ``12.30``; a JSON string, as a number would lose digits in many readers
date           ``2024-02-29``; a JSON string
time           ``23:59:59.000``, with the digits of its unit; a JSON string
timestamp      ``2024-02-29T23:59:59.000Z``, with the digits of its unit, without Z if local; a JSON string
=============  =========================================================================================================

A key of several columns is a JSON array without spaces, as orjson prints it. A null in a key of one column makes a
keyless record, which is not the same as an empty key; in a key of several it is the JSON null.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from replayer.encode import key_kernels as kernels
from replayer.encode.bind import address
from replayer.encode.kernels import MOVE, SLACK
from replayer.errors import UsageError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import AvroSchema, Enum, Fixed, Record, Union

# Arrays are typed by what they are found to hold.
_Array: TypeAlias = Any

_BARE_KINDS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)


@dataclass(frozen=True, slots=True)
class _KeyColumn:
    """A column of the key; ``symbols`` are those of an enum, which arrives as int32 indices."""

    name: str
    arrow_type: pa.DataType
    symbols: _Array | None
    is_uuid_bytes: bool

    @property
    def mode(self) -> int:
        """How the column stands in a key of several columns."""
        kind = self.arrow_type
        if self.symbols is not None or self.is_uuid_bytes:
            return kernels.MODE_TEXT
        if any(is_kind(kind) for is_kind in _BARE_KINDS):
            return kernels.MODE_BARE
        return kernels.MODE_BYTES if _is_binary(kind) else kernels.MODE_TEXT


def make_key_encoder(
    columns: tuple[str, ...], schema: pa.Schema, avro_schema: AvroSchema | None = None
) -> KeyEncoder | None:
    """The encoder for a key of these columns, or None without columns: keyless records.

    ``schema`` is that of the coerced RecordBatches. ``avro_schema`` tells enums from integers, and uuids on 16 bytes
    from other bytes. Raises UsageError for a column that is not there, named twice, nested, or of a wide union.
    """
    if not columns:
        return None
    root = None if avro_schema is None else avro_schema.root
    nodes = {field.name: field.node for field in root.fields} if isinstance(root, Record) else {}
    found = []
    for name in columns:
        if name not in schema.names:
            close = difflib.get_close_matches(name, schema.names, n=1)
            raise UsageError(
                f"--key: there is no column {name!r}; the columns are {', '.join(schema.names)}",
                f"did you mean {close[0]!r}?" if close else "name one of them",
            )
        if columns.count(name) > 1:
            raise UsageError(f"--key: the column {name!r} is named twice", "name it once")
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_nested(kind):
            raise UsageError(f"--key: the column {name!r} is nested ({kind})", "name columns of single values")
        node = nodes.get(name)
        if node is not None and arrow_type(node) is None:
            raise UsageError(f"--key: the column {name!r} has no single type in the schema", "name another column")
        node = node.nullable if isinstance(node, Union) else node
        symbols = pa.array(node.symbols, pa.string()) if isinstance(node, Enum) and kind == pa.int32() else None
        is_uuid = isinstance(node, Fixed) and node.logical == "uuid" and kind == pa.binary(16)
        found.append(_KeyColumn(name, kind, symbols, is_uuid))
    return KeyEncoder(tuple(found))


class KeyEncoder:
    """Writes the keys of RecordBatches, column by column and without a call per row. It serves one thread."""

    def __init__(self, columns: tuple[_KeyColumn, ...]) -> None:
        self._columns = columns
        self._last: tuple[pa.RecordBatch, NDArray[np.int64], int, tuple[Any, ...]] | None = None

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """Bytes that ``encode_into`` touches at most."""
        return self._bind(batch)[1]

    def encode_into(
        self,
        batch: pa.RecordBatch,
        buffer: NDArray[np.uint8],
        key_ends: NDArray[np.int64],
        key_nulls: NDArray[np.bool_],
    ) -> int:
        """Write the key of every row and return the bytes written.

        ``key_ends[i]`` is the position behind key i; ``key_nulls[i]`` is true for a keyless record, whose key has no
        bytes. Raises ValueError where room is missing.
        """
        program, bound, _kept = self._bind(batch)
        rows = batch.num_rows
        _check_room(buffer, np.uint8, bound)
        _check_room(key_ends, np.int64, rows)
        _check_room(key_nulls, np.bool_, rows)
        if len(self._columns) == 1:
            written = kernels.encode_single_keys(
                address(program), rows, address(buffer), address(key_ends), address(key_nulls)
            )
        else:
            key_nulls[:rows] = False
            written = kernels.encode_composite_keys(
                address(program), len(self._columns), rows, address(buffer), address(key_ends)
            )
        self._last = None
        return int(written)

    def _bind(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], int, tuple[Any, ...]]:
        if self._last is None or self._last[0] is not batch:
            self._last = (batch, *self._make_program(batch))
        return self._last[1:]

    def _make_program(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], int, tuple[Any, ...]]:
        program = np.zeros((len(self._columns), kernels.WORDS), dtype=np.int64)
        bound, kept = SLACK + 2 * batch.num_rows, []
        for words, column in zip(program, self._columns, strict=True):
            text = _text(column, batch.column(column.name))
            validity, offsets, values = text.buffers()
            kept.append(text)
            words[kernels.MODE] = column.mode
            words[kernels.VALIDITY] = validity.address if validity is not None and text.null_count else 0
            words[kernels.FIRST_BIT] = text.offset
            words[kernels.LAST_MOVE] = -1
            if offsets is not None:
                words[kernels.OFFSETS] = offsets.address + 4 * text.offset
            if values is not None:
                words[kernels.VALUES] = values.address
                words[kernels.LAST_MOVE] = values.address + values.size - MOVE
            byte_count = int(pc.sum(pc.binary_length(text)).as_py() or 0)
            bound += 5 * len(text) + (byte_count if column.mode == kernels.MODE_BARE else 6 * byte_count)
        return program, bound, tuple(kept)


def _text(column: _KeyColumn, array: _Array) -> _Array:
    """The column as a string or binary array: what the key shows of each value."""
    kind = column.arrow_type
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column.symbols is not None:
        return column.symbols.take(array)
    if column.is_uuid_bytes:
        return _uuid_text(array)
    if _is_binary(kind):
        return array.cast(pa.binary())
    if pa.types.is_floating(kind):
        return _float_text(array)
    if pa.types.is_timestamp(kind):
        # Without the zone first: Arrow would look for the machine's time zone files even for UTC.
        text = pc.replace_substring(array.cast(pa.timestamp(kind.unit)).cast(pa.string()), " ", "T")
        return text if kind.tz is None else pc.binary_join_element_wise(text, "Z", "")
    return array.cast(pa.string())


def _float_text(array: _Array) -> _Array:
    """Every number as orjson prints it: it prints the whole column in one call, and the commas are taken out."""
    dtype = np.float32 if array.type == pa.float32() else np.float64
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(dtype)
    printed = np.frombuffer(orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY), dtype=np.uint8)[1:-1]
    commas = np.flatnonzero(printed == ord(","))
    ends = np.append(commas - np.arange(len(commas)), len(printed) - len(commas))
    offsets = np.append(0, ends[: len(array)]).astype(np.int32)
    return _string_array(array, offsets, printed[printed != ord(",")])


def _uuid_text(array: _Array) -> _Array:
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


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _check_room(array: NDArray[Any], dtype: Any, count: int) -> None:
    if array.dtype != dtype or not array.flags.c_contiguous or array.size < count:
        raise ValueError(f"an array must be contiguous {np.dtype(dtype)} with at least {count} places")
