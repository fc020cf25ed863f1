"""NDJSON, or a JSON array made lines: parsed in blocks by Arrow; a block with a bad line is taken apart line by line.

Lines without anything but white space are no rows. Malformed are: lines that are not JSON (a trailing comma, a cut-off
end, NaN), lines that are not one object (two on a line, a bare value), values of another type than their column,
integers over 2^53 in a column of fractions, and fields that did not occur in the lines from which the columns were
taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from replayer.schema.text import is_utf8
from replayer.source.batch import Malformed, SourceBatch, bounded, cut_raw
from replayer.source.bytestream import Block, blocks
from replayer.source.discover import InputFile
from replayer.source.fingerprint import unchanged
from replayer.source.json_array import ArrayLines, open_lines
from replayer.source.json_schema import EXACT_DOUBLE_MAX, Mismatch, row_check

_NEWLINE, _RETURN, _OPEN, _CLOSE = b"\n\r{}"

Numbers = npt.NDArray[np.int64]
Parsed = tuple[pa.RecordBatch, Numbers, list[Malformed]]


def find_line_end(content: bytes) -> int:
    """Position after the last newline, 0 when there is none: inside JSON a newline is written as an escape."""
    return content.rfind(b"\n") + 1


def is_one_object_a_line(content: bytes) -> bool:
    """Whether each line begins with ``{`` and ends with ``}`` and nothing else: then rows can be counted after parsing.

    Arrow must not see anything else: it takes two objects on a line for two rows, and dies of a lone ``null``.
    """
    view = np.frombuffer(content, dtype=np.uint8)
    line_ends = np.flatnonzero(view == _NEWLINE)
    if line_ends.size and line_ends[-1] == view.size - 1:
        last, line_ends = int(line_ends[-1]), line_ends[:-1]
    else:
        last = view.size
    if last < 2 or view[0] != _OPEN or (line_ends.size and line_ends[0] < 2):
        return False
    ends = np.append(line_ends, last)
    before = view[ends - 1]
    before = np.where(before == _RETURN, view[ends - 2], before)
    return bool((before == _CLOSE).all() and (view[line_ends + 1] == _OPEN).all())


@dataclass(frozen=True)
class JsonSource:
    """The rows of JSON files with compatible columns. A plain value: it can be sent to another process."""

    files: tuple[InputFile, ...]
    schema: pa.Schema
    """Marked as text of kind json; only the columns asked for."""
    columns: pa.Schema
    """All columns of the files."""
    notes: tuple[str, ...] = ()
    total_rows: int | None = None

    @property
    def total_bytes(self) -> int:
        """Bytes of the files as stored."""
        return sum(file.size_bytes for file in self.files)

    def batches(self) -> Iterator[SourceBatch]:
        """All rows in order, from the start at each call. Raises DatasetError where a file cannot be read on."""
        parser = LineParser(self.columns)
        read_before = 0
        for index, file in enumerate(self.files):
            for batch, numbers, malformed, input_bytes in _file_rows(file, parser):
                chosen = batch.select(self.schema.names) if len(self.schema) < len(self.columns) else batch
                yield from bounded(chosen, index, numbers, malformed, read_before + input_bytes)
            read_before += file.size_bytes


def _file_rows(file: InputFile, parser: LineParser) -> Iterator[tuple[pa.RecordBatch, Numbers, list[Malformed], int]]:
    """The rows of one file with their numbers, its malformed lines, and how many bytes of it have been read."""
    row = 0
    with unchanged(file), closing(open_lines(file)) as stream:
        for block in blocks(stream, find_line_end, file.path):
            batch, numbers, malformed = parser.parse(block, row)
            row += batch.num_rows + len(malformed)
            yield batch, numbers, malformed, block.input_bytes
        if isinstance(stream, ArrayLines) and stream.is_cut_off:
            lost = Malformed(row, "cut_off", stream.cut_off_detail(), "")
            yield parser.no_rows, np.zeros(0, np.int64), [lost], stream.input_bytes


class LineParser:
    """Parses blocks of lines with a fixed schema."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema.remove_metadata()
        self._check = row_check(schema)
        self._options = arrow_json.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="error")
        self.no_rows = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in self._schema], schema=self._schema)

    def parse(self, block: Block, first_row: int) -> Parsed:
        """The rows of a block, numbered from ``first_row``, and its malformed lines."""
        content = block.content
        if is_one_object_a_line(content) and is_utf8(content):
            rows = content.count(b"\n") + (not content.endswith(b"\n"))
            batch = self._arrow_parse(content)
            if batch is not None and batch.num_rows == rows:
                numbers = np.arange(first_row, first_row + rows, dtype=np.int64)
                places = suspicious_doubles(batch)
                if not places.size:
                    return batch, numbers, []
                return self._without_inexact(batch, numbers, places, content.split(b"\n"))
        return self._parse_lines([line for line in content.split(b"\n") if line.strip()], first_row)

    def _arrow_parse(self, content: bytes) -> pa.RecordBatch | None:
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(content) + 1)
        try:
            table = arrow_json.read_json(_opened(content), read_options=options, parse_options=self._options)
        except pa.ArrowInvalid:
            return None
        found = table.combine_chunks().to_batches()
        return found[0] if found else self.no_rows

    def _parse_lines(self, lines: Sequence[bytes], first_row: int) -> Parsed:
        """Line by line; the good lines are put together for Arrow, so that values come out as from a good block."""
        good: list[bytes] = []
        numbers: list[int] = []
        malformed: list[Malformed] = []
        for row, line in enumerate(lines, first_row):
            fault = self._fault(line)
            if fault is None:
                good.append(line)
                numbers.append(row)
            else:
                malformed.append(Malformed(row, *fault))
        kept = np.array(numbers, dtype=np.int64)
        if good and self._arrow_parse(b"\n".join(good)) is None:
            # Arrow minds what orjson does not: most often a key that stands twice.
            is_plain = np.array([_has_plain_keys(line) for line in good])
            malformed += [
                Malformed(int(kept[place]), "bad_json", "a key stands twice", cut_raw(good[place]))
                for place in np.flatnonzero(~is_plain)
            ]
            good, kept = [line for line, fits in zip(good, is_plain, strict=True) if fits], kept[is_plain]
        batch, kept, refused = self._parse_good(good, kept)
        return batch, kept, sorted([*malformed, *refused], key=lambda one: one.row)

    def _parse_good(self, lines: Sequence[bytes], numbers: Numbers) -> Parsed:
        if not lines:
            return self.no_rows, numbers, []
        batch = self._arrow_parse(b"\n".join(lines))
        if batch is not None and batch.num_rows == len(lines):
            return self._without_inexact(batch, numbers, suspicious_doubles(batch), lines)
        if len(lines) == 1:
            # The checks above found nothing; Arrow has the last word.
            detail = self._words_for(lines[0])
            return self.no_rows, numbers[:0], [Malformed(int(numbers[0]), "bad_json", detail, cut_raw(lines[0]))]
        half = len(lines) // 2
        left = self._parse_good(lines[:half], numbers[:half])
        right = self._parse_good(lines[half:], numbers[half:])
        joined = pa.Table.from_batches([left[0], right[0]]).combine_chunks().to_batches()
        return joined[0] if joined else self.no_rows, np.concatenate([left[1], right[1]]), left[2] + right[2]

    def _words_for(self, line: bytes) -> str:
        try:
            arrow_json.read_json(_opened(line), parse_options=self._options)
        except pa.ArrowInvalid as error:
            return str(error).splitlines()[0]
        return "not one object"

    def _fault(self, line: bytes) -> tuple[str, str, str, str] | None:
        """Reason, detail, raw and column of what is wrong with a line."""
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if not is_utf8(line):
                return "invalid_utf8", "the line holds bytes that are not UTF-8", cut_raw(line), ""
            return "bad_json", str(error), cut_raw(line), ""
        if type(value) is not dict:
            return "not_an_object", f"expected an object, found {type(value).__name__}", cut_raw(line), ""
        mismatch = self._check(value)
        return None if mismatch is None else (*_reason(mismatch), cut_raw(line), mismatch[0])

    def _without_inexact(
        self, batch: pa.RecordBatch, numbers: Numbers, places: npt.NDArray[np.int64], lines: Sequence[bytes]
    ) -> Parsed:
        """Rows with a very large double or one that JSON does not know are parsed once more, integers exactly."""
        malformed = []
        refused = np.zeros(batch.num_rows, dtype=np.bool_)
        for place in places:
            fault = self._inexact(lines[place])
            if fault is not None:
                refused[place] = True
                malformed.append(Malformed(int(numbers[place]), *fault))
        if not malformed:
            return batch, numbers, []
        return batch.filter(pa.array(~refused)), numbers[~refused], malformed

    def _inexact(self, line: bytes) -> tuple[str, str, str, str] | None:
        try:
            value = json.loads(line, parse_constant=_refuse_constant)
        except ValueError as error:
            return "bad_json", str(error), cut_raw(line), ""
        mismatch = self._check(value)
        return None if mismatch is None else (*_reason(mismatch), cut_raw(line), mismatch[0])


