"""CSV and TSV: rows of fields, every column as text; types are a matter of the schema.

An empty field and an unquoted null word are null, a quoted empty field (``""``) the empty string. Empty lines are no
rows. A row with too few or too many fields, with bytes that are not UTF-8 or without its closing quote is malformed;
all others keep their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from replayer.errors import DatasetError
from replayer.schema.text import is_utf8
from replayer.source.batch import Malformed, SourceBatch, bounded, cut_raw
from replayer.source.bytestream import Block, ByteStream, blocks
from replayer.source.csv_rows import find_row_end, first_row_end, last_row_end
from replayer.source.dialect import Dialect
from replayer.source.discover import InputFile
from replayer.source.fingerprint import unchanged
from replayer.source.union import aligned


def parse_options(dialect: Dialect, on_bad_row: Any = None) -> arrow_csv.ParseOptions:
    """Arrow's words for a dialect."""
    return arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=dialect.quote or False,
        double_quote=bool(dialect.quote),
        newlines_in_values=True,
        invalid_row_handler=on_bad_row,
    )


@dataclass(frozen=True)
class CsvSource:
    """The rows of CSV files with the same header. A plain value: it can be sent to another process."""

    files: tuple[InputFile, ...]
    schema: pa.Schema
    """All strings, marked as text of kind csv; only the columns asked for."""
    columns: tuple[tuple[str, ...], ...]
    """All columns of each file, none of an empty one."""
    dialect: Dialect
    notes: tuple[str, ...] = ()
    total_rows: int | None = None

    @property
    def total_bytes(self) -> int:
        """Bytes of the files as stored."""
        return sum(file.size_bytes for file in self.files)

    def batches(self) -> Iterator[SourceBatch]:
        """All rows in order, from the start at each call. Raises DatasetError where a file cannot be read on."""
        read_before = 0
        for index, file in enumerate(self.files):
            with unchanged(file), closing(ByteStream(file)) as stream:
                yield from _FileReader(self, index, read_before).read(stream)
            read_before += file.size_bytes


