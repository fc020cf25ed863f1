"""Arrow IPC: files (also called Feather version 2) and streams, record batch by record batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replayer.errors import DatasetError
from replayer.source.batch import SourceBatch, bounded
from replayer.source.discover import InputFile
from replayer.source.fingerprint import unchanged
from replayer.source.options import SourceOptions
from replayer.source.projection import choose_columns
from replayer.source.union import aligned, lacking, one_schema
from replayer.units import format_count

_FILE_MAGIC = b"ARROW1"
_FEATHER_1_MAGIC = b"FEA1"
_HINT = "the rows before that were read; get a whole copy of the file"


@dataclass(frozen=True)
class IpcSource:
    """The rows of Arrow files with the same columns. A plain value: it can be sent to another process.

    Batches have the types of ``schema``, except that string columns by dictionary stay so.
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


def open_ipc(files: tuple[InputFile, ...], projection: Sequence[str] | None, options: SourceOptions) -> IpcSource:
    """The rows of Arrow files, known from their headers.

    Raises DatasetError for what is no Arrow file and for columns that differ, naming both files and the difference.
    """
    known: list[tuple[InputFile, pa.Schema]] = []
    total_rows = 0
    for file in files:
        with _opened(file) as reader:
            known.append((file, _plain_schema(reader.schema, file)))
            total_rows += _count_rows(file, reader)
    schema = one_schema(known, is_union=options.is_union)
    chosen = pa.schema([schema.field(name) for name in choose_columns(schema.names, projection, files[0].path)])
    return IpcSource(files, chosen, total_rows, tuple(lacking(known, chosen)))


@contextmanager
def _opened(file: InputFile, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """A reader of the file or stream, of some columns."""
    if file.size_bytes == 0:
        raise DatasetError(f"{file.path} is empty, which no Arrow file is", "a writer did not finish; write it again")
    try:
        mapped = pa.memory_map(file.path, "rb")
    except OSError as error:
        raise DatasetError(f"{file.path} cannot be opened: {error}", "check the path and its permissions") from error
    with mapped:
        start = mapped.read(len(_FILE_MAGIC))
        mapped.seek(0)
        if start.startswith(_FEATHER_1_MAGIC):
            raise DatasetError(
                f"{file.path} is Feather version 1, expected version 2", "write it again with pyarrow.feather"
            )
        try:
            if start != _FILE_MAGIC:
                reader: Any = pa.ipc.open_stream(mapped)
            elif columns is None:
                reader = pa.ipc.open_file(mapped)
            else:
                places = [pa.ipc.open_file(mapped).schema.names.index(name) for name in columns]
                reader = pa.ipc.open_file(mapped, options=pa.ipc.IpcReadOptions(included_fields=places))
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(
                f"{file.path} is no readable Arrow file: {error}", "a writer did not finish; write it again"
            ) from error
        with reader:
            yield reader


def _batches_of(reader: Any, file: InputFile) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The record batches, and about how many bytes of the file they and those before them take."""
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        for place in range(reader.num_record_batches):
            yield reader.get_batch(place), file.size_bytes * (place + 1) // reader.num_record_batches
    else:
        for batch in reader:
            yield batch, 0  # a stream does not say


def _count_rows(file: InputFile, reader: Any) -> int:
    """The rows of a file, or of a stream as far as it can be read."""
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        import pyarrow.dataset as arrow_dataset

        return int(arrow_dataset.dataset(file.path, format="ipc").count_rows())
    rows = 0
    try:
        for batch in reader:
            rows += batch.num_rows
    except (pa.ArrowException, OSError):
        pass  # the run delivers what comes before and reports the place itself
    return rows


def _read(file: InputFile, file_index: int, schema: pa.Schema, read_before: int) -> Iterator[SourceBatch]:
    with _opened(file) as reader:
        own = reader.schema.names
    columns = [name for name in own if name in schema.names]
    row = 0
    # No columns mean all to Arrow; a file with none of those asked for is read for the count of its rows.
    with _opened(file, columns or own[:1]) as reader:
        batches = _batches_of(reader, file)
        while True:
            try:
                found = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DatasetError(
                    f"{file.path} cannot be read from row {format_count(row)} on: {error}", _HINT
                ) from error
            if found is None:
                return
            batch, done_bytes = found
            numbers = np.arange(row, row + batch.num_rows, dtype=np.int64)
            row += batch.num_rows
            plain = pa.RecordBatch.from_arrays([_plain_column(one) for one in batch.columns], names=batch.schema.names)
            yield from bounded(aligned(plain, schema), file_index, numbers, (), read_before + done_bytes)


def _plain_column(column: Any) -> Any:
    """A dictionary of strings as ``dictionary<int32, string>``, all others as the values themselves."""
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        return column if pa.types.is_int32(kind.index_type) else column.cast(pa.dictionary(pa.int32(), pa.string()))
    if pa.types.is_run_end_encoded(kind):
        return _plain_column(pc.call_function("run_end_decode", [column]))
    return _plain_column(column.dictionary_decode()) if pa.types.is_dictionary(kind) else column


def _plain_type(kind: Any) -> Any:
    is_wrapped = pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind)
    return _plain_type(kind.value_type) if is_wrapped else kind


def _plain_schema(schema: pa.Schema, file: InputFile) -> pa.Schema:
    """The columns without metadata, in the types that batches have, dictionaries as the type of their values."""
    for place, name in enumerate(schema.names):
        if name in schema.names[:place]:
            raise DatasetError(
                f"{file.path}: columns {schema.names.index(name) + 1} and {place + 1} are both called {name!r}",
                "rename one of them in the file",
            )
    return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])
