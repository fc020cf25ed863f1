"""The floor: librdkafka fed from a loop of static payloads by the native producer; no decode, no encode, no hand-over.

Run as a module with one JSON argument; prints one JSON object. One such process per producer, started together, each
with the partitions that a worker of the same index would own.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.contenders.static_blocks import RECORDS_PER_BLOCK, empty_tallies, producer_properties, static_blocks
from replayer.kafka.blocks import END, FIRST_SENT, LAST_ACKED, PIECE_WORDS, TAKEN
from replayer.machine.kernel_cache import ensure_kernel_cache

_BLOCK_COUNT = 12


def publish(setup: dict[str, Any]) -> dict[str, Any]:
    """``setup``: topic, partition_count, worker, worker_count, properties, record_count, record_bytes."""
    from replayer.kafka.native import NativeProducer

    blocks = static_blocks(_BLOCK_COUNT, setup["record_bytes"])
    tallies = empty_tallies(setup["partition_count"])
    properties = producer_properties(setup["properties"], _BLOCK_COUNT, setup["record_bytes"])
    producer = NativeProducer(properties, setup["topic"], blocks, tallies)
    owned = range(setup["worker"], setup["partition_count"], setup["worker_count"])
    pieces = np.zeros((_BLOCK_COUNT, PIECE_WORDS), np.int64)
    producer.send(pieces[:0])
    producer.drain()
    left, turn = setup["record_count"], 0
    free = list(range(_BLOCK_COUNT))
    cpu_ns = time.process_time_ns()
    while left or producer.in_flight:
        count = 0
        while free and left:
            block, records = free.pop(), min(left, RECORDS_PER_BLOCK)
            pieces[count, :TAKEN] = (block, 0, records, owned[turn % len(owned)])
            blocks.outstanding[block] = records
            left, turn, count = left - records, turn + 1, count + 1
        if count:
            producer.send(pieces[:count])
            if (pieces[:count, TAKEN] != pieces[:count, END]).any():
                raise RuntimeError("the producer's queue is smaller than its blocks")
        if producer.drain() == 0 and not (free and left):
            select.select([producer.wake_descriptor], (), (), 0.02)
        used = set(range(_BLOCK_COUNT)).difference(free)
        free += [block for block in used if blocks.outstanding[block] == 0]
    result = {
        "delivered": int(tallies.delivered.sum()),
        "failed": int(tallies.failed.sum() + tallies.unknown.sum()),
        "first_sent_ns": int(tallies.moments[FIRST_SENT]),
        "last_acked_ns": int(tallies.moments[LAST_ACKED]),
        "cpu_ns": time.process_time_ns() - cpu_ns,
    }
    producer.close()
    return result


def publish_all(setup: dict[str, Any]) -> dict[str, Any]:
    """``setup`` as above, record_count the total and no worker: starts the producers, adds up what they did."""
    workers = setup["worker_count"]
    processes = []
    for worker in range(workers):
        share = {**setup, "worker": worker, "record_count": setup["record_count"] // workers}
        command = [sys.executable, "-m", "benchmarks.contenders.static_floor", json.dumps(share)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    parts = [json.loads(process.communicate()[0]) for process in processes]
    span_ns = max(part["last_acked_ns"] for part in parts) - min(part["first_sent_ns"] for part in parts)
    return {
        "delivered": sum(part["delivered"] for part in parts),
        "failed": sum(part["failed"] for part in parts),
        "duration_ns": span_ns,
        "cpu_ns": sum(part["cpu_ns"] for part in parts),
    }


if __name__ == "__main__":
    ensure_kernel_cache()
    asked = json.loads(sys.argv[1])
    print(json.dumps(publish(asked) if "worker" in asked else publish_all(asked)))