def _has_plain_keys(line: bytes) -> bool:
    """Whether no object of a line has a key twice."""
    try:
        json.loads(line, object_pairs_hook=_object)
    except ValueError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")


def _opened(content: bytes) -> Any:
    return pa.BufferReader(content)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _reason(mismatch: Mismatch) -> tuple[str, str]:
    return ("unexpected_field" if mismatch[1].startswith("a field") else "wrong_type"), mismatch[1]


def suspicious_doubles(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Rows that hold a double which may have been an integer over 2^53, or NaN or infinity, which are not JSON."""
    found: list[npt.NDArray[np.int64]] = []
    for column in batch.columns:
        _search(column, np.arange(0), found, is_top=True)
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _search(array: Any, parents: npt.NDArray[np.int64], found: list[npt.NDArray[np.int64]], *, is_top: bool) -> None:
    """Collects the rows of suspicious doubles; ``parents`` names the row of each value below the top."""
    kind = array.type
    if pa.types.is_float64(kind):
        # 2^53 itself is suspicious: 2^53 + 1 is read as it. NaN fails the comparison too. What lies under a null is
        # zero, as Arrow's JSON reader leaves it, or is rechecked.
        values = array.to_numpy(zero_copy_only=False) if array.null_count == 0 else pc.fill_null(array, 0.0).to_numpy()
        if values.size and not np.abs(values).max() < EXACT_DOUBLE_MAX:
            places = np.flatnonzero(~(np.abs(values) < EXACT_DOUBLE_MAX))
            found.append(places if is_top else parents[places])
    elif pa.types.is_list(kind):
        rows = pc.list_parent_indices(array).to_numpy()
        _search(array.flatten(), rows if is_top else parents[rows], found, is_top=False)
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            _search(child, parents, found, is_top=is_top)
