"""The cluster as the supervisor sees it before and after a run: is it there, what is the topic like, where does it end.

No record passes here. Everything is asked of one admin client, which the embedded broker answers too, but for requests
that create topics or describe their configuration.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from replayer.errors import BrokerError, UsageError
from replayer.kafka.causes import Cause, most_telling
from replayer.kafka.properties import unknown_property

_LINES_KEPT = 200
_FIRST_ATTEMPT_S = 0.5
_PATIENCE_S = 3.0
"""How long to go on when every broker has refused: long enough for one that is just starting."""
_PROBE_S = 3.0
_POLL_S = 0.1
_PASSING = (
    "_TRANSPORT",
    "_TIMED_OUT",
    "_ALL_BROKERS_DOWN",
    "NOT_LEADER_FOR_PARTITION",  # also for a moment after a topic was created
    "UNKNOWN_TOPIC_OR_PART",  # as above
    "LEADER_NOT_AVAILABLE",
    "REPLICA_NOT_AVAILABLE",
    "OFFSET_NOT_AVAILABLE",
    "FENCED_LEADER_EPOCH",
    "UNKNOWN_LEADER_EPOCH",
    "KAFKA_STORAGE_ERROR",
    "NETWORK_EXCEPTION",
    "REQUEST_TIMED_OUT",
)
"""Errors that pass by themselves; librdkafka marks only some of them as retriable on admin requests."""


@dataclass(frozen=True)
class Topic:
    """A topic as the broker described it; None where it does not tell (the embedded one, or for want of rights)."""

    name: str
    partition_count: int
    max_message_bytes: int | None = None
    """The largest Kafka batch that the topic takes (``max.message.bytes``)."""
    retention_ms: int | None = None
    """-1 keeps records for ever."""
    retention_bytes: int | None = None
    """Of one partition; -1 sets no limit."""
    cleanup_policy: str | None = None
    timestamp_type: str | None = None
    """``CreateTime`` keeps the producer's timestamps, ``LogAppendTime`` replaces them."""


