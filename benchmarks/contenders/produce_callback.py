"""Nothing but Producer.produce() of one ready payload with on_delivery: the publish path that people use.

Run as a module with one JSON argument; prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

_SERVE_EVERY = 1000


def publish(setup: dict[str, Any]) -> dict[str, Any]:
    """``setup``: topic, properties, record_count, record_bytes."""
    from confluent_kafka import Producer

    producer = Producer(setup["properties"])
    producer.list_topics(setup["topic"], 10)
    produce, topic, payload = producer.produce, setup["topic"], os.urandom(setup["record_bytes"])
    delivered = failed = 0

    def note(error: Any, _message: Any) -> None:
        nonlocal delivered, failed
        if error is None:
            delivered += 1
        else:
            failed += 1

    started_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    for index in range(setup["record_count"]):
        while True:
            try:
                produce(topic, payload, on_delivery=note)
                break
            except BufferError:
                producer.poll(0.1)
        if index % _SERVE_EVERY == 0:
            producer.poll(0)
    producer.flush()
    return {
        "delivered": delivered,
        "failed": failed,
        "duration_ns": time.monotonic_ns() - started_ns,
        "cpu_ns": time.process_time_ns() - cpu_ns,
    }


if __name__ == "__main__":
    print(json.dumps(publish(json.loads(sys.argv[1]))))
