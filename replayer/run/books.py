"""After a run: the counters of all processes become the ledger and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from replayer.metrics import histogram
from replayer.metrics.ledger import PartitionCounts, SourceCounts
from replayer.report.model import Distribution, WorkerCounts
from replayer.shm.counters import ReaderCounters, WorkerCounters
from replayer.shm.layout import PARTITION_COUNTERS, partition_owner


@dataclass(frozen=True)
class Counters:
    """All counters of a run, and which of their writers died before they could finish them."""

    reader: ReaderCounters
    workers: Sequence[WorkerCounters]
    has_reader_died: bool = False
    dead_workers: frozenset[int] = frozenset()


def source_counts(counters: Counters) -> SourceCounts:
    """The reader's side. Of a reader that died, what it encoded and did not hand over stayed in it."""
    reader = counters.reader
    encoded = reader.get("encoded")
    kept = reader.get("not_handed_over")
    if counters.has_reader_died:
        kept = encoded - int(reader.handed_over.sum())
    return SourceCounts(reader.get("rows_read"), reader.get("filtered"), reader.get("rejected"), encoded, kept)


def partition_counts(
    counters: Counters, before: Sequence[int] | None, after: Sequence[int] | None
) -> tuple[PartitionCounts, ...]:
    """One entry a partition, with the end offsets asked of the broker where it answered.

    Of a worker that died, what was attempted and not reported is unknown, and what was handed over and not attempted
    was not sent. Of a reader that died between counting a slot and handing it over, that slot was not sent.
    """
    counts = []
    for partition in range(len(counters.reader.handed_over)):
        owner = partition_owner(partition, len(counters.workers))
        tables = counters.workers[owner]
        row = {name: int(getattr(tables, name)[partition]) for name in PARTITION_COUNTERS}
        handed_over = int(counters.reader.handed_over[partition])
        if owner in counters.dead_workers:
            row["unknown"] = row["attempted"] - row["delivered"] - row["failed"]
        if owner in counters.dead_workers or counters.has_reader_died:
            row["not_sent"] = handed_over - row["attempted"] - row["dropped_late"]
        counts.append(
            PartitionCounts(
                partition=partition,
                handed_over=handed_over,
                end_offset_before=None if before is None else before[partition],
                end_offset_after=None if after is None else after[partition],
                **row,
            )
        )
    return tuple(counts)


def distribution(counters: Counters, name: str) -> Distribution | None:
    """One of the workers' histograms, merged; None when it holds nothing."""
    summary = histogram.summarise(histogram.merge([getattr(worker, name) for worker in counters.workers]))
    if summary is None:
        return None
    return Distribution(
        summary.count,
        summary.mean,
        summary.minimum,
        summary.p50,
        summary.p90,
        summary.p99,
        summary.p999,
        summary.maximum,
    )


def worker_counts(counters: Counters) -> tuple[WorkerCounts, ...]:
    """Each worker's share."""
    return tuple(
        WorkerCounts(
            index=index,
            attempted=int(worker.attempted.sum()),
            delivered=int(worker.delivered.sum()),
            wakes=worker.get("wakes"),
            reader_waited_ns=worker.get("reader_waited_ns"),
            queue_full_count=worker.get("queue_full_count"),
        )
        for index, worker in enumerate(counters.workers)
    )


@dataclass(frozen=True)
class Moments:
    """First and last moments over all workers on the monotonic clock; None where nothing happened."""

    first_sent_ns: int | None
    last_sent_ns: int | None
    first_acked_ns: int | None
    last_acked_ns: int | None


def moments(counters: Counters) -> Moments:
    """When the run sent and was acknowledged first and last."""

    def times(name: str) -> list[int]:
        return [worker.get(name) for worker in counters.workers if worker.get(name)]

    return Moments(
        first_sent_ns=min(times("first_sent_ns"), default=None),
        last_sent_ns=max(times("last_sent_ns"), default=None),
        first_acked_ns=min(times("first_acked_ns"), default=None),
        last_acked_ns=max(times("last_acked_ns"), default=None),
    )


def sum_of(counters: Counters, name: str) -> int:
    """A per-partition counter summed over partitions and workers."""
    return int(np.sum([getattr(worker, name).sum() for worker in counters.workers]))
