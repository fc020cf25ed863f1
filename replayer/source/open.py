"""From files to a source of record batches, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from replayer.errors import DatasetError
from replayer.source.batch import SourceBatch
from replayer.source.discover import InputFile

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
        """What a user may want to know: files that are empty."""

    @property
    def total_rows(self) -> int | None:
        """Exact where the files say it (Parquet), else None."""

    @property
    def total_bytes(self) -> int:
        """Bytes of the files as stored."""

    def batches(self) -> Iterator[SourceBatch]:
        """All rows, from the first at each call.

        Raises DatasetError where a file cannot be read on, after the rows before that place.
        """


def open_source(
    files: tuple[InputFile, ...], projection: Sequence[str] | None = None, *, is_whole: bool = False
) -> Source:
    """Open a dataset: reads footers, headers or first lines. ``projection`` names the columns to read, None means all.

    ``is_whole`` looks at every line where the lines decide which columns there are (NDJSON), not only at the first.

    Raises DatasetError when a file is unreadable, when files differ in their columns and when a column does not exist.
    """
    match files[0].format:
        case "parquet":
            from replayer.source.parquet import open_parquet as open_format
        case "csv" | "tsv":
            from replayer.source.csv import open_csv as open_format  # type: ignore[assignment]
        case "ndjson":
            from replayer.source.json_infer import open_json

            return open_json(files, projection, is_whole=is_whole)
        case other:
            raise DatasetError(f"format {other!r} is unknown")
    source: Source = open_format(files, projection)
    return source


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


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_undictionaried(column) for column in batch.columns], schema=schema)


def _undictionaried(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
