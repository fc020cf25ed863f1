"""The structures that the kernels read and write word by word, checked against the library itself."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from replayer.kafka.embedded import MockCluster
from replayer.kafka.library import load_library
from replayer.kafka.native_kernels import MESSAGE_WORDS
from tests.waiting import wait_for

TOPIC = "layout"
EVENT_DELIVERY_REPORT = 1
PURGED = -152  # RD_KAFKA_RESP_ERR__PURGE_QUEUE

pointer, text, integer, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t


class Message(ctypes.Structure):
    """``rd_kafka_message_t`` as rdkafka.h declares it, laid out by ctypes as a C compiler would."""

    _fields_ = (
        ("err", integer),
        ("rkt", pointer),
        ("partition", ctypes.c_int32),
        ("payload", pointer),
        ("len", size),
        ("key", pointer),
        ("key_len", size),
        ("offset", ctypes.c_int64),
        ("_private", pointer),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("ptr", pointer), ("size", size))


class _Union(ctypes.Union):
    _fields_ = (
        ("i32", ctypes.c_int32),
        ("i64", ctypes.c_int64),
        ("ptr", pointer),
        ("mem", _Memory),
        ("_pad", ctypes.c_char * 64),
    )


class Unit(ctypes.Structure):
    """``rd_kafka_vu_t``: a tag, and a union of 64 bytes."""

    _fields_ = (("vtype", integer), ("u", _Union))


def test_the_header_file_and_the_kernels_agree() -> None:
    """The offsets in the docstring of native_kernels are those of the declaration."""
    offsets = {name: getattr(Message, name).offset for name, _ in Message._fields_}
    assert offsets == {
        "err": 0, "rkt": 8, "partition": 16, "payload": 24, "len": 32, "key": 40, "key_len": 48,
        "offset": 56, "_private": 64,
    }  # fmt: skip
    assert ctypes.sizeof(Message) == ctypes.sizeof(Unit) == MESSAGE_WORDS * 8
    assert Unit.u.offset == 8


SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "rd_kafka_conf_new": (pointer, []),
    "rd_kafka_conf_set": (integer, [pointer, text, text, text, size]),
    "rd_kafka_conf_set_events": (None, [pointer, integer]),
    "rd_kafka_new": (pointer, [integer, pointer, text, size]),
    "rd_kafka_topic_new": (pointer, [pointer, text, pointer]),
    "rd_kafka_topic_destroy": (None, [pointer]),
    "rd_kafka_queue_get_main": (pointer, [pointer]),
    "rd_kafka_queue_destroy": (None, [pointer]),
    "rd_kafka_queue_poll": (pointer, [pointer, integer]),
    "rd_kafka_event_type": (integer, [pointer]),
    "rd_kafka_event_message_array": (size, [pointer, ctypes.POINTER(pointer), size]),
    "rd_kafka_event_destroy": (None, [pointer]),
    "rd_kafka_produce_batch": (integer, [pointer, ctypes.c_int32, integer, pointer, integer]),
    "rd_kafka_produceva": (pointer, [pointer, pointer, size]),
    "rd_kafka_purge": (integer, [pointer, integer]),
    "rd_kafka_destroy": (None, [pointer]),
}


class Client:
    """librdkafka called through ctypes structures only: nothing of our kernels."""

    def __init__(self, bootstrap: str) -> None:
        self.library = load_library()
        for name, (result, parameters) in SIGNATURES.items():
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, parameters
        configuration, words = self.library.rd_kafka_conf_new(), ctypes.create_string_buffer(512)
        properties = {"bootstrap.servers": bootstrap, "message.max.bytes": "2000", "linger.ms": "1"}
        for key, value in properties.items():
            assert self.library.rd_kafka_conf_set(configuration, key.encode(), value.encode(), words, 512) == 0
        self.library.rd_kafka_conf_set_events(configuration, EVENT_DELIVERY_REPORT)
        self.client = self.library.rd_kafka_new(0, configuration, words, 512)
        self.topic = self.library.rd_kafka_topic_new(self.client, TOPIC.encode(), None)
        self.queue = self.library.rd_kafka_queue_get_main(self.client)
        self.events: list[int] = []

    def reports(self, count: int) -> list[int]:
        """Addresses of that many reported messages, which stay valid until ``close``."""
        found: list[int] = []

        def is_enough() -> bool:
            event = self.library.rd_kafka_queue_poll(self.queue, 0)
            if event:
                assert self.library.rd_kafka_event_type(event) == EVENT_DELIVERY_REPORT
                self.events.append(event)
                array = (pointer * 16)()
                taken = self.library.rd_kafka_event_message_array(event, array, 16)
                found.extend(array[:taken])
            return len(found) >= count

        wait_for(is_enough, f"{count} delivery reports")
        return found

    def close(self) -> None:
        for event in self.events:
            self.library.rd_kafka_event_destroy(event)
        self.library.rd_kafka_queue_destroy(self.queue)
        self.library.rd_kafka_topic_destroy(self.topic)
        self.library.rd_kafka_destroy(self.client)


@pytest.fixture
def client() -> Iterator[Client]:
    with MockCluster() as cluster:
        cluster.create_topic(TOPIC, 4)
        client = Client(cluster.bootstrap)
        yield client
        client.close()


def words_at(address: int) -> np.ndarray:
    """The nine words of a structure in the library's memory."""
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_int64)), (MESSAGE_WORDS,))


