"""What a consumer sees of the parts of a record, with both producers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME

from tests.process.brokers import embedded_broker

pytestmark = pytest.mark.process

BOTH = pytest.mark.parametrize("producer", ["native", "portable"])


def parquet(folder: Path, **columns: Any) -> str:
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return str(path)


@BOTH
def test_timestamps_come_from_a_column(tmp_path: Path, producer: str) -> None:
    """Every record carries its row's instant; a row without one is rejected and the others are sent."""
    moments = [dt.datetime(2024, 1, 15, 10, 0, 0, 123_456, dt.UTC) + dt.timedelta(seconds=k) for k in range(500)]
    dataset = parquet(tmp_path, id=list(range(501)), at=[*moments, None])
    with embedded_broker("t") as broker:
        words = ("-t", "t", "--key", "id", "--timestamp-col", "at", "--producer", producer)
        report = broker.run(dataset, *words, expect=5)
        assert [(one.reason, one.column, one.first_row) for one in report.rejects] == [("null_timestamp", "at", 500)]
        found = {int(message.key() or b""): message.timestamp() for message in broker.read("t")}
    assert found == {k: (TIMESTAMP_CREATE_TIME, 1_705_312_800_123 + 1000 * k) for k in range(500)}


@BOTH
def test_headers_of_every_kind(tmp_path: Path, producer: str) -> None:
    """Texts, columns with nulls, and the origin arrive in their order; the sizes of all records are counted right."""
    regions = [None if k % 7 == 0 else f"region {k} é" for k in range(300)]
    dataset = parquet(tmp_path, id=list(range(300)), region=regions)
    words = ["source=replay", "empty=", "region={region}", "run={@run}", "file={@file}", "row={@row}"]
    with embedded_broker("t") as broker:
        report = broker.run(
            dataset, "-t", "t", "--key", "id", "--producer", producer, "--workers", "2",
            *[word for header in words for word in ("--header", header)],
        )  # fmt: skip
        found = {int(message.key() or b""): message.headers() for message in broker.read("t")}
    assert found == {
        k: [
            ("source", b"replay"),
            ("empty", b""),
            ("region", None if regions[k] is None else str(regions[k]).encode()),
            ("run", report.run_id.encode()),
            ("file", dataset.encode()),
            ("row", b"%d" % k),
        ]
        for k in range(300)
    }


@BOTH
def test_headers_and_timestamps_together(tmp_path: Path, producer: str) -> None:
    """Both at once, without a key, at a rate."""
    dataset = parquet(tmp_path, second=[1_705_312_800 + k for k in range(200)])
    with embedded_broker("t") as broker:
        broker.run(
            dataset, "-t", "t", "--timestamp-col", "second", "--timestamp-unit", "s", "--rate", "2k",
            "--header", "s={second}", "--producer", producer,
        )  # fmt: skip
        found = [(message.headers(), message.timestamp()[1]) for message in broker.read("t")]
    assert sorted(found) == [([("s", b"%d" % s)], s * 1000) for s in range(1_705_312_800, 1_705_313_000)]


def test_headers_count_towards_the_size_of_a_record(tmp_path: Path) -> None:
    """A record that only its headers make too large is rejected before it is sent."""
    dataset = parquet(tmp_path, id=[0, 1, 2], note=["a", "b" * 40_000, "c"])
    with embedded_broker("t") as broker:
        words = ("-t", "t", "-X", "message.max.bytes=60000", "--key", "id", "--header", "note={note}")
        report = broker.run(dataset, *words, expect=5)
        assert [(one.reason, one.first_row) for one in report.rejects] == [("too_large", 1)]
        assert sorted(message.key() or b"" for message in broker.read("t")) == [b"0", b"2"]


@BOTH
def test_json_values(tmp_path: Path, producer: str) -> None:
    """Plain JSON, without a prefix and without a registry, whatever is in the environment."""
    big = [2**64 - 1 - k for k in range(100)]
    columns = {
        "id": list(range(100)),
        "big": pa.array(big, pa.uint64()),
        "at": [dt.datetime(2024, 1, 15, 10, 0, k % 60, tzinfo=dt.UTC) for k in range(100)],
        "tags": [[f"t{n}" for n in range(k % 3)] for k in range(100)],
    }
    dataset = parquet(tmp_path, **columns)
    with embedded_broker("t") as broker:
        report = broker.run(
            dataset, "-t", "t", "--key", "id", "--value-format", "json", "--producer", producer,
            "--registry-url", "http://127.0.0.1:1",
        )  # fmt: skip
        assert report.target is not None
        assert (report.target.registry, report.target.subject, report.target.schema_id) == (None, None, None)
        assert report.encoder is not None
        assert (report.encoder.name, report.encoder.value_format) == ("columnar", "json")
        found = {int(message.key() or b""): message.value() for message in broker.read("t")}
    assert found == {
        k: (
            f'{{"id":{k},"big":{big[k]},"at":"2024-01-15T10:00:{k % 60:02}.000000Z",'
            f'"tags":[{",".join(f"{chr(34)}t{n}{chr(34)}" for n in range(k % 3))}]}}'
        ).encode()
        for k in range(100)
    }


