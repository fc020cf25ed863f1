"""The portable producer: ``confluent_kafka.Producer``, record by record. Slower, and works wherever that one does."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from replayer.errors import BrokerError, UsageError
from replayer.kafka.blocks import (
    FAILED,
    HAS_HEADERS,
    HAS_TIMESTAMPS,
    HEADERS_FIRST,
    KEYS_FIRST,
    QUEUE_FULL_COUNT,
    TAKEN,
    UNKNOWN,
    Blocks,
    FailedRecord,
    Int64s,
    Tallies,
)
from replayer.kafka.delivery_kernels import REPORT_WORDS, count_all_delivered, count_undelivered, stamp_sent
from replayer.kafka.producer import gets_producer_id, has_producer_id

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

_HEADER = struct.Struct("<ii")
_WARNINGS_KEPT = 50


def _undecided_codes() -> frozenset[int]:
    """Errors after which a record may still be on the broker; the callback does not carry the message status."""
    from confluent_kafka import KafkaError

    return frozenset(
        {
            KafkaError._MSG_TIMED_OUT,
            KafkaError._TIMED_OUT,
            KafkaError._PURGE_INFLIGHT,
            KafkaError.REQUEST_TIMED_OUT,
            KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            KafkaError._TRANSPORT,
        }
    )


def decode_headers(blob: bytes) -> list[tuple[str, bytes | None]]:
    """The headers of one record's blob; see Blocks for its form."""
    headers: list[tuple[str, bytes | None]] = []
    at = 0
    while at < len(blob):
        name_length, value_length = _HEADER.unpack_from(blob, at)
        at += _HEADER.size
        name = blob[at : at + name_length].decode()
        at += name_length + 1
        headers.append((name, None if value_length < 0 else blob[at : at + value_length]))
        at += max(0, value_length)
    return headers


