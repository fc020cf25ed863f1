"""JSON encoding: ``orjson.dumps`` with its rows ready, row by row, against the columnar encoder with a bind per call.

    pytest benchmarks/micro/test_json.py --benchmark-group-by=param:shape

The shapes are those of test_encode.py without what orjson has no word for; nothing timed is asserted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from benchmarks.micro.test_encode import ROW_COUNT, Shape, dictionary_encoded, make_shape
from replayer.encode.json import make_json_encoder

SHAPE_NAMES = ("ten-nullable-columns", "strings", "nested-records", "arrays", "maps")


def _by_row(rows: list[dict[str, Any]]) -> bytes:
    return b"".join([orjson.dumps(row, option=orjson.OPT_UTC_Z) for row in rows])


def _columnar(shape: Shape, batch: pa.RecordBatch) -> Callable[[], memoryview]:
    encoder = make_json_encoder(shape.schema, b"")
    assert encoder.name == "columnar"
    buffer = np.zeros(encoder.upper_bound(batch), dtype=np.uint8)
    ends = np.zeros(batch.num_rows, dtype=np.int64)

    def encode() -> memoryview:
        return memoryview(buffer)[: encoder.encode_into(batch, buffer, ends)]

    return encode


def _note(benchmark: Any, byte_count: int) -> None:
    if benchmark.stats is None:  # --benchmark-disable
        return
    benchmark.extra_info["ns_per_row"] = round(benchmark.stats.stats.min / ROW_COUNT * 1e9, 1)
    benchmark.extra_info["bytes_per_row"] = round(byte_count / ROW_COUNT, 1)


def _is_comparable(shape: str) -> bool:
    """orjson leaves out the microseconds of a whole second, we never do."""
    return shape != "ten-nullable-columns"


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_orjson(benchmark: Any, shape: str) -> None:
    """The reference: one call per row, the rows made beforehand."""
    written = benchmark.pedantic(_by_row, (make_shape(shape).rows,), rounds=20, warmup_rounds=2)
    _note(benchmark, len(written))


@pytest.mark.parametrize("shape", ["ten-nullable-columns", "strings", "nested-records", "arrays"])
def test_orjson_from_columns(benchmark: Any, shape: str) -> None:
    """The ordinary way from a RecordBatch: its rows made by ``to_pylist``, then one call per row."""
    batch = make_shape(shape).batch
    written = benchmark.pedantic(lambda: _by_row(batch.to_pylist()), rounds=5, warmup_rounds=1)
    _note(benchmark, len(written))


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_columnar(benchmark: Any, shape: str) -> None:
    """Bind and loop, plain string columns."""
    made = make_shape(shape)
    written = benchmark.pedantic(_columnar(made, made.batch), rounds=50, warmup_rounds=3)
    _note(benchmark, len(written))
    assert not _is_comparable(shape) or bytes(written) == _by_row(made.rows)


@pytest.mark.parametrize("shape", ["ten-nullable-columns", "strings"])
def test_columnar_from_dictionaries(benchmark: Any, shape: str) -> None:
    """Bind and loop, strings written once per distinct value and copied per row."""
    made = make_shape(shape)
    written = benchmark.pedantic(_columnar(made, dictionary_encoded(made.batch)), rounds=50, warmup_rounds=3)
    _note(benchmark, len(written))
    assert not _is_comparable(shape) or bytes(written) == _by_row(made.rows)
