"""The arena: one reusable place where a RecordBatch's records lie encoded before they are placed into slots.

So the exact size of every record is known before it takes a place in the schedule, and a record that the topic would
refuse is rejected first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replayer.encode.avro import Encoder
from replayer.encode.headers import BoundHeaders
from replayer.encode.keys import KeyEncoder
from replayer.encode.value_keys import ValueKeyEncoder
from replayer.run.place_kernels import ArenaArrays, drop_values, wire_sizes

_NO_NUMBERS = np.zeros(0, np.int64)

_OVERHEAD_MAX = 128
"""More than a Kafka batch and the lengths in a record add; a header takes more in the arena than on the wire."""


class Arena:
    """Grows to the largest RecordBatch that it has held, and is never given back."""

    def __init__(self) -> None:
        self._values = np.zeros(0, np.uint8)
        self._keys = np.zeros(0, np.uint8)
        self._value_ends = np.zeros(0, np.int64)
        self._key_ends = np.zeros(0, np.int64)
        self._key_is_null = np.ones(0, np.bool_)
        self._value_is_null = np.zeros(0, np.bool_)
        self._sizes = np.zeros(0, np.int64)
        self._timestamps_ms = self._header_ends = _NO_NUMBERS
        self._headers = np.zeros(0, np.uint8)
        self.arrays = self._arrays(np.zeros(0, np.int64))
        self.record_count = 0
        self.partitions: npt.NDArray[np.int32] | None = None
        """Of each row, where a column says it."""

    def _arrays(self, source_rows: npt.NDArray[np.int64]) -> ArenaArrays:
        return ArenaArrays(
            self._values, self._value_ends, self._keys, self._key_ends, self._key_is_null, source_rows,
            self._timestamps_ms, self._headers, self._header_ends, self._value_is_null,
        )  # fmt: skip

    def fill(
        self,
        batch: pa.RecordBatch,
        encoder: Encoder,
        key_encoder: KeyEncoder | ValueKeyEncoder | None,
        source_rows: npt.NDArray[np.int64],
        timestamps_ms: npt.NDArray[np.int64] | None = None,
        headers: BoundHeaders | None = None,
    ) -> None:
        """Encode all rows; ``source_rows`` are their packed row numbers, ``timestamps_ms`` those of the records."""
        self.record_count = batch.num_rows
        if len(self._value_ends) < self.record_count:
            self._value_ends = np.zeros(self.record_count, np.int64)
            self._key_ends = np.zeros(self.record_count, np.int64)
            self._key_is_null = np.ones(self.record_count, np.bool_)
            self._sizes = np.zeros(self.record_count, np.int64)
        self._values = _at_least(self._values, encoder.upper_bound(batch))
        encoder.encode_into(batch, self._values, self._value_ends)
        if key_encoder is not None:
            self._keys = _at_least(self._keys, key_encoder.upper_bound(batch))
            key_encoder.encode_into(batch, self._keys, self._key_ends, self._key_is_null)
        self._timestamps_ms = _NO_NUMBERS if timestamps_ms is None else timestamps_ms
        if headers is not None:
            self._headers = _at_least(self._headers, headers.bound)
            if len(self._header_ends) < self.record_count:
                self._header_ends = np.zeros(self.record_count, np.int64)
            headers.write_into(self._headers, self._header_ends)
        self.arrays = self._arrays(source_rows)

    def drop_values(self, is_null: npt.NDArray[np.bool_]) -> None:
        """Make the values of these records null: their bytes are gone, those behind them move up."""
        self._value_is_null = np.array(is_null)
        if is_null.any():
            drop_values(self._values, self._value_ends, self._value_is_null, self.record_count)
        self.arrays = self._arrays(self.arrays.source_rows)

    def largest_bound(self) -> int:
        """At least the bytes on the wire of the largest record, from its parts' largest: far cheaper than ``sizes``."""
        if not self.record_count:
            return 0
        parts = (self._value_ends, self._key_ends, self._header_ends)
        return _OVERHEAD_MAX + sum(_largest(ends[: self.record_count]) for ends in parts)

    def sizes(self) -> npt.NDArray[np.int64]:
        """Bytes on the wire of each record, if it were alone in its Kafka batch."""
        wire_sizes(self.arrays, self.record_count, self._sizes)
        return self._sizes[: self.record_count]

    @property
    def value_bytes(self) -> int:
        """Bytes of all values."""
        return int(self._value_ends[self.record_count - 1]) if self.record_count else 0

    @property
    def key_bytes(self) -> int:
        """Bytes of all keys."""
        return int(self._key_ends[self.record_count - 1]) if self.record_count else 0

    def bytes_of(self, rows: npt.NDArray[np.int64]) -> tuple[int, int]:
        """Bytes of the values and of the keys of the records at ``rows``, which rise."""
        return _sum_of(self._value_ends, rows), _sum_of(self._key_ends, rows)

    @property
    def header_bytes(self) -> int:
        """Bytes of all headers, as they lie in a slot."""
        return int(self._header_ends[self.record_count - 1]) if self.record_count and len(self._header_ends) else 0


def _largest(ends: npt.NDArray[np.int64]) -> int:
    if not len(ends):
        return 0
    return max(int(ends[0]), int(np.diff(ends).max(initial=0)))


def _sum_of(ends: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> int:
    if not len(rows):
        return 0
    if rows[-1] + 1 == len(rows):  # all from the first on: the usual case
        return int(ends[rows[-1]])
    starts = np.where(rows > 0, ends[rows - 1], 0)
    return int((ends[rows] - starts).sum())


def _at_least(buffer: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    return buffer if len(buffer) >= size else np.zeros(size + size // 4, np.uint8)
