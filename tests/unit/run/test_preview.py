"""What a plan says of a run, with no broker to ask."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import fastavro
import pyarrow.parquet as pq
import pytest

from replayer.config import resolve
from replayer.run.preview import Preview, preview
from replayer.settings.environment import Surroundings
from tests.unit.cli.fakes import CommandLine

TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


def of(name: str | Path, show_count: int = 0, **typed: str) -> Preview:
    return preview(resolve([str(TESTDATA / name)], [], typed, Surroundings({})).config, show_count)


def test_a_dataset_of_known_size() -> None:
    """Parquet says how many rows there are; the embedded broker's topic would be made."""
    found = of("orders.parquet", rate="500")
    assert (found.row_count, found.is_exact, found.record_count, found.duration_s) == (2_000, True, 2_000, 4.0)
    assert (found.topic.name, found.topic.partition_count, found.topic.is_new) == ("orders", 4, True)
    assert (found.schema.subject, found.schema.schema_id, found.schema.encoder) == ("orders-value", None, "columnar")


@pytest.mark.parametrize(
    ("typed", "records", "duration_s"),
    [
        ({}, 2_000, None),
        ({"rate": "100"}, 2_000, 20.0),
        ({"loops": "3", "rate": "1k"}, 6_000, 6.0),
        ({"loop": "true", "rate": "1k"}, None, None),
        ({"loop": "true", "rate": "1k", "duration": "10s"}, 10_000, 10.0),
        ({"max_records": "500", "rate": "1k"}, 500, 0.5),
    ],
)
def test_records_and_time(typed: Mapping[str, str], records: int | None, duration_s: float | None) -> None:
    """Rows, loops and limits make the records, records and rate the time."""
    found = of("orders.parquet", **typed)
    assert (found.record_count, found.duration_s) == (records, duration_s)


def test_bytes_are_those_of_the_encoder() -> None:
    """The mean size of a value is that of fastavro's bytes and the framing."""
    found = of("orders.csv", 2_000, key="order_id")
    sizes = [len(one.value_hex) // 2 for one in found.records]
    assert found.value_bytes == sum(sizes) / len(sizes)
    assert found.key_bytes == 16.0


def test_records_are_shown_from_row_to_value() -> None:
    """The decoded value is the row of the dataset; the partition is that of Java's murmur2."""
    rows = pq.read_table(TESTDATA / "orders.parquet").to_pylist()
    found = of("orders.parquet", 3, key="sku")
    for shown, row in zip(found.records, rows, strict=False):
        assert shown.value == row
        assert (shown.key, shown.row) == (row["sku"], rows.index(row))
        assert shown.partition is not None
        assert 0 <= shown.partition < 4
    assert of("orders.parquet", 1).records[0].partition is None
    decimal = fastavro.schemaless_reader(
        io.BytesIO(b"\x04\x01\x86"), {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, None
    )
    assert decimal == Decimal("3.90")  # the reader that shows values is fastavro's own


def test_json_values_and_tombstones_are_shown(tmp_path: Path) -> None:
    """What a run would send: JSON without a registry, a null value, a partition in turn, the timestamp."""
    path = tmp_path / "o.ndjson"
    path.write_text('{"id":1,"op":"U","t":5}\n{"id":2,"op":"D","t":6}\n{"id":3,"op":"U","t":7}\n')
    found = of(
        path,
        3,
        key="id",
        value_format="json",
        tombstone_if="op=D",
        partitioner="round-robin",
        timestamp_col="t",
        timestamp_unit="s",
    )
    assert (found.schema.subject, found.schema.registry) == (None, None)
    assert [(one.key, one.partition, one.timestamp_ms, one.value) for one in found.records] == [
        ("1", 0, 5_000, {"id": 1, "op": "U", "t": 5}),
        ("2", 1, 6_000, None),
        ("3", 2, 7_000, {"id": 3, "op": "U", "t": 7}),
    ]
    assert bytes.fromhex(found.records[0].value_hex) == b'{"id":1,"op":"U","t":5}'


@pytest.mark.parametrize(
    ("words", "partition"), [({"partitioner": "crc32"}, zlib.crc32(b"1") % 4), ({"partition_col": "p"}, 2)]
)
def test_the_partition_is_the_one_of_the_run(tmp_path: Path, words: Mapping[str, str], partition: int) -> None:
    """The CRC-32 of the key modulo the partitions, or what the column says."""
    path = tmp_path / "o.ndjson"
    path.write_text('{"id":1,"p":2}\n')
    assert of(path, 1, key="id", **words).records[0].partition == partition


def test_avro_keys_have_a_subject_of_their_own() -> None:
    """The registry would get two schemas."""
    found = of("orders.csv", 1, key="order_id", key_format="avro")
    assert (found.schema.subject, found.schema.key_subject) == ("orders-value", "orders-key")


def test_text_is_estimated_from_its_first_rows(tmp_path: Path) -> None:
    """A long CSV is not read to its end; the estimate is near the truth and called one."""
    path = tmp_path / "long.csv"
    path.write_text("id,name\n" + "".join(f"{row},customer {row % 97:03d}\n" for row in range(10**6, 10**6 + 600_000)))
    found = of(path)
    assert not found.is_exact
    assert found.sampled_rows < 400_000
    assert found.row_count is not None
    assert abs(found.row_count - 600_000) < 60_000


def test_rejects_of_the_first_rows_are_told() -> None:
    """A plan warns of what a run would reject, and writes no file."""
    found = of("orders_bad.csv", rejects_file="r.ndjson")
    assert (found.sampled_rows, found.sampled_rejects) == (203, 3)
    assert not Path("r.ndjson").exists()


def test_the_command() -> None:
    """Lines on stdout, notes on stderr, and nothing is run."""
    command = CommandLine()
    assert command("plan", str(TESTDATA / "orders.csv"), "--rate", "500", "--show", "1") == 0
    lines = command.stdout.getvalue().decode().splitlines()
    assert lines[1] == "  records     2,000 records · 117.5 bytes each (key 0.0) · about 230 KiB"
    assert lines[5] == "  rate        500/s · takes 4 s"
    assert lines[6].startswith("  note        ")
    assert "row 0 of" in lines[8]
    assert command.configs == command.dry_configs == []


def test_the_command_with_full_reads_everything() -> None:
    """--full goes on with what run --dry-run does, and has its exit code."""
    command = CommandLine()
    assert command("plan", str(TESTDATA / "orders.csv"), "--full") == 0
    assert len(command.dry_configs) == 1


def test_the_command_refuses_as_run_does() -> None:
    """The same words for the same mistakes."""
    command = CommandLine()
    assert command("plan", "missing.csv", "--rate", "x") == 2
    assert command("plan", str(TESTDATA / "orders.csv"), "--show", "-1") == 2
