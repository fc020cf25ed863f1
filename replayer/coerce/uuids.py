"""UUIDs as text and as 16 bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fit import Cast, Fitted, because, by_attempts

_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_EXAMPLE = "a UUID like 123e4567-e89b-12d3-a456-426614174000"
_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_DIGITS = np.array([place for place in range(_LENGTH) if place not in _DASHES])
_NIL = "00000000-0000-0000-0000-000000000000"
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def text_is_uuid(array: Any) -> Any:
    """The same text when all of it is UUIDs, upper and lower case as it is."""
    if not pc.all(pc.match_substring_regex(array, _PATTERN)).as_py() and array.null_count < len(array):
        raise pa.ArrowInvalid("no UUID")
    return array


def uuid_text_cast(source: pa.DataType) -> Cast:
    """Strings, or 16 bytes, to UUID text."""
    if pa.types.is_fixed_size_binary(source):
        return lambda array: Fitted(_bytes_to_text(array))
    return by_attempts([text_is_uuid], because("bad_uuid", _EXAMPLE), _PATTERN)


def uuid_bytes_cast() -> Cast:
    """UUID text to its 16 bytes."""
    return by_attempts([lambda array: _text_to_bytes(text_is_uuid(array))], because("bad_uuid", _EXAMPLE), _PATTERN)


def _text_to_bytes(array: Any) -> Any:
    filled = pc.fill_null(array, _NIL) if array.null_count else array
    rows = _content(filled, _LENGTH)[:, _DIGITS]
    # '0'–'9' are 48–57, 'A'–'F' 65–70 and 'a'–'f' 97–102: the low four bits, and 9 more for letters.
    digits = (rows & 15) + 9 * (rows >> 6)
    packed = np.ascontiguousarray((digits[:, 0::2] << 4) | digits[:, 1::2])
    return _with_nulls(pa.binary(16), [_buffer(packed)], array)


def _bytes_to_text(array: Any) -> Any:
    filled = pc.fill_null(array, bytes(16)) if array.null_count else array
    start = filled.offset * 16
    rows = np.frombuffer(filled.buffers()[1], dtype=np.uint8)[start : start + 16 * len(filled)].reshape(-1, 16)
    digits = np.empty((len(filled), 32), dtype=np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[rows >> 4], _HEX[rows & 15]
    text = np.full((len(filled), _LENGTH), ord("-"), dtype=np.uint8)
    text[:, _DIGITS] = digits
    ends = np.arange(0, _LENGTH * len(filled) + 1, _LENGTH, dtype=np.int32)
    return _with_nulls(pa.string(), [_buffer(ends), _buffer(text)], array)


def _content(texts: Any, length: int) -> npt.NDArray[np.uint8]:
    """The bytes of strings that all have the same length, one row each."""
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int32)
    start = int(ends[texts.offset])
    content = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    return content[start : start + length * len(texts)].reshape(-1, length)


def _buffer(values: Any) -> Any:
    return pa.py_buffer(values)


def _with_nulls(kind: pa.DataType, buffers: list[Any], array: Any) -> Any:
    values = pa.Array.from_buffers(kind, len(array), [None, *buffers])
    return pc.if_else(pc.is_valid(array), values, pa.scalar(None, kind)) if array.null_count else values
