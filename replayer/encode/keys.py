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

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from replayer.encode import key_kernels as kernels
from replayer.encode.bind import address
from replayer.encode.kernels import MOVE, SLACK
from replayer.encode.text_columns import TextColumn, find_text_column, is_binary
from replayer.errors import UsageError
from replayer.schema.avro import AvroSchema

_BARE_KINDS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)


def make_key_encoder(
    columns: tuple[str, ...], schema: pa.Schema, avro_schema: AvroSchema | None = None, *, is_raw: bool = False
) -> KeyEncoder | None:
    """The encoder for a key of these columns, or None without columns: keyless records.

    ``schema`` is that of the coerced RecordBatches. ``avro_schema`` tells enums from integers, and uuids on 16 bytes
    from other bytes. ``is_raw`` makes the key the bytes of one column: text and bytes as they are, numbers big endian,
    as the serializers of Java's client write them. Raises UsageError for a column that is not there, named twice,
    nested, or of a wide union.
    """
    if not columns:
        return None
    found = []
    for name in columns:
        if columns.count(name) > 1:
            raise UsageError(f"--key: the column {name!r} is named twice", "name it once")
        found.append(find_text_column("--key", name, schema, avro_schema))
    if is_raw:
        return KeyEncoder((_raw(found),))
    return KeyEncoder(tuple(found))


def _raw(columns: list[TextColumn]) -> TextColumn:
    if len(columns) > 1:
        raise UsageError("--key-format raw is for a key of one column", "name one, or choose json or avro")
    (column,) = columns
    kind = column.arrow_type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not is_number and not is_binary(kind) and not pa.types.is_string(kind):
        raise UsageError(
            f"--key-format raw: the column {column.name!r} is {kind}", "name a column of text, bytes or numbers"
        )
    return replace(column, is_raw=True)


def _mode(column: TextColumn) -> int:
    """How the column stands in a key of several columns."""
    kind = column.arrow_type
    if column.symbols is not None or column.is_uuid_bytes:
        return kernels.MODE_TEXT
    if any(is_kind(kind) for is_kind in _BARE_KINDS):
        return kernels.MODE_BARE
    return kernels.MODE_BYTES if is_binary(kind) else kernels.MODE_TEXT


class KeyEncoder:
    """Writes the keys of RecordBatches, column by column and without a call per row. It serves one thread."""

    def __init__(self, columns: tuple[TextColumn, ...]) -> None:
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
            text = column.text(batch.column(column.name))
            validity, offsets, values = text.buffers()
            kept.append(text)
            words[kernels.MODE] = mode = _mode(column)
            words[kernels.VALIDITY] = validity.address if validity is not None and text.null_count else 0
            words[kernels.FIRST_BIT] = text.offset
            words[kernels.LAST_MOVE] = -1
            if offsets is not None:
                words[kernels.OFFSETS] = offsets.address + 4 * text.offset
            if values is not None:
                words[kernels.VALUES] = values.address
                words[kernels.LAST_MOVE] = values.address + values.size - MOVE
            byte_count = int(pc.sum(pc.binary_length(text)).as_py() or 0)
            bound += 5 * len(text) + (byte_count if mode == kernels.MODE_BARE else 6 * byte_count)
        return program, bound, tuple(kept)


def _check_room(array: NDArray[Any], dtype: Any, count: int) -> None:
    if array.dtype != dtype or not array.flags.c_contiguous or array.size < count:
        raise ValueError(f"an array must be contiguous {np.dtype(dtype)} with at least {count} places")
