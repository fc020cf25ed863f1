"""Rejected rows: what they say, and the NDJSON file that keeps them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from replayer.errors import UsageError

_RAW_CHARS_MAX = 16_384


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that does not fit, with its place and the first reason in the order of the schema."""

    file_index: int
    row: int
    """From 0 in its file."""
    column: str
    """The field that did not fit, with the place inside (``items[].sku``); empty when the whole row is malformed."""
    reason: str
    """A short code, like ``out_of_range``; counters go by it."""
    detail: str
    raw: str
    """The row: its text as it was, or its columns as JSON; cut to 16,384 characters."""


class RejectsFile:
    """Keeps rejected rows as NDJSON: one object a line with file, row, column, reason, detail and raw.

    Opened before a run, so that a run whose rejects could not be kept never starts. It never overwrites: a file that
    already holds something is refused, and one that stayed empty is removed again. ``counts`` goes by (reason, column).
    """

    def __init__(self, path: str, files: Sequence[str]) -> None:
        """Create the file. Raises UsageError when it cannot be written or already holds something."""
        self.path = path
        self.counts: Counter[tuple[str, str]] = Counter()
        self._files = tuple(files)
        self._is_new = not os.path.exists(path)
        try:
            # Unbuffered: what could not be written must not be tried again when the file is closed.
            self._stream = open(path, "ab", buffering=0)  # noqa: SIM115 (closed by close)
            status = os.fstat(self._stream.fileno())
        except OSError as error:
            raise UsageError(
                f"rejected rows cannot be kept in {path}: {error.strerror or error}",
                "give another path with --rejects-file",
            ) from error
        if stat.S_ISREG(status.st_mode) and status.st_size:
            self._stream.close()
            raise UsageError(
                f"{path} already holds rejected rows of an earlier run",
                "remove it or give another path with --rejects-file",
            )

    def write(self, rejects: Iterable[RejectedRow]) -> None:
        """Keep rows and count them; they are on their way to the disk when this returns.

        Raises UsageError when they cannot be written: the run must stop, as no rejected row may be lost in silence.
        """
        lines = []
        for one in rejects:
            self.counts[one.reason, one.column] += 1
            file = self._files[one.file_index] if one.file_index < len(self._files) else str(one.file_index)
            lines.append(_line({"file": file, "row": one.row, "column": one.column, "reason": one.reason,
                                "detail": one.detail, "raw": one.raw}))  # fmt: skip
        if not lines:
            return
        left = memoryview(b"".join(lines))
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise UsageError(
                f"rejected rows cannot be kept in {self.path}: {error.strerror or error}",
                "make room, or give another path with --rejects-file",
            ) from error

    def close(self) -> None:
        """Close the file, and remove it when this run made it and nothing was rejected."""
        if self._stream.closed:
            return
        self._stream.close()
        if self._is_new and not self.counts and os.path.isfile(self.path):
            os.unlink(self.path)


def unused_path(path: str) -> str:
    """The path itself, or with ``-2``, ``-3``, … before its ending, whichever does not exist yet."""
    stem, ending = os.path.splitext(path)
    candidate, count = path, 1
    while os.path.exists(candidate):
        count += 1
        candidate = f"{stem}-{count}{ending}"
    return candidate


def _line(reject: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(reject, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Lone surrogates are no UTF-8: file names can hold them.
        clean = {key: _clean(value) for key, value in reject.items()}
        return orjson.dumps(clean, option=orjson.OPT_APPEND_NEWLINE)


def _clean(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def printable_values(column: Any) -> list[Any]:
    """The values of a few rows for people and for JSON, also those that Python has no type for."""
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        # Python's own types end at microseconds and at the years 1 and 9999.
        return list(column.cast(pa.string()).to_pylist())
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        stored = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "replace") for value in stored]
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_text_of_cell(cell) for cell in column]


def _text_of_cell(cell: Any) -> str:
    try:
        return str(cell)
    except (ValueError, OverflowError):
        return f"a {cell.type} that has no text"


def row_as_json(names: Sequence[str], values: Sequence[Any]) -> str:
    """A row as a JSON object; what JSON has no words for is text."""
    row = dict(zip(names, values, strict=True))
    try:
        text = orjson.dumps(row, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        text = repr(row)
    return text if len(text) <= _RAW_CHARS_MAX else text[:_RAW_CHARS_MAX] + "…"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
