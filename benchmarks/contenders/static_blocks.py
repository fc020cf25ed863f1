"""Blocks of static payloads for the native producer, as a worker's slots would hold them."""

from __future__ import annotations

import os

import numpy as np

from replayer.kafka.blocks import MOMENTS, NO_DUE_TIME, START_FIELDS, Blocks, Tallies
from replayer.metrics import histogram

RECORDS_PER_BLOCK = 8192


def static_blocks(block_count: int, record_bytes: int) -> Blocks:
    """Blocks of RECORDS_PER_BLOCK keyless records of ``record_bytes`` random bytes, without due times."""
    shape = (block_count, RECORDS_PER_BLOCK)
    size = RECORDS_PER_BLOCK * record_bytes
    ends = np.arange(1, RECORDS_PER_BLOCK + 1, dtype=np.int32) * record_bytes
    payload = np.frombuffer(os.urandom(size), np.uint8)
    starts = np.zeros((block_count, len(START_FIELDS)), np.int64)
    starts[:, :2] = size
    return Blocks(
        starts=starts,
        value_ends=np.tile(ends, (block_count, 1)),
        key_ends=np.full(shape, size, np.int32),
        header_ends=np.full(shape, size, np.int32),
        key_is_null=np.ones(shape, np.uint8),
        value_is_null=np.zeros(shape, np.uint8),
        due_clock_ns=np.full(shape, NO_DUE_TIME, np.int64),
        sent_ns=np.zeros(shape, np.int64),
        timestamps_ms=np.zeros(shape, np.int64),
        source_rows=np.zeros(shape, np.int64),
        bytes=np.tile(payload, (block_count, 1)),
        outstanding=np.zeros(block_count, np.int64),
    )


def empty_tallies(partition_count: int) -> Tallies:
    """Tallies that have counted nothing."""
    attempted, delivered, failed, unknown, byte_counts = np.zeros((5, partition_count), np.int64)
    lag, latency, latency_from_send = (histogram.empty() for _ in range(3))
    moments = np.zeros(len(MOMENTS), np.int64)
    return Tallies(attempted, delivered, failed, unknown, byte_counts, lag, latency, latency_from_send, moments)


def producer_properties(properties: dict[str, str], block_count: int, record_bytes: int) -> dict[str, str]:
    """``properties`` with queue limits that hold all blocks, as the supervisor sets them for a worker."""
    records = block_count * RECORDS_PER_BLOCK
    return {
        **properties,
        "allow.auto.create.topics": "false",
        "queue.buffering.max.messages": str(2 * records),
        "queue.buffering.max.kbytes": str(2 * records * record_bytes // 1024 + 1024),
    }
