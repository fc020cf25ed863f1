"""What a producer works on: blocks of encoded records, and the tallies that delivery reports go to.

A block is what a worker calls a slot. Producers see arrays only, and do not know that these lie in shared memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

START_FIELDS = ("keys_first", "headers_first", "has_timestamps", "has_headers")
KEYS_FIRST, HEADERS_FIRST, HAS_TIMESTAMPS, HAS_HEADERS = range(len(START_FIELDS))

MOMENTS = (
    "late_count", "first_sent_ns", "last_sent_ns", "first_acked_ns", "last_acked_ns", "first_due_ns", "last_due_ns",
    "queue_full_count",
)  # fmt: skip
LATE_COUNT, FIRST_SENT, LAST_SENT, FIRST_ACKED, LAST_ACKED, FIRST_DUE, LAST_DUE, QUEUE_FULL_COUNT = range(len(MOMENTS))

LATE_NS = 10_000_000
"""A record whose lag passes this counts as missed schedule."""

NO_DUE_TIME = -1
"""In ``due_clock_ns``: the record has no due time (rate ``max``)."""

BLOCK, FIRST, END, PARTITION, TAKEN = range(5)
PIECE_WORDS = 6
"""A piece is a row of int64: block, first record, end, partition, how many records the producer took, one word for the
caller."""

FAILED, UNKNOWN = 0, 1
"""Outcomes of a record that was not delivered: surely not stored, or perhaps stored."""


class Blocks(NamedTuple):
    """All blocks of one producer; arrays are indexed [block, record] unless said otherwise.

    ``value_ends`` and ``key_ends`` are positions in ``bytes[block]``; values start at 0, keys at ``starts[block,
    KEYS_FIRST]``, headers at ``starts[block, HEADERS_FIRST]``. A header blob is, for each header: int32 name length,
    int32 value length (-1: null), the name, a zero byte, the value; little endian. The record's blob ends at
    ``header_ends``. Bytes must not change between a record's send and its delivery report.
    """

    starts: Int64s
    value_ends: Int32s
    key_ends: Int32s
    header_ends: Int32s
    key_is_null: Bytes
    value_is_null: Bytes
    """A null value has no bytes."""
    due_clock_ns: Int64s
    """When the record was due on the monotonic clock, or NO_DUE_TIME."""
    sent_ns: Int64s
    """Written by the producer at hand-over."""
    timestamps_ms: Int64s
    source_rows: Int64s
    bytes: Bytes
    outstanding: Int64s
    """By block: records without a final outcome yet; lowered by the producer."""


class Tallies(NamedTuple):
    """Where outcomes are counted; the tables are indexed by partition, the histograms as in ``metrics.histogram``."""

    attempted: Int64s
    delivered: Int64s
    failed: Int64s
    unknown: Int64s
    delivered_bytes: Int64s
    lag: Int64s
    latency: Int64s
    latency_from_send: Int64s
    moments: Int64s
    """In the order of MOMENTS; times of the monotonic clock, 0 where nothing happened yet."""


@dataclass(frozen=True)
class FailedRecord:
    """One record that was not delivered."""

    source_row: int
    partition: int
    outcome: int
    """FAILED or UNKNOWN."""
    error: str


class RecordProducer(Protocol):
    """Publishes blocks and follows each record to its outcome. Used by one thread.

    Both methods count into the tallies: ``attempted`` is raised before a record is handed to librdkafka, so that after
    the death of the process no record can be on the broker that was not attempted.
    """

    name: str

    def send(self, pieces: Int64s) -> None:
        """Hand over the records of each piece, in order; column TAKEN says how many were taken.

        A piece is taken up to the first record that found the queue full, and none of the pieces behind it, so that
        nothing overtakes; records refused for good count as failed and as taken.
        """
        ...

    def drain(self) -> int:
        """Handle all delivery reports that have come; returns how many."""
        ...

    def take_failures(self) -> Sequence[FailedRecord]:
        """Records that were not delivered since the last call."""
        ...

    def take_warnings(self) -> Sequence[str]:
        """What librdkafka had to say since the last call: its log and its errors, one line each."""
        ...

    @property
    def in_flight(self) -> int:
        """Records handed over without a final outcome."""
        ...

    @property
    def wake_descriptor(self) -> int:
        """A file descriptor that becomes readable when delivery reports have come, or -1."""
        ...

    def await_producer_id(self, timeout_s: float) -> None:
        """Until an idempotent producer has its id, which no record is sent without, or ``timeout_s`` has passed.

        Needs ``statistics.interval.ms``: there is no other way to learn of the id. Without it, or without idempotence,
        returns at once.
        """
        ...

    def purge(self) -> None:
        """Give up all records that are not acknowledged yet; their outcomes come with the next drains."""
        ...

    def close(self) -> None:
        """Let go of the client. Records still in flight get no outcome."""
        ...
