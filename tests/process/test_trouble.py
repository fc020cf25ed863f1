"""Brokers that fail, stall or fall silent, and places that cannot be written: what a run makes of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from replayer.kafka.embedded import ApiKey, MockCluster
from tests.process.conftest import PARTITIONS, ROWS, Destination, Readings
from tests.process.running import Event, Running, environment_without_services
from tests.process.test_deaths import assert_honest
from tests.process.test_whole_path import assert_complete, decoded, found_in
from tests.waiting import wait_for

pytestmark = pytest.mark.process

NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, INVALID_RECORD = 6, 7, 19, 87


@pytest.fixture
def own_cluster() -> Iterator[MockCluster]:
    """A cluster for this test alone, which it may break for good."""
    with MockCluster() as cluster:
        cluster.create_topic("t", PARTITIONS)
        yield cluster


@pytest.mark.parametrize("producer", ["native", "portable"])
def test_case_28_errors_that_pass(readings: Readings, destination: Destination, producer: str) -> None:
    """Not leader, timed out, too few replicas, on every partition: all delivered, none twice, order per key kept."""
    errors = [0, NOT_LEADER_FOR_PARTITION, 0, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, 0, REQUEST_TIMED_OUT]
    for partition in range(PARTITIONS):
        destination.cluster.push_partition_errors(destination.topic, partition, ApiKey.PRODUCE, errors)
    words = ["--schema", readings.schema_path, "--key", "device", "--workers", "2", "--producer", producer]
    small = ["-X", "batch.num.messages=200", "-X", "retry.backoff.ms=20", "-X", "retry.backoff.max.ms=50"]
    with Running([readings.path, *destination.words, *words, *small]) as running:
        code, report = running.finish()
    assert code == 0
    assert_complete(report, ROWS)
    sequences = []
    for records in found_in(destination).by_partition.values():
        order = [decoded(record)["sequence"] for record in records]
        assert order == sorted(order)
        sequences += order
    assert sorted(sequences) == list(range(ROWS))


def test_an_error_of_one_partition_is_reported_by_file_and_row(readings: Readings, destination: Destination) -> None:
    """The broker refuses one Kafka batch for good: the report names exactly the rows that the topic lacks."""
    destination.cluster.push_partition_errors(destination.topic, 3, ApiKey.PRODUCE, [0, INVALID_RECORD])
    words = ["--schema", readings.schema_path, "--key", "device", "-X", "batch.num.messages=100"]
    with Running([readings.path, *destination.words, *words]) as running:
        code, report = running.finish()
    assert code == 6
    ledger = report.ledger
    assert ledger.faults == ()
    assert (ledger.failed, ledger.unknown, ledger.not_sent) == (100, 0, 0)
    assert ledger.broker_confirmed == ledger.delivered == ROWS - 100
    assert {(one.file, one.partition, one.outcome) for one in report.failures} == {(readings.path, 3, "failed")}
    reported = {row for one in report.failures for row in range(one.first_row, one.last_row + 1)}
    there = {
        decoded(record)["sequence"] for records in found_in(destination).by_partition.values() for record in records
    }
    assert reported == set(range(ROWS)) - there
    assert report.failures_not_listed == 0


def test_case_25_a_slow_broker_is_waited_for(readings: Readings, own_cluster: MockCluster) -> None:
    """The reader waits, memory stays as it is, and the report says who waited; then everything is delivered."""
    limit = 40 * ROWS
    words = ["-b", own_cluster.bootstrap, "-t", "t", "--loop", "--max-records", str(limit), "--workers", "2"]
    with Running([readings.path, *words, "-X", "batch.num.messages=100"]) as running:
        running.wait_until_delivering()
        own_cluster.set_round_trip_ms(1, 1_500)
        first = running.wait_for_snapshot(_stands_still(running), "a reader that waits")
        before = {process.pid: process.rss_bytes for process in running.children()}
        number = running.snapshots.index(first)
        running.wait_for_snapshot(
            lambda event: event["elapsed_ns"] - first["elapsed_ns"] > 10**9, "a second", first=number
        )
        for process in running.children():
            assert process.rss_bytes - before[process.pid] < 4 << 20
        own_cluster.set_round_trip_ms(1, 0)
        code, report = running.finish()
    assert code == 0
    assert_complete(report, limit)
    assert max(worker.reader_waited_ns for worker in report.workers) > 500_000_000


def _stands_still(running: Running) -> Callable[[Event], bool]:
    def stands_still(event: Event) -> bool:
        number = running.snapshots.index(event)
        earlier = running.snapshots[max(0, number - 2)]
        return event["encoded"] == earlier["encoded"] and event["in_flight"] > 0 and number > 2

    return stands_still


@pytest.mark.parametrize("producer", ["native", "portable"])
def test_case_25_a_full_queue_is_waited_for(readings: Readings, destination: Destination, producer: str) -> None:
    """With room for 500 records in the client's queue: nothing lost, nothing twice, order kept, and it is counted."""
    words = ["--schema", readings.schema_path, "--key", "device", "--producer", producer]
    full = ["-X", "queue.buffering.max.messages=500"]
    with Running([readings.path, *destination.words, *words, *full]) as running:
        code, report = running.finish()
    assert code == 0
    assert_complete(report, ROWS)
    assert sum(worker.queue_full_count for worker in report.workers) > 0
    for records in found_in(destination).by_partition.values():
        order = [decoded(record)["sequence"] for record in records]
        assert order == sorted(order)


