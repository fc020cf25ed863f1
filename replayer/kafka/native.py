"""The native producer: librdkafka called in batches from compiled loops, delivery reports taken as events.

Payloads stay where they are, in the caller's blocks: librdkafka gets references and reads the bytes until the delivery
report. So a block may be used again only when its ``outstanding`` count has come back to 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from replayer.errors import BrokerError, UsageError
from replayer.kafka.blocks import Blocks, FailedRecord, Int64s, Tallies
from replayer.kafka.library import function_address, load_library
from replayer.kafka.native_kernels import (
    CALL_RECORDS,
    FAILURE_WORDS,
    FUNCTIONS,
    MESSAGE_WORDS,
    REPORT_BATCH,
    STATE_EVENT,
    STATE_FAILURE_COUNT,
    STATE_IN_FLIGHT,
    STATE_REPORTS,
    STATE_WORDS,
    drain_reports,
    send_pieces,
)
from replayer.kafka.producer import gets_producer_id, has_producer_id
from replayer.machine.clock_kernels import clock_address

_PRODUCER = 0
_CONF_OK = 0
_EVENTS_WANTED = 0x1 | 0x4 | 0x8 | 0x40  # delivery reports, log lines, errors, statistics
_EVENT_LOG, _EVENT_ERROR, _EVENT_STATISTICS = 0x4, 0x8, 0x40
_PURGE_QUEUED_AND_IN_FLIGHT = 0x1 | 0x2
_FAILURE_LOG_ROWS = 8 * CALL_RECORDS
_WARNINGS_KEPT = 50


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (ctypes.c_int, [pointer, text, text, pointer, ctypes.c_size_t]),
        "rd_kafka_conf_destroy": (None, [pointer]),
        "rd_kafka_conf_set_events": (None, [pointer, ctypes.c_int]),
        "rd_kafka_new": (pointer, [ctypes.c_int, pointer, pointer, ctypes.c_size_t]),
        "rd_kafka_topic_new": (pointer, [pointer, text, pointer]),
        "rd_kafka_topic_destroy": (None, [pointer]),
        "rd_kafka_queue_get_main": (pointer, [pointer]),
        "rd_kafka_queue_destroy": (None, [pointer]),
        "rd_kafka_queue_io_event_enable": (None, [pointer, ctypes.c_int, text, ctypes.c_size_t]),
        "rd_kafka_set_log_queue": (ctypes.c_int, [pointer, pointer]),
        "rd_kafka_outq_len": (ctypes.c_int, [pointer]),
        "rd_kafka_purge": (ctypes.c_int, [pointer, ctypes.c_int]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_event_type": (ctypes.c_int, [pointer]),
        "rd_kafka_event_error_string": (text, [pointer]),
        "rd_kafka_event_log": (ctypes.c_int, [pointer, pointer, pointer, pointer]),
        "rd_kafka_event_stats": (text, [pointer]),
        "rd_kafka_event_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [ctypes.c_int]),
        "rd_kafka_metadata": (ctypes.c_int, [pointer, ctypes.c_int, pointer, pointer, ctypes.c_int]),
        "rd_kafka_metadata_destroy": (None, [pointer]),
    }
    for name, (result, parameters) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
    return library


def function_table(library: ctypes.CDLL) -> Int64s:
    """Addresses of native_kernels.FUNCTIONS, in that order."""
    addresses = [clock_address() if name == "clock_gettime" else function_address(library, name) for name in FUNCTIONS]
    return np.array(addresses, np.int64)


class NativeProducer:
    """A producer of one topic; see RecordProducer. ``properties`` are librdkafka's own.

    The topic's metadata is asked for before the constructor returns: records sent before it is known are queued twice.
    Raises UsageError for a property that librdkafka refuses, BrokerError when the topic's metadata does not come.
    """

    name = "native"

    def __init__(
        self, properties: Mapping[str, str], topic: str, blocks: Blocks, tallies: Tallies, timeout_s: float = 10.0
    ) -> None:
        self._library = _declare(load_library())
        self._functions = function_table(self._library)
        self._blocks, self._tallies = blocks, tallies
        self._messages = np.zeros((CALL_RECORDS, MESSAGE_WORDS), np.int64)
        self._pointers = np.zeros(REPORT_BATCH, np.int64)
        self._clock = np.zeros(2, np.int64)
        self._state = np.zeros(STATE_WORDS, np.int64)
        self._failures = np.zeros((_FAILURE_LOG_ROWS, FAILURE_WORDS), np.int64)
        self._failed: list[FailedRecord] = []
        self._warnings: deque[str] = deque(maxlen=_WARNINGS_KEPT)
        self._awaits_id = gets_producer_id(properties)
        self._client: int = self._new_client(properties)
        self._topic: int = self._library.rd_kafka_topic_new(self._client, topic.encode(), None)
        self._queue: int = self._library.rd_kafka_queue_get_main(self._client)
        self._library.rd_kafka_set_log_queue(self._client, None)
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._library.rd_kafka_queue_io_event_enable(self._queue, self._wake_writer, b"1", 1)
        self._load_metadata(topic, timeout_s)

    def _new_client(self, properties: Mapping[str, str]) -> int:
        library, text = self._library, ctypes.create_string_buffer(512)
        configuration = library.rd_kafka_conf_new()
        for name, value in {**properties, "log.queue": "true"}.items():
            if library.rd_kafka_conf_set(configuration, name.encode(), value.encode(), text, len(text)) != _CONF_OK:
                library.rd_kafka_conf_destroy(configuration)
                raise UsageError(text.value.decode(errors="replace"), f"check -X {name}=… or the file given with -F")
        library.rd_kafka_conf_set_events(configuration, _EVENTS_WANTED)
        client: int | None = library.rd_kafka_new(_PRODUCER, configuration, text, len(text))
        if client is None:
            library.rd_kafka_conf_destroy(configuration)
            raise UsageError(text.value.decode(errors="replace"), "check the properties given with -X and -F")
        return client

    def _load_metadata(self, topic: str, timeout_s: float) -> None:
        metadata = ctypes.c_void_p()
        error = self._library.rd_kafka_metadata(
            self._client, 0, self._topic, ctypes.byref(metadata), int(timeout_s * 1000)
        )
        if error != 0:
            reason = self._error_text(error)
            self.drain()
            self.close()
            detail = f" ({self._warnings[-1]})" if self._warnings else ""
            raise BrokerError(f"the metadata of topic {topic!r} did not come: {reason}{detail}", "is the broker up?")
        self._library.rd_kafka_metadata_destroy(metadata)

    def _error_text(self, code: int) -> str:
        text: bytes = self._library.rd_kafka_err2str(code)
        return text.decode(errors="replace")

    def send(self, pieces: Int64s) -> None:
        """See RecordProducer.send."""
        send_pieces(
            self._functions, self._client, self._topic, self._messages, self._clock, self._blocks, self._tallies,
            self._failures, self._state, pieces,
        )  # fmt: skip
        if self._state[STATE_FAILURE_COUNT]:
            self._empty_failure_log()

    def drain(self) -> int:
        """See RecordProducer.drain."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)
        self._state[STATE_REPORTS] = 0
        while True:
            event = drain_reports(
                self._functions, self._queue, self._pointers, self._clock, self._blocks, self._tallies,
                self._failures, self._state,
            )  # fmt: skip
            if self._state[STATE_FAILURE_COUNT]:
                self._empty_failure_log()
            if event == 0:
                return int(self._state[STATE_REPORTS])
            if event > 0:
                self._take_event(event)

    def _take_event(self, event: int) -> None:
        kind = self._library.rd_kafka_event_type(event)
        if kind == _EVENT_ERROR:
            text: bytes = self._library.rd_kafka_event_error_string(event)
            self._warnings.append(text.decode(errors="replace"))
        elif kind == _EVENT_STATISTICS:
            self._awaits_id = self._awaits_id and not has_producer_id(self._library.rd_kafka_event_stats(event))
        elif kind == _EVENT_LOG:
            facility, line, level = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_int()
            self._library.rd_kafka_event_log(event, ctypes.byref(facility), ctypes.byref(line), ctypes.byref(level))
            self._warnings.append((line.value or b"").decode(errors="replace"))
        self._library.rd_kafka_event_destroy(event)

    def _empty_failure_log(self) -> None:
        count = int(self._state[STATE_FAILURE_COUNT])
        for row, partition, outcome, code in self._failures[:count].tolist():
            self._failed.append(FailedRecord(row, partition, outcome, self._error_text(code)))
        self._state[STATE_FAILURE_COUNT] = 0

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
        return int(self._state[STATE_IN_FLIGHT])

    @property
    def wake_descriptor(self) -> int:
        """See RecordProducer.wake_descriptor."""
        return self._wake_reader

    def await_producer_id(self, timeout_s: float) -> None:
        """See RecordProducer.await_producer_id."""
        deadline = time.monotonic() + timeout_s
        while self._awaits_id and time.monotonic() < deadline:
            select.select([self._wake_reader], (), (), max(0.0, deadline - time.monotonic()))
            self.drain()

    def purge(self) -> None:
        """See RecordProducer.purge."""
        self._library.rd_kafka_purge(self._client, _PURGE_QUEUED_AND_IN_FLIGHT)

    def close(self) -> None:
        """See RecordProducer.close."""
        if self._client:
            self._library.rd_kafka_queue_io_event_enable(self._queue, -1, None, 0)
            if self._state[STATE_EVENT]:
                self._library.rd_kafka_event_destroy(int(self._state[STATE_EVENT]))
                self._state[STATE_EVENT] = 0
            self._library.rd_kafka_queue_destroy(self._queue)
            self._library.rd_kafka_topic_destroy(self._topic)
            self._library.rd_kafka_destroy(self._client)
            self._client = 0
            os.close(self._wake_reader)
            os.close(self._wake_writer)
