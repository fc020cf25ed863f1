"""The bare paced loop: absolute sleeps to half past each millisecond of the wall clock, static payloads, nothing else.

Run as a module with one JSON argument; prints one JSON object. What a pacing loop over the native producer can reach on
the machine: due count = floor(elapsed × rate), one send a wake, no ring, no reader, no token bucket.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.contenders.static_blocks import RECORDS_PER_BLOCK, empty_tallies, producer_properties, static_blocks
from replayer.kafka.blocks import FIRST_SENT, LAST_SENT, PIECE_WORDS, TAKEN
from replayer.machine.kernel_cache import ensure_kernel_cache
from replayer.metrics import histogram
from replayer.pacing.clock_map import next_wake_ns

_BLOCK_COUNT = 24
_PR_SET_TIMERSLACK = 29
_RUN_NS = 10_000_000
"""How long one partition gets all records, as in a paced run of replayer."""


def publish(setup: dict[str, Any]) -> dict[str, Any]:
    """``setup``: topic, partition_count, properties, record_count, record_bytes, rate_per_s."""
    from replayer.kafka.native import NativeProducer

    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    rate, total = setup["rate_per_s"], setup["record_count"]
    blocks = static_blocks(_BLOCK_COUNT, setup["record_bytes"])
    tallies = empty_tallies(setup["partition_count"])
    properties = producer_properties(setup["properties"], _BLOCK_COUNT, setup["record_bytes"])
    producer = NativeProducer(properties, setup["topic"], blocks, tallies)
    piece = np.zeros((1, PIECE_WORDS), np.int64)
    producer.send(piece[:0])
    producer.drain()
    wall_minus_monotonic = time.time_ns() - time.monotonic_ns()
    start_ns = next_wake_ns(time.monotonic_ns() + 50_000_000, wall_minus_monotonic)
    sent, wakes, cpu_ns = 0, 0, time.process_time_ns()
    wake_ns = start_ns
    while sent < total or producer.in_flight:
        time.sleep(max(0, wake_ns - time.monotonic_ns()) / 1e9)
        now_ns = time.monotonic_ns()
        wakes += 1
        due = min(total, (now_ns - start_ns) * rate // 10**9 + 1)
        partition = (now_ns - start_ns) // _RUN_NS % setup["partition_count"]
        while sent < due:
            block, first = sent // RECORDS_PER_BLOCK % _BLOCK_COUNT, sent % RECORDS_PER_BLOCK
            end = min(RECORDS_PER_BLOCK, first + due - sent)
            if first == 0:
                if blocks.outstanding[block]:
                    raise RuntimeError("the broker is more than all blocks behind")
                indexes = np.arange(sent, sent + RECORDS_PER_BLOCK)
                blocks.due_clock_ns[block] = start_ns + indexes * 10**9 // rate
                blocks.outstanding[block] = min(RECORDS_PER_BLOCK, total - sent)
            piece[0, :TAKEN] = (block, first, end, partition)
            producer.send(piece)
            sent += end - first
        producer.drain()
        if wakes % 1000 == 0:
            wall_minus_monotonic = time.time_ns() - time.monotonic_ns()
        wake_ns = next_wake_ns(time.monotonic_ns() + 1, wall_minus_monotonic)
    lag = histogram.summarise(tallies.lag)
    assert lag is not None  # records were sent
    span_ns = int(tallies.moments[LAST_SENT] - tallies.moments[FIRST_SENT])
    result = {
        "delivered": int(tallies.delivered.sum()),
        "failed": int(tallies.failed.sum() + tallies.unknown.sum()),
        "wakes": wakes,
        "lag_p50_ns": lag.p50,
        "lag_p99_ns": lag.p99,
        "lag_max_ns": lag.maximum,
        "achieved_rate_per_s": (total - 1) * 1e9 / span_ns,
        "cores": (time.process_time_ns() - cpu_ns) / (time.monotonic_ns() - start_ns),
    }
    producer.close()
    return result


if __name__ == "__main__":
    ensure_kernel_cache()
    print(json.dumps(publish(json.loads(sys.argv[1]))))