class Cluster:
    """A Kafka cluster, asked through one admin client with the given librdkafka properties.

    Raises UsageError for a property that librdkafka refuses. Makes no request before ``connect``.
    """

    def __init__(self, properties: Mapping[str, str]) -> None:
        from confluent_kafka import KafkaException

        self._properties = dict(properties)
        self.bootstrap = self._properties.get("bootstrap.servers", "")
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._are_all_down = False
        # An idempotent producer would ask for a producer id, which this client never uses.
        configuration: dict[str, Any] = {**self._properties, "enable.idempotence": "false"}
        configuration |= {"error_cb": self._note_error, "logger": self}
        try:
            self._admin = _admin_package().AdminClient(configuration)
        except KafkaException as error:
            raise unknown_property(error.args[0].str()) from error

    def log(self, level: int, message: str, *arguments: object) -> None:
        """Keep a log line of librdkafka's: it names the cause that a request's time-out hides. Called as a logger."""
        self._lines.append((message % arguments if arguments else message).partition("] ")[2])

    def _note_error(self, error: Any) -> None:
        from confluent_kafka import KafkaError

        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._are_all_down = True
        else:
            self._lines.append(error.str())

    def connect(self, timeout_s: float = 8.0) -> None:
        """Return when the cluster has answered and at least one of its brokers can be reached where it says it is.

        Raises BrokerError with the cause within ``timeout_s``, which leaves room for the start of a run within 10 s.
        """
        started = time.monotonic()
        metadata = self._metadata(None, started + timeout_s)
        faults = _unreachable(
            {broker.id: (broker.host, broker.port) for broker in metadata.brokers.values()},
            min(_PROBE_S, max(started + timeout_s - time.monotonic(), 0.5)),
        )
        if metadata.brokers and len(faults) == len(metadata.brokers):
            raise _advertised_error(self.bootstrap, next(iter(faults.values())))

    def _metadata(self, topic: str | None, deadline: float) -> Any:
        """What the cluster says of itself and of ``topic``, or of all topics. Raises BrokerError at the deadline."""
        from confluent_kafka import KafkaException

        started = time.monotonic()
        attempt_s = _FIRST_ATTEMPT_S
        while True:
            remaining_s = deadline - time.monotonic()
            try:
                if topic is None:
                    return self._admin.list_topics(timeout=min(attempt_s, max(remaining_s, 0.1)))
                return self._admin.list_topics(topic, min(attempt_s, max(remaining_s, 0.1)))
            except KafkaException as error:
                self._admin.poll(0)  # delivers what was logged meanwhile
                cause = most_telling(self._lines, self._properties)
                is_hopeless = cause is not None and cause.is_final
                is_refused = self._are_all_down and time.monotonic() - started > _PATIENCE_S
                if is_hopeless or is_refused or time.monotonic() >= deadline:
                    raise self._connect_error(cause, time.monotonic() - started) from error
            attempt_s *= 2

    def _connect_error(self, cause: Cause | None, waited_s: float) -> BrokerError:
        if cause is not None:
            return BrokerError(f"{cause.address} could not be used as a Kafka broker: {cause.reason}", cause.hint)
        addresses = [address.strip() for address in self.bootstrap.split(",") if address.strip()]
        for address in addresses:
            host, port = _host_and_port(address)
            fault = _probe(host, port, 1.0)
            if fault is not None:
                return BrokerError(f"{address} could not be used as a Kafka broker: {fault.reason}", fault.hint)
        return BrokerError(
            f"{self.bootstrap} accepts connections but did not answer as a Kafka broker within {waited_s:.0f} s",
            "check the port, and security.protocol (-X or -F)",
        )

    def describe_topic(self, name: str, timeout_s: float = 8.0) -> Topic:
        """The topic's partition count and the limits that it sets.

        Raises BrokerError when it is missing, when this client may not see it, or when a partition has no leader that
        can be reached.
        """
        deadline = time.monotonic() + timeout_s
        found = self._found(name, deadline)
        self._check_leaders(name, found, deadline)
        settings = {} if _is_mock(found[0]) else self._settings(name)
        return Topic(
            name=name,
            partition_count=len(found[1]),
            max_message_bytes=_integer(settings.get("max.message.bytes")),
            retention_ms=_integer(settings.get("retention.ms")),
            retention_bytes=_integer(settings.get("retention.bytes")),
            cleanup_policy=settings.get("cleanup.policy"),
            timestamp_type=settings.get("message.timestamp.type"),
        )

    def has_topic(self, name: str, timeout_s: float = 8.0) -> bool:
        """Whether the topic is there; asking does not create it. Raises BrokerError without an answer."""
        error = self._metadata(name, time.monotonic() + timeout_s).topics[name].error
        return error is None or not _is_missing(error)

    def _found(self, name: str, deadline: float) -> tuple[Any, dict[int, int]]:
        """The cluster's metadata and the leader of each partition, once each has one. Raises BrokerError."""
        while True:
            metadata = self._metadata(name, deadline)
            topic = metadata.topics[name]
            if topic.error is not None and (_is_missing(topic.error) or topic.error.name() not in _PASSING):
                raise self._topic_error(name, topic.error)
            leaders = {partition.id: partition.leader for partition in topic.partitions.values()}
            if leaders and min(leaders.values()) >= 0:
                return metadata, leaders
            if time.monotonic() >= deadline:
                without = ", ".join(str(partition) for partition, leader in leaders.items() if leader < 0)
                raise BrokerError(f"topic {name} at {self.bootstrap} has no leader for partitions {without or 'all'}")
            time.sleep(_POLL_S)

    def _check_leaders(self, name: str, found: tuple[Any, dict[int, int]], deadline: float) -> None:
        metadata, leaders = found
        addresses = {
            leader: (metadata.brokers[leader].host, metadata.brokers[leader].port)
            for leader in set(leaders.values())
            if leader in metadata.brokers
        }
        for leader, fault in _unreachable(addresses, min(_PROBE_S, max(deadline - time.monotonic(), 0.5))).items():
            led = [partition for partition, broker in leaders.items() if broker == leader]
            raise _advertised_error(self.bootstrap, fault, f" (leader of {len(led)} partitions of {name})")

    def _topic_error(self, name: str, error: Any) -> BrokerError:
        if _is_missing(error):
            hint = "create it with --create-topic partitions=N"
            return BrokerError(f"topic {name} does not exist at {self.bootstrap}", hint)
        hint = "ask for the right to describe and write it" if "uthoriz" in error.str() else ""
        return BrokerError(f"topic {name} at {self.bootstrap} cannot be used: {error.str()}", hint)

    def _settings(self, name: str) -> dict[str, str]:
        """The topic's configuration; empty when the broker does not tell, which is no reason not to run."""
        package = _admin_package()
        resource = package.ConfigResource(package.ResourceType.TOPIC, name)
        try:
            answer = _answer(self._admin.describe_configs([resource], request_timeout=5.0)[resource], 6.0)
        except BrokerError:
            return {}
        return {entry.name: entry.value for entry in answer.values()}

    def create_topic(self, name: str, partition_count: int, timeout_s: float = 8.0) -> bool:
        """Create a topic with the broker's default replication; True if it was made, False if it was there already.

        Returns when every partition has a leader. Raises UsageError when it is there with another partition count, and
        BrokerError when the broker refuses.
        """
        from confluent_kafka import KafkaError

        deadline = time.monotonic() + timeout_s
        metadata = self._metadata(name, deadline)
        if metadata.topics[name].error is None:
            return self._check_count(name, partition_count, deadline)
        if _is_mock(metadata):
            hint = f"start it with replayer broker --topic {name} --partitions {partition_count}"
            raise BrokerError(f"the embedded broker at {self.bootstrap} takes no request to create a topic", hint)
        futures = self._admin.create_topics(
            [_admin_package().NewTopic(name, partition_count)], request_timeout=max(deadline - time.monotonic(), 1.0)
        )
        try:
            _answer(futures[name], timeout_s + 1.0)
        except _RefusedError as refused:
            if refused.code == KafkaError.TOPIC_ALREADY_EXISTS:  # made by someone else just now
                return self._check_count(name, partition_count, deadline)
            raise BrokerError(f"topic {name} could not be created at {self.bootstrap}: {refused}") from refused
        while len(self._found_soon(name, deadline)) < partition_count:
            time.sleep(_POLL_S)
        return True

    def _check_count(self, name: str, partition_count: int, deadline: float) -> bool:
        """False for a topic that is there already with the count that was asked for; else UsageError."""
        existing = len(self._found(name, deadline)[1])
        if existing != partition_count:
            raise UsageError(
                f"topic {name} is there already with {existing} partitions, not {partition_count}",
                "leave out --create-topic, or name another topic",
            )
        return False

    def _found_soon(self, name: str, deadline: float) -> dict[int, int]:
        """The leaders of a topic just made; a broker may not have heard of it yet."""
        try:
            return self._found(name, deadline)[1]
        except BrokerError:
            if time.monotonic() >= deadline:
                raise
            return {}

    def end_offsets(self, topic: str, timeout_s: float = 10.0) -> tuple[int, ...]:
        """The offset after the last record of each partition, in order of partitions, uncommitted records included.

        Raises BrokerError when a partition's leader does not tell.
        """
        from confluent_kafka import IsolationLevel, TopicPartition

        deadline = time.monotonic() + timeout_s
        latest = _admin_package().OffsetSpec.latest()
        offsets: dict[int, int] = {}
        missing = sorted(self._found(topic, deadline)[1])
        while missing:
            futures: Mapping[Any, Future[Any]] = self._admin.list_offsets(
                {TopicPartition(topic, partition): latest for partition in missing},
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=max(deadline - time.monotonic(), 1.0),
            )
            for partition, future in futures.items():
                try:
                    offsets[partition.partition] = _answer(future, timeout_s + 1.0).offset
                except _RefusedError as refused:
                    if refused.name not in _PASSING or time.monotonic() >= deadline:
                        where = f"partition {partition.partition} of {topic}"
                        raise BrokerError(f"{self.bootstrap} does not tell where {where} ends: {refused}") from refused
            missing = [partition for partition in missing if partition not in offsets]
            if missing:
                time.sleep(_POLL_S)
        return tuple(offsets[partition] for partition in sorted(offsets))


