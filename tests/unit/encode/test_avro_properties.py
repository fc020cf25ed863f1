"""The columnar encoder against fastavro, over schemas, rows and slices that hypothesis thinks of."""

from __future__ import annotations

import decimal
import itertools
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replayer.encode.avro import make_encoder
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import Record, parse_schema

Draw = Callable[[st.SearchStrategy[Any]], Any]
Typed = tuple[Any, st.SearchStrategy[Any]]

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)
TEXT = st.text(max_size=80) | st.text(min_size=60, max_size=70, alphabet="aé€")


def logical(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "logicalType": name}


LEAVES: list[Typed] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", INT),
    ("long", LONG),
    ("float", st.floats(width=32)),
    ("double", st.floats()),
    ("bytes", st.binary(max_size=80)),
    ("string", TEXT),
    (logical("int", "date"), INT),
    (logical("int", "time-millis"), st.integers(0, 86_399_999)),
    (logical("long", "time-micros"), st.integers(0, 86_399_999_999)),
    (logical("long", "timestamp-millis"), LONG),
    (logical("long", "timestamp-micros"), LONG),
    (logical("long", "timestamp-nanos"), LONG),
    (logical("long", "local-timestamp-millis"), LONG),
    (logical("long", "local-timestamp-micros"), LONG),
    (logical("string", "uuid"), st.builds(str, st.uuids())),
]


def decimals(precision: int, scale: int) -> st.SearchStrategy[decimal.Decimal]:
    digits = st.integers(0, 10**precision - 1) | st.integers(0, min(300, 10**precision - 1))
    return st.builds(
        lambda negative, number: decimal.Decimal((int(negative and number > 0), tuple(map(int, str(number))), -scale)),
        st.booleans(),
        digits,
    )


def draw_leaf(draw: Draw, names: Any) -> Typed:
    choice = draw(st.integers(0, len(LEAVES) + 3))
    if choice < len(LEAVES):
        return LEAVES[choice]
    name = f"N{next(names)}"
    if choice == len(LEAVES):
        symbols = [f"S{index}" for index in range(draw(st.integers(1, 70)))]
        return {"type": "enum", "name": name, "symbols": symbols}, st.sampled_from(symbols)
    if choice == len(LEAVES) + 1:
        size = draw(st.sampled_from([1, 3, 16, 33, 70]))
        return {"type": "fixed", "name": name, "size": size}, st.binary(min_size=size, max_size=size)
    precision = draw(st.integers(1, 76))
    kind = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": draw(st.integers(0, precision))}
    if choice == len(LEAVES) + 2:
        least = next(size for size in range(1, 40) if math.floor(math.log10(2) * (8 * size - 1)) >= precision)
        kind |= {"type": "fixed", "name": name, "size": least + draw(st.integers(0, 9))}
    return kind, decimals(precision, kind["scale"])


def draw_type(draw: Draw, names: Any, depth: int) -> Typed:
    """A schema as JSON, and a strategy for its values as fastavro takes them."""
    shape = draw(st.sampled_from(["leaf", "leaf", "leaf", "array", "map", "record"] if depth else ["leaf"]))
    if shape == "leaf":
        kind, values = draw_leaf(draw, names)
    elif shape == "record":
        kind, values = draw_record(draw, names, depth - 1, most=3)
    else:
        item, values = draw_type(draw, names, depth - 1)
        if shape == "array":
            kind, values = {"type": "array", "items": item}, st.lists(values, max_size=4)
        else:
            kind, values = {"type": "map", "values": item}, st.dictionaries(st.text(max_size=9), values, max_size=4)
    if isinstance(kind, list) or kind == "null" or draw(st.booleans()):
        return kind, values
    return draw(st.permutations(["null", kind])), st.none() | values


def draw_record(draw: Draw, names: Any, depth: int, most: int) -> Typed:
    name = f"R{next(names)}"
    fields = {f"f{index}": draw_type(draw, names, depth) for index in range(draw(st.integers(1, most)))}
    kind = {
        "type": "record",
        "name": name,
        "fields": [{"name": key, "type": typed[0]} for key, typed in fields.items()],
    }
    return kind, st.fixed_dictionaries({key: typed[1] for key, typed in fields.items()})


@st.composite
def schemas_and_rows(draw: Draw) -> tuple[Any, list[dict[str, Any]]]:
    kind, rows = draw_record(draw, itertools.count(), 3, most=5)
    return kind, draw(st.lists(rows, min_size=1, max_size=20))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(made=schemas_and_rows(), start=st.integers(0, 19), count=st.integers(0, 20))
def test_any_schema_any_rows_any_slice(
    made: tuple[Any, list[dict[str, Any]]], start: int, count: int, run: Any, golden: Any, arrow_value: Any
) -> None:
    """For every type of the columnar path the bytes are fastavro's, of whole RecordBatches and of slices of them."""
    kind, rows = made
    schema = parse_schema(kind, "test")
    assert isinstance(schema.root, Record)
    columns = [
        pa.array([arrow_value(field.node, row[field.name]) for row in rows], type=arrow_types(schema)[field.name])
        for field in schema.root.fields
    ]
    batch = pa.record_batch(columns, names=[field.name for field in schema.root.fields])
    encoder = make_encoder(schema, b"")
    assert encoder.name == "columnar"
    expected = golden(schema, rows)
    assert run(encoder, batch) == expected
    assert run(encoder, batch.slice(start, count)) == expected[start : start + count]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.none() | TEXT, min_size=1, max_size=50), start=st.integers(0, 60), union=st.booleans())
def test_dictionary_strings_are_plain_strings(values: list[str | None], start: int, union: bool, run: Any) -> None:
    """Encoding per distinct value gives the bytes of encoding per row."""
    values = values if union else [value or "" for value in values]
    kind = ["string", "null"] if union else "string"
    schema = parse_schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}, "test")
    plain = pa.record_batch([pa.array(values, pa.string())], names=["f"])
    encoded = pa.record_batch([plain.column(0).dictionary_encode()], names=["f"])
    encoder = make_encoder(schema, b"\0")
    assert run(encoder, encoded.slice(start)) == run(encoder, plain.slice(start))