def test_case_30_the_delivery_timeout_passes_while_the_broker_is_silent(
    readings: Readings, own_cluster: MockCluster
) -> None:
    """Sent and never answered: unknown, by row, exit 6, and the broker's end offsets lie between."""
    words = ["-b", own_cluster.bootstrap, "-t", "t", "--rate", "2k", "--max-records", "4000", "--workers", "2"]
    with Running([readings.path, *words, "-X", "message.timeout.ms=1000"]) as running:
        running.wait_until_delivering(500)
        own_cluster.set_round_trip_ms(1, 60_000)
        running.wait_for_snapshot(lambda event: event["unknown"] > 0, "unknown records")
        own_cluster.set_round_trip_ms(1, 0)
        code, report = running.finish()
    assert code == 6
    assert_honest(report)
    ledger = report.ledger
    assert ledger.unknown > 0
    assert ledger.delivered + ledger.failed + ledger.unknown == 4_000
    assert {one.outcome for one in report.failures} <= {"unknown", "failed"}
    assert sum(one.last_row - one.first_row + 1 for one in report.failures) == ledger.failed + ledger.unknown
    assert any("records were delivered" in problem.message for problem in report.problems)


def test_case_30_the_delivery_timeout_passes_while_the_broker_is_down(
    readings: Readings, own_cluster: MockCluster
) -> None:
    """What could not even be sent surely is not there: failed, exit 6; when the broker is back the run goes on."""
    words = ["-b", own_cluster.bootstrap, "-t", "t", "--rate", "2k", "--max-records", "6000", "--key", "sequence"]
    fast = ["-X", "message.timeout.ms=1000", "-X", "reconnect.backoff.max.ms=100"]
    with Running([readings.path, *words, *fast]) as running:
        running.wait_until_delivering(500)
        own_cluster.set_broker_down()
        running.wait_for_snapshot(lambda event: event["failed"] > 100, "failed records")
        own_cluster.set_broker_up()
        code, report = running.finish()
    assert code == 6
    assert_honest(report)
    ledger = report.ledger
    assert ledger.failed > 100
    assert ledger.delivered > 500
    assert ledger.proof == "exclusive"
    assert report.notes


@pytest.mark.parametrize("rate", ["max", "50k"])
def test_case_19_what_lies_before_the_damage_is_delivered(
    readings: Readings, destination: Destination, tmp_path: Path, rate: str
) -> None:
    """A row group that cannot be read ends the run with file and row; all rows in front of it are on the broker."""
    damaged = tmp_path / "damaged.parquet"
    content = bytearray(Path(readings.path).read_bytes())
    start = parquet.ParquetFile(readings.path).metadata.row_group(2).column(2).data_page_offset
    content[start + 40 : start + 2_000] = b"\xff" * 1_960
    damaged.write_bytes(content)
    with Running([str(damaged), *destination.words, "--rate", rate, "--workers", "2"]) as running:
        code, report = running.finish()
    assert code == 2
    assert report.outcome == "failed"
    assert "damaged.parquet" in report.problems[0].message
    assert "10,000" in report.problems[0].message
    assert_complete(report, 10_000)


@pytest.fixture
def barren(readings: Readings, tmp_path: Path) -> Iterator[Path]:
    """A folder with the dataset in it that nobody can write to."""
    folder = Path(shutil.copytree(Path(readings.path).parent, tmp_path / "barren"))
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def without_caches() -> dict[str, str]:
    """An environment that names no place to keep anything."""
    environment = environment_without_services()
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        environment.pop(name, None)
    return environment


def test_case_44_a_read_only_folder_and_no_home(barren: Path) -> None:
    """Nothing can be written but the temporary folder, and there is no HOME: it works, and leaves nothing behind."""
    before = sorted(barren.iterdir())
    temporary = barren.parent / "temporary"
    temporary.mkdir()
    environment = without_caches() | {"TMPDIR": str(temporary)}
    words = ["readings.parquet", "-t", "t", "--workers", "1"]
    with Running(words, environment, barren, is_mortal=True) as running:
        code, report = running.finish(timeout_s=110)
    assert code == 0, running.stderr
    assert_complete(report, ROWS)
    assert sorted(barren.iterdir()) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("home", ["", "barren", "missing/home"])
def test_case_44_a_home_that_cannot_be_written(barren: Path, home: str) -> None:
    """A HOME that is empty, read-only or not there is no better and no worse than none."""
    environment = without_caches() | {"HOME": home and str(barren.parent / home), "TMPDIR": str(barren.parent)}
    if home == "missing/home":
        environment["HOME"] = str(barren / "home")
    with Running(["readings.parquet", "-t", "t", "--dry-run"], environment, barren, is_mortal=True) as running:
        code, _ = running.finish(timeout_s=110)
    assert code == 0, running.stderr


def test_case_44_a_rejects_file_in_a_read_only_folder(barren: Path) -> None:
    """Exit 2 with the path, before anything is sent."""
    target = barren / "rejects.ndjson"
    words = ["readings.parquet", "-t", "t", "--rejects-file", str(target)]
    with Running(words, cwd=barren, is_mortal=True) as running:
        assert running.process.wait(60) == 2
        wait_for(lambda: str(target) in running.stderr, "the path")
        assert running.snapshots == []
        running.assert_nothing_left()
