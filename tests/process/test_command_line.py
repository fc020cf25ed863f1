"""The command line as a process: what it exits with, what it writes where, and how it answers signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replayer.report.json import from_json

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parent.parent.parent
ORDERS = ROOT / "testdata" / "orders.parquet"
PROGRAM = [sys.executable, "-c", "import sys; from replayer.cli.entry import main; sys.exit(main())"]
# Services of the test run must not become the defaults of the commands under test.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("REPLAYER_", "KAFKA_")) and name != "SCHEMA_REGISTRY_URL"
}


def replayer(*words: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=timeout_s, check=False, env=ENVIRONMENT
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def two_rows(tmp_path: Path) -> str:
    path = tmp_path / "two.csv"
    path.write_text("id,name\n1,a\n2,b\n")
    return str(path)


def test_a_dataset_arrives_and_is_proved() -> None:
    """One word after run: the embedded broker, every row delivered, the books closed, one document on stdout."""
    done = replayer("run", str(ORDERS), "--output", "json")
    assert done.returncode == 0, done.stderr
    report = from_json(done.stdout)
    assert report.ledger.is_complete
    assert report.ledger.proof == "exclusive"
    assert report.ledger.delivered == report.ledger.source.rows_read == 2_000
    assert report.target is not None
    assert report.target.is_embedded
    assert "embedded broker" in done.stderr


@pytest.mark.parametrize("text", ["id,name\n", "id\n"])
def test_case_1_a_dataset_without_rows(tmp_path: Path, text: str) -> None:
    """Exit 0, nothing sent, said plainly."""
    path = tmp_path / "empty.csv"
    path.write_text(text)
    done = replayer("run", str(path))
    assert done.returncode == 0, done.stderr
    assert "the dataset has no rows: nothing was sent" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", ["missing.csv", "missing-*.csv", "."])
def test_case_2_no_dataset(tmp_path: Path, path: str) -> None:
    """Exit 2 and the pattern's name for a missing file, a glob without a match and a folder without data."""
    done = replayer("run", str(tmp_path / path), "-t", "t")
    assert done.returncode == 2
    assert str(tmp_path / path) in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_case_26_a_broker_that_refuses(two_rows: str) -> None:
    """Exit 4 within 10 s and the cause in one line."""
    started = time.monotonic()
    done = replayer("run", two_rows, "-b", f"127.0.0.1:{free_port()}")
    assert time.monotonic() - started < 10
    assert done.returncode == 4
    assert "connection refused" in done.stderr.lower().splitlines()[0]


def test_case_38_a_rejects_file_that_cannot_be_written(two_rows: str, tmp_path: Path) -> None:
    """Exit 2 and the path, before anything is sent."""
    path = tmp_path / "no" / "rejects.ndjson"
    done = replayer("run", two_rows, "--rejects-file", str(path))
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert str(path) in error
    assert "delivered" not in done.stderr


def test_case_43_a_dry_run_needs_no_broker(two_rows: str) -> None:
    """With --dry-run nobody is asked: an address where nothing listens changes nothing."""
    address = f"127.0.0.1:{free_port()}"
    done = replayer(
        "run", two_rows, "--dry-run", "-b", address, "--registry-url", f"http://{address}", "--output", "json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["outcome"], report["ledger"]["source"]["encoded"], report["ledger"]["attempted"]) == (
        "dry run",
        2,
        0,
    )


def test_a_broker_in_the_foreground_serves_a_run(two_rows: str) -> None:
    """``replayer broker`` prints its address, takes a run from another process, and ends with Ctrl-C and exit 0."""
    words = [*PROGRAM, "broker", "--topic", "two", "--partitions", "3"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT
    ) as broker:
        try:
            assert broker.stdout is not None
            address = broker.stdout.readline().strip()
            done = replayer("run", two_rows, "-b", address, "--key", "id", "--output", "json")
            assert done.returncode == 0, done.stderr
            report = from_json(done.stdout)
            assert report.target is not None
            assert (report.target.partition_count, report.ledger.delivered) == (3, 2)
        finally:
            broker.send_signal(signal.SIGINT)
        assert broker.wait(timeout=20) == 0


def test_the_first_interrupt_ends_a_run_with_a_summary() -> None:
    """Ctrl-C during a run: exit 130, the books closed, the summary shown."""
    words = [*PROGRAM, "run", str(ORDERS), "--loop", "--rate", "5k", "--output", "json", "--progress", "json"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            moment = json.loads(line)
            if moment["type"] == "progress" and moment["delivered"] > 0:
                break
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    report = from_json(stdout)
    assert report.outcome == "interrupted"
    assert report.ledger.closes
    assert report.ledger.delivered > 0
