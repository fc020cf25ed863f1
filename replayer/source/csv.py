"""CSV and TSV: a header row, then rows, every column as text; types are a matter of the schema.

An empty field is null, a quoted empty field (``""``) the empty string. Empty lines are no rows. A row with too few or
too many fields, with bytes that are not UTF-8 or without its closing quote is malformed; all others keep their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from replayer.errors import DatasetError
from replayer.schema.text import is_utf8, mark_text
from replayer.source.batch import Malformed, SourceBatch, bounded, cut_raw
from replayer.source.bytestream import Block, ByteStream, blocks, refuse_other_encodings
from replayer.source.discover import InputFile
from replayer.source.projection import choose_columns

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def find_row_end(content: bytes, delimiter: str) -> int:
    """Position after the last whole row, 0 when there is none; content begins where a row begins."""
    return _last_row_end(content, delimiter)[0]


def _last_row_end(content: bytes, delimiter: str) -> tuple[int, bool]:
    """Position after the last whole row, and whether what follows is inside quotes."""
    if b'"' in content:
        return _scan(content, delimiter, stop_at_first=False)
    # A newline at the end of a row is then a newline anywhere; files with lone returns have no other.
    return content.rfind(b"\n") + 1 or content.rfind(b"\r") + 1, False


def _first_row_end(content: bytes, delimiter: str) -> int:
    """Position after the first row, 0 when it has no end."""
    ends = [place + 1 for place in (content.find(b"\n"), content.find(b"\r")) if place >= 0]
    if b'"' in content[: min(ends, default=len(content))]:
        return _scan(content, delimiter, stop_at_first=True)[0]
    return min(ends, default=0)


def _scan(content: bytes, delimiter: str, *, stop_at_first: bool) -> tuple[int, bool]:
    # Imported here as it brings numba with it, which takes half a second and files without quotes never need.
    from replayer.source.csv_kernels import scan_rows

    end, is_quoted = scan_rows(np.frombuffer(content, dtype=np.uint8), ord(delimiter), stop_at_first=stop_at_first)
    return int(end), bool(is_quoted)


def read_header(file: InputFile) -> tuple[str, ...]:
    """The column names of one file, none when it is empty. Nameless columns are called ``column_3`` by their place.

    Raises DatasetError when two columns have the same name and when the file is not UTF-8.
    """
    stream = ByteStream(file)
    try:
        header = _header_bytes(stream, file)
    finally:
        stream.close()
    if not header.strip(b"\r\n"):
        return ()
    return _parse_header(header, file)


def _header_bytes(stream: ByteStream, file: InputFile) -> bytes:
    content = b""
    while True:
        fresh = stream.read(64 << 10)
        content = content + fresh
        refuse_other_encodings(content, file.path)
        row = content.lstrip(b"\r\n")
        end = _first_row_end(row, _DELIMITERS[file.format])
        if end or not fresh:
            return row[:end] if end else row


def _parse_header(header: bytes, file: InputFile) -> tuple[str, ...]:
    try:
        text = header.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{file.path}: the header is not UTF-8 at byte {error.start}", "convert the file, for example with iconv"
        ) from error
    opened: Any = pa.BufferReader(text.strip("\r\n").encode() + b"\n")
    options = arrow_csv.ParseOptions(delimiter=_DELIMITERS[file.format], newlines_in_values=True)
    try:
        table = arrow_csv.read_csv(opened, parse_options=options)
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{file.path}: the header cannot be parsed: {error}") from error
    names = tuple(name or f"column_{place + 1}" for place, name in enumerate(table.column_names))
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DatasetError(
                f"{file.path}: columns {names.index(name) + 1} and {place + 1} are both called {name!r}",
                "rename one of them in the header",
            )
    return names


@dataclass(frozen=True)
class CsvSource:
    """The rows of CSV files with the same header. A plain value: it can be sent to another process."""

    files: tuple[InputFile, ...]
    schema: pa.Schema
    """All strings, marked as text of kind csv; only the columns asked for."""
    columns: tuple[str, ...]
    """All columns of the files."""
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
            stream = ByteStream(file)
            try:
                yield from _FileReader(self, index, read_before).read(stream)
            finally:
                stream.close()
            read_before += file.size_bytes


class _FileReader:
    """Reads one file once; keeps the number of the next row."""

    def __init__(self, source: CsvSource, file_index: int, read_before: int) -> None:
        self._columns = source.columns
        self._names = source.schema.names
        self._schema = source.schema
        self._file = source.files[file_index]
        self._file_index = file_index
        self._read_before = read_before
        self._delimiter = _DELIMITERS[self._file.format]
        self._row = 0

    def read(self, stream: ByteStream) -> Iterator[SourceBatch]:
        needs_header = True
        for block in blocks(stream, lambda content: find_row_end(content, self._delimiter), self._file.path):
            content = block.content
            if needs_header:
                content = content.lstrip(b"\r\n")
                needs_header = not content
                # The block holds the header row whole, as blocks end where rows end; without an end it is all there is.
                end = _first_row_end(content, self._delimiter)
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
        end, is_quoted = _last_row_end(content, self._delimiter)
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
        batch = _single_batch(table)
        if stand_in:
            batch, numbers, invalid = _without_invalid(batch, numbers, stand_in)
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
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=keep
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=text,
                    include_columns=self._names,
                    null_values=[""],
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
    batch: pa.RecordBatch, numbers: npt.NDArray[np.int64], stand_in: str
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
            cut_raw(_row_text(batch.slice(place, 1).to_pylist()[0], stand_in)),
            name,
        )
        for place, name in sorted(where.items())
    ]
    return batch.filter(pa.array(~invalid)), numbers[~invalid], malformed


def _row_text(row: Mapping[str, str | None], stand_in: str) -> str:
    return ",".join(value or "" for value in row.values()).replace(stand_in, "�")


def _ragged(row: int, ragged: Any, stand_in: str) -> Malformed:
    text = ragged.text.replace(stand_in, "�") if stand_in else ragged.text
    detail = f"expected {ragged.expected_columns} fields, found {ragged.actual_columns}"
    return Malformed(row, "ragged", detail, cut_raw(text))


def _single_batch(table: pa.Table) -> pa.RecordBatch:
    batches: Sequence[pa.RecordBatch] = table.combine_chunks().to_batches()
    return batches[0] if batches else _empty(table.schema)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def open_csv(files: tuple[InputFile, ...], projection: Sequence[str] | None) -> CsvSource:
    """The rows of CSV files. Raises DatasetError when headers differ, naming both files and the first difference."""
    headers = [(file, read_header(file)) for file in files]
    filled = [(file, header) for file, header in headers if header]
    columns = filled[0][1] if filled else ()
    for file, header in filled[1:]:
        if header != columns:
            raise DatasetError(
                f"the headers of {filled[0][0].path} and {file.path} differ: {_header_difference(columns, header)}",
                "replay them as two datasets, or make the headers equal",
            )
    notes = tuple(f"{file.path} is empty" for file, header in headers if not header)
    names = choose_columns(columns, projection, files[0].path)
    schema = mark_text(pa.schema([pa.field(name, pa.string()) for name in names]), "csv", _DELIMITERS[files[0].format])
    return CsvSource(files, schema, columns, notes)


def _header_difference(left: Sequence[str], right: Sequence[str]) -> str:
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"column {place + 1} is {one!r} in the first and {other!r} in the second"
    longer, name = ("first", left[len(right)]) if len(left) > len(right) else ("second", right[len(left)])
    return f"only the {longer} has column {name!r}"
