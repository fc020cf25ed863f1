"""Standard input as a dataset: nothing of it is lost between planning and the run."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import time

import pytest

from replayer.report.json import from_json
from tests.process.test_command_line import ENVIRONMENT, ORDERS, PROGRAM

pytestmark = pytest.mark.process

_FOLDER = ORDERS.parent


def _run(content: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [*PROGRAM, "run", "-", *words]
    return subprocess.run(command, input=content, capture_output=True, timeout=60, check=False, env=ENVIRONMENT)


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz", "orders.ndjson", "orders.ndjson.zst"])
@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_what_is_piped_in_arrives(name: str, extra: tuple[str, ...]) -> None:
    """Every row that was looked at to find the schema is sent, once; format and compression are seen."""
    done = _run((_FOLDER / name).read_bytes(), "-t", "orders", "--output", "json", *extra)
    assert done.returncode == 0, done.stderr
    report = from_json(done.stdout.decode())
    assert report.ledger.source.rows_read == report.ledger.source.encoded == 2_000
    assert report.ledger.is_complete or extra


def test_more_than_planning_reads_arrives() -> None:
    """The run goes on behind the 64 MiB from which the schema is inferred."""
    line = json.dumps({"n": 1, "s": "x" * 1_000}).encode() + b"\n"
    count = (80 << 20) // len(line)
    done = _run(line * count, "-t", "t", "--output", "json")
    assert done.returncode == 0, done.stderr
    ledger = from_json(done.stdout.decode()).ledger
    assert ledger.delivered == ledger.source.rows_read == count


@pytest.mark.parametrize(
    ("content", "words", "error"),
    [
        (b"a\n1\n", ("-t", "t", "--loop"), "read once only"),
        (b"a\n1\n", ("-t", "t", "--loops", "2"), "read once only"),
        (b"a\n1\n", (), "standard input does not give the topic a name"),
        (b"a\n1\n", (str(ORDERS), "-t", "t"), "is read alone"),
        (b"PAR1", ("-t", "t"), "parquet, which is not read forwards"),
        (b"a\n1\n", ("-t", "t", "--format", "parquet"), "read forwards, and parquet is not"),
    ],
)
def test_what_standard_input_cannot_be_is_exit_2(content: bytes, words: tuple[str, ...], error: str) -> None:
    """It has no name, no second reading and no end to begin with."""
    done = _run(content, *words)
    assert done.returncode == 2
    assert error in done.stderr.decode()


def test_nothing_piped_in_is_a_dataset_without_rows() -> None:
    """Case 1: exit 0, nothing sent, said plainly."""
    done = _run(b"", "-t", "t")
    assert done.returncode == 0, done.stderr
    assert b"the dataset has no rows: nothing was sent" in done.stderr


def test_a_damaged_stream_is_delivered_up_to_there() -> None:
    """Case 19: a truncated gzip stream is an error with its place, after the rows before it."""
    content = gzip.compress((_FOLDER / "orders.csv").read_bytes())
    done = _run(content[: len(content) // 2], "-t", "t", "--output", "json")
    assert done.returncode == 2
    assert b"standard input: the gzip stream is cut off" in done.stderr
    assert 0 < from_json(done.stdout.decode()).ledger.delivered < 2_000


def test_an_interrupt_ends_a_run_that_waits_for_more() -> None:
    """A live stream starts soon, and the first Ctrl-C ends it although nothing comes to wake the reader."""
    child = subprocess.Popen(
        [*PROGRAM, "run", "-", "-t", "t", "--output", "json", "--progress", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stderr is not None
    with child:
        child.stdin.write('{"a":1}\n{"a":2}\n')
        child.stdin.flush()
        deadline = time.monotonic() + 60
        for line in child.stderr:
            assert time.monotonic() < deadline
            message = json.loads(line)
            if message["type"] == "progress" and message.get("delivered") == 2:
                break
        child.send_signal(signal.SIGINT)
        output = child.stdout.read() if child.stdout else ""
        assert child.wait(20) == 130
    assert from_json(output).ledger.delivered == 2


def test_every_row_can_be_looked_at_first() -> None:
    """With --infer full a run waits for the end of standard input, and then sends all of it."""
    with subprocess.Popen(
        [*PROGRAM, "run", "-", "-t", "t", "--infer", "full", "--output", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"a\n1\n")
        process.stdin.flush()
        time.sleep(2.5)  # longer than planning waits otherwise
        output, errors = process.communicate(b"x\n", timeout=60)
    assert process.returncode == 0, errors
    report = from_json(output.decode())
    assert (report.ledger.delivered, report.dataset.schema_origin) == (2, "inferred from every row")
