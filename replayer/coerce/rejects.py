"""Rejected rows: what they say, and the file that keeps them so that they can be mended and replayed."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from replayer.errors import UsageError
from replayer.schema.text import CsvWriting, csv_writing, text_kind

_RAW_CHARS_MAX = 1 << 20
_ROW_GROUP_ROWS = 8_192
_SCHEMA = pa.schema(
    [
        (name, pa.int64() if name == "row" else pa.string())
        for name in ("file", "row", "column", "reason", "detail", "raw")
    ]
)


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
    """The row as its dataset would hold it, a line of CSV or an object of JSON; cut to about a million characters."""


class RejectsFile:
    """Keeps rejected rows, as NDJSON or, under a name that ends in ``.parquet``, as Parquet.

    Both have file, row, column, reason, detail and raw. Opened before a run, so that a run whose rejects could not be
    kept never starts. It never overwrites: a file that already holds something is refused, and one that stayed empty is
    removed again. NDJSON is on its way to the disk when ``write`` returns; Parquet is whole when the file is closed.
    ``counts`` goes by (reason, column).
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
            raise self._unwritable(error) from error
        if stat.S_ISREG(status.st_mode) and status.st_size:
            self._stream.close()
            raise UsageError(
                f"{path} already holds rejected rows of an earlier run",
                "remove it or give another path with --rejects-file",
            )
        self._parquet = _ParquetRows(self._stream) if path.lower().endswith(".parquet") else None

    def write(self, rejects: Iterable[RejectedRow]) -> None:
        """Keep rows and count them. Raises UsageError when they cannot be written.

        The run must stop then, as no rejected row may be lost in silence.
        """
        rows = []
        for one in rejects:
            self.counts[one.reason, one.column] += 1
            file = self._files[one.file_index] if one.file_index < len(self._files) else str(one.file_index)
            rows.append({"file": file, "row": one.row, "column": one.column, "reason": one.reason,
                         "detail": one.detail, "raw": one.raw})  # fmt: skip
        if not rows:
            return
        try:
            if self._parquet is not None:
                self._parquet.write(rows)
                return
            left = memoryview(b"".join(_line(row) for row in rows))
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Close the file, and remove it when this run made it and nothing was rejected."""
        if self._stream.closed:
            return
        try:
            if self._parquet is not None and self.counts:
                self._parquet.close()
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._stream.close()
        if self._is_new and not self.counts and os.path.isfile(self.path):
            os.unlink(self.path)

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"rejected rows cannot be kept in {self.path}: {error.strerror or error}",
            "make room, or give another path with --rejects-file",
        )


class _ParquetRows:
    """Rejected rows in row groups of some thousand."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._writer: Any = None
        self._waiting: list[dict[str, Any]] = []

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self._waiting += [{key: _clean(value) for key, value in row.items()} for row in rows]
        if len(self._waiting) >= _ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            from pyarrow.parquet import ParquetWriter

            self._writer = ParquetWriter(self._stream, _SCHEMA, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=_SCHEMA))
        self._waiting.clear()

    def close(self) -> None:
        """Write what waits, and the footer."""
        if self._waiting:
            self._flush()
        if self._writer is not None:
            self._writer.close()


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


def raw_writer(schema: pa.Schema) -> Callable[[Sequence[Any]], str]:
    """How a row of printable values is written so that a dataset of the same kind can hold it again.

    A row of CSV is a line of CSV with the same delimiter and quote, without its end; every other row is a JSON object.
    """
    names = list(schema.names)
    if text_kind(schema) == "csv":
        writing = csv_writing(schema)
        return lambda values: _cut(writing.delimiter.join(_csv_field(value, writing) for value in values))
    return lambda values: _cut(_row_as_json(names, values))


def _csv_field(value: str | None, writing: CsvWriting) -> str:
    """An empty field and a null word are null, quoted they are text; without a quote nothing needs one."""
    if value is None:
        return ""
    quote = writing.quote
    if not quote:
        return value
    is_null_word = value == "" or value in writing.null_words
    if is_null_word or any(letter in value for letter in (writing.delimiter, quote, "\n", "\r")):
        return quote + value.replace(quote, quote * 2) + quote
    return value


def _row_as_json(names: Sequence[str], values: Sequence[Any]) -> str:
    """A row as a JSON object; what JSON has no words for is text."""
    row = dict(zip(names, values, strict=True))
    try:
        return orjson.dumps(row, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return repr(row)


def _cut(text: str) -> str:
    return text if len(text) <= _RAW_CHARS_MAX else text[:_RAW_CHARS_MAX] + "…"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
