"""The embedded broker: what an ordinary client sees of it, and the faults that it can be told to have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient

from replayer.errors import BrokerError, UsageError
from replayer.kafka.embedded import NO_LEADER, ApiKey, MockCluster

TRANSPORT = -195  # RD_KAFKA_RESP_ERR__TRANSPORT
TOO_LARGE = 10  # the protocol's MESSAGE_TOO_LARGE
NOT_LEADER = 6  # the protocol's NOT_LEADER_OR_FOLLOWER


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with MockCluster() as started:
        yield started


def leaders(cluster: MockCluster, topic: str) -> dict[int, int]:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "allow.auto.create.topics": "false"})
    partitions = admin.list_topics(topic, 10).topics[topic].partitions
    return {partition: found.leader for partition, found in partitions.items()}


def publish(cluster: MockCluster, topic: str, partitions: list[int], **properties: object) -> list[tuple[int, int]]:
    """Send one record to each partition, each acknowledged before the next; (partition, error code) in that order."""
    reports: list[tuple[int, int]] = []
    named = {name.replace("_", "."): value for name, value in properties.items()}
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0, "message.timeout.ms": 10_000, **named})
    for partition in partitions:
        producer.produce(
            topic,
            b"value",
            partition=partition,
            on_delivery=lambda error, message: reports.append((message.partition(), error.code() if error else 0)),
        )
        assert producer.flush(15) == 0
    return reports


def test_a_topic_has_the_partitions_asked_for(cluster: MockCluster) -> None:
    """A client finds exactly these, all led by the one broker."""
    cluster.create_topic("orders", 7)
    assert leaders(cluster, "orders") == dict.fromkeys(range(7), 1)


def test_brokers_and_leaders_can_be_chosen() -> None:
    """Three brokers listen, and a partition moves to the one that is named, or to none."""
    with MockCluster(3) as cluster:
        assert len(set(cluster.bootstrap.split(","))) == 3
        cluster.create_topic("orders", 3)
        for partition, broker in ((0, 3), (1, 1), (2, NO_LEADER)):
            cluster.set_leader("orders", partition, broker)
        assert leaders(cluster, "orders") == {0: 3, 1: 1, 2: NO_LEADER}


def test_another_process_can_use_it(cluster: MockCluster) -> None:
    """The ports are real: a client in a process of its own has its record acknowledged."""
    cluster.create_topic("orders", 1)
    program = (
        "import sys; from confluent_kafka import Producer; p = Producer({'bootstrap.servers': sys.argv[1]}); "
        "p.produce('orders', b'x', on_delivery=lambda e, m: print(e, m.offset())); p.flush(10)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.bootstrap], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["None", "0"]


def test_partition_errors_hit_that_partition_only(cluster: MockCluster) -> None:
    """A pushed error fails one record of its partition; the next one, and the others', arrive."""
    cluster.create_topic("orders", 2)
    cluster.push_partition_errors("orders", 1, ApiKey.PRODUCE, [TOO_LARGE])
    assert publish(cluster, "orders", [0, 1, 1, 0]) == [(0, 0), (1, TOO_LARGE), (1, 0), (0, 0)]


def test_request_errors_hit_the_next_requests(cluster: MockCluster) -> None:
    """Two errors that pass are retried and the record arrives; one that does not is reported."""
    cluster.create_topic("orders", 1)
    cluster.push_request_errors(ApiKey.PRODUCE, [NOT_LEADER, TRANSPORT])
    assert publish(cluster, "orders", [0]) == [(0, 0)]
    cluster.push_request_errors(ApiKey.PRODUCE, [TOO_LARGE])
    assert publish(cluster, "orders", [0, 0]) == [(0, TOO_LARGE), (0, 0)]


def test_cleared_errors_never_happen(cluster: MockCluster) -> None:
    """What was pushed and not yet answered can be taken back."""
    cluster.create_topic("orders", 1)
    cluster.push_request_errors(ApiKey.PRODUCE, [TOO_LARGE] * 5)
    cluster.clear_request_errors(ApiKey.PRODUCE)
    assert publish(cluster, "orders", [0]) == [(0, 0)]


def test_broker_errors_can_be_late(cluster: MockCluster) -> None:
    """An error after a delay, and a delay without an error, each for one request."""
    cluster.create_topic("orders", 1)
    cluster.push_broker_errors(1, ApiKey.PRODUCE, [(TOO_LARGE, 20), (0, 20)])
    assert publish(cluster, "orders", [0, 0]) == [(0, TOO_LARGE), (0, 0)]


def test_a_round_trip_beyond_the_timeout_fails_records(cluster: MockCluster) -> None:
    """Slower than message.timeout.ms, nothing is acknowledged in time."""
    cluster.create_topic("orders", 1)
    cluster.set_round_trip_ms(1, 3_000)
    timed_out = KafkaError._MSG_TIMED_OUT
    assert publish(cluster, "orders", [0], message_timeout_ms=300, socket_timeout_ms=250) == [(0, timed_out)]
    cluster.set_round_trip_ms(1, 0)
    assert publish(cluster, "orders", [0]) == [(0, 0)]


def test_a_broker_goes_down_and_comes_back_on_its_port(cluster: MockCluster) -> None:
    """While it is down records time out; after it is up the same address works."""
    cluster.create_topic("orders", 1)
    cluster.set_broker_down(1)
    assert publish(cluster, "orders", [0], message_timeout_ms=300) == [(0, KafkaError._MSG_TIMED_OUT)]
    cluster.set_broker_up(1)
    assert publish(cluster, "orders", [0]) == [(0, 0)]


@pytest.mark.parametrize("broker_count", [0, -1, 101])
def test_broker_counts_out_of_range_are_refused(broker_count: int) -> None:
    """One to a hundred brokers are possible."""
    with pytest.raises(UsageError, match="1 to 100 brokers"):
        MockCluster(broker_count)


def test_what_cannot_be_changed_says_so(cluster: MockCluster) -> None:
    """A topic made twice, one that is not there and a partition out of range are errors that name them."""
    cluster.create_topic("orders", 2)
    with pytest.raises(BrokerError, match=r"topic orders: .*already exists"):
        cluster.create_topic("orders", 2)
    with pytest.raises(BrokerError, match=r"topic other: .*Unknown topic"):
        cluster.delete_topic("other")
    with pytest.raises(BrokerError, match="partition 2 of orders"):
        cluster.push_partition_errors("orders", 2, ApiKey.PRODUCE, [TOO_LARGE])


def test_a_closed_cluster_stays_closed() -> None:
    """Closing twice is fine; anything else says that it is closed."""
    cluster = MockCluster()
    cluster.close()
    cluster.close()
    with pytest.raises(BrokerError, match="closed"):
        cluster.create_topic("orders", 1)
