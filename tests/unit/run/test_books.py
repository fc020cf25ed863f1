"""Counters of all processes become the ledger, also those of a process that was killed in the middle of counting."""

from __future__ import annotations

import mmap

import pytest

from replayer.metrics.ledger import close_ledger
from replayer.run import books
from replayer.run.books import Counters
from replayer.shm.counters import ReaderCounters, WorkerCounters, reader_counters, worker_counters
from replayer.shm.layout import Layout

LAYOUT = Layout(worker_count=2, slots_per_worker=1, partition_count=3, record_capacity=1, bytes_capacity=1)
"""Worker 0 owns partitions 0 and 2, worker 1 owns partition 1."""


def counted() -> tuple[ReaderCounters, list[WorkerCounters]]:
    """A run of 100 rows, one of them rejected, all records delivered."""
    memory = mmap.mmap(-1, LAYOUT.total_bytes)
    reader = reader_counters(memory, LAYOUT)
    workers = [worker_counters(memory, LAYOUT, index) for index in range(2)]
    reader.add("rows_read", 100)
    reader.add("rejected", 1)
    reader.add("encoded", 99)
    for partition, count in enumerate((50, 30, 19)):
        reader.handed_over[partition] = count
        worker = workers[partition % 2]
        worker.attempted[partition] = worker.delivered[partition] = count
    return reader, workers


def test_a_run_without_trouble() -> None:
    """Each partition's counts come from the worker that owns it, and the books close."""
    counters = Counters(*counted())
    ledger = close_ledger(books.source_counts(counters), books.partition_counts(counters, (7, 7, 7), (57, 37, 26)))
    assert ledger.faults == ()
    assert ledger.is_complete
    assert (ledger.delivered, ledger.broker_confirmed) == (99, 99)


def test_a_worker_died_with_records_in_flight() -> None:
    """What it attempted and never saw reported is unknown, what it never attempted was not sent; the others' stay."""
    reader, workers = counted()
    reader.handed_over[1], reader.handed_over[0] = 36, 44
    workers[1].attempted[1], workers[1].delivered[1], workers[1].failed[1] = 32, 25, 3
    workers[1].not_sent[1] = 1  # it had begun to count
    workers[0].attempted[0] = workers[0].delivered[0] = 44
    counters = Counters(reader, workers, dead_workers=frozenset({1}))
    of_it = books.partition_counts(counters, None, None)[1]
    assert (of_it.delivered, of_it.failed, of_it.unknown, of_it.not_sent) == (25, 3, 4, 4)
    assert close_ledger(books.source_counts(counters), books.partition_counts(counters, None, None)).closes


@pytest.mark.parametrize("proof", [28, 32])
def test_what_the_broker_has_of_a_dead_workers_records(proof: int) -> None:
    """Its unknown records may be there or not: the proof allows both."""
    reader, workers = counted()
    workers[1].attempted[1], workers[1].delivered[1] = 30, 25
    counters = Counters(reader, workers, dead_workers=frozenset({1}))
    partitions = books.partition_counts(counters, (0, 0, 0), (50, min(proof, 30), 19))
    assert close_ledger(books.source_counts(counters), partitions).faults == ()


def test_a_reader_died_between_counting_and_handing_over() -> None:
    """A slot that it counted and no worker ever got was not sent, and what it only encoded stayed in it."""
    reader, workers = counted()
    reader.add("rows_read", 10)
    reader.add("encoded", 10)
    reader.handed_over[2] += 4
    counters = Counters(reader, workers, has_reader_died=True)
    source, partitions = books.source_counts(counters), books.partition_counts(counters, None, None)
    assert source.not_handed_over == 6
    assert [counts.not_sent for counts in partitions] == [0, 0, 4]
    assert close_ledger(source, partitions).closes


@pytest.mark.parametrize("name", ["rows_read", "rejected", "encoded"])
def test_a_living_reader_is_not_excused(name: str) -> None:
    """Nothing is computed as a remainder while everyone lives: one wrong counter and the books do not close."""
    reader, workers = counted()
    reader.add(name, 1)
    counters = Counters(reader, workers)
    assert not close_ledger(books.source_counts(counters), books.partition_counts(counters, None, None)).closes


@pytest.mark.parametrize("name", ["attempted", "delivered", "failed", "unknown", "not_sent", "dropped_late"])
@pytest.mark.parametrize("partition", [0, 1, 2])
def test_a_living_worker_is_not_excused(name: str, partition: int) -> None:
    """The same for every counter of every worker."""
    reader, workers = counted()
    getattr(workers[partition % 2], name)[partition] += 1
    counters = Counters(reader, workers)
    assert not close_ledger(books.source_counts(counters), books.partition_counts(counters, None, None)).closes


def test_moments_are_those_of_the_first_and_the_last_worker() -> None:
    """The run's first send is the earliest of all, its last acknowledgement the latest; some have none."""
    reader, workers = counted()
    assert books.moments(Counters(reader, workers)) == books.Moments(None, None, None, None)
    for name, first, second in (("first_sent_ns", 5, 3), ("last_sent_ns", 8, 9), ("first_acked_ns", 0, 6)):
        workers[0].add(name, first)
        workers[1].add(name, second)
    workers[0].add("last_acked_ns", 11)
    assert books.moments(Counters(reader, workers)) == books.Moments(3, 9, 6, 11)
