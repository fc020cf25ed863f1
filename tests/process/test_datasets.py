"""Datasets that cannot be read to their end: what went before is delivered."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from replayer.report.json import from_json
from tests.process.test_command_line import ENVIRONMENT, ORDERS, PROGRAM, replayer

pytestmark = pytest.mark.process


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.ndjson.zst"])
def test_case_19_what_went_before_the_damage_is_delivered(tmp_path: Path, name: str) -> None:
    """Case 19: a compressed file that is cut off is exit 2 with its place, after every whole row before that."""
    content = (ORDERS.parent / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    done = replayer("run", str(tmp_path / name), "--output", "json")
    assert done.returncode == 2, done.stderr
    assert f"{name}: the " in done.stderr
    assert "is cut off after" in done.stderr
    ledger = from_json(done.stdout).ledger
    assert 0 < ledger.delivered == ledger.source.encoded < 2_000
    assert ledger.closes


def test_case_20_a_file_that_grows_stops_the_run(tmp_path: Path) -> None:
    """Case 20: exit 2 naming the file, with all that was read from it delivered."""
    path = tmp_path / "orders.csv"
    shutil.copy(ORDERS.parent / "orders.csv", path)
    words = ["run", str(path), "--rate", "1000", "--output", "json", "--progress", "json"]
    child = subprocess.Popen(
        [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    assert child.stdout is not None
    assert child.stderr is not None
    with child:
        talk = (json.loads(line) for line in child.stderr)
        next(message for message in talk if message["type"] == "progress" and message["delivered"] > 0)
        with path.open("a") as stream:
            stream.write("\n")
        problems = [message for message in talk if message["type"] == "problem"]
        report = from_json(child.stdout.read())
    assert child.returncode == 2
    assert "orders.csv changed during the run: it grew" in json.dumps(problems)
    assert report.ledger.delivered == report.ledger.source.encoded == 2_000