class _FileReader:
    """Reads one file once; keeps the number of the next row."""

    def __init__(self, source: CsvSource, file_index: int, read_before: int) -> None:
        self._columns = source.columns[file_index]
        # Arrow takes no columns for all: a file with none of those asked for is parsed for the count of its rows.
        self._names = [name for name in source.schema.names if name in self._columns] or [*self._columns[:1]]
        self._schema = source.schema
        self._file = source.files[file_index]
        self._file_index = file_index
        self._read_before = read_before
        self._dialect = source.dialect
        self._delimiter, self._quote = source.dialect.delimiter, source.dialect.quote
        self._row = 0

    def read(self, stream: ByteStream) -> Iterator[SourceBatch]:
        needs_header = self._dialect.has_header

        def row_end(content: bytes) -> int:
            return find_row_end(content, self._delimiter, self._quote)

        for block in blocks(stream, row_end, self._file.path):
            content = block.content
            if needs_header:
                content = content.lstrip(b"\r\n")
                needs_header = not content
                # The block holds the header row whole, as blocks end where rows end; without an end it is all there is.
                end = first_row_end(content, self._delimiter, self._quote)
                content = content[end:] if end else b""
            yield from self._parse(content, block)

    def _parse(self, content: bytes, block: Block) -> Iterator[SourceBatch]:
        unclosed = self._cut_unclosed(content) if block.is_last else len(content)
        batch, numbers, malformed = self._parse_rows(content[:unclosed])
        if unclosed < len(content):
            malformed.append(self._unclosed(content[unclosed:]))
            self._row += 1
        yield from bounded(batch, self._file_index, numbers, malformed, self._read_before + block.input_bytes)

    def _cut_unclosed(self, content: bytes) -> int:
        """Where a last row begins that never closes its quote; the length when there is none."""
        end, is_quoted = last_row_end(content, self._delimiter, self._quote)
        return end if is_quoted else len(content)

    def _unclosed(self, text: bytes) -> Malformed:
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        return Malformed(
            self._row, "unclosed_quote", f"a quote is never closed; the row runs over {lines} lines", cut_raw(text)
        )

    def _parse_rows(self, content: bytes) -> tuple[pa.RecordBatch, npt.NDArray[np.int64], list[Malformed]]:
        if not content.strip(b"\r\n"):
            return _empty(self._schema), np.zeros(0, np.int64), []
        stand_in = ""
        if not is_utf8(content):
            content, stand_in = _mark_invalid(content)
        ragged: list[Any] = []
        table = self._arrow_parse(content, ragged)
        total = table.num_rows + len(ragged)
        numbers = np.arange(self._row, self._row + total, dtype=np.int64)
        malformed = [_ragged(self._row + row.number - 1, row, stand_in) for row in ragged]
        if ragged:
            numbers = np.delete(numbers, [row.number - 1 for row in ragged])
        self._row += total
        batch = aligned(_single_batch(table), self._schema)
        if stand_in:
            batch, numbers, invalid = _without_invalid(batch, numbers, stand_in, self._delimiter)
            malformed = sorted([*malformed, *invalid], key=lambda one: one.row)
        return batch, numbers, malformed

    def _arrow_parse(self, content: bytes, ragged: list[Any]) -> pa.Table:
        def keep(row: Any) -> Literal["skip", "error"]:
            ragged.append(row)
            return "skip"

        opened: Any = pa.BufferReader(content)
        text = {name: pa.string() for name in self._names}
        try:
            return arrow_csv.read_csv(
                opened,
                # One block and one thread: the numbers of ragged rows count from this content's first row.
                read_options=arrow_csv.ReadOptions(
                    column_names=list(self._columns), use_threads=False, block_size=len(content) + 1
                ),
                parse_options=parse_options(self._dialect, keep),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=text,
                    include_columns=self._names,
                    null_values=["", *self._dialect.null_words],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise DatasetError(f"{self._file.path}: rows from {self._row} on cannot be parsed: {error}") from error


def _mark_invalid(content: bytes) -> tuple[bytes, str]:
    """The content with a stand-in, a character that it does not hold, for each run of bytes that is not UTF-8."""
    stand_in = next(chr(code) for code in range(0xFDD0, 0xFDF0) if chr(code).encode() not in content)
    # Each bad byte becomes a lone surrogate, which no UTF-8 holds, and that the stand-in.
    text = content.decode("utf-8", "surrogateescape")
    return text.translate(dict.fromkeys(range(0xDC80, 0xDD00), stand_in)).encode(), stand_in


def _without_invalid(
    batch: pa.RecordBatch, numbers: npt.NDArray[np.int64], stand_in: str, delimiter: str
) -> tuple[pa.RecordBatch, npt.NDArray[np.int64], list[Malformed]]:
    invalid = np.zeros(batch.num_rows, dtype=np.bool_)
    where: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        found: Any = pc.match_substring(column, stand_in)
        hit = found.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(hit & ~invalid):
            where[int(place)] = name
        invalid |= hit
    malformed = [
        Malformed(
            int(numbers[place]),
            "invalid_utf8",
            f"column {name} holds bytes that are not UTF-8",
            cut_raw(_row_text(batch.slice(place, 1).to_pylist()[0], stand_in, delimiter)),
            name,
        )
        for place, name in sorted(where.items())
    ]
    return batch.filter(pa.array(~invalid)), numbers[~invalid], malformed


def _row_text(row: Mapping[str, str | None], stand_in: str, delimiter: str) -> str:
    return delimiter.join(value or "" for value in row.values()).replace(stand_in, "�")


def _ragged(row: int, ragged: Any, stand_in: str) -> Malformed:
    text = ragged.text.replace(stand_in, "�") if stand_in else ragged.text
    detail = f"expected {ragged.expected_columns} fields, found {ragged.actual_columns}"
    return Malformed(row, "ragged", detail, cut_raw(text))


def _single_batch(table: pa.Table) -> pa.RecordBatch:
    batches: Sequence[pa.RecordBatch] = table.combine_chunks().to_batches()
    return batches[0] if batches else _empty(table.schema)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
