"""The ledger closes when the counters agree, and says which do not."""

from __future__ import annotations

import dataclasses

import pytest

from replayer.metrics.ledger import PartitionCounts, SourceCounts, close_ledger

SOURCE = SourceCounts(rows_read=115, filtered=5, rejected=10, encoded=100, not_handed_over=3)
PARTITIONS = (
    PartitionCounts(
        partition=0,
        handed_over=60,
        attempted=55,
        delivered=50,
        failed=2,
        unknown=3,
        not_sent=4,
        dropped_late=1,
        delivered_bytes=5000,
        end_offset_before=1000,
        end_offset_after=1052,
    ),
    PartitionCounts(
        partition=1,
        handed_over=37,
        attempted=37,
        delivered=37,
        delivered_bytes=3700,
        end_offset_before=0,
        end_offset_after=37,
    ),
)


def test_books_that_agree_close() -> None:
    """Sums over partitions, and the broker between delivered and delivered + unknown."""
    ledger = close_ledger(SOURCE, PARTITIONS)
    assert ledger.faults == ()
    assert ledger.closes
    assert not ledger.is_complete
    assert ledger.proof == "exclusive"
    totals = (ledger.handed_over, ledger.attempted, ledger.delivered, ledger.failed, ledger.unknown, ledger.not_sent)
    assert totals == (97, 92, 87, 2, 3, 4)
    assert (ledger.dropped_late, ledger.broker_confirmed, ledger.foreign_records) == (1, 89, 0)


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("counter", ["rows_read", "filtered", "rejected", "encoded", "not_handed_over"])
def test_one_wrong_counter_of_the_reader_is_seen(counter: str, step: int) -> None:
    """No counter of the reader follows from the others."""
    wrong = dataclasses.replace(SOURCE, **{counter: getattr(SOURCE, counter) + step})
    assert not close_ledger(wrong, PARTITIONS).closes


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "counter", ["handed_over", "attempted", "delivered", "failed", "unknown", "not_sent", "dropped_late"]
)
def test_one_wrong_counter_of_a_partition_is_seen(counter: str, index: int, step: int) -> None:
    """No counter of a worker or of the delivery reports follows from the others."""
    partitions = list(PARTITIONS)
    right = partitions[index]
    partitions[index] = dataclasses.replace(right, **{counter: getattr(right, counter) + step})
    assert not close_ledger(SOURCE, partitions).closes


def test_counters_wrong_in_two_partitions_do_not_make_up_for_each_other() -> None:
    """Each partition's equations hold by themselves, not only the sums."""
    one = dataclasses.replace(PARTITIONS[0], delivered=51)
    other = dataclasses.replace(PARTITIONS[1], delivered=36)
    faults = close_ledger(SOURCE, (one, other)).faults
    assert any(fault.startswith("partition 0:") for fault in faults)
    assert any(fault.startswith("partition 1:") for fault in faults)


@pytest.mark.parametrize(
    ("end_offset_after", "closes", "foreign", "proof"),
    [
        (1049, False, 0, "exclusive"),
        (1050, True, 0, "exclusive"),
        (1053, True, 0, "exclusive"),
        (1054, True, 1, "foreign writers"),
        (2000, True, 947, "foreign writers"),
        (None, True, 0, "not asked"),
    ],
)
def test_the_broker_has_the_last_word(end_offset_after: int | None, closes: bool, foreign: int, proof: str) -> None:
    """50 delivered and 3 unknown: fewer than 50 is a fault, more than 53 is someone else's."""
    partition = dataclasses.replace(PARTITIONS[0], end_offset_after=end_offset_after)
    ledger = close_ledger(SOURCE, (partition, PARTITIONS[1]))
    assert (ledger.closes, ledger.foreign_records, ledger.proof) == (closes, foreign, proof)


def test_foreign_records_in_one_partition_do_not_hide_a_loss_in_another() -> None:
    """The proof is taken partition by partition."""
    more = dataclasses.replace(PARTITIONS[0], end_offset_after=1060)
    less = dataclasses.replace(PARTITIONS[1], end_offset_after=36)
    ledger = close_ledger(SOURCE, (more, less))
    assert not ledger.closes
    assert ledger.faults == ("partition 1: 37 acknowledged, but the end offset moved by 36 only",)


def test_an_empty_run_closes_and_is_complete() -> None:
    """Nothing read, nothing sent: true books of an empty dataset."""
    ledger = close_ledger(SourceCounts(), (PartitionCounts(0, end_offset_before=7, end_offset_after=7),))
    assert ledger.is_complete
    assert ledger.broker_confirmed == 0


def test_closing_books_that_lack_records_are_not_complete() -> None:
    """Closing means that every record is accounted for, complete that every one is on the broker."""
    source = SourceCounts(rows_read=2, encoded=2)
    ledger = close_ledger(source, (PartitionCounts(0, handed_over=2, attempted=2, delivered=1, failed=1),))
    assert ledger.closes
    assert not ledger.is_complete