def _admin_package() -> Any:
    """confluent_kafka.admin, loaded on first use, and untyped: it does not declare all that it exports."""
    import confluent_kafka.admin

    return confluent_kafka.admin


class _RefusedError(BrokerError):
    """A request was answered with an error, or not at all."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.str())
        self.code: int = error.code()
        self.name: str = error.name()


def _answer(future: Future[Any], timeout_s: float) -> Any:
    """The result of an admin request. Raises _RefusedError: every error of confluent_kafka ends here."""
    from confluent_kafka import KafkaError, KafkaException

    try:
        return future.result(timeout_s)
    except KafkaException as error:
        raise _RefusedError(error.args[0]) from error
    except TimeoutError as error:
        raise _RefusedError(KafkaError(KafkaError._TIMED_OUT)) from error


def _is_missing(error: Any) -> bool:
    from confluent_kafka import KafkaError

    return error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


def _is_mock(metadata: Any) -> bool:
    """Whether librdkafka's mock cluster answers, which leaves admin requests unanswered. It names itself in its id."""
    return str(metadata.cluster_id).startswith("mockCluster")


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return address, 9092
    return host.removeprefix("[").removesuffix("]"), int(port)


def _probe(host: str, port: int, timeout_s: float) -> Cause | None:
    """Why no TCP connection can be made to an address, None if one can."""
    address, hint = f"{host}:{port}", "check the address, and what lies between here and there"
    try:
        socket.create_connection((host, port), timeout_s).close()
    except TimeoutError:
        return Cause(address, f"no answer within {timeout_s:.0f} s", hint, is_final=False)
    except socket.gaierror as error:
        return Cause(address, f"the name cannot be resolved: {error.strerror}", hint, is_final=False)
    except OSError as error:
        return Cause(address, (error.strerror or str(error)).lower(), hint, is_final=False)
    except UnicodeError as error:  # a name that no name server could be asked for
        return Cause(address, f"the name cannot be resolved: {error}", hint, is_final=False)
    return None


def _unreachable(addresses: Mapping[int, tuple[str, int]], timeout_s: float) -> dict[int, Cause]:
    """Why brokers cannot be reached where the cluster says they are, by broker id; all are tried at once."""
    with ThreadPoolExecutor(max_workers=max(len(addresses), 1)) as pool:
        faults = pool.map(lambda address: _probe(address[0], address[1], timeout_s), addresses.values())
        return {broker: fault for broker, fault in zip(addresses, faults, strict=True) if fault is not None}


def _advertised_error(bootstrap: str, fault: Cause, role: str = "") -> BrokerError:
    return BrokerError(
        f"{bootstrap} answers, but the address that it advertises, {fault.address}{role}, does not: {fault.reason}",
        "advertised.listeners of the broker must name an address that this machine can reach",
    )