class PortableProducer:
    """A producer of one topic; see RecordProducer. ``properties`` are librdkafka's own.

    Raises UsageError for a property that librdkafka refuses, BrokerError when the topic's metadata does not come.
    """

    name = "portable"

    def __init__(
        self, properties: Mapping[str, str], topic: str, blocks: Blocks, tallies: Tallies, timeout_s: float = 10.0
    ) -> None:
        from confluent_kafka import KafkaException, Producer

        self._blocks, self._tallies, self._topic = blocks, tallies, topic
        self._failed: list[FailedRecord] = []
        self._warnings: deque[str] = deque(maxlen=_WARNINGS_KEPT)
        self._undecided = _undecided_codes()
        self._reports = 0
        self._delivered: list[tuple[int, int, int, int]] = []
        # Loaded here, so that the first record does not wait for it.
        self._count_delivered(np.zeros((0, REPORT_WORDS), np.int64))
        stamp_sent(blocks, tallies, 0, 0, 0, 0)
        self._awaits_id = gets_producer_id(properties)
        configuration: dict[str, Any] = {
            **properties,
            "error_cb": self._warn,
            "stats_cb": self._take_statistics,
            "logger": self,
        }
        try:
            self._producer = Producer(configuration)
        except KafkaException as error:
            raise UsageError(error.args[0].str(), "check the properties given with -X and -F") from error
        try:
            self._producer.list_topics(topic, timeout_s)
        except KafkaException as error:
            detail = f" ({self._warnings[-1]})" if self._warnings else ""
            reason = error.args[0].str()
            raise BrokerError(
                f"the metadata of topic {topic!r} did not come: {reason}{detail}", "is the broker up?"
            ) from error

    def _warn(self, error: KafkaError) -> None:
        self._warnings.append(error.str())

    def _take_statistics(self, statistics: str) -> None:
        self._awaits_id = self._awaits_id and not has_producer_id(statistics)

    def log(self, level: int, text: str, *arguments: Any) -> None:
        """Take a log line of librdkafka; the name is the one that confluent_kafka calls on a logger."""
        self._warnings.append(text % arguments if arguments else text)

    def send(self, pieces: Int64s) -> None:
        """See RecordProducer.send."""
        pieces[:, TAKEN] = 0
        for piece in pieces:
            block, first, end, partition = (int(word) for word in piece[:TAKEN])
            now_ns = time.monotonic_ns()
            self._tallies.attempted[partition] += end - first
            position = self._send_records(block, first, end, partition)
            stamp_sent(self._blocks, self._tallies, block, first, position, now_ns)
            piece[TAKEN] = position - first
            if position < end:
                self._tallies.attempted[partition] -= end - position
                self._tallies.moments[QUEUE_FULL_COUNT] += 1
                return

    def _send_records(self, block: int, first: int, end: int, partition: int) -> int:
        from confluent_kafka import KafkaError, KafkaException

        blocks, memory = self._blocks, self._blocks.bytes[block].data
        value_ends, key_ends = blocks.value_ends[block], blocks.key_ends[block]
        value_first = int(value_ends[first - 1]) if first else 0
        key_first = int(key_ends[first - 1]) if first else int(blocks.starts[block, KEYS_FIRST])
        for position in range(first, end):
            value_end, key_end = int(value_ends[position]), int(key_ends[position])
            key = None if blocks.key_is_null[block, position] else bytes(memory[key_first:key_end])
            try:
                self._producer.produce(
                    self._topic,
                    value=None if blocks.value_is_null[block, position] else bytes(memory[value_first:value_end]),
                    key=key,
                    partition=partition,
                    on_delivery=self._reporter(block, position, value_end - value_first + key_end - key_first),
                    **self._extras(block, position),
                )
            except BufferError:
                return position
            except KafkaException as error:
                # The exception's own text has a prefix; the code's is that of a delivery report.
                self._fail(block, position, partition, FAILED, KafkaError(error.args[0].code()).str())
            value_first, key_first = value_end, key_end
        return end

    def _extras(self, block: int, position: int) -> dict[str, Any]:
        blocks = self._blocks
        extras: dict[str, Any] = {}
        if blocks.starts[block, HAS_TIMESTAMPS]:
            extras["timestamp"] = int(blocks.timestamps_ms[block, position])
        if blocks.starts[block, HAS_HEADERS]:
            start = int(blocks.header_ends[block, position - 1] if position else blocks.starts[block, HEADERS_FIRST])
            extras["headers"] = decode_headers(
                blocks.bytes[block, start : blocks.header_ends[block, position]].tobytes()
            )
        return extras

    def _reporter(self, block: int, position: int, byte_count: int) -> Any:
        def report(error: KafkaError | None, message: Message) -> None:
            self._reports += 1
            partition = message.partition()
            assert partition is not None  # it was sent to one
            if error is None:
                self._delivered.append((block, position, partition, byte_count))
                return
            outcome = UNKNOWN if error.code() in self._undecided else FAILED
            self._fail(block, position, partition, outcome, error.str())

        return report

    def _fail(self, block: int, position: int, partition: int, outcome: int, reason: str) -> None:
        row = int(self._blocks.source_rows[block, position])
        self._failed.append(FailedRecord(row, partition, outcome, reason))
        count_undelivered(self._blocks, self._tallies, block, partition, outcome)

    def drain(self) -> int:
        """See RecordProducer.drain."""
        self._reports = 0
        self._producer.poll(0)
        if self._delivered:
            self._count_delivered(np.array(self._delivered, np.int64))
            self._delivered.clear()
        return self._reports

    def _count_delivered(self, reports: Int64s) -> None:
        count_all_delivered(self._blocks, self._tallies, reports, len(reports), time.monotonic_ns())

    def take_failures(self) -> Sequence[FailedRecord]:
        """See RecordProducer.take_failures."""
        taken, self._failed = self._failed, []
        return taken

    def take_warnings(self) -> Sequence[str]:
        """See RecordProducer.take_warnings."""
        taken = list(self._warnings)
        self._warnings.clear()
        return taken

    @property
    def in_flight(self) -> int:
        """See RecordProducer.in_flight."""
        tallies = self._tallies
        outcomes = tallies.delivered.sum() + tallies.failed.sum() + tallies.unknown.sum()
        return int(tallies.attempted.sum() - outcomes)

    @property
    def wake_descriptor(self) -> int:
        """-1: reports are found by polling."""
        return -1

    def await_producer_id(self, timeout_s: float) -> None:
        """See RecordProducer.await_producer_id."""
        deadline = time.monotonic() + timeout_s
        while self._awaits_id and time.monotonic() < deadline:
            self._producer.poll(deadline - time.monotonic())

    def purge(self) -> None:
        """See RecordProducer.purge."""
        self._producer.purge(in_queue=True, in_flight=True, blocking=True)

    def close(self) -> None:
        """See RecordProducer.close."""
        del self._producer
