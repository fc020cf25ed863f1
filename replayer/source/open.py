"""From files to a source of record batches, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import pyarrow as pa

from replayer.errors import DatasetError
from replayer.source.batch import SourceBatch
from replayer.source.discover import InputFile, discover
from replayer.source.options import SourceOptions
from replayer.source.recognise import recognised
from replayer.source.standard_input import NAME

SAMPLE_BYTES = 64 << 20
_TYPED_SAMPLE_ROWS = 65_536


class Source(Protocol):
    """Rows of a dataset, in order, in bounded memory, as often as wanted.

    A source is a plain value, fit to be sent to another process.
    """

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The files, by the index that batches name."""

    @property
    def schema(self) -> pa.Schema:
        """Column names and types; ``schema.text.text_kind`` tells whether strings are text yet to be typed."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user may want to know: what was found by looking, files that are empty."""

    @property
    def total_rows(self) -> int | None:
        """Exact where the files say it (Parquet, Arrow), else None."""

    @property
    def total_bytes(self) -> int:
        """Bytes of the files as stored."""

    def batches(self) -> Iterator[SourceBatch]:
        """All rows, from the first at each call.

        Raises DatasetError where a file cannot be read on, after the rows before that place.
        """


def open_dataset(options: SourceOptions, *, is_whole: bool = False) -> Source:
    """Find the files and open them. Raises DatasetError as ``discover`` and ``open_source`` do."""
    files = discover(options)
    if files[0].path == NAME:
        files = (recognised(files[0]),)
    return open_source(files, options.columns, options, is_whole=is_whole)


def open_source(
    files: tuple[InputFile, ...],
    projection: Sequence[str] | None = None,
    options: SourceOptions | None = None,
    *,
    is_whole: bool = False,
) -> Source:
    """Open a dataset: reads footers, headers or first lines. ``projection`` names the columns to read, None means all.

    ``is_whole`` looks at every line where the lines decide which columns there are (JSON), not only at the first.

    Raises DatasetError when a file is unreadable, when files differ in their columns and when a column does not exist.
    """
    options = options or SourceOptions()
    match files[0].format:
        case "parquet":
            from replayer.source.parquet import open_parquet

            return open_parquet(files, projection, options)
        case "arrow":
            from replayer.source.ipc import open_ipc

            return open_ipc(files, projection, options)
        case "csv" | "tsv":
            from replayer.source.csv_open import open_csv

            return open_csv(files, projection, options)
        case "json" | "ndjson" | "json-array":
            from replayer.source.json_infer import open_json

            return open_json(files, projection, options, is_whole=is_whole)
        case other:
            raise DatasetError(f"format {other!r} is unknown")


def take_sample(source: Source) -> pa.Table:
    """The first rows, to infer a schema from: 64 MiB of text, or 65,536 rows of typed files, dictionaries unpacked."""
    is_typed = source.total_rows is not None
    taken: list[pa.RecordBatch] = []
    rows, size_bytes = 0, 0
    try:
        for one in source.batches():
            taken.append(_plain(one.batch, source.schema))
            rows += one.batch.num_rows
            size_bytes += one.batch.nbytes
            if max(size_bytes, one.input_bytes) >= SAMPLE_BYTES or (is_typed and rows >= _TYPED_SAMPLE_ROWS):
                break
    except DatasetError:
        # A damaged place further on: the run delivers what comes before it and reports the place itself.
        if not rows:
            raise
    return pa.Table.from_batches(taken, schema=source.schema)


def for_the_run(source: Source) -> Source:
    """The source as the run reads it, planning being over: standard input goes on behind what was kept of it."""
    if not any(file.spool for file in source.files):
        return source
    files = tuple(replace(file, spool=file.spool and replace(file.spool, is_planning=False)) for file in source.files)
    unknown: Any = source
    final: Source = replace(unknown, files=files)
    return final


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_undictionaried(column) for column in batch.columns], schema=schema)


def _undictionaried(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
