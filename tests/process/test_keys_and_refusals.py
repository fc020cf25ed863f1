"""Keys of every kind, and a broker that begins to refuse: cases 22 and 27 of the edges."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from replayer.kafka.embedded import ApiKey
from tests.process.conftest import Destination, Readings
from tests.process.running import Running
from tests.process.test_whole_path import assert_complete, found_in, run

pytestmark = pytest.mark.process

TOPIC_AUTHORIZATION_FAILED = 29


def test_case_22_a_missing_key_column_is_a_configuration_error(readings: Readings, destination: Destination) -> None:
    """It ends the command before anything is sent, naming the columns there are and the likely one."""
    with Running([readings.path, *destination.words, "--key", "devise"]) as running:
        assert running.process.wait(30) == 2
    assert "no column 'devise'" in running.stderr
    assert "did you mean 'device'?" in running.stderr
    assert not any(found_in(destination).by_partition.values())


KEY_CASES = [
    ("text", ["a", "", None, "ü"], [b"a", b"", None, "ü".encode()]),
    ("number", [1, -7, None, 0], [b"1", b"-7", None, b"0"]),
    ("text,number", ["a", "", None, 'q"'], [b'["a",1]', b'["",-7]', b"[null,null]", b'["q\\"",0]']),
]


@pytest.mark.parametrize(("columns", "texts", "expected"), KEY_CASES, ids=["text", "number", "both"])
def test_case_22_null_empty_and_composite_keys(
    destination: Destination,
    tmp_path: Path,
    columns: str,
    texts: list[str | int | None],
    expected: list[bytes | None],
) -> None:
    """A null key column makes a keyless record, an empty text an empty key; several columns make a JSON array."""
    text = texts if columns != "number" else ["a", "", None, "ü"]
    table = pa.table({"text": text, "number": pa.array([1, -7, None, 0], pa.int64())})
    parquet.write_table(table, tmp_path / "keys.parquet")
    code, report = run(str(tmp_path / "keys.parquet"), *destination.words, "--key", columns)
    assert code == 0, report.problems
    assert_complete(report, 4)
    found = [record.key for records in found_in(destination).by_partition.values() for record in records]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_case_27_a_refusal_in_the_middle_is_counted_and_exit_4(readings: Readings, destination: Destination) -> None:
    """Once the broker says TOPIC_AUTHORIZATION_FAILED, what it refused is failed by row; the exit code says why."""
    words = [readings.path, *destination.words, "--rate", "5k", "--max-records", "15k"]
    with Running(words) as running:
        running.wait_until_delivering(1_000)
        destination.cluster.push_request_errors(ApiKey.PRODUCE, [TOPIC_AUTHORIZATION_FAILED] * 20)
        code, report = running.finish()
    destination.cluster.clear_request_errors(ApiKey.PRODUCE)
    assert code == 4
    assert report.ledger.faults == ()
    assert report.ledger.failed > 0
    assert report.ledger.unknown == 0
    assert report.ledger.delivered + report.ledger.failed == 15_000
    assert {one.error for one in report.failures} == {"Broker: Topic authorization failed"}
    rows = sum(one.last_row - one.first_row + 1 for one in report.failures)
    assert rows + report.failures_not_listed == report.ledger.failed
