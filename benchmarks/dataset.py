"""The measured dataset: orders with ten nullable columns, about 109 bytes each as Avro; the same on every machine.

Made once into ``.bench/`` of the checkout (git ignores it) as Parquet, CSV and NDJSON, with the writers' own defaults:
snappy, dictionaries where they are small enough. Two of the four string columns have few distinct values, two have
millions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent.parent / ".bench"
_SEED = 20_240_101
_NULL_SHARE = 0.05
_CHUNK_ROWS = 250_000
_CITIES = ("Amsterdam", "Berlin", "Cairo", "Rio de Janeiro", "Ulaanbaatar", "Toronto", "Quito", "Osaka")
_PLACES = ("at the door", "with a neighbour", "in the garage", "behind the house", "at the shop")
_EPOCH_US = 1_704_067_200_000_000
_FORMAT_VERSION = 1
"""Raised when the rows change, so that an older file is not taken for this one."""

_TYPES: tuple[tuple[str, Any], ...] = (
    ("order_id", "long"),
    ("customer", "string"),
    ("amount", "double"),
    ("quantity", "int"),
    ("paid", "boolean"),
    ("placed", {"type": "long", "logicalType": "timestamp-micros"}),
    ("sku", "string"),
    ("city", "string"),
    ("note", "string"),
    ("score", "double"),
)
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": name, "type": ["null", kind], "default": None} for name, kind in _TYPES],
}


def _padded(prefix: str, numbers: np.ndarray[Any, Any], width: int) -> Any:
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _chunk(first: int, count: int) -> pa.RecordBatch:
    random = np.random.default_rng((_SEED, first))
    notes = [f"left {_PLACES[k % len(_PLACES)]} {k:04}" for k in range(2000)]
    columns = {
        "order_id": pa.array(np.arange(first, first + count) + (1 << 38)),
        "customer": _padded("customer-", random.integers(0, 10**7, count), 7),
        "amount": pa.array(np.round(random.random(count) * 100, 2)),
        "quantity": pa.array(random.integers(0, 1000, count).astype(np.int32)),
        "paid": pa.array(random.random(count) < 0.5),
        "placed": pa.array(_EPOCH_US + np.sort(random.integers(0, 10**13, count)), pa.timestamp("us", "UTC")),
        "sku": _padded("SKU-", random.integers(0, 10**8, count), 8),
        "city": pa.array(_CITIES).take(random.integers(0, len(_CITIES), count)),
        "note": pa.array(notes).take(random.integers(0, len(notes), count)),
        "score": pa.array(np.round(random.random(count), 6)),
    }
    is_null = random.random((len(columns), count)) < _NULL_SHARE
    arrays = [
        pc.if_else(pa.array(mask), pa.scalar(None, column.type), column)
        for mask, column in zip(is_null, columns.values(), strict=True)
    ]
    return pa.record_batch(arrays, names=list(columns))


def _chunks(row_count: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, row_count, _CHUNK_ROWS):
        yield _chunk(first, min(_CHUNK_ROWS, row_count - first))


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Timestamps as ISO 8601 text with a Z, as CSV and JSON files have them."""
    index = batch.schema.get_field_index("placed")
    moments: Any = batch.column(index)
    texts = pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ")
    return batch.set_column(index, "placed", texts)


def _write_parquet(path: Path, row_count: int) -> None:
    pq.write_table(pa.Table.from_batches(_chunks(row_count)), path)


def _write_csv(path: Path, row_count: int) -> None:
    batches = (_as_text(batch) for batch in _chunks(row_count))
    pyarrow.csv.write_csv(pa.Table.from_batches(batches), path, pyarrow.csv.WriteOptions(quoting_style="needed"))


def _write_ndjson(path: Path, row_count: int) -> None:
    with path.open("wb") as file:
        for batch in _chunks(row_count):
            file.writelines(orjson.dumps(row) + b"\n" for row in _as_text(batch).to_pylist())


_WRITERS = {"parquet": _write_parquet, "csv": _write_csv, "ndjson": _write_ndjson}


def dataset_path(kind: str, row_count: int) -> Path:
    """The file of ``row_count`` rows as ``parquet``, ``csv`` or ``ndjson``, made if it is not there yet."""
    path = FOLDER / f"orders-v{_FORMAT_VERSION}-{row_count}.{kind}"
    if not path.exists():
        print(f"making {path.name} (once)", flush=True)
        FOLDER.mkdir(exist_ok=True)
        fresh = path.with_name(f"new-{path.name}")
        _WRITERS[kind](fresh, row_count)
        fresh.replace(path)
    return path


def schema_path() -> Path:
    """The Avro schema as a file."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "order.avsc"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    return path


def warm_cache(path: Path) -> None:
    """Read a file once, so that no contender pays for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
