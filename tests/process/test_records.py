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
