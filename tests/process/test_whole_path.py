"""From a file to a topic through all processes: every record, in order, exactly as many as asked for."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from replayer.report.model import RunReport
from tests.process.conftest import PARTITIONS, ROWS, SCHEMA, Destination, Readings
from tests.process.running import Running
from tests.unit.kafka.records import Given, ReadBack, partition_by_librdkafka, read_back

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*words: str) -> tuple[int, RunReport]:
    with Running(words) as running:
        return running.finish()


def decoded(record: Given) -> dict[str, Any]:
    """The row of a record: magic byte, schema id, Avro."""
    assert record.value[0] == 0
    row = fastavro.schemaless_reader(io.BytesIO(record.value[5:]), SCHEMA)
    assert isinstance(row, dict)
    return row


def found_in(destination: Destination) -> ReadBack:
    return read_back(destination.cluster.bootstrap, destination.topic, PARTITIONS)


def assert_complete(report: RunReport, count: int) -> None:
    """All delivered, proved by the broker, and the books of each worker agree with those of the partitions."""
    ledger = report.ledger
    assert ledger.faults == ()
    assert ledger.is_complete
    assert (ledger.delivered, ledger.broker_confirmed, ledger.proof) == (count, count, "exclusive")
    assert sum(worker.delivered for worker in report.workers) == count
    sizes = [partition.delivered_bytes for partition in report.partitions]
    assert report.value_bytes + report.key_bytes == sum(sizes)


@pytest.mark.parametrize("worker_count", [1, 2, 3])
def test_same_key_same_partition_same_order_for_any_number_of_workers(
    readings: Readings, destination: Destination, worker_count: int
) -> None:
    """Every row arrives once, where its key belongs, in the order of the file; no worker idles."""
    words = ["--schema", readings.schema_path, "--key", "device", "--workers", str(worker_count)]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, ROWS)
    assert len(report.workers) == worker_count
    assert all(worker.delivered for worker in report.workers)
    found = found_in(destination)
    rows = {partition: [decoded(record) for record in records] for partition, records in found.by_partition.items()}
    sequences = sorted(row["sequence"] for of_partition in rows.values() for row in of_partition)
    assert sequences == list(range(ROWS))
    for partition, of_partition in rows.items():
        order = [row["sequence"] for row in of_partition]
        assert order == sorted(order)
        for row, record in zip(of_partition, found.by_partition[partition], strict=True):
            assert record.key == row["device"].encode() == readings.devices[row["sequence"]].encode()
            assert row["note"] == f"note number {row['sequence']}"
            assert partition == partition_by_librdkafka(record.key or b"", PARTITIONS)


@pytest.mark.parametrize(("producer", "worker_count"), [("native", 1), ("native", 3), ("portable", 2)])
def test_keyless_records_are_balanced(
    readings: Readings, destination: Destination, producer: str, worker_count: int
) -> None:
    """Without a key no partition gets more than one run of 16 KiB more than another, through either producer."""
    words = ["--schema", readings.schema_path, "--workers", str(worker_count), "--producer", producer]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, ROWS)
    assert report.producer is not None
    assert report.producer.name == producer
    sizes = [partition.delivered_bytes for partition in report.partitions]
    assert max(sizes) - min(sizes) <= 16_384 + 1_000  # a run, and the record that each run of the others was cut at
    found = found_in(destination)
    assert {record.key for records in found.by_partition.values() for record in records} == {None}
    for records in found.by_partition.values():
        order = [decoded(record)["sequence"] for record in records]
        assert order == sorted(order)


@pytest.mark.parametrize("worker_count", [1, 2, 3])
def test_max_records_is_exact(readings: Readings, destination: Destination, worker_count: int) -> None:
    """Counted over all loops: the last RecordBatch is cut, and not one record more is sent."""
    limit = 2 * ROWS + 4_321
    words = ["--loop", "--max-records", str(limit), "--workers", str(worker_count), "--key", "device"]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, limit)
    assert report.ledger.source.rows_read == limit
    assert report.dataset.loops_finished == 2


def test_loops_repeat_the_dataset(readings: Readings, destination: Destination) -> None:
    """Three times the rows, the key's order kept over the seams."""
    words = ["--loops", "3", "--schema", readings.schema_path, "--key", "device", "--workers", "2"]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, 3 * ROWS)
    assert report.dataset.loops_finished == 3
    by_device: dict[str, list[int]] = {}
    for records in found_in(destination).by_partition.values():
        for record in records:
            row = decoded(record)
            by_device.setdefault(row["device"], []).append(row["sequence"])
    for sequences in by_device.values():
        once = sequences[: len(sequences) // 3]
        assert once == sorted(once)
        assert sequences == once * 3


def test_a_paced_duration_holds_its_exact_count(readings: Readings, destination: Destination) -> None:
    """2,000/s for 1.5 s are 3,000 records, none before its time, the last 0.5 ms before the end."""
    words = ["--rate", "2k", "--duration", "1500ms", "--loop", "--workers", "2"]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, 3_000)
    assert report.lag is not None
    assert report.lag.min_ns >= 0
    assert report.latency is not None
    assert report.latency.count == 3_000
    assert report.achieved_rate_per_s == pytest.approx(2_000, rel=0.01)
    counts = [partition.delivered for partition in report.partitions]
    assert max(counts) - min(counts) <= 20  # keyless: 10 ms of records


