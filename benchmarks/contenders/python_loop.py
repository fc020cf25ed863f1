"""The ordinary Python loop: rows as dictionaries, fastavro row by row, Producer.produce with a delivery callback.

Run as a module with one JSON argument; prints one JSON object. Written as a careful user would: the schema parsed once,
the functions looked up once, one buffer reused, callbacks served every thousand records and not after each.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_PREFIX = b"\x00\x00\x00\x00\x01"
_SERVE_EVERY = 1000


def _from_parquet(path: str) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "long": int,
    "int": int,
    "double": float,
    "boolean": lambda text: text == "true",
    "string": str,
    "timestamp-micros": _moment,
}


def _kind(field: dict[str, Any]) -> str:
    inner = field["type"][1]
    return str(inner["logicalType"] if isinstance(inner, dict) else inner)


def _from_csv(path: str, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    converters = [(field["name"], _CONVERTERS[_kind(field)]) for field in schema["fields"]]
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {name: convert(row[name]) if row[name] else None for name, convert in converters}


def _from_ndjson(path: str, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import orjson

    moments = [field["name"] for field in schema["fields"] if _kind(field) == "timestamp-micros"]
    with open(path, "rb") as file:
        for line in file:
            row = orjson.loads(line)
            for name in moments:
                if row[name] is not None:
                    row[name] = _moment(row[name])
            yield row


def _rows(kind: str, path: str, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if kind == "parquet":
        return _from_parquet(path)
    return _from_csv(path, schema) if kind == "csv" else _from_ndjson(path, schema)


def publish(setup: dict[str, Any]) -> dict[str, Any]:
    """``setup``: kind, path, schema, topic, properties, record_count."""
    import fastavro
    from confluent_kafka import Producer

    producer = Producer(setup["properties"])
    producer.list_topics(setup["topic"], 10)
    schema = fastavro.parse_schema(setup["schema"])
    write, produce, topic = fastavro.schemaless_writer, producer.produce, setup["topic"]
    delivered = failed = 0

    def note(error: Any, _message: Any) -> None:
        nonlocal delivered, failed
        if error is None:
            delivered += 1
        else:
            failed += 1

    rows = itertools.islice(_rows(setup["kind"], setup["path"], setup["schema"]), setup["record_count"])
    buffer = io.BytesIO()
    started_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    for index, row in enumerate(rows):
        buffer.seek(0)
        buffer.truncate()
        buffer.write(_PREFIX)
        write(buffer, schema, row)
        while True:
            try:
                produce(topic, buffer.getvalue(), on_delivery=note)
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
