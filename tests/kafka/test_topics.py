"""Topics, end offsets and failing connections, asked of a real Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest
from confluent_kafka import Producer

from replayer.errors import BrokerError, UsageError
from replayer.kafka.topics import Cluster, Topic

pytestmark = pytest.mark.kafka

LIMIT_S = 10.0
"""Case 26: a run that cannot reach its broker says so within 10 s."""


def cluster_at(bootstrap: str, **properties: str) -> Cluster:
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return Cluster({"bootstrap.servers": bootstrap, "allow.auto.create.topics": "false", **named})


def connect_error(cluster: Cluster) -> BrokerError:
    """The error of ``connect``, which came in time and has its cause on one line."""
    started = time.monotonic()
    with pytest.raises(BrokerError) as caught:
        cluster.connect()
    assert time.monotonic() - started < LIMIT_S
    assert caught.value.exit_code == 4
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_created_topic_is_described(kafka_bootstrap: str, topic_name: str) -> None:
    """The partition count is the one asked for, the limits are the broker's defaults."""
    cluster = cluster_at(kafka_bootstrap)
    cluster.connect()
    assert cluster.create_topic(topic_name, 6) is True
    assert cluster.describe_topic(topic_name) == Topic(
        name=topic_name,
        partition_count=6,
        max_message_bytes=1_048_588,
        retention_ms=7 * 24 * 3600 * 1000,
        retention_bytes=-1,
        cleanup_policy="delete",
        timestamp_type="CreateTime",
    )


def test_creating_a_topic_again_is_fine_with_the_same_count_only(kafka_bootstrap: str, topic_name: str) -> None:
    """The same count finds what is there; another one is a usage error that names both."""
    cluster = cluster_at(kafka_bootstrap)
    cluster.create_topic(topic_name, 3)
    assert cluster.create_topic(topic_name, 3) is False
    with pytest.raises(UsageError, match="with 3 partitions, not 4"):
        cluster.create_topic(topic_name, 4)


def test_end_offsets_follow_what_was_published(
    kafka_bootstrap: str, topic_name: str, produce: Callable[[str, int, int], None]
) -> None:
    """Each partition ends after its own records, those just created at 0."""
    cluster = cluster_at(kafka_bootstrap)
    cluster.create_topic(topic_name, 12)
    assert cluster.end_offsets(topic_name) == (0,) * 12
    produce(topic_name, 2, 7)
    produce(topic_name, 11, 1)
    assert cluster.end_offsets(topic_name) == (0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1)


def test_end_offsets_count_uncommitted_records(kafka_bootstrap: str, topic_name: str) -> None:
    """Records of an open transaction lie before the end offset, though readers of committed ones do not see them."""
    cluster = cluster_at(kafka_bootstrap)
    cluster.create_topic(topic_name, 1)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": topic_name})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(topic_name, b"uncommitted")
    assert producer.flush(10) == 0
    assert cluster.end_offsets(topic_name) == (1,)
    producer.abort_transaction(10)


def test_case_27_missing_topic_is_a_broker_error_and_is_not_created(kafka_bootstrap: str, topic_name: str) -> None:
    """Asking for a topic that is not there says how to make it, and does not make it."""
    cluster = cluster_at(kafka_bootstrap)
    for _ in range(2):
        with pytest.raises(BrokerError, match=f"topic {topic_name} does not exist") as caught:
            cluster.describe_topic(topic_name)
        assert "--create-topic partitions=N" in caught.value.hint
    with pytest.raises(BrokerError, match="does not exist"):
        cluster.end_offsets(topic_name)


def test_a_refused_creation_says_why(kafka_bootstrap: str) -> None:
    """The broker's own words come through."""
    with pytest.raises(BrokerError, match=r"could not be created .*(?i:invalid|illegal)"):
        cluster_at(kafka_bootstrap).create_topic("not/a topic", 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_the_right_password_connects(sasl_bootstrap: str, mechanism: str) -> None:
    """Both mechanisms of the listener work."""
    cluster_at(sasl_bootstrap, **login(mechanism, "replayer-secret")).connect()


def login(mechanism: str, password: str) -> Mapping[str, str]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_username": "replayer",
        "sasl_password": password,
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_case_26_wrong_password(sasl_bootstrap: str, mechanism: str) -> None:
    """The login is named as the cause, the password is not."""
    error = connect_error(cluster_at(sasl_bootstrap, **login(mechanism, "open-sesame")))
    assert "login refused" in error.message
    assert "sasl.password" in error.hint
    assert "open-sesame" not in error.message + error.hint


def test_case_26_unknown_login_mechanism(sasl_bootstrap: str) -> None:
    """The mechanisms that the listener takes are named."""
    error = connect_error(cluster_at(sasl_bootstrap, **login("SCRAM-SHA-512", "replayer-secret")))
    assert "supported mechanisms: PLAIN,SCRAM-SHA-256" in error.message


def test_case_26_no_login_where_one_is_wanted(sasl_bootstrap: str) -> None:
    """A listener with SASL closes the connection of a client that does not log in."""
    error = connect_error(cluster_at(sasl_bootstrap))
    assert "wants a login (SASL)" in error.message
    assert "security.protocol" in error.hint


def test_case_26_login_where_none_is_taken(kafka_bootstrap: str) -> None:
    """The plain listener refuses a SASL handshake."""
    error = connect_error(cluster_at(kafka_bootstrap, **login("PLAIN", "replayer-secret")))
    assert "takes no login" in error.message


def test_case_26_tls_on_a_plain_port(kafka_bootstrap: str) -> None:
    """The plain listener does not answer a TLS handshake."""
    error = connect_error(cluster_at(kafka_bootstrap, security_protocol="SSL"))
    assert "does not speak TLS" in error.message
    assert "security.protocol" in error.hint
