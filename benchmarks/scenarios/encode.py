"""Avro encoding in one process: the columnar encoder against fastavro with its rows ready, shape by shape."""

from __future__ import annotations

import io
import json
import statistics
import time
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa

from benchmarks.figures import AT_LEAST, Figure, Outcome, Target, ratio_figure
from benchmarks.micro.test_encode import ROW_COUNT, SHAPE_NAMES, Shape, dictionary_encoded, make_shape
from benchmarks.scenario import Bench
from replayer.encode.avro import make_encoder

_TARGETS = {"ten-nullable-columns": 50.0}
_OTHER_TARGET = 20.0
_DICTIONARY_SHAPES = ("ten-nullable-columns", "strings")
_ORDER_COUNT = 16
"""RecordBatches of the same rows in different orders, encoded in turn: with the same one again and again the processor
learns by heart which values are null, and the kernel looks faster than it is on a file."""


def _fastavro_bytes(schema: Any, rows: list[dict[str, Any]]) -> bytes:
    target, write = io.BytesIO(), fastavro.schemaless_writer
    for row in rows:
        write(target, schema, row)
    return target.getvalue()


def _shuffled(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    random = np.random.default_rng(1)
    return [batch.take(random.permutation(batch.num_rows)) for _ in range(_ORDER_COUNT)]


def _check(shape: Shape, batch: pa.RecordBatch, expected: bytes) -> None:
    encoder = make_encoder(shape.schema, b"")
    buffer, ends = np.zeros(encoder.upper_bound(batch), np.uint8), np.zeros(batch.num_rows, np.int64)
    if buffer[: encoder.encode_into(batch, buffer, ends)].tobytes() != expected:
        raise RuntimeError(f"{shape.schema.fullname}: the columnar encoder's bytes are not fastavro's")


def _fastavro_ns_per_row(schema: Any, rows: list[dict[str, Any]]) -> float:
    started_ns = time.perf_counter_ns()
    _fastavro_bytes(schema, rows)
    return (time.perf_counter_ns() - started_ns) / len(rows)


def _columnar_ns_per_row(shape: Shape, batches: list[pa.RecordBatch]) -> float:
    """The median over the RecordBatches, each bound and encoded once."""
    encoder = make_encoder(shape.schema, b"")
    buffer = np.zeros(max(encoder.upper_bound(batch) for batch in batches), np.uint8)
    ends = np.zeros(ROW_COUNT, np.int64)
    encoder.encode_into(batches[-1], buffer, ends)
    taken = []
    for batch in batches:
        started_ns = time.perf_counter_ns()
        encoder.upper_bound(batch)
        encoder.encode_into(batch, buffer, ends)
        taken.append((time.perf_counter_ns() - started_ns) / batch.num_rows)
    return statistics.median(taken)


def run(bench: Bench) -> Outcome:
    """Measure every shape; a shape whose bytes differ from fastavro's stops the scenario."""
    trial_count = bench.trial_count(7, 3)
    trials: list[dict[str, Any]] = [{} for _ in range(trial_count)]
    figures: list[Figure] = []
    for name in SHAPE_NAMES:
        shape = make_shape(name)
        parsed = fastavro.parse_schema(json.loads(shape.schema.text))
        variants = {"plain": shape.batch}
        if name in _DICTIONARY_SHAPES:
            variants["dictionaries"] = dictionary_encoded(shape.batch)
        expected = _fastavro_bytes(parsed, shape.rows)
        for batch in variants.values():
            _check(shape, batch, expected)
        shuffled = {variant: _shuffled(batch) for variant, batch in variants.items()}
        for trial in trials:
            row = {"fastavro": _fastavro_ns_per_row(parsed, shape.rows)}
            row |= {variant: _columnar_ns_per_row(shape, batches) for variant, batches in shuffled.items()}
            trial[name] = {**row, "bytes_per_row": len(expected) / ROW_COUNT}
        for variant in variants:
            slow = [trial[name]["fastavro"] for trial in trials]
            fast = [trial[name][variant] for trial in trials]
            target = Target(AT_LEAST, _TARGETS.get(name, _OTHER_TARGET)) if variant == "plain" else None
            label = name if variant == "plain" else f"{name}, strings by dictionary"
            figures.append(ratio_figure(label, slow, fast, target, "ns/row"))
            bench.say(f"{label:45} {figures[-1].median:6.0f} ×")
    settings = {"rows": ROW_COUNT, "orders": _ORDER_COUNT}
    return Outcome(settings, trials, figures)
