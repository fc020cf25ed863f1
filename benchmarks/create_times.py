"""The CreateTimes of all records of a topic, read back by an ordinary consumer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_TIMEOUT_S = 60.0
_READ_AT_ONCE = 10_000


def read_create_times(bootstrap: str, topic: str) -> npt.NDArray[np.int64]:
    """Milliseconds since 1970, partition after partition. Raises RuntimeError when a record has no CreateTime."""
    from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "enable.auto.commit": "false",
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": "8388608",
            "queued.max.messages.kbytes": "262144",
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, 10).topics[topic].partitions)
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, one), 10)[1] for one in partitions]
        consumer.assign([TopicPartition(topic, one, 0) for one in partitions])
        times = np.zeros(sum(ends), np.int64)
        filled = 0
        while filled < len(times):
            messages = consumer.consume(_READ_AT_ONCE, _TIMEOUT_S)
            if not messages:
                raise RuntimeError(f"only {filled} of {len(times)} records of {topic} came back")
            stamps = [message.timestamp() for message in messages]
            if any(kind != TIMESTAMP_CREATE_TIME for kind, _ in stamps):
                raise RuntimeError(f"a record of {topic} has no CreateTime")
            times[filled : filled + len(stamps)] = [stamp for _, stamp in stamps]
            filled += len(stamps)
        return times
    finally:
        consumer.close()
