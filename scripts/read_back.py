"""Reads records of a topic back with an ordinary consumer and shows them decoded.

    python scripts/read_back.py BOOTSTRAP TOPIC DATASET [COUNT]

DATASET is what was replayed without --schema and without --registry-url: its inferred schema decodes the records.
Nothing here comes from the path that wrote them: the consumer is confluent_kafka's, the decoder fastavro's.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import fastavro
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, Message, TopicPartition

from replayer.run.planning import plan_dataset
from replayer.schema.options import SchemaOptions
from replayer.source.options import SourceOptions

TIMEOUT_S = 20.0
FRAMING_BYTES = 5  # magic 0 and the schema id, as in Confluent's wire format


def newest(bootstrap: str, topic: str, count: int) -> list[Message]:
    """The last records of each partition, ``count`` in all if there are as many."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "read-back", "enable.auto.commit": False})
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions)
        starts, expected = [], 0
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
            wanted = count // len(partitions) + (partition < count % len(partitions))
            starts.append(TopicPartition(topic, partition, max(low, high - wanted)))
            expected += high - starts[-1].offset
        consumer.assign(starts)
        messages: list[Message] = []
        while len(messages) < expected:
            batch = consumer.consume(expected - len(messages), timeout=TIMEOUT_S)
            if not batch:
                raise SystemExit(f"error: {expected} records were expected and {len(messages)} came")
            for message in batch:
                if message.error():
                    raise SystemExit(f"error: {message.error().str()}")
            messages += batch
        return messages
    finally:
        consumer.close()


def show(message: Message, schema: Any) -> str:
    """Where the record lies, its key, and its value as JSON."""
    value = message.value()
    assert value is not None
    assert value[0] == 0, "the first byte is the magic of the wire format"
    record = fastavro.schemaless_reader(io.BytesIO(value[FRAMING_BYTES:]), schema, None)
    kind, timestamp_ms = message.timestamp()
    when = "no timestamp" if kind == TIMESTAMP_NOT_AVAILABLE else f"created {timestamp_ms} ms"
    key = message.key()
    shown_key = "no key" if key is None else f"key {key.decode(errors='backslashreplace')!r}"
    place = f"partition {message.partition()} offset {message.offset()}"
    schema_id = int.from_bytes(value[1:FRAMING_BYTES], "big")
    return f"{place}, {when}, {shown_key}, schema id {schema_id}\n  " + json.dumps(
        record, default=str, ensure_ascii=False
    )


def main() -> None:
    """Show the records."""
    bootstrap, topic, dataset, *rest = sys.argv[1:]
    plan = plan_dataset(SourceOptions(paths=(dataset,)), SchemaOptions(), topic)
    schema = fastavro.parse_schema(json.loads(plan.schema.text))
    for message in newest(bootstrap, topic, int(rest[0]) if rest else 3):
        print(show(message, schema))


if __name__ == "__main__":
    main()
