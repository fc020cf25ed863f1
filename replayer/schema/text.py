"""What text means: the marks of columns that were text in the file, and the grammar by which text is given a type."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Texts = Any
"""A ``pa.ChunkedArray`` of strings without nulls."""
Candidate = Callable[[Texts], Any]
"""Gives the Avro type that every string of a column prints back from, or None."""
TextKind = Literal["", "json", "csv"]
"""What strings of a source are: of the type string already, JSON strings (a date may hide in one), or untyped text."""

_KIND_KEY = b"replayer.text"
_WRITING_KEY = b"replayer.csv"
_PROBE_ROWS = 1_000
_TIMES = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LOCAL_TIMESTAMP = f"^{_DATE}[T ]{_TIMES}$"
_TIMESTAMP = f"^{_DATE}[T ]{_TIMES}{_ZONE}$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_DECIMAL_DIGITS_MAX = 38


@dataclass(frozen=True)
class CsvWriting:
    """How a field of CSV is written so that it is read as it was."""

    delimiter: str = ","
    quote: str = '"'
    """Empty for none."""
    null_words: tuple[str, ...] = ()


def mark_text(schema: pa.Schema, kind: TextKind, writing: CsvWriting | None = None) -> pa.Schema:
    """The schema with a mark that its strings are text of this kind; ``writing`` is that of CSV."""
    written = json.dumps(astuple(writing or CsvWriting())).encode()
    return schema.with_metadata({_KIND_KEY: kind.encode(), _WRITING_KEY: written})


def text_kind(schema: pa.Schema) -> TextKind:
    """The mark that ``mark_text`` left, empty when the file itself had types."""
    kind = (schema.metadata or {}).get(_KIND_KEY, b"")
    return "csv" if kind == b"csv" else "json" if kind == b"json" else ""


def csv_writing(schema: pa.Schema) -> CsvWriting:
    """The way to write CSV that ``mark_text`` left."""
    delimiter, quote, null_words = json.loads((schema.metadata or {})[_WRITING_KEY])
    return CsvWriting(delimiter, quote, tuple(null_words))


def is_utf8(content: Any) -> bool:
    """Whether bytes (or an Arrow buffer) are UTF-8, without decoding them into a string."""
    ends: Any = np.array([0, len(content)], dtype=np.int32)
    buffer = content if isinstance(content, pa.Buffer) else pa.py_buffer(content)
    try:
        pa.StringArray.from_buffers(1, pa.py_buffer(ends), buffer).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def loses_digits(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Which strings a number would not print back: leading zeros, ``-0``, hexadecimal."""
    buffers: Any = texts.buffers()
    _, offset_buffer, content_buffer = buffers
    if content_buffer is None or not len(texts):
        return np.zeros(len(texts), dtype=np.bool_)
    ends = np.frombuffer(offset_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(content_buffer, dtype=np.uint8)
    if not content.size:
        return np.zeros(len(texts), dtype=np.bool_)
    last = content.size - 1
    starts, lengths = ends[:-1], np.diff(ends)
    is_negative = content[np.minimum(starts, last)] == ord("-")
    first_digit = content[np.minimum(starts + is_negative, last)]
    lossy: npt.NDArray[np.bool_] = (first_digit == ord("0")) & (lengths > 1)
    if texts.null_count and lossy.any():
        lossy &= texts.is_valid().to_numpy(zero_copy_only=False)  # what lies under a null does not count
    return lossy


def infer_text(texts: Any, kind: TextKind) -> Any:
    """The Avro type (as JSON) that every string of a column prints back from, ``string`` when there is no other.

    CSV text is tried as boolean, long, double, decimal, date, time and timestamps; a JSON string, which could have been
    a number, only as the last three. A double must print back as it was written; numbers that do not (``12.10``) are
    decimals when all have the same count of digits after the point. A column without a value stays string: any later
    value fits.
    """
    present = texts.drop_null()
    if not len(present):
        return "string"
    return next((found for one in _candidates(kind) if (found := _try(one, present)) is not None), "string")


def _candidates(kind: TextKind) -> tuple[Candidate, ...]:
    """In the order in which they are preferred."""
    numbers = (_as_boolean, _as_long, _as_double, _as_decimal) if kind == "csv" else ()
    return (*numbers, _as_date, _as_time, _as_timestamp, _as_nano_timestamp, _as_local_timestamp, _as_nano_local)


def _try(candidate: Candidate, present: Texts) -> Any:
    # Most candidates fail within the first rows, so that a large column is seldom searched more than once.
    return None if candidate(present.slice(0, _PROBE_ROWS)) is None else candidate(present)


class TextCandidates:
    """The types that all strings of a column have printed back from so far; strings may come in any pieces."""

    def __init__(self, kind: TextKind) -> None:
        self._alive: dict[Candidate, Any] = dict.fromkeys(_candidates(kind))
        self._is_empty = True

    def take(self, texts: Any) -> None:
        """More strings of the column; nulls do not count."""
        present = texts.drop_null()
        if not len(present):
            return
        self._is_empty = False
        for candidate, before in list(self._alive.items()):
            found = _try(candidate, present)
            found = found if before is None else _both(before, found)
            if found is None:
                del self._alive[candidate]
            else:
                self._alive[candidate] = found

    def result(self) -> Any:
        """The first type that is left, ``string`` when there is none and for a column without a value."""
        return "string" if self._is_empty else next(iter(self._alive.values()), "string")


def _both(one: Any, other: Any) -> Any:
    """The type for the strings of both: decimals of one scale may differ in their precision."""
    if one == other or other is None:
        return other
    if isinstance(one, dict) and isinstance(other, dict) and one.get("scale") == other.get("scale"):
        return max(one, other, key=lambda decimal: decimal.get("precision", 0))
    return None


def _matches(texts: Texts, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _cast(texts: Texts, kind: pa.DataType) -> Any:
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        return None


def _as_boolean(texts: Texts) -> Any:
    return "boolean" if _matches(texts, "^(true|false|True|False|TRUE|FALSE)$") else None


def _as_long(texts: Texts) -> Any:
    if _cast(texts, pa.int64()) is None or any(loses_digits(chunk).any() for chunk in texts.chunks):
        return None
    return "long"


def _as_double(texts: Texts) -> Any:
    if not _matches(texts, _NUMBER):
        return None
    numbers = _cast(texts, pa.float64())
    if numbers is None:
        return None
    # Arrow prints 20.0 as 20, as JSON does not: both spellings name the same double.
    plain = pc.replace_substring_regex(texts, r"^(-?[0-9]+)\.0$", r"\1")
    return "double" if pc.all(pc.equal(numbers.cast(pa.string()), plain)).as_py() else None


def _as_decimal(texts: Texts) -> Any:
    if not _matches(texts, r"^-?(0|[1-9][0-9]*)\.[0-9]+$"):
        return None
    # The digits after the point: what is left of the text when all before it and the point are gone.
    scales: Any = pc.binary_length(pc.replace_substring_regex(texts, r"^[^.]*\.", ""))
    scale = scales[0].as_py()
    if scale != pc.max(scales).as_py() or scale != pc.min(scales).as_py():
        return None
    lengths: Any = pc.binary_length(texts)
    digits = pc.max(lengths).as_py() - 1
    if digits > _DECIMAL_DIGITS_MAX:
        return None
    # 18 digits leave room for later rows and fit 8 bytes.
    precision = 18 if digits <= 18 else _DECIMAL_DIGITS_MAX
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def _as_date(texts: Texts) -> Any:
    if not _matches(texts, f"^{_DATE}$") or _cast(texts, pa.date32()) is None:
        return None
    return {"type": "int", "logicalType": "date"}


def _as_time(texts: Texts) -> Any:
    if not _matches(texts, r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?$"):
        return None
    return {"type": "long", "logicalType": "time-micros"}


def _as_timestamp(texts: Texts) -> Any:
    return _in_unit(texts, _TIMESTAMP, "us", "UTC") and {"type": "long", "logicalType": "timestamp-micros"}


def _as_nano_timestamp(texts: Texts) -> Any:
    return _in_unit(texts, _TIMESTAMP, "ns", "UTC") and {"type": "long", "logicalType": "timestamp-nanos"}


def _as_local_timestamp(texts: Texts) -> Any:
    return _in_unit(texts, _LOCAL_TIMESTAMP, "us", None) and {"type": "long", "logicalType": "local-timestamp-micros"}


def _as_nano_local(texts: Texts) -> Any:
    return _in_unit(texts, _LOCAL_TIMESTAMP, "ns", None) and {"type": "long", "logicalType": "local-timestamp-nanos"}


def _in_unit(texts: Texts, pattern: str, unit: Literal["us", "ns"], zone: str | None) -> bool | None:
    return (_matches(texts, pattern) and _cast(texts, pa.timestamp(unit, zone)) is not None) or None