def test_case_41_rate_7_over_three_workers(readings: Readings, destination: Destination) -> None:
    """14 records in 2 s, the first at once: each within a wake of its due time, whoever sends it."""
    words = ["--rate", "7", "--duration", "2s", "--workers", "3", "--key", "device"]
    code, report = run(readings.path, *destination.words, *words)
    assert code == 0
    assert_complete(report, 14)
    assert report.lag is not None
    assert report.lag.p50_ns < 3_000_000
    stamps = sorted(
        record.timestamp_ms or 0 for records in found_in(destination).by_partition.values() for record in records
    )
    assert len(stamps) == 14
    for number, stamp in enumerate(stamps):
        assert stamp - stamps[0] == pytest.approx(number * 1000 / 7, abs=60)  # a busy machine may hold up a wake


def test_an_unpaced_duration_ends_by_itself(readings: Readings) -> None:
    """At max for half a second: whole books, exit 0."""
    code, report = run(readings.path, "-t", "t", "--duration", "500ms", "--loop")
    assert code == 0
    ledger = report.ledger
    assert ledger.faults == ()
    assert ledger.delivered == ledger.handed_over > ROWS
    assert ledger.failed == ledger.unknown == 0
    assert 0.4e9 < report.duration_ns < 3e9


def test_more_workers_than_partitions_are_sent_home(readings: Readings, folder: Path) -> None:
    """A partition has one owner, so spare workers end at once and the run is as good without them."""
    code, report = run(readings.path, "-t", "t", "--create-topic", "partitions=2", "--workers", "3")
    assert code == 0
    assert_complete(report, ROWS)
    assert (len(report.workers), len(report.partitions)) == (2, 2)


@pytest.mark.parametrize("name", ["orders_bad.csv", "orders_bad.ndjson"])
def test_rejected_rows_are_kept_with_their_places(folder: Path, name: str) -> None:
    """Exit 5: what fits is delivered, what does not lies in the rejects file by row and reason."""
    kept = folder / "rejects.ndjson"
    code, report = run(str(ROOT / "testdata" / name), "-t", "t", "--rejects-file", str(kept), *schema_for(name))
    assert code == 5
    ledger = report.ledger
    assert ledger.faults == ()
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(lines) == ledger.source.rejected == sum(reject.count for reject in report.rejects) > 0
    assert ledger.delivered == ledger.source.encoded == ledger.source.rows_read - len(lines) > 0
    assert {line["file"] for line in lines} == {str(ROOT / "testdata" / name)}
    assert all(line["reason"] and line["row"] >= 0 for line in lines)


def schema_for(name: str) -> list[str]:
    path = ROOT / "testdata" / "orders.avsc"
    return ["--schema", str(path)] if path.exists() else []


def test_case_24_a_record_larger_than_the_topic_takes_is_rejected(folder: Path, destination: Destination) -> None:
    """Told by row and size, before it takes a place in the schedule; all the others are delivered."""
    rows = [{"id": number, "text": "x" * (5_000 if number in (3, 700) else 10)} for number in range(1_000)]
    path, kept = folder / "rows.ndjson", folder / "rejects.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["-X", "message.max.bytes=4000", "--rejects-file", str(kept)]
    code, report = run(str(path), *destination.words, *words)
    assert code == 5
    ledger = report.ledger
    assert ledger.faults == ()
    assert (ledger.source.rejected, ledger.delivered, ledger.broker_confirmed) == (2, 998, 998)
    assert report.value_bytes == sum(partition.delivered_bytes for partition in report.partitions)
    assert [(reject.reason, reject.count, reject.first_row) for reject in report.rejects] == [("too_large", 2, 3)]
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(line["row"], line["reason"]) for line in lines] == [(3, "too_large"), (700, "too_large")]