def test_case_22_null_and_empty_keys(tmp_path: Path) -> None:
    """A null is a record without a key, an empty text an empty key, in the partition where Java puts it."""
    dataset = parquet(tmp_path, key=["", None, "a"] * 50, n=list(range(150)))
    with embedded_broker("t", partitions=4) as broker:
        broker.run(dataset, "-t", "t", "--key", "key")
        messages = broker.read("t")
    keys = [message.key() for message in messages]
    assert sorted(keys, key=str) == sorted([b"", None, b"a"] * 50, key=str)
    # (murmur2 & 0x7fffffff) % 4 by Kafka's Utils.murmur2: 275646681 of no bytes.
    assert {message.partition() for message in messages if message.key() == b""} == {275646681 % 4}


def test_avro_keys_have_a_subject_of_their_own(tmp_path: Path) -> None:
    """The key is framed with its own schema id, beside the value's, and the report names both."""
    dataset = parquet(tmp_path, id=list(range(20)), city=["Köln"] * 20)
    with embedded_broker("t") as broker:
        report = broker.run(dataset, "-t", "t", "--key", "id", "--key-format", "avro")
        assert report.target is not None
        assert (report.target.subject, report.target.key_subject) == ("t-value", "t-key")
        assert report.target.schema_id != report.target.key_schema_id
        keys = sorted(message.key() or b"" for message in broker.read("t"))
    prefix = b"\0" + int(report.target.key_schema_id or 0).to_bytes(4, "big")
    assert keys == [prefix + bytes([2 * number]) for number in range(20)]  # Avro's zig-zag of 0 to 19


def test_round_robin_spreads_records_evenly(tmp_path: Path) -> None:
    """Record r goes to partition r modulo their number, whatever its key and however many workers."""
    dataset = parquet(tmp_path, id=list(range(400)), key=["same"] * 400)
    with embedded_broker("t", partitions=4) as broker:
        broker.run(
            dataset, "-t", "t", "--key", "key", "--partitioner", "round-robin", "--header", "id={id}", "--workers", "2"
        )
        found = {
            int((message.headers() or [("", b"")])[0][1] or b""): message.partition() for message in broker.read("t")
        }
    assert found == {k: k % 4 for k in range(400)}


def test_crc32_is_what_librdkafka_does(tmp_path: Path) -> None:
    """The same keys by an ordinary producer with ``partitioner=consistent`` lie in the same partitions."""
    from confluent_kafka import Producer

    keys = [f"key-{k}" for k in range(200)]
    dataset = parquet(tmp_path, key=keys)
    with embedded_broker("ours", "theirs", partitions=5) as broker:
        broker.run(dataset, "-t", "ours", "--key", "key", "--partitioner", "crc32")
        producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "consistent"})
        for key in keys:
            producer.produce("theirs", b"", key.encode())
        assert producer.flush(20) == 0
        places = [
            {message.key(): message.partition() for message in broker.read(topic)} for topic in ("ours", "theirs")
        ]
    assert len(places[0]) == 200
    assert places[0] == places[1]


def test_partitions_come_from_a_column(tmp_path: Path) -> None:
    """Each record lies where its row says; rows that name no partition of the topic are rejected."""
    dataset = parquet(tmp_path, id=list(range(100)), part=[k % 3 for k in range(97)] + [3, -1, None])
    with embedded_broker("t", partitions=3) as broker:
        report = broker.run(dataset, "-t", "t", "--key", "id", "--partition-col", "part", "--workers", "2", expect=5)
        assert sorted((one.reason, one.count) for one in report.rejects) == [
            ("no_such_partition", 2),
            ("null_partition", 1),
        ]
        found = {int(message.key() or b""): message.partition() for message in broker.read("t")}
    assert found == {k: k % 3 for k in range(97)}


@BOTH
@pytest.mark.parametrize("extra", [(), ("--header", "op={op}")])
def test_tombstones(tmp_path: Path, producer: str, extra: tuple[str, ...]) -> None:
    """Rows that meet the condition have a key and a null value, the others the value that they had."""
    dataset = parquet(tmp_path, id=list(range(300)), op=["DELETE" if k % 5 == 0 else "PUT" for k in range(300)])
    with embedded_broker("t") as broker:
        words = ("--key", "id", "--value-format", "json", "--tombstone-if", "op=DELETE", "--producer", producer)
        broker.run(dataset, "-t", "t", *words, *extra)
        found = {int(message.key() or b""): message.value() for message in broker.read("t")}
    assert found == {k: None if k % 5 == 0 else f'{{"id":{k},"op":"PUT"}}'.encode() for k in range(300)}
