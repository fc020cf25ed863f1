"""Counters in shared memory: one writer a block, read by the supervisor, alive after their writer's death."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np

from replayer.metrics import histogram
from replayer.shm.layout import (
    HISTOGRAMS,
    PARTITION_COUNTERS,
    READER_SCALARS,
    WORKER_SCALARS,
    Layout,
    Words,
)


@dataclass(frozen=True)
class ReaderCounters:
    """The reader's block: ``scalars`` in the order of READER_SCALARS, ``handed_over`` by partition."""

    scalars: Words
    handed_over: Words

    def add(self, name: str, amount: int) -> None:
        """Raise a scalar. Called by the reader only."""
        self.scalars[READER_SCALARS.index(name)] += amount

    def get(self, name: str) -> int:
        """A scalar as it stands."""
        return int(self.scalars[READER_SCALARS.index(name)])


@dataclass(frozen=True)
class WorkerCounters:
    """One worker's block; the tables are indexed by partition, the histograms are ``metrics.histogram`` words."""

    scalars: Words
    attempted: Words
    delivered: Words
    failed: Words
    unknown: Words
    not_sent: Words
    dropped_late: Words
    delivered_bytes: Words
    lag: Words
    latency: Words
    latency_from_send: Words

    def add(self, name: str, amount: int) -> None:
        """Raise a scalar. Called by the block's writer only."""
        self.scalars[WORKER_SCALARS.index(name)] += amount

    def get(self, name: str) -> int:
        """A scalar as it stands."""
        return int(self.scalars[WORKER_SCALARS.index(name)])


def reader_counters(memory: mmap.mmap, layout: Layout) -> ReaderCounters:
    """The reader's block of a mapped file."""
    words = np.ndarray(layout.reader_words, np.int64, memory, layout.reader_offset)
    table_first = layout.reader_words - -(-layout.partition_count // 8) * 8
    return ReaderCounters(words[: len(READER_SCALARS)], words[table_first : table_first + layout.partition_count])


def worker_counters(memory: mmap.mmap, layout: Layout, worker: int) -> WorkerCounters:
    """One worker's block of a mapped file."""
    words = np.ndarray(layout.worker_words, np.int64, memory, layout.worker_offset(worker))
    position = -(-len(WORKER_SCALARS) // 8) * 8
    tables: dict[str, Words] = {}
    for name, size in [(name, layout.partition_count) for name in PARTITION_COUNTERS] + [
        (name, histogram.SIZE) for name in HISTOGRAMS
    ]:
        tables[name] = words[position : position + size]
        position += -(-size // 8) * 8
    return WorkerCounters(scalars=words[: len(WORKER_SCALARS)], **tables)
