"""Datasets that cannot be read to their end: what went before is delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from replayer.report.json import from_json
from tests.process.test_command_line import ORDERS, replayer

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
