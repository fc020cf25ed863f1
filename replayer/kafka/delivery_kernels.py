"""Bookkeeping of sends and outcomes in compiled loops; shared by both producers, so that they count alike."""

from __future__ import annotations

from replayer.kafka.blocks import (
    FIRST_ACKED,
    FIRST_DUE,
    FIRST_SENT,
    LAST_ACKED,
    LAST_DUE,
    LAST_SENT,
    LATE_COUNT,
    LATE_NS,
    UNKNOWN,
    Blocks,
    Int64s,
    Tallies,
)
from replayer.machine.jit import kernel
from replayer.metrics.histogram_kernels import record


@kernel
def stamp_sent(blocks: Blocks, tallies: Tallies, block: int, first: int, end: int, now_ns: int) -> None:
    """Note that records [first, end) of a block were handed over at ``now_ns``."""
    if end <= first:
        return
    sent_ns, due_clock_ns = blocks.sent_ns[block], blocks.due_clock_ns[block]
    moments = tallies.moments
    for position in range(first, end):
        sent_ns[position] = now_ns
        due_ns = due_clock_ns[position]
        if due_ns >= 0:
            lag_ns = now_ns - due_ns
            record(tallies.lag, lag_ns, 1)
            if lag_ns > LATE_NS:
                moments[LATE_COUNT] += 1
    if moments[FIRST_SENT] == 0:
        moments[FIRST_SENT] = now_ns
    moments[LAST_SENT] = now_ns
    if due_clock_ns[first] >= 0:
        if moments[FIRST_DUE] == 0 or due_clock_ns[first] < moments[FIRST_DUE]:
            moments[FIRST_DUE] = due_clock_ns[first]
        moments[LAST_DUE] = max(moments[LAST_DUE], due_clock_ns[end - 1])


@kernel
def count_delivered(
    blocks: Blocks, tallies: Tallies, block: int, position: int, partition: int, byte_count: int, now_ns: int
) -> None:
    """Note that one record was acknowledged."""
    tallies.delivered[partition] += 1
    tallies.delivered_bytes[partition] += byte_count
    blocks.outstanding[block] -= 1
    record(tallies.latency_from_send, now_ns - blocks.sent_ns[block, position], 1)
    due_ns = blocks.due_clock_ns[block, position]
    if due_ns >= 0:
        record(tallies.latency, now_ns - due_ns, 1)
    if tallies.moments[FIRST_ACKED] == 0:
        tallies.moments[FIRST_ACKED] = now_ns
    tallies.moments[LAST_ACKED] = now_ns


BLOCK, POSITION, PARTITION, BYTE_COUNT = range(4)
REPORT_WORDS = 4
"""A report of a delivered record is a row of four int64, for callers that collect them first."""


@kernel
def count_all_delivered(blocks: Blocks, tallies: Tallies, reports: Int64s, count: int, now_ns: int) -> None:
    """Note that the records of the first ``count`` reports were acknowledged."""
    for number in range(count):
        report = reports[number]
        count_delivered(blocks, tallies, report[BLOCK], report[POSITION], report[PARTITION], report[BYTE_COUNT], now_ns)


@kernel
def count_undelivered(blocks: Blocks, tallies: Tallies, block: int, partition: int, outcome: int) -> None:
    """Note that one record failed, or that its outcome cannot be known."""
    if outcome == UNKNOWN:
        tallies.unknown[partition] += 1
    else:
        tallies.failed[partition] += 1
    blocks.outstanding[block] -= 1
