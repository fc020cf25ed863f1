"""RecordBatches to Avro records in a buffer that the caller owns.

Two encoders behind one protocol. The columnar one compiles the schema to a program once (plan.py), fills in the
addresses of each RecordBatch (bind.py) and interprets it row by row in compiled code (kernels.py). What it cannot do
goes to fastavro, row by row (fallback.py). Both write the bytes that fastavro's ``schemaless_writer`` writes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.encode import kernels
from replayer.encode.bind import Binder, Binding, address
from replayer.encode.fallback import FastavroEncoder
from replayer.encode.framing import PREFIX_SIZE_MAX
from replayer.encode.plan import Column, Plan, make_plan, not_columnar
from replayer.errors import SchemaError
from replayer.machine.jit import load_kernel
from replayer.schema.avro import AvroSchema, Record


class Encoder(Protocol):
    """Writes the records of RecordBatches whose columns have the names, the order and the Arrow types of the schema.

    An encoder serves one thread: it keeps what it learns about a RecordBatch between the two calls.
    """

    @property
    def name(self) -> str:
        """``columnar`` or ``fastavro``."""

    @property
    def fallback_reason(self) -> str:
        """Why fastavro runs, with the place in the schema; "" for the columnar encoder."""

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """Bytes that ``encode_into`` touches at most, for the size of its buffer."""

    def encode_into(self, batch: pa.RecordBatch, buffer: NDArray[np.uint8], value_ends: NDArray[np.int64]) -> int:
        """Write every row as prefix and body, and return the bytes written.

        ``buffer`` is contiguous, with at least ``upper_bound(batch)`` bytes; ``value_ends`` is contiguous, with at
        least ``batch.num_rows`` places: the position behind each record. Ends never fall; the last is what is returned.
        On an error nothing counts. Raises SchemaError where a column or a value does not fit, ValueError where room is
        missing.
        """


def make_encoder(schema: AvroSchema, prefix: bytes) -> Encoder:
    """The encoder for a schema: columnar where it can be. ``prefix`` (at most 16 bytes) starts every value.

    Raises SchemaError when the top of the schema is not a record.
    """
    if not isinstance(schema.root, Record):
        raise SchemaError(
            f"the top of the schema is {schema.fullname}, not a record", "wrap it: a record has a field for each column"
        )
    reason = not_columnar(schema.root)
    return FastavroEncoder(schema, prefix, reason) if reason else ColumnarEncoder(schema, prefix)


class ColumnarEncoder:
    """Encodes whole RecordBatches in compiled code, for every schema in which ``not_columnar`` finds no reason."""

    name = "columnar"
    fallback_reason = ""

    def __init__(self, schema: AvroSchema, prefix: bytes) -> None:
        if len(prefix) > PREFIX_SIZE_MAX:
            raise ValueError(f"a prefix has at most {PREFIX_SIZE_MAX} bytes, not {len(prefix)}")
        self._plan: Plan = make_plan(schema)
        self._prefix = np.frombuffer(prefix.ljust(PREFIX_SIZE_MAX, b"\0"), dtype=np.uint8)
        self._prefix_size = len(prefix)
        self._stack = np.zeros(2 * self._plan.depth + 2, dtype=np.int64)
        self._binder = Binder(self._plan, len(prefix))
        self._last: tuple[pa.RecordBatch, Binding] | None = None
        load_kernel(kernels.encode_rows, *[0] * 7)

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """Counts the buffers' own sizes and the most that a number can take; reads no value."""
        return self._bind(batch).bound

    def encode_into(self, batch: pa.RecordBatch, buffer: NDArray[np.uint8], value_ends: NDArray[np.int64]) -> int:
        """As the protocol says; holds on to nothing of the RecordBatch afterwards but dictionaries."""
        binding = self._bind(batch)
        self._last = None
        row_count = batch.num_rows
        check_room(binding.bound, row_count, buffer, value_ends)
        if row_count == 0:
            return 0
        written = kernels.encode_rows(
            address(binding.program), address(self._stack), address(self._prefix), self._prefix_size,
            row_count, address(buffer), address(value_ends),
        )  # fmt: skip
        if written < 0:
            column = column_at(self._plan.columns, -1 - written)
            raise SchemaError(
                f"column {column.path}: null in row {value_ends[0]} of a RecordBatch, but the schema has no null there"
            )
        return int(written)

    def _bind(self, batch: pa.RecordBatch) -> Binding:
        if self._last is None or self._last[0] is not batch:
            self._last = (batch, self._binder.bind(batch))
        return self._last[1]


def check_room(bound: int, row_count: int, buffer: NDArray[np.uint8], value_ends: NDArray[np.int64]) -> None:
    """Raises ValueError unless compiled code may write ``bound`` bytes and ``row_count`` ends into the arrays."""
    if buffer.dtype != np.uint8 or not buffer.flags.c_contiguous or buffer.size < bound:
        raise ValueError(f"the buffer must be contiguous uint8 of at least {bound} bytes")
    if value_ends.dtype != np.int64 or not value_ends.flags.c_contiguous or value_ends.size < row_count:
        raise ValueError(f"the ends must be contiguous int64 with at least {row_count} places")


def column_at(columns: tuple[Column, ...], position: int) -> Column:
    """The column whose instruction lies at ``position``: the last one that starts there or before, on each level."""
    column = max((column for column in columns if column.position <= position), key=lambda found: found.position)
    return column if column.position == position else column_at(column.children, position)