def test_words_of_a_sent_and_of_a_reported_message(client: Client) -> None:
    """Words written at our offsets are understood, and the report has at our offsets what was sent."""
    payloads, keys = [b"first payload", b"x" * 5000, b"third"], [b"key1", b"k", b""]
    messages = np.zeros((3, MESSAGE_WORDS), np.int64)
    for row, payload, key in zip(messages, payloads, keys, strict=True):
        row[3], row[4] = ctypes.cast(payload, pointer).value, len(payload)
        row[5], row[6] = ctypes.cast(key, pointer).value, len(key)
        row[8] = 7 << 32 | len(key)
    queued = client.library.rd_kafka_produce_batch(client.topic, 3, 0, messages.ctypes.data, 3)
    assert queued == 2
    assert messages.view(np.int32)[:, 0].tolist() == [0, 10, 0]  # MSG_SIZE_TOO_LARGE, where the kernel looks for it
    reports = client.reports(2)
    for address, payload, key, offset in zip(
        reports, (payloads[0], payloads[2]), (keys[0], keys[2]), (0, 1), strict=True
    ):
        words = words_at(address)
        assert words.view(np.int32)[[0, 4]].tolist() == [0, 3]  # no error, partition 3
        assert words[1] != 0  # the topic's handle; the application's differs from the library's
        assert ctypes.string_at(int(words[3]), int(words[4])) == payload
        assert words[3] == ctypes.cast(payload, pointer).value  # by reference: not copied
        assert ctypes.string_at(int(words[5]), int(words[6])) == key
        assert (words[7], words[8]) == (offset, 7 << 32 | len(key))
        message = Message.from_address(address)
        assert (message.err, message.partition, message.len, message.key_len) == (0, 3, len(payload), len(key))


def test_words_of_a_produceva_call(client: Client) -> None:
    """Tags and unions written at our offsets are understood: topic handle, partition, value, key, opaque, timestamp."""
    payload, key, stamp = b"by produceva", b"the key", 1_234_567_890_123
    units = np.zeros((6, MESSAGE_WORDS), np.int64)
    units[0, :2] = 2, client.topic
    units[1, :2] = 3, 2
    units[2, :3] = 4, ctypes.cast(payload, pointer).value, len(payload)
    units[3, :3] = 5, ctypes.cast(key, pointer).value, len(key)
    units[4, :2] = 6, 5 << 32 | 9
    units[5, :2] = 8, stamp
    assert client.library.rd_kafka_produceva(client.client, units.ctypes.data, 6) is None
    as_structures = (Unit * 6).from_buffer(units)
    assert [unit.vtype for unit in as_structures] == [2, 3, 4, 5, 6, 8]
    assert (as_structures[1].u.i32, as_structures[2].u.mem.size, as_structures[5].u.i64) == (2, len(payload), stamp)
    (address,) = client.reports(1)
    words = words_at(address)
    assert words.view(np.int32)[[0, 4]].tolist() == [0, 2]
    assert ctypes.string_at(int(words[3]), int(words[4])) == payload
    assert ctypes.string_at(int(words[5]), int(words[6])) == key
    assert words[8] == 5 << 32 | 9


def test_the_error_of_a_report_lies_where_the_kernel_looks(client: Client) -> None:
    """A purged message's report begins with its negative code."""
    message, payload = np.zeros((1, MESSAGE_WORDS), np.int64), b"never sent"
    message[0, 3], message[0, 4] = ctypes.cast(payload, pointer).value, len(payload)
    assert client.library.rd_kafka_produce_batch(client.topic, 1, 0, message.ctypes.data, 1) == 1
    assert client.library.rd_kafka_purge(client.client, 1 | 2) == 0
    (address,) = client.reports(1)
    assert words_at(address).view(np.int32)[0] in {PURGED, PURGED + 1}
