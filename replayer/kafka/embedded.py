"""The embedded broker: librdkafka's mock cluster, which listens on real TCP ports of 127.0.0.1.

Other processes use it like any cluster. It keeps 5 MB or 100,000 Kafka batches of each partition, has no admin, SASL or
TLS handlers, and creates unknown topics with 4 partitions unless the client forbids it. A test can make it fail on
purpose. The functions are those of ``rdkafka_mock.h``; all may be called from any thread, and wait for the mock's own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from types import TracebackType
from typing import Self

from replayer.errors import BrokerError, UsageError
from replayer.kafka.library import load_library

ALL_BROKERS = -1
NO_LEADER = -1

_PRODUCER = 0  # rd_kafka_type_t: a mock cluster needs a client for its book-keeping, of either type
_MAX_BROKERS = 100


class ApiKey(IntEnum):
    """Requests of the Kafka protocol whose answers can be replaced by errors."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22


def _prototypes(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, integer, key = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int16
    size = ctypes.c_size_t
    # Of variadic functions only the fixed parameters are declared: ctypes then passes the rest as a C compiler would.
    signatures: dict[str, tuple[object, tuple[object, ...]]] = {
        "rd_kafka_conf_new": (pointer, ()),
        "rd_kafka_conf_set": (ctypes.c_int, (pointer, text, text, text, size)),
        "rd_kafka_conf_destroy": (None, (pointer,)),
        "rd_kafka_new": (pointer, (ctypes.c_int, pointer, text, size)),
        "rd_kafka_destroy": (None, (pointer,)),
        "rd_kafka_err2str": (text, (ctypes.c_int,)),
        "rd_kafka_mock_cluster_new": (pointer, (pointer, ctypes.c_int)),
        "rd_kafka_mock_cluster_destroy": (None, (pointer,)),
        "rd_kafka_mock_cluster_bootstraps": (text, (pointer,)),
        "rd_kafka_mock_topic_create": (ctypes.c_int, (pointer, text, ctypes.c_int, ctypes.c_int)),
        "rd_kafka_mock_topic_delete": (ctypes.c_int, (pointer, text)),
        "rd_kafka_mock_partition_set_leader": (ctypes.c_int, (pointer, text, integer, integer)),
        "rd_kafka_mock_push_request_errors_array": (None, (pointer, key, size, pointer)),
        "rd_kafka_mock_clear_request_errors": (None, (pointer, key)),
        "rd_kafka_mock_partition_push_request_errors": (ctypes.c_int, (pointer, text, integer, key, size)),
        "rd_kafka_mock_broker_push_request_error_rtts": (ctypes.c_int, (pointer, integer, key, size)),
        "rd_kafka_mock_broker_set_rtt": (ctypes.c_int, (pointer, integer, ctypes.c_int)),
        "rd_kafka_mock_broker_set_down": (ctypes.c_int, (pointer, integer)),
        "rd_kafka_mock_broker_set_up": (ctypes.c_int, (pointer, integer)),
        "rd_kafka_mock_broker_set_host_port": (None, (pointer, integer, text, ctypes.c_int)),
    }
    for name, (restype, argtypes) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = restype, argtypes
    return library


class MockCluster:
    """A cluster of ``broker_count`` brokers (ids from 1) inside this process, up from construction to ``close``.

    Raises UsageError for a broker count out of 1 to 100, and BrokerError when no port can be opened.
    """

    def __init__(self, broker_count: int = 1) -> None:
        if not 1 <= broker_count <= _MAX_BROKERS:
            raise UsageError(f"an embedded cluster has 1 to {_MAX_BROKERS} brokers, not {broker_count}")
        self.broker_count = broker_count
        self._library = _prototypes(load_library())
        self._client = _new_client(self._library)
        self._cluster: int | None = self._library.rd_kafka_mock_cluster_new(self._client, broker_count)
        if self._cluster is None:
            self._library.rd_kafka_destroy(self._client)
            raise BrokerError("the embedded broker could not open a port on 127.0.0.1")
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partition_count: int) -> None:
        """Create a topic with partitions 0 to ``partition_count`` - 1; see also ``set_leader``."""
        replica_count = min(self.broker_count, 3)
        self._call("rd_kafka_mock_topic_create", name.encode(), partition_count, replica_count, what=f"topic {name}")

    def delete_topic(self, name: str) -> None:
        """Delete a topic and all that it holds."""
        self._call("rd_kafka_mock_topic_delete", name.encode(), what=f"topic {name}")

    def set_leader(self, topic: str, partition: int, broker_id: int) -> None:
        """Move a partition to another leader, or to none (``NO_LEADER``)."""
        what = f"partition {partition} of {topic}"
        self._call("rd_kafka_mock_partition_set_leader", topic.encode(), partition, broker_id, what=what)

    def push_request_errors(self, api_key: int, errors: Sequence[int]) -> None:
        """Answer the next ``len(errors)`` requests of one kind, to any broker, with these error codes, one each.

        ``RD_KAFKA_RESP_ERR__TRANSPORT`` (-195) closes the connection instead of answering.
        """
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._open(), api_key, len(errors), codes)

    def clear_request_errors(self, api_key: int) -> None:
        """Forget the errors of ``push_request_errors`` that were not answered yet."""
        self._library.rd_kafka_mock_clear_request_errors(self._open(), api_key)

    def push_partition_errors(self, topic: str, partition: int, api_key: int, errors: Sequence[int]) -> None:
        """Answer for this partition only with these error codes, one for each request that names it."""
        codes = [ctypes.c_int(error) for error in errors]
        name, what = "rd_kafka_mock_partition_push_request_errors", f"partition {partition} of {topic}"
        self._call(name, topic.encode(), partition, api_key, len(codes), *codes, what=what)

    def push_broker_errors(self, broker_id: int, api_key: int, errors_and_delays_ms: Sequence[tuple[int, int]]) -> None:
        """Answer the next requests of one kind to one broker with an error code (0: none) after a delay in ms."""
        flat = [ctypes.c_int(number) for pair in errors_and_delays_ms for number in pair]
        count = len(errors_and_delays_ms)
        name = "rd_kafka_mock_broker_push_request_error_rtts"
        self._call(name, broker_id, api_key, count, *flat, what=f"broker {broker_id}")

    def set_round_trip_ms(self, broker_id: int, round_trip_ms: int) -> None:
        """Delay every answer of a broker, or of all (``ALL_BROKERS``); 0 ends it."""
        self._call("rd_kafka_mock_broker_set_rtt", broker_id, round_trip_ms, what=f"broker {broker_id}")

    def set_broker_down(self, broker_id: int = ALL_BROKERS) -> None:
        """Close a broker's connections and refuse new ones. Its partitions keep it as their leader."""
        self._call("rd_kafka_mock_broker_set_down", broker_id, what=f"broker {broker_id}")

    def set_broker_up(self, broker_id: int = ALL_BROKERS) -> None:
        """Accept connections again, on the port it had."""
        self._call("rd_kafka_mock_broker_set_up", broker_id, what=f"broker {broker_id}")

    def advertise(self, broker_id: int, host: str, port: int) -> None:
        """Name another address in the metadata, as a broker with wrong ``advertised.listeners`` does."""
        self._library.rd_kafka_mock_broker_set_host_port(self._open(), broker_id, host.encode(), port)

    def close(self) -> None:
        """Close all ports and forget all records. A second call does nothing."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        if self._cluster is None:
            raise BrokerError("the embedded broker is closed")
        return self._cluster

    def _call(self, function_name: str, *arguments: object, what: str) -> None:
        code = getattr(self._library, function_name)(self._open(), *arguments)
        if code:
            reason = self._library.rd_kafka_err2str(code).decode()
            raise BrokerError(f"the embedded broker refused a change of {what}: {reason}")


def _new_client(library: ctypes.CDLL) -> int:
    """A client without brokers, which only keeps the books of the mock cluster."""
    text = ctypes.create_string_buffer(512)
    configuration = library.rd_kafka_conf_new()
    # It has no bootstrap.servers on purpose; level 3 keeps the notice about it, and all below an error, off stderr.
    for key, value in ((b"log_level", b"3"), (b"client.id", b"replayer-embedded-broker")):
        if library.rd_kafka_conf_set(configuration, key, value, text, len(text)):
            library.rd_kafka_conf_destroy(configuration)
            raise BrokerError(f"the embedded broker could not be configured: {text.value.decode()}")
    client: int | None = library.rd_kafka_new(_PRODUCER, configuration, text, len(text))
    if client is None:  # only then does the configuration remain ours
        library.rd_kafka_conf_destroy(configuration)
        raise BrokerError(f"the embedded broker could not be started: {text.value.decode()}")
    return client
