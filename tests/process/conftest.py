"""Datasets and clusters for tests with real processes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from replayer.kafka.embedded import ALL_BROKERS, MockCluster

ROWS = 20_000
KEYS = 500
PARTITIONS = 6
SCHEMA = {
    "type": "record",
    "name": "Reading",
    "fields": [
        {"name": "device", "type": "string"},
        {"name": "sequence", "type": "long"},
        {"name": "note", "type": "string"},
    ],
}


@dataclass(frozen=True)
class Readings:
    """A Parquet file of ROWS rows; ``sequence`` counts them, ``device`` is one of KEYS."""

    path: str
    schema_path: str
    devices: list[str]


@pytest.fixture(scope="session")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    folder = tmp_path_factory.mktemp("readings")
    random = np.random.default_rng(7)
    devices = [f"device-{number}" for number in random.integers(0, KEYS, ROWS)]
    notes = [f"note number {number}" for number in range(ROWS)]
    table = pa.table({"device": devices, "sequence": np.arange(ROWS), "note": notes})
    parquet.write_table(table, folder / "readings.parquet", row_group_size=5_000)
    (folder / "reading.avsc").write_text(json.dumps(SCHEMA))
    return Readings(str(folder / "readings.parquet"), str(folder / "reading.avsc"), devices)


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        yield cluster


_numbers = itertools.count()


@dataclass(frozen=True)
class Destination:
    """A topic of its own on a cluster in the test's process, which the test can make fail."""

    cluster: MockCluster
    topic: str

    @property
    def words(self) -> list[str]:
        return ["-b", self.cluster.bootstrap, "-t", self.topic]


@pytest.fixture
def destination(shared_cluster: MockCluster) -> Iterator[Destination]:
    topic = f"readings-{next(_numbers)}"
    shared_cluster.create_topic(topic, PARTITIONS)
    yield Destination(shared_cluster, topic)
    shared_cluster.set_round_trip_ms(ALL_BROKERS, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to work in."""
    return tmp_path
