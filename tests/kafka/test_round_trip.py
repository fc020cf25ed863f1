"""What ``replayer run`` puts into a real Kafka, read back with a real registry's deserializer."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

pytestmark = pytest.mark.kafka

TESTDATA = Path(__file__).parents[2] / "testdata"
UTC = dt.UTC


@dataclass(frozen=True)
class Received:
    """A record as a consumer sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: dict[str, Any]


class Cluster:
    """The real Kafka and its registry, as a test needs them."""

    def __init__(self, bootstrap: str, registry_url: str) -> None:
        self.bootstrap, self.registry_url = bootstrap, registry_url
        self.topic = f"round-trip-{uuid.uuid4().hex[:12]}"

    def run(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """``replayer run`` against this cluster; returns the JSON report."""
        command = [sys.executable, "-m", "replayer", "run", *arguments]
        command += ["-b", self.bootstrap, "-t", self.topic, "--registry-url", self.registry_url, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expect, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def read_all(self) -> list[Received]:
        """Every record of the topic, each partition in offset order."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "reader"})
        context = SerializationContext(self.topic, MessageField.VALUE)
        partitions = consumer.list_topics(self.topic, 10).topics[self.topic].partitions
        places = [TopicPartition(self.topic, partition, 0) for partition in partitions]
        wanted = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        received: list[Received] = []
        with SchemaRegistryClient({"url": self.registry_url}) as registry:
            decode = AvroDeserializer(registry)
            while len(received) < wanted:
                messages = consumer.consume(min(10_000, wanted - len(received)), timeout=10)
                assert messages, f"only {len(received)} of {wanted} records came"
                for message in messages:
                    assert message.error() is None
                    value = decode(message.value(), context)
                    received.append(Received(message.partition(), message.offset(), message.key(), value))
        consumer.close()
        return sorted(received, key=lambda one: (one.partition, one.offset))


@pytest.fixture
def cluster(kafka_bootstrap: str, registry_url: str) -> Iterator[Cluster]:
    cluster = Cluster(kafka_bootstrap, registry_url)
    yield cluster
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for future in admin.delete_topics([cluster.topic]).values():
        try:
            future.result(10)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


def check_report(report: dict[str, Any], rows: int) -> None:
    """The ledger closes with all rows delivered, exclusively, and no row fell back to the slow encoder."""
    ledger = report["ledger"]
    assert ledger["faults"] == []
    assert ledger["delivered"] == ledger["broker_confirmed"] == ledger["source"]["rows_read"] == rows
    assert ledger["failed"] == ledger["unknown"] == ledger["not_sent"] == ledger["foreign_records"] == 0
    assert report["encoder"]["name"] == "columnar"
    assert report["encoder"]["fallback_rows"] == 0


def orders() -> list[dict[str, Any]]:
    """The rows of orders.parquet as Python values, by way of pyarrow alone."""
    return pq.read_table(TESTDATA / "orders.parquet").to_pylist()  # type: ignore[no-any-return]


def test_parquet_arrives_value_for_value(cluster: Cluster) -> None:
    """Every column of every row comes back equal: decimals, timestamps, dates, unicode, nested records and lists."""
    report = cluster.run(str(TESTDATA / "orders.parquet"), "--key", "order_id", "--create-topic", "partitions=6")
    expected = {str(row["order_id"]).encode(): row for row in orders()}
    check_report(report, len(expected))
    received = cluster.read_all()
    assert len(received) == len(expected)
    for one in received:
        assert one.key is not None
        assert one.value == expected[one.key]
    assert {one.partition for one in received} == set(range(6))


TEXT_FILES = ["orders.csv", "orders.csv.gz", "orders.ndjson", "orders.ndjson.zst"]


@pytest.mark.parametrize("name", TEXT_FILES)
def test_text_files_arrive_with_types(cluster: Cluster, name: str) -> None:
    """CSV and NDJSON, compressed or not, come back as the values that the same rows have in Parquet."""
    report = cluster.run(str(TESTDATA / name), "--key", "order_id", "--create-topic", "partitions=3")
    expected = {str(row["order_id"]).encode(): row for row in orders()}
    check_report(report, len(expected))
    received = cluster.read_all()
    assert len(received) == len(expected)
    compared = ("customer", "sku", "quantity", "currency", "created_at", "delivery_date", "is_gift", "discount")
    for one in received:
        assert one.key is not None
        row = expected[one.key]
        assert {column: one.value[column] for column in compared} == {column: row[column] for column in compared}
        price = one.value["price"]
        assert (price if isinstance(price, Decimal) else Decimal(str(price))) == row["price"]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_same_key_same_partition_same_order(cluster: Cluster, workers: int, tmp_path: Path) -> None:
    """With any number of workers, the records of a key stand in one partition in the order of the rows."""
    keys = [f"key-{index * 7919 % 97}" for index in range(20_000)]
    table = pa.table({"key": keys, "sequence": list(range(len(keys)))})
    pq.write_table(table, tmp_path / "keyed.parquet")
    report = cluster.run(
        str(tmp_path / "keyed.parquet"), "--key", "key", "--create-topic", "partitions=7", "--workers", str(workers)
    )
    check_report(report, len(keys))
    sequences = defaultdict(list)
    partitions = defaultdict(set)
    for one in cluster.read_all():
        assert one.key is not None
        sequences[one.key].append(one.value["sequence"])
        partitions[one.key].add(one.partition)
    assert all(len(found) == 1 for found in partitions.values())
    for key, found in sequences.items():
        assert found == [index for index, other in enumerate(keys) if other.encode() == key]


def java_table() -> list[dict[str, str]]:
    """Keys with the partitions that Kafka's Java client computed; made by testdata/make_java_partitions.sh."""
    with (TESTDATA / "java_partitions.csv").open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("partition_count", [6, 12])
def test_case_23_java_keys_have_java_partitions(cluster: Cluster, partition_count: int, tmp_path: Path) -> None:
    """10,000 keys land in the partitions that a Java client computed for them."""
    rows = java_table()
    assert len(rows) == 10_000
    keys = [base64.b64decode(row["key"]) for row in rows]
    expected = dict(zip(keys, (int(row[f"partitions_{partition_count}"]) for row in rows), strict=True))
    pq.write_table(pa.table({"key": pa.array(keys, pa.binary())}), tmp_path / "keys.parquet")
    report = cluster.run(
        str(tmp_path / "keys.parquet"), "--key", "key", "--create-topic", f"partitions={partition_count}"
    )
    check_report(report, len(keys))
    found = {one.key: one.partition for one in cluster.read_all()}
    assert found == expected


def test_case_27_missing_topic_is_exit_4(cluster: Cluster) -> None:
    """Without --create-topic a missing topic ends the run before anything is sent, and asking does not create it."""
    command = [sys.executable, "-m", "replayer", "run", str(TESTDATA / "orders.parquet")]
    command += ["-b", cluster.bootstrap, "-t", cluster.topic]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert cluster.topic in done.stderr
    assert "--create-topic" in done.stderr
    assert "Traceback" not in done.stderr
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    assert cluster.topic not in admin.list_topics(timeout=10).topics


def test_case_43_dry_run_touches_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """--dry-run encodes every row and creates no topic, no subject and no file."""
    report = cluster.run(
        str(TESTDATA / "orders_bad.csv"), "--dry-run", "--rejects-file", str(tmp_path / "rejects.ndjson"), expect=5
    )
    assert report["outcome"] == "dry run"
    assert report["ledger"]["source"]["encoded"] > 0
    assert report["ledger"]["source"]["rejected"] > 0
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    assert cluster.topic not in admin.list_topics(timeout=10).topics
    with SchemaRegistryClient({"url": cluster.registry_url}) as registry:
        assert f"{cluster.topic}-value" not in registry.get_subjects()
    assert os.listdir(tmp_path) == []


def test_case_24_a_record_over_the_topics_limit_is_rejected(cluster: Cluster, tmp_path: Path) -> None:
    """A topic of max.message.bytes=20000 takes all records but the two that are larger, which are named by row."""
    from confluent_kafka.admin import NewTopic

    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    topic = NewTopic(cluster.topic, 2, 1, config={"max.message.bytes": "20000"})
    admin.create_topics([topic])[cluster.topic].result(10)
    texts = ["x" * 100] * 5_000
    texts[17] = texts[4_000] = "y" * 30_000
    pq.write_table(pa.table({"text": texts}), tmp_path / "large.parquet")
    rejects = tmp_path / "rejects.ndjson"
    report = cluster.run(str(tmp_path / "large.parquet"), "--rejects-file", str(rejects), expect=5)
    assert report["ledger"]["faults"] == []
    assert report["ledger"]["delivered"] == report["ledger"]["broker_confirmed"] == 4_998
    rows = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(row["row"], row["reason"]) for row in rows] == [(17, "too_large"), (4_000, "too_large")]
    assert len(cluster.read_all()) == 4_998


def test_a_plan_has_no_effect(cluster: Cluster) -> None:
    """``plan`` asks the broker and the registry, says what a run would do, and creates and registers nothing."""
    words = [str(TESTDATA / "orders.parquet"), "-b", cluster.bootstrap, "-t", cluster.topic]
    words += ["--registry-url", cluster.registry_url, "--key", "order_id"]
    command = [sys.executable, "-m", "replayer", "plan", *words, "--output", "json", "--show", "2"]

    def plan(*more: str) -> dict[str, Any]:
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    found = plan("--create-topic", "partitions=5")
    assert found["topic"] == {
        "name": cluster.topic, "bootstrap": cluster.bootstrap, "partition_count": 5, "is_new": True,
    }  # fmt: skip
    assert found["schema"]["schema_id"] is None
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    assert cluster.topic not in admin.list_topics(timeout=10).topics
    with SchemaRegistryClient({"url": cluster.registry_url}) as registry:
        assert f"{cluster.topic}-value" not in registry.get_subjects()
    report = cluster.run(str(TESTDATA / "orders.parquet"), "--key", "order_id", "--create-topic", "partitions=5")
    after = plan()
    assert (after["topic"]["is_new"], after["topic"]["partition_count"]) == (False, 5)
    assert after["schema"]["schema_id"] == report["target"]["schema_id"]
    received = {one.key: one.partition for one in cluster.read_all()}
    for shown in after["records"]:
        assert received[shown["key"].encode()] == shown["partition"]
