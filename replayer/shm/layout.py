"""The map of a run's shared memory. One anonymous file, sized once, mapped by every process of the run.

::

    ┌─ control ─────────────── written by the supervisor (the bucket's arrival time by all workers, compare-and-swap)
    │  command · map version · two clock maps · bucket setting · arrival time
    ├─ reader counters ─────── written by the reader
    │  scalars · handed over, by partition
    ├─ worker 0 counters ───── written by worker 0
    │  scalars · attempted, delivered, … by partition · three histograms
    │  …
    ├─ worker 0, slot 0 ────── owned by one process at a time: reader → worker 0 → free
    │  scalars · runs · per-record columns · bytes
    ├─ worker 0, slot 1
    │  …
    └─ worker N-1, slot S-1

States of a slot: *free* (its index is in the pipe from worker to reader, or with the reader) → *filled* (its SlotRef is
in the pipe from reader to worker) → *sending* (some records attempted) → *waiting* (all attempted, reports outstanding)
→ *free*. The hand-over itself goes through pipes, whose system calls order memory; no flag in here is polled for it.

Bytes of a slot, per record r of the ``record_count`` first records, grouped into runs of one partition each:
``value_ends[r]`` and ``key_ends[r]`` are positions in the slot's bytes after the record's value and key; values start
at 0, keys at
``keys_first``, headers at ``headers_first``. ``due_ns`` is the nominal due offset, ``source_rows`` names the input row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from replayer.metrics import histogram

CACHE_LINE = 64
PAGE = 4096

CONTROL_WORDS = 64
COMMAND, MAP_VERSION, MAP_0, MAP_1 = 0, 8, 16, 24
MAP_ANCHOR_NOMINAL, MAP_ANCHOR_CLOCK, MAP_NUMERATOR, MAP_DENOMINATOR, MAP_IS_PAUSED = range(5)
BUCKET_INTERVAL, BUCKET_TOLERANCE, BUCKET_ORIGIN = 32, 33, 34
BUCKET_ARRIVAL = 40
"""Alone in its cache line: every worker swaps it."""

COMMAND_RUN, COMMAND_DRAIN, COMMAND_STOP = 0, 1, 2

PIPELINE_SCALARS = ("rows_read", "rejected", "encoded", "fallback_rows", "read_ns", "coerce_ns", "encode_ns")
READER_SCALARS = (
    *PIPELINE_SCALARS, "filtered", "not_handed_over", "loops_finished", "place_ns", "wait_ns", "value_bytes",
    "key_bytes",
)  # fmt: skip
WORKER_SCALARS = (
    "late_count", "first_sent_ns", "last_sent_ns", "first_acked_ns", "last_acked_ns", "first_due_ns", "last_due_ns",
    "queue_full_count", "wakes", "reader_waited_ns",
)  # fmt: skip
"""``reader_waited_ns`` is the one word in a worker's block that the reader writes."""

PARTITION_COUNTERS = ("attempted", "delivered", "failed", "unknown", "not_sent", "dropped_late", "delivered_bytes")
HISTOGRAMS = ("lag", "latency", "latency_from_send")

SLOT_SCALARS = ("record_count", "run_count", "keys_first", "headers_first", "has_timestamps", "has_headers")

Words = npt.NDArray[np.int64]


def _aligned(size: int, step: int = CACHE_LINE) -> int:
    return -(-size // step) * step


@dataclass(frozen=True)
class Column:
    """A field of a slot: one ``dtype`` value per record (or per run, or per byte), at ``offset`` in the slot."""

    name: str
    dtype: np.dtype[np.generic]
    count: int
    offset: int

    @property
    def end(self) -> int:
        """The first byte behind the column."""
        return self.offset + self.dtype.itemsize * self.count


@dataclass(frozen=True)
class Layout:
    """Sizes of everything; small, frozen and picklable, so that every process computes the same offsets."""

    worker_count: int
    slots_per_worker: int
    partition_count: int
    record_capacity: int
    """Records that fit into one slot."""
    bytes_capacity: int
    """Bytes of values, keys and headers that fit into one slot."""
    slot_columns: tuple[Column, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slot_columns", tuple(self._columns()))

    def _columns(self) -> Iterator[Column]:
        records, runs = self.record_capacity, min(self.record_capacity, self.partition_count)
        fields = (
            ("scalars", np.int64, len(SLOT_SCALARS)),
            ("run_partitions", np.int32, runs),
            ("run_ends", np.int32, runs),
            ("value_ends", np.int32, records),
            ("key_ends", np.int32, records),
            ("header_ends", np.int32, records),
            ("key_is_null", np.uint8, records),
            ("value_is_null", np.uint8, records),
            ("due_ns", np.int64, records),
            ("due_clock_ns", np.int64, records),
            ("sent_ns", np.int64, records),
            ("timestamps_ms", np.int64, records),
            ("source_rows", np.int64, records),
            ("bytes", np.uint8, self.bytes_capacity),
        )
        offset = 0
        for name, dtype, count in fields:
            column = Column(name, np.dtype(dtype), count, _aligned(offset))
            yield column
            offset = column.end

    @cached_property
    def slot_bytes(self) -> int:
        """Bytes from one slot to the next: whole pages."""
        return _aligned(self.slot_columns[-1].end, PAGE)

    @property
    def reader_words(self) -> int:
        """int64 words of the reader's counters."""
        return _aligned(len(READER_SCALARS), 8) + _aligned(self.partition_count, 8)

    @property
    def worker_words(self) -> int:
        """int64 words of one worker's counters."""
        tables = len(PARTITION_COUNTERS) * _aligned(self.partition_count, 8)
        return _aligned(len(WORKER_SCALARS), 8) + tables + len(HISTOGRAMS) * _aligned(histogram.SIZE, 8)

    @property
    def reader_offset(self) -> int:
        """Where the reader's counters begin."""
        return CONTROL_WORDS * 8

    def worker_offset(self, worker: int) -> int:
        """Where a worker's counters begin."""
        return self.reader_offset + 8 * (self.reader_words + worker * self.worker_words)

    @property
    def slots_offset(self) -> int:
        """Where the first slot of worker 0 begins."""
        return _aligned(self.worker_offset(self.worker_count), PAGE)

    def slot_offset(self, worker: int, slot: int) -> int:
        """Where a slot begins."""
        return self.slots_offset + (worker * self.slots_per_worker + slot) * self.slot_bytes

    @property
    def total_bytes(self) -> int:
        """The size of the whole file."""
        return self.slot_offset(self.worker_count, 0)


def partition_owner(partition: int, worker_count: int) -> int:
    """The one worker that sends the records of a partition."""
    return partition % worker_count
