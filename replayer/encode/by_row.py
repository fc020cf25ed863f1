"""What encoders that go row by row share: the RecordBatch is written once, and copied into the caller's buffer."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.errors import SchemaError
from replayer.schema.avro import Field


class RowEncoder(ABC):
    """An ``Encoder`` whose subclass writes a whole RecordBatch at once, in its own way."""

    def __init__(self, fields: tuple[Field, ...], prefix: bytes, reason: str) -> None:
        self.fallback_reason = reason
        self._fields, self._prefix = fields, prefix
        self._last: tuple[pa.RecordBatch, bytes, list[int]] | None = None

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """The exact size; the RecordBatch is encoded here, as nothing cheaper is known, and kept for the next call."""
        return len(self._encode(batch)[0])

    def encode_into(self, batch: pa.RecordBatch, buffer: NDArray[np.uint8], value_ends: NDArray[np.int64]) -> int:
        """As the protocol ``Encoder`` says."""
        written, ends = self._encode(batch)
        self._last = None
        if buffer.size < len(written) or value_ends.size < len(ends):
            raise ValueError(f"room is needed for {len(written)} bytes and {len(ends)} ends")
        buffer[: len(written)] = np.frombuffer(written, dtype=np.uint8)
        value_ends[: len(ends)] = ends
        return len(written)

    def _encode(self, batch: pa.RecordBatch) -> tuple[bytes, list[int]]:
        if self._last is None or self._last[0] is not batch:
            names = [field.name for field in self._fields]
            if batch.schema.names != names:
                found = ", ".join(batch.schema.names)
                raise SchemaError(f"the encoder expects the columns {', '.join(names)}, not {found}")
            self._last = (batch, *self._write(batch))
        return self._last[1:]

    @abstractmethod
    def _write(self, batch: pa.RecordBatch) -> tuple[bytes, list[int]]:
        """All values with their prefixes, and the position behind each; the columns are those of the fields."""
