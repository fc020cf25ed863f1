"""Records for tests of the producers: as blocks, as what a consumer reads back, and everything in between."""

from __future__ import annotations

import ctypes
import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition

from replayer.kafka import blocks as kafka_blocks
from replayer.kafka.blocks import (
    BLOCK,
    END,
    FIRST,
    HAS_HEADERS,
    HAS_TIMESTAMPS,
    HEADERS_FIRST,
    KEYS_FIRST,
    NO_DUE_TIME,
    PARTITION,
    Blocks,
    Tallies,
)
from replayer.kafka.library import load_library
from replayer.metrics import histogram
from tests.waiting import wait_for

Headers = tuple[tuple[str, bytes | None], ...]
RECORD_CAPACITY = 5000
BYTES_CAPACITY = 1 << 20


@dataclass(frozen=True)
class Given:
    """One record to be sent."""

    value: bytes
    key: bytes | None = None
    partition: int = 0
    timestamp_ms: int | None = None
    headers: Headers | None = None


def empty_blocks(block_count: int) -> Blocks:
    """Blocks without records."""
    shape = block_count, RECORD_CAPACITY
    return Blocks(
        starts=np.zeros((block_count, len(kafka_blocks.START_FIELDS)), np.int64),
        value_ends=np.zeros(shape, np.int32),
        key_ends=np.zeros(shape, np.int32),
        header_ends=np.zeros(shape, np.int32),
        key_is_null=np.zeros(shape, np.uint8),
        value_is_null=np.zeros(shape, np.uint8),
        due_clock_ns=np.full(shape, NO_DUE_TIME, np.int64),
        sent_ns=np.zeros(shape, np.int64),
        timestamps_ms=np.zeros(shape, np.int64),
        source_rows=np.zeros(shape, np.int64),
        bytes=np.zeros((block_count, BYTES_CAPACITY), np.uint8),
        outstanding=np.zeros(block_count, np.int64),
    )


def empty_tallies(partition_count: int) -> Tallies:
    """Tallies of nothing."""
    tables = [np.zeros(partition_count, np.int64) for _ in range(5)]
    histograms = [histogram.empty() for _ in range(3)]
    return Tallies(*tables, *histograms, moments=np.zeros(len(kafka_blocks.MOMENTS), np.int64))


def header_blob(headers: Headers) -> bytes:
    """The form that Blocks describes: lengths, the name, a zero byte, the value."""
    packed = b""
    for name, value in headers:
        raw = name.encode()
        packed += struct.pack("<ii", len(raw), -1 if value is None else len(value)) + raw + b"\0" + (value or b"")
    return packed


def fill_block(blocks: Blocks, block: int, records: Sequence[Given], first_row: int = 0) -> np.ndarray:
    """Write ``records``, whose partitions must not fall, into a block; returns its pieces, one a partition.

    The source row of record r is ``first_row`` + r.
    """
    values = [record.value for record in records]
    keys = [record.key or b"" for record in records]
    headers = [header_blob(record.headers or ()) for record in records]
    firsts = [0, sum(map(len, values)), sum(map(len, values)) + sum(map(len, keys))]
    content = b"".join([*values, *keys, *headers])
    blocks.bytes[block, : len(content)] = np.frombuffer(content, np.uint8)
    for ends, first, parts in zip(
        (blocks.value_ends, blocks.key_ends, blocks.header_ends), firsts, (values, keys, headers), strict=True
    ):
        ends[block, : len(records)] = first + np.cumsum([len(part) for part in parts])
    starts = blocks.starts[block]
    starts[KEYS_FIRST], starts[HEADERS_FIRST] = firsts[1:]
    starts[HAS_TIMESTAMPS] = any(record.timestamp_ms is not None for record in records)
    starts[HAS_HEADERS] = any(record.headers is not None for record in records)
    blocks.key_is_null[block, : len(records)] = [record.key is None for record in records]
    blocks.timestamps_ms[block, : len(records)] = [record.timestamp_ms or 0 for record in records]
    blocks.source_rows[block, : len(records)] = first_row + np.arange(len(records))
    blocks.outstanding[block] = len(records)
    pieces, first = [], 0
    for partition, run in itertools.groupby(records, key=lambda record: record.partition):
        end = first + len(list(run))
        pieces.append(piece(block, first, end, partition))
        first = end
    return np.concatenate(pieces)


def piece(block: int, first: int, end: int, partition: int) -> np.ndarray:
    """One piece, which nobody has worked on."""
    words = np.full((1, kafka_blocks.PIECE_WORDS), -1, np.int64)
    words[0, [BLOCK, FIRST, END, PARTITION]] = block, first, end, partition
    return words


def partition_by_librdkafka(key: bytes, partition_count: int) -> int:
    """Where librdkafka's own murmur2 partitioner puts a key; a Java producer puts it there too."""
    function = load_library().rd_kafka_msg_partitioner_murmur2
    pointer = ctypes.c_void_p
    function.restype = ctypes.c_int32
    function.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int32, pointer, pointer]
    return int(function(None, key, len(key), partition_count, None, None))


@dataclass
class ReadBack:
    """What lies in a topic, by partition and in order."""

    by_partition: dict[int, list[Given]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.by_partition.values()))

    def values(self, partition: int) -> list[bytes]:
        return [record.value for record in self.by_partition[partition]]


def read_back(bootstrap: str, topic: str, partition_count: int) -> ReadBack:
    """Everything in a topic, read by an ordinary consumer up to the end offsets of now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    try:
        places = [TopicPartition(topic, partition, 0) for partition in range(partition_count)]
        ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10)[1] for place in places}
        found = ReadBack({partition: [] for partition in ends})
        consumer.assign(places)

        def is_complete() -> bool:
            for message in consumer.consume(10_000, timeout=0.05):
                if message.error():
                    raise KafkaException(message.error())
                headers = message.headers()
                found.by_partition[message.partition()].append(
                    Given(
                        message.value(),
                        message.key(),
                        message.partition(),
                        message.timestamp()[1],
                        None if headers is None else tuple(headers),
                    )
                )
            return all(len(found.by_partition[partition]) >= end for partition, end in ends.items())

        wait_for(is_complete, f"all records of {topic}")
        return found
    finally:
        consumer.close()
