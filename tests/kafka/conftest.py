"""Where the real services are, and topics and subjects that a test leaves nothing of behind."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

SASL_USER, SASL_PASSWORD = "replayer", "replayer-secret"


def _address(name: str) -> str:
    """The value of a variable that ``scripts/services up`` prints."""
    value = os.environ.get(name)
    if value:
        return value
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not set: with CI=true the tests with the real services must run")
    pytest.skip(f'{name} is not set: run scripts/test, or eval "$(scripts/services up)"')


@pytest.fixture(autouse=True)
def no_login_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The services' own login must not become that of every command under test."""
    for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """The plain listener of the real Kafka."""
    return _address("KAFKA_BOOTSTRAP_SERVERS")


@pytest.fixture(scope="session")
def sasl_bootstrap() -> str:
    """Its listener that wants a login: PLAIN or SCRAM-SHA-256, as SASL_USER."""
    return _address("KAFKA_SASL_BOOTSTRAP")


@pytest.fixture(scope="session")
def registry_url() -> str:
    """The real schema registry, where it speaks Confluent's API."""
    return _address("SCHEMA_REGISTRY_URL")


@pytest.fixture
def topic_name(kafka_bootstrap: str) -> Iterator[str]:
    """A name that no other test has; the topic is deleted afterwards if the test made it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})  # kept: its end would end the request
    try:
        admin.delete_topics([name])[name].result(10)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise


@pytest.fixture
def subject(registry_url: str) -> Iterator[str]:
    """A subject that no other test has; deleted afterwards if the test made it."""
    name = f"test-{uuid.uuid4().hex[:12]}-value"
    yield name
    client = SchemaRegistryClient({"url": registry_url})
    try:
        client.delete_subject(name)
    except SchemaRegistryError as error:
        if error.http_status_code != 404:
            raise
    finally:
        client.close()


@pytest.fixture
def produce(kafka_bootstrap: str) -> Callable[[str, int, int], None]:
    """Publishes a number of records to one partition with an ordinary producer."""
    from confluent_kafka import Producer

    def publish(topic: str, partition: int, count: int) -> None:
        producer = Producer({"bootstrap.servers": kafka_bootstrap})
        for index in range(count):
            producer.produce(topic, b"%d" % index, partition=partition)
        assert producer.flush(10) == 0

    return publish
