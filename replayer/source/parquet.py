"""Parquet: record batches straight from the column pages, in bounded memory whatever the size of a row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from replayer.errors import DatasetError
from replayer.source.batch import BYTES_MAX, ROWS_MAX, SourceBatch, bounded
from replayer.source.discover import InputFile
from replayer.source.fingerprint import unchanged
from replayer.source.options import SourceOptions
from replayer.source.projection import choose_columns
from replayer.source.union import aligned, lacking, one_schema
from replayer.units import format_count

# Unless a column's pages are read piece by piece, Arrow loads the column's whole chunk of a row group.
_BUFFER_BYTES = 1 << 20
# Dictionary pages hold about 2 bytes a value; where the writer gave the dictionary up, or nearly every value is new, a
# value takes its length and 4 bytes more, and building a dictionary while reading costs more than it saves.
_DICTIONARY_BYTES_PER_VALUE_MAX = 3.0


@dataclass(frozen=True)
class ParquetSource:
    """The rows of Parquet files with the same columns. A plain value: it can be sent to another process.

    Batches have the types of ``schema``, except that string columns which a file stores by dictionary come as
    ``dictionary<int32, string>``.
    """

    files: tuple[InputFile, ...]
    schema: pa.Schema
    """Only the columns asked for."""
    total_rows: int | None
    notes: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes of the files as stored."""
        return sum(file.size_bytes for file in self.files)

    def batches(self) -> Iterator[SourceBatch]:
        """All rows in order, from the start at each call. Raises DatasetError where a file cannot be read on."""
        read_before = 0
        for index, file in enumerate(self.files):
            with unchanged(file):
                yield from _read(file, index, self.schema, read_before)
            read_before += file.size_bytes


def open_parquet(
    files: tuple[InputFile, ...], projection: Sequence[str] | None, options: SourceOptions
) -> ParquetSource:
    """The rows of Parquet files, known from their footers.

    Raises DatasetError for a broken footer and for columns that differ, naming both files and the first difference.
    """
    known: list[tuple[InputFile, pa.Schema]] = []
    total_rows = 0
    for file in files:
        with _open(file, ()) as parquet:
            known.append((file, _plain_schema(parquet.schema_arrow, file)))
            total_rows += parquet.metadata.num_rows
    schema = one_schema(known, is_union=options.is_union)
    names = choose_columns(schema.names, projection, files[0].path)
    chosen = pa.schema([schema.field(name) for name in names])
    return ParquetSource(files, chosen, total_rows, tuple(lacking(known, chosen)))


def _open(file: InputFile, dictionary_columns: Sequence[str]) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            file.path, read_dictionary=list(dictionary_columns), pre_buffer=False, buffer_size=_BUFFER_BYTES
        )
    except (pa.ArrowException, OSError) as error:
        what = (
            "is empty, which no Parquet file is"
            if file.size_bytes == 0
            else f"is no readable Parquet file: {_line(error)}"
        )
        raise DatasetError(
            f"{file.path} {what}", "a footer is missing when a writer did not finish; write it again"
        ) from error


def _read(file: InputFile, file_index: int, schema: pa.Schema, read_before: int) -> Iterator[SourceBatch]:
    with _open(file, ()) as parquet:
        metadata = parquet.metadata
        own = set(parquet.schema_arrow.names)
    columns = [name for name in schema.names if name in own]
    row = 0
    for batch in _rows_until_damage(file, metadata, columns):
        numbers = np.arange(row, row + batch.num_rows, dtype=np.int64)
        row += batch.num_rows
        done = read_before + file.size_bytes * row // max(metadata.num_rows, 1)
        yield from bounded(aligned(batch, schema), file_index, numbers, (), done)


def _rows_until_damage(file: InputFile, metadata: pq.FileMetaData, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """All rows in order. Raises DatasetError at a damaged place, after the rows before it."""
    row = 0
    try:
        with _open(file, _dictionary_columns(metadata)) as parquet:
            chosen = _chosen(parquet, columns)
            for batch in parquet.iter_batches(_batch_rows(metadata), columns=chosen, use_threads=False):
                row += batch.num_rows
                yield batch
        return
    except (pa.ArrowException, OSError):
        pass
    # Arrow gathers a batch from several row groups and loses all of it for damage in one: read the rest by group.
    done = row
    group_start = 0
    with _open(file, ()) as parquet:
        for group in range(metadata.num_row_groups):
            group_end = group_start + metadata.row_group(group).num_rows
            if done < group_end:
                for batch in _group_rows(file, parquet, group, group_start, columns):
                    fresh = batch.slice(min(max(done - group_start, 0), batch.num_rows))
                    group_start += batch.num_rows
                    yield fresh
            group_start = group_end


def _chosen(parquet: pq.ParquetFile, columns: Sequence[str]) -> list[str] | None:
    # By name only where needed: Arrow takes a dot in a name for a step into a struct.
    return None if list(columns) == parquet.schema_arrow.names else list(columns)


def _group_rows(
    file: InputFile, parquet: pq.ParquetFile, group: int, row: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in parquet.iter_batches(
            1_024, row_groups=[group], columns=_chosen(parquet, columns), use_threads=False
        ):
            row += batch.num_rows
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"{file.path}: row group {group} cannot be read from row {format_count(row)} on: {_line(error)}",
            "the rows before that were read; get a whole copy of the file",
        ) from error


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Rows of about 4 MiB by the footer's sizes, so that wide rows are not gathered by the thousand first."""
    rows = max(metadata.num_rows, 1)
    content_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return max(1, min(ROWS_MAX, rows * BYTES_MAX // max(content_bytes, 1)))


def _dictionary_columns(metadata: pq.FileMetaData) -> list[str]:
    """String columns outside of lists and structs that the file stores by dictionary throughout."""
    if not metadata.num_row_groups:
        return []
    names = []
    group = metadata.row_group(0)
    for index in range(group.num_columns):
        column = metadata.schema.column(index)
        chunk = group.column(index)
        is_text = column.physical_type == "BYTE_ARRAY" and str(column.logical_type) == "String"
        is_flat = column.max_repetition_level == 0 and column.path == column.name
        is_by_dictionary = any("DICTIONARY" in encoding for encoding in chunk.encodings)
        is_small = chunk.total_uncompressed_size <= _DICTIONARY_BYTES_PER_VALUE_MAX * chunk.num_values
        if is_text and is_flat and is_by_dictionary and is_small:
            names.append(column.path)
    return names


def _plain_schema(schema: pa.Schema, file: InputFile) -> pa.Schema:
    """The columns without metadata, dictionaries as the type of their values."""
    for place, name in enumerate(schema.names):
        if name in schema.names[:place]:
            raise DatasetError(
                f"{file.path}: columns {schema.names.index(name) + 1} and {place + 1} are both called {name!r}",
                "rename one of them in the file",
            )
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
