"""Record headers: texts that are the same for every record, columns, and where a record came from.

A column's value is the text that a key of this column alone would have (the table in keys.py), bytes as they are. A
null makes a header with a null value, which is not the same as an empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from replayer.encode import header_kernels as kernels
from replayer.encode.bind import address
from replayer.encode.kernels import MOVE, SLACK
from replayer.encode.key_kernels import FIRST_BIT, LAST_MOVE, OFFSETS, VALIDITY, VALUES
from replayer.encode.options import HeaderRule
from replayer.encode.text_columns import TextColumn, find_text_column
from replayer.schema.avro import AvroSchema

_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a RecordBatch came from."""

    run_id: str
    file: str
    row_numbers: npt.NDArray[np.int64]
    """One a row, from 0 in the file."""


def make_header_encoder(
    rules: tuple[HeaderRule, ...], schema: pa.Schema, avro_schema: AvroSchema | None = None
) -> HeaderEncoder | None:
    """The encoder for these headers, in their order, or None without any.

    ``schema`` is that of the coerced RecordBatches, ``avro_schema`` tells enums and uuids. Raises UsageError for a
    column that is not there, nested, or of a wide union.
    """
    if not rules:
        return None
    columns = {
        rule.value: find_text_column("--header", rule.value, schema, avro_schema)
        for rule in rules
        if rule.source == "column"
    }
    return HeaderEncoder(rules, columns)


class HeaderEncoder:
    """Writes the headers of RecordBatches, column by column. It serves one thread."""

    def __init__(self, rules: tuple[HeaderRule, ...], columns: dict[str, TextColumn]) -> None:
        self._rules, self._columns = rules, columns
        self._names = [np.frombuffer(rule.name.encode() + b"\0", np.uint8) for rule in rules]

    def bind(self, batch: pa.RecordBatch, origin: Origin) -> BoundHeaders:
        """All that is needed to write the headers of these rows."""
        rows = batch.num_rows
        program = np.zeros((len(self._rules), kernels.WORDS), dtype=np.int64)
        bound = SLACK
        kept: list[Any] = [*self._names]
        for words, rule, name in zip(program, self._rules, self._names, strict=True):
            words[kernels.NAME], words[kernels.NAME_SIZE] = address(name), len(name) - 1
            words[LAST_MOVE] = -1
            bound += rows * (kernels.LENGTHS_SIZE + len(name))
            if rule.source in ("text", "run", "file"):
                text = {"text": rule.value, "run": origin.run_id, "file": origin.file}[rule.source]
                encoded = text.encode("utf-8", "surrogateescape")
                value = np.frombuffer(encoded + bytes(MOVE), np.uint8)  # a short copy reads MOVE bytes
                words[VALUES], words[kernels.FIXED_SIZE] = address(value), len(encoded)
                words[LAST_MOVE] = address(value)
                bound += rows * len(encoded)
                kept.append(value)
                continue
            column: Any = (
                pa.array(origin.row_numbers).cast(pa.string())
                if rule.source == "row"
                else self._columns[rule.value].text(batch.column(rule.value))
            )
            validity, offsets, values = column.buffers()
            words[kernels.FIXED_SIZE] = -1
            words[VALIDITY] = validity.address if validity is not None and column.null_count else 0
            words[FIRST_BIT] = column.offset
            if offsets is not None:
                words[OFFSETS] = offsets.address + 4 * column.offset
            if values is not None:
                words[VALUES], words[LAST_MOVE] = values.address, values.address + values.size - MOVE
            bound += int(pc.sum(pc.binary_length(column)).as_py() or 0)
            kept.append(column)
        return BoundHeaders(program, rows, bound, tuple(kept))


@dataclass(frozen=True, slots=True)
class BoundHeaders:
    """The headers of one RecordBatch, to be written once; ``bound`` is the bytes that writing touches at most."""

    program: npt.NDArray[np.int64]
    row_count: int
    bound: int
    kept: tuple[Any, ...]

    def write_into(self, buffer: _Bytes, header_ends: npt.NDArray[np.int64]) -> int:
        """Write the blob of every row and return the bytes written; ``header_ends[i]`` is the position behind row i.

        Raises ValueError where room is missing.
        """
        if buffer.size < self.bound or header_ends.size < self.row_count:
            raise ValueError(f"room is needed for {self.bound} bytes and {self.row_count} ends")
        return int(
            kernels.encode_headers(
                address(self.program), len(self.program), self.row_count, address(buffer), address(header_ends)
            )
        )
