"""Opening CSV files: their encoding, their dialect and their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from replayer.errors import DatasetError
from replayer.schema.text import CsvWriting, mark_text
from replayer.source.bytestream import ByteStream
from replayer.source.csv import CsvSource, parse_options
from replayer.source.csv_rows import first_row_end
from replayer.source.dialect import Dialect, find_dialect
from replayer.source.discover import InputFile
from replayer.source.encoding import with_encoding
from replayer.source.options import SourceOptions
from replayer.source.projection import choose_columns
from replayer.source.union import lacking, one_schema

_SAMPLE_BYTES = 64 << 10


def open_csv(files: tuple[InputFile, ...], projection: Sequence[str] | None, options: SourceOptions) -> CsvSource:
    """The rows of CSV files, in the dialect of the first one that is not empty.

    Raises DatasetError when their columns differ, naming both files and the first difference.
    """
    known = [with_encoding(file, options) for file in files]
    files = tuple(file for file, _ in known)
    notes = [note for _, note in known if note]
    dialect: Dialect | None = None
    headers = []
    for file in files:
        sample = _sample(file)
        if dialect is None and sample.strip(b"\r\n"):
            dialect = find_dialect(sample.decode("utf-8", "replace"), file.format, options.csv)
            notes.insert(0, f"{file.path}: {dialect}, {file.encoding.upper()}")
        headers.append((file, _columns(file, sample, dialect) if dialect is not None else ()))
    filled = [(file, _text_schema(header)) for file, header in headers if header]
    every = one_schema(filled, is_union=options.is_union).names if filled else []
    notes += [f"{file.path} is empty" for file, header in headers if not header]
    dialect = dialect or Dialect(",", '"', has_header=True)
    written = CsvWriting(dialect.delimiter, dialect.quote, dialect.null_words)
    schema = mark_text(_text_schema(choose_columns(every, projection, files[0].path)), "csv", written)
    notes += lacking(filled, schema)
    columns = tuple(header for _, header in headers)
    return CsvSource(files, schema, columns, dialect, tuple(notes))


def _text_schema(names: Sequence[str]) -> pa.Schema:
    return pa.schema([pa.field(name, pa.string()) for name in names])


def _sample(file: InputFile) -> bytes:
    """The first rows of a file; the last of them may be cut off."""
    stream = ByteStream(file)
    try:
        return stream.read(_SAMPLE_BYTES)
    finally:
        stream.close()


def _columns(file: InputFile, sample: bytes, dialect: Dialect) -> tuple[str, ...]:
    """The names of the columns, none when the file is empty. Nameless ones are called ``column_3`` by their place.

    Raises DatasetError when two columns have the same name and when the header is not text.
    """
    row = _first_row(file, sample, dialect)
    if not row.strip(b"\r\n"):
        return ()
    if not dialect.has_header:
        # The bytes of a row of data may be anything: only its fields are counted.
        found = _parse(file, row.decode("utf-8", "replace"), dialect)
        return tuple(f"column_{place + 1}" for place in range(len(found)))
    try:
        text = row.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{file.path}: the header is not UTF-8 at byte {error.start}",
            "name the encoding with --encoding, like windows-1252",
        ) from error
    names = tuple(name or f"column_{place + 1}" for place, name in enumerate(_parse(file, text, dialect)))
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DatasetError(
                f"{file.path}: columns {names.index(name) + 1} and {place + 1} are both called {name!r}",
                "rename one of them in the header, or say --header-row no if there is none",
            )
    return names


def _first_row(file: InputFile, sample: bytes, dialect: Dialect) -> bytes:
    content = sample.lstrip(b"\r\n")
    end = first_row_end(content, dialect.delimiter, dialect.quote)
    if end:
        return content[:end]
    stream = ByteStream(file)
    try:
        content = b""
        while fresh := stream.read(max(_SAMPLE_BYTES, len(content))):
            content = (content + fresh).lstrip(b"\r\n")
            if end := first_row_end(content, dialect.delimiter, dialect.quote):
                return content[:end]
    finally:
        stream.close()
    return content


def _parse(file: InputFile, row: str, dialect: Dialect) -> list[str]:
    opened: Any = pa.BufferReader(row.strip("\r\n").encode() + b"\n")
    try:
        return list(arrow_csv.read_csv(opened, parse_options=parse_options(dialect)).column_names)
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{file.path}: the first row cannot be parsed: {error}") from error
