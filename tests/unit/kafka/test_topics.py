"""Finding a cluster and its topics, against the embedded broker and against ports that are none."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from replayer.errors import BrokerError, UsageError
from replayer.kafka.embedded import ALL_BROKERS, NO_LEADER, MockCluster
from replayer.kafka.topics import Cluster, Topic

LIMIT_S = 10.0
"""Case 26: a run that cannot reach its broker says so within 10 s."""


def cluster_at(bootstrap: str, **properties: str) -> Cluster:
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return Cluster({"bootstrap.servers": bootstrap, "allow.auto.create.topics": "false", **named})


def in_time(action: Callable[[], object]) -> BrokerError:
    """The error of an action, which came in time and has its cause on one line."""
    started = time.monotonic()
    with pytest.raises(BrokerError) as caught:
        action()
    assert time.monotonic() - started < LIMIT_S
    assert caught.value.exit_code == 4
    assert "\n" not in caught.value.message
    return caught.value


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    with MockCluster(3) as started:
        started.create_topic("orders", 6)
        yield started


@pytest.fixture
def unused() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A port whose connections are given to ``answer``; its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        open_connections = []  # kept, so that none is closed by its end
        while True:
            try:
                connection, _ = server.accept()
                open_connections.append(connection)
                answer(connection)
            except OSError:
                if server.fileno() < 0 or is_over.is_set():
                    break
        for connection in open_connections:
            connection.close()

    is_over = threading.Event()
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        is_over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


@pytest.fixture
def tls_context(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def shaking_hands(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.settimeout(1)
        try:
            context.wrap_socket(connection, server_side=True).close()
        finally:
            connection.close()

    return answer


def test_a_topic_of_the_embedded_broker_is_described(mock: MockCluster) -> None:
    """It tells the partitions; of limits it knows nothing, and is not waited for."""
    started = time.monotonic()
    cluster = cluster_at(mock.bootstrap)
    cluster.connect()
    assert cluster.describe_topic("orders") == Topic("orders", 6)
    assert time.monotonic() - started < 2


def test_end_offsets_of_the_embedded_broker(mock: MockCluster) -> None:
    """In order of partitions, after what an ordinary producer published."""
    cluster = cluster_at(mock.bootstrap)
    assert cluster.end_offsets("orders") == (0, 0, 0, 0, 0, 0)
    producer = Producer({"bootstrap.servers": mock.bootstrap})
    for partition in (5, 1, 5, 5):
        producer.produce("orders", b"x", partition=partition)
    assert producer.flush(10) == 0
    assert cluster.end_offsets("orders") == (0, 1, 0, 0, 0, 3)


def test_case_27_missing_topic_is_not_created(mock: MockCluster) -> None:
    """The mock creates unknown topics for clients that let it; ours does not let it."""
    cluster = cluster_at(mock.bootstrap)
    for _ in range(2):
        error = in_time(lambda: cluster.describe_topic("other"))
        assert error.message == f"topic other does not exist at {mock.bootstrap}"
        assert error.hint == "create it with --create-topic partitions=N"


def test_creating_on_the_embedded_broker(mock: MockCluster) -> None:
    """It takes no such request: what is there is found, what is not there is explained at once."""
    cluster = cluster_at(mock.bootstrap)
    assert cluster.create_topic("orders", 6) is False
    with pytest.raises(UsageError, match="with 6 partitions, not 5"):
        cluster.create_topic("orders", 5)
    error = in_time(lambda: cluster.create_topic("other", 2))
    assert "replayer broker --topic other --partitions 2" in error.hint


def test_a_partition_without_a_leader_is_named(mock: MockCluster) -> None:
    """A topic that cannot take records now is no topic to start a run with."""
    mock.set_leader("orders", 4, NO_LEADER)
    error = in_time(lambda: cluster_at(mock.bootstrap).describe_topic("orders", timeout_s=1))
    assert error.message.endswith("has no leader for partitions 4")


def test_case_26_unreachable(unused: int) -> None:
    """Nothing listens: the connection is refused."""
    error = in_time(cluster_at(f"127.0.0.1:{unused}").connect)
    assert error.message == f"127.0.0.1:{unused} could not be used as a Kafka broker: connection refused"


def test_case_26_unknown_name() -> None:
    """A name that cannot be resolved is not called unreachable. RFC 6761 keeps .invalid from ever being one."""
    error = in_time(lambda: cluster_at("kafka.invalid:9092").connect(timeout_s=1))
    assert "kafka.invalid:9092 could not be used as a Kafka broker: the name cannot be resolved" in error.message


def test_case_26_one_of_several_addresses_is_enough(mock: MockCluster, unused: int) -> None:
    """The first address is dead, the second answers."""
    cluster_at(f"127.0.0.1:{unused},{mock.bootstrap}").connect()


def test_case_26_advertised_address_does_not_answer(mock: MockCluster, unused: int) -> None:
    """The bootstrap address answers, but no broker is where it says it is."""
    for broker_id in (1, 2, 3):
        mock.advertise(broker_id, "127.0.0.1", unused)
    error = in_time(cluster_at(mock.bootstrap).connect)
    assert f"advertises, 127.0.0.1:{unused}, does not: connection refused" in error.message
    assert "advertised.listeners" in error.hint


def test_case_26_advertised_name_is_unknown(mock: MockCluster) -> None:
    """As inside containers: the broker advertises a name that only its own network knows."""
    for broker_id in (1, 2, 3):
        mock.advertise(broker_id, "broker.invalid", 9092)
    error = in_time(cluster_at(mock.bootstrap).connect)
    assert "advertises, broker.invalid:9092, does not: the name cannot be resolved" in error.message


def test_case_26_only_a_leaders_address_does_not_answer(mock: MockCluster, unused: int) -> None:
    """A cluster with one broker out of reach is used, unless it leads a partition of the topic."""
    for partition in range(6):
        mock.set_leader("orders", partition, 1 if partition else 2)
    mock.advertise(2, "127.0.0.1", unused)
    cluster = cluster_at(mock.bootstrap)
    cluster.connect()
    error = in_time(lambda: cluster.describe_topic("orders"))
    assert f"127.0.0.1:{unused} (leader of 1 partitions of orders)" in error.message
    mock.set_leader("orders", 0, 3)
    assert cluster.describe_topic("orders").partition_count == 6


def test_case_26_all_brokers_down(mock: MockCluster) -> None:
    """Brokers that are down refuse the connection."""
    mock.set_broker_down(ALL_BROKERS)
    error = in_time(lambda: cluster_at(mock.bootstrap).connect(timeout_s=1))
    assert error.message.endswith("connection refused")


def test_case_26_plain_on_a_tls_port(tls_context: ssl.SSLContext) -> None:
    """A TLS server closes the connection of a client that speaks plain text."""
    with serving(shaking_hands(tls_context)) as address:
        error = in_time(lambda: cluster_at(address).connect(timeout_s=1))
    assert "as a TLS port does when spoken to in plain text" in error.message
    assert "security.protocol" in error.hint


def test_case_26_tls_on_a_plain_port(mock: MockCluster) -> None:
    """A broker without TLS hangs up on the handshake, or leaves it without an answer."""
    with serving(lambda connection: connection.close()) as address:
        error = in_time(cluster_at(address, security_protocol="SSL").connect)
    assert "does not speak TLS" in error.message


def test_case_26_untrusted_certificate(tls_context: ssl.SSLContext) -> None:
    """The certificate is named as the cause, and the property that mends it."""
    with serving(shaking_hands(tls_context)) as address:
        error = in_time(cluster_at(address, security_protocol="SSL").connect)
    assert "certificate could not be verified" in error.message
    assert "ssl.ca.location" in error.hint


@pytest.mark.slow
def test_case_26_a_port_that_never_answers() -> None:
    """A server that takes connections and says nothing is given up on in time."""
    with serving(lambda connection: None) as address:
        error = in_time(cluster_at(address).connect)
    assert error.message.startswith(f"{address} accepts connections but did not answer as a Kafka broker within 8 s")


def test_an_address_that_is_no_name_is_no_traceback(mock: MockCluster) -> None:
    """A label of 64 characters cannot even be encoded for a name server."""
    for broker_id in (1, 2, 3):
        mock.advertise(broker_id, "x" * 64, 9092)
    assert "does not: " in in_time(cluster_at(mock.bootstrap).connect).message


def test_a_misspelt_property_is_a_usage_error() -> None:
    """librdkafka refuses it before any request is made; the hint names the near one."""
    with pytest.raises(UsageError, match=r"lingr\.ms is no property") as caught:
        cluster_at("127.0.0.1:1", **{"lingr.ms": "5"})
    assert caught.value.hint == "did you mean linger.ms?"
