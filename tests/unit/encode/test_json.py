"""JSON values: byte by byte against orjson and against literals of the specifications."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.encode.avro import Encoder
from replayer.encode.json import make_json_encoder
from replayer.errors import SchemaError
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import AvroSchema, parse_schema

Run = Callable[[Encoder, pa.RecordBatch], list[bytes]]


def schema_of(kind: Any) -> AvroSchema:
    return parse_schema({"type": "record", "name": "R", "fields": [{"name": "v", "type": kind}]}, "test")


def decimal_type(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def long_type(logical: str) -> dict[str, Any]:
    return {"type": "long", "logicalType": logical}


DATE = {"type": "int", "logicalType": "date"}
UUID_16 = {"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}
POINT = {
    "type": "record",
    "name": "P",
    "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": ["null", "string"]}],
}


def days(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def count(text: str, unit: str) -> int:
    return int(np.datetime64(text, unit).astype(int))


TABLE: list[tuple[Any, Any, str]] = [
    ("null", None, "null"),
    ("boolean", True, "true"),
    ("boolean", False, "false"),
    *[("int", number, str(number)) for number in (0, 7, -7, 10, -10, 99, 100, 2**31 - 1, -(2**31))],
    *[("long", sign * (10**power + step), str(sign * (10**power + step)))
      for power in range(19) for step in (-1, 0, 1) for sign in (1, -1)],
    ("long", 2**63 - 1, "9223372036854775807"),
    ("long", -(2**63), "-9223372036854775808"),
    ("long", 2**53 + 1, "9007199254740993"),
    ("double", 1.0, "1.0"),
    ("double", -0.0, "-0.0"),
    ("double", 0.1, "0.1"),
    ("double", 1e16, orjson.dumps(1e16).decode()),
    ("double", 5e-324, "5e-324"),
    ("double", 1.7976931348623157e308, orjson.dumps(1.7976931348623157e308).decode()),
    ("double", math.nan, '"NaN"'),
    ("double", math.inf, '"Infinity"'),
    ("double", -math.inf, '"-Infinity"'),
    ("float", 0.1, "0.1"),
    ("float", math.nan, '"NaN"'),
    ("string", "", '""'),
    ("string", 'a"b\\c/d', r'"a\"b\\c/d"'),
    ("string", "".join(map(chr, range(32))) + "\x7f", orjson.dumps("".join(map(chr, range(32))) + "\x7f").decode()),
    ("string", "Zoë 😀 \u2028 \uffff", '"Zoë 😀 \u2028 \uffff"'),
    ("string", "x" * 200 + '"' + "y" * 7, '"' + "x" * 200 + '\\"' + "y" * 7 + '"'),
    ({"type": "string", "logicalType": "uuid"}, str(uuid.UUID(int=5)), f'"{uuid.UUID(int=5)}"'),
    ({"type": "enum", "name": "E", "symbols": ["RED", "BLUE"]}, 1, '"BLUE"'),
    # RFC 4648, section 10
    *[("bytes", text, f'"{encoded}"') for text, encoded in
      ((b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foob", "Zm9vYg=="), (b"fooba", "Zm9vYmE="),
       (b"foobar", "Zm9vYmFy"), (b"\xff\xfe\xfd", "//79"), (b"\xfb\xef\xbe", "++++"))],
    ({"type": "fixed", "name": "F", "size": 3}, b"foo", '"Zm9v"'),
    (UUID_16, uuid.UUID("12345678-9abc-def0-1234-56789abcdef0").bytes, '"12345678-9abc-def0-1234-56789abcdef0"'),
    (decimal_type(9, 2), decimal.Decimal("12.30"), '"12.30"'),
    (decimal_type(9, 2), decimal.Decimal("-0.05"), '"-0.05"'),
    (decimal_type(9, 2), decimal.Decimal("0.00"), '"0.00"'),
    (decimal_type(9, 9), decimal.Decimal("0.000000001"), '"0.000000001"'),
    (decimal_type(20, 0), decimal.Decimal(2**64 - 1), "18446744073709551615"),
    (decimal_type(20, 0), decimal.Decimal(0), "0"),
    (decimal_type(38, 0), decimal.Decimal(-(10**38) + 1), "-" + "9" * 38),
    (decimal_type(38, 10), decimal.Decimal("1234567890123456789012345678.0123456789"),
     '"1234567890123456789012345678.0123456789"'),
    (decimal_type(76, 5), decimal.Decimal("9" * 71 + ".00001"), '"' + "9" * 71 + '.00001"'),
    (decimal_type(76, 76), decimal.Decimal("-0." + "0" * 75 + "1"), '"-0.' + "0" * 75 + '1"'),
    *[(DATE, days(text), f'"{text}"') for text in
      ("1970-01-01", "1969-12-31", "2024-02-29", "2000-02-29", "1900-02-28", "0001-01-01", "0000-03-01", "9999-12-31")],
    (DATE, days("9999-12-31") + 1, '"+010000-01-01"'),
    (DATE, days("0000-01-01") - 1, '"-000001-12-31"'),
    (DATE, 2**31 - 1, '"+5881580-07-11"'),
    (DATE, -(2**31), '"-5877641-06-23"'),
    ({"type": "int", "logicalType": "time-millis"}, 0, '"00:00:00.000"'),
    ({"type": "int", "logicalType": "time-millis"}, 86_399_999, '"23:59:59.999"'),
    (long_type("time-micros"), 86_399_999_999, '"23:59:59.999999"'),
    (long_type("timestamp-millis"), count("2024-02-29T23:59:59.007", "ms"), '"2024-02-29T23:59:59.007Z"'),
    (long_type("timestamp-micros"), -1, '"1969-12-31T23:59:59.999999Z"'),
    (long_type("timestamp-nanos"), -(2**63), '"1677-09-21T00:12:43.145224192Z"'),
    (long_type("timestamp-nanos"), 2**63 - 1, '"2262-04-11T23:47:16.854775807Z"'),
    (long_type("timestamp-micros"), 2**63 - 1, '"+294247-01-10T04:00:54.775807Z"'),
    (long_type("local-timestamp-millis"), 0, '"1970-01-01T00:00:00.000"'),
    ({"type": "array", "items": "int"}, [], "[]"),
    ({"type": "array", "items": ["null", "int"]}, [1, None, -3], "[1,null,-3]"),
    ({"type": "array", "items": "double"}, [0.5, math.nan], '[0.5,"NaN"]'),
    ({"type": "array", "items": {"type": "array", "items": "string"}}, [["a"], [], ["b", "c"]], '[["a"],[],["b","c"]]'),
    ({"type": "map", "values": "long"}, [], "{}"),
    ({"type": "map", "values": ["null", "double"]}, [('k"', 1.5), ("z", None)], '{"k\\"":1.5,"z":null}'),
    (POINT, {"x": 1.5, "y": None}, '{"x":1.5,"y":null}'),
    ({"type": "array", "items": POINT}, [{"x": 1.0, "y": "a"}, {"x": 2.0, "y": None}],
     '[{"x":1.0,"y":"a"},{"x":2.0,"y":null}]'),
    ({"type": "map", "values": {"type": "array", "items": POINT}}, [("m", [{"x": 1.0, "y": "a"}]), ("n", [])],
     '{"m":[{"x":1.0,"y":"a"}],"n":[]}'),
]  # fmt: skip


def array_of(kind: Any, values: list[Any]) -> Any:
    """The values in the Arrow type of the node; dates and times from their counts."""
    arrow = arrow_types(schema_of(kind))["v"]
    assert arrow is not None
    if pa.types.is_temporal(arrow):
        storage = pa.int32() if arrow.bit_width == 32 else pa.int64()
        return pa.array(values, storage).view(arrow)
    return pa.array(values, arrow)


@pytest.mark.parametrize(("kind", "value", "expected"), TABLE)
def test_values(run: Run, kind: Any, value: Any, expected: str) -> None:
    """Each value is written as the table of json.py says; in slices, behind nulls and as a nullable field too."""
    plain = f'{{"v":{expected}}}'.encode()
    batch = pa.record_batch([array_of(kind, [value] * 3)], names=["v"])
    assert run(make_json_encoder(schema_of(kind), b""), batch) == [plain] * 3
    assert run(make_json_encoder(schema_of(kind), b""), batch.slice(1, 1)) == [plain]
    json.loads(plain, parse_constant=lambda word: pytest.fail(f"a bare {word}"))
    if kind != "null":
        nullable = schema_of(["null", kind])
        batch = pa.record_batch([array_of(kind, [None, value, None, value])], names=["v"])
        assert run(make_json_encoder(nullable, b""), batch) == [b'{"v":null}', plain] * 2
        assert run(make_json_encoder(nullable, b"\0\0\0\0\7"), batch.slice(1)) == [
            b"\0\0\0\0\7" + one for one in (plain, b'{"v":null}', plain)
        ]


@given(st.lists(st.one_of(st.none(), st.floats(), st.floats(width=32))))
def test_doubles_are_those_of_orjson(values: list[float | None]) -> None:
    """Any finite double, alone and in a list, has the bytes that orjson gives it, and reads back as itself."""
    from tests.unit.encode.conftest import run_encoder

    schema = schema_of({"type": "array", "items": ["null", "double"]})
    batch = pa.record_batch([pa.array([values[:1], values], pa.list_(pa.float64()))], names=["v"]).slice(1)
    (written,) = run_encoder(make_json_encoder(schema, b""), batch)
    words = {math.inf: "Infinity", -math.inf: "-Infinity"}
    named = [value if value is None or math.isfinite(value) else words.get(value, "NaN") for value in values]
    assert written == orjson.dumps({"v": named})


ints = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "i": ints,
            "s": st.one_of(st.none(), texts),
            "b": st.one_of(st.none(), st.booleans()),
            "d": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            "l": st.lists(st.one_of(st.none(), texts), max_size=4),
            "m": st.dictionaries(texts, st.one_of(st.none(), ints), max_size=4),
            "r": st.one_of(
                st.none(),
                st.fixed_dictionaries({"x": ints, "ys": st.lists(st.fixed_dictionaries({"t": texts}), max_size=3)}),
            ),
        }
    ),
    max_size=20,
)
ROW_SCHEMA = parse_schema(
    {
        "type": "record",
        "name": "Row",
        "fields": [
            {"name": "i", "type": "long"},
            {"name": "s", "type": ["null", "string"]},
            {"name": "b", "type": ["null", "boolean"]},
            {"name": "d", "type": ["null", "double"]},
            {"name": "l", "type": {"type": "array", "items": ["null", "string"]}},
            {"name": "m", "type": {"type": "map", "values": ["null", "long"]}},
            {
                "name": "r",
                "type": [
                    "null",
                    {
                        "type": "record",
                        "name": "Inner",
                        "fields": [
                            {"name": "x", "type": "long"},
                            {
                                "name": "ys",
                                "type": {
                                    "type": "array",
                                    "items": {
                                        "type": "record",
                                        "name": "Y",
                                        "fields": [{"name": "t", "type": "string"}],
                                    },
                                },
                            },
                        ],
                    },
                ],
            },
        ],
    },
    "test",
)


def in_order(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its fields in the order of the schema."""
    inner = row["r"] and {"x": row["r"]["x"], "ys": row["r"]["ys"]}
    return {**{name: row[name] for name in "isbdlm"}, "r": inner}


@given(rows=rows, first=st.integers(0, 5), is_dictionary=st.booleans())
def test_rows_are_those_of_orjson(rows: list[dict[str, Any]], first: int, is_dictionary: bool) -> None:
    """Any table without NaN has the bytes of ``orjson.dumps`` row by row, nested, sliced and from dictionaries too."""
    from tests.unit.encode.conftest import run_encoder

    columns = []
    for name, kind in arrow_types(ROW_SCHEMA).items():
        values = [list(row[name].items()) if name == "m" else row[name] for row in rows]
        assert kind is not None
        column: Any = pa.array(values, kind)
        columns.append(column.dictionary_encode() if is_dictionary and name == "s" else column)
    batch = pa.record_batch(columns, names=list(arrow_types(ROW_SCHEMA))).slice(min(first, len(rows)))
    written = run_encoder(make_json_encoder(ROW_SCHEMA, b""), batch)
    assert written == [orjson.dumps(in_order(row)) for row in rows[first:]]


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=7, min_value=-(10**20), max_value=10**20)))
def test_decimals_are_those_of_python(values: list[decimal.Decimal]) -> None:
    """The digits of the scale, for decimals of 16 and of 32 bytes, in the middle of a list."""
    from tests.unit.encode.conftest import run_encoder

    for precision in (38, 70):
        kind = {"type": "array", "items": decimal_type(precision, 7)}
        batch = pa.record_batch([array_of(kind, [values])], names=["v"])
        (written,) = run_encoder(make_json_encoder(schema_of(kind), b""), batch)
        assert written == orjson.dumps({"v": [f"{value + 0:.7f}" if value else "0.0000000" for value in values]})


@given(st.lists(st.integers(-(2**62), 2**62)))
def test_timestamps_are_those_of_numpy(values: list[int]) -> None:
    """Nanoseconds in ISO 8601, at any instant that they reach."""
    from tests.unit.encode.conftest import run_encoder

    kind = {"type": "array", "items": long_type("local-timestamp-nanos")}
    array = pa.array([values], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("ns")))
    (written,) = run_encoder(make_json_encoder(schema_of(kind), b""), pa.record_batch([array], names=["v"]))
    assert orjson.loads(written)["v"] == [str(np.datetime64(value, "ns")) for value in values]


def test_timestamps_as_counts(run: Run) -> None:
    """On request a timestamp is the count of its unit; dates and times stay text."""
    for logical, arrow in (
        ("timestamp-millis", pa.timestamp("ms", "UTC")),
        ("local-timestamp-nanos", pa.timestamp("ns")),
    ):
        batch = pa.record_batch([pa.array([1_705_312_800_123, -5], pa.int64()).view(arrow)], names=["v"])
        encoder = make_json_encoder(schema_of(long_type(logical)), b"", is_epoch=True)
        assert run(encoder, batch) == [b'{"v":1705312800123}', b'{"v":-5}']


def test_nothing_to_write(run: Run) -> None:
    """No rows, and rows without fields."""
    batch = pa.record_batch([pa.array([], pa.int64())], names=["v"])
    assert run(make_json_encoder(schema_of("long"), b""), batch) == []
    empty: Any = pa.array([{}, {}], pa.struct([]))
    schema = parse_schema({"type": "record", "name": "R", "fields": []}, "test")
    assert run(make_json_encoder(schema, b""), pa.RecordBatch.from_struct_array(empty)) == [b"{}", b"{}"]


def test_a_null_that_the_schema_forbids(run: Run) -> None:
    """The column and the row are named, and nothing counts."""
    batch = pa.record_batch([pa.array([1, None], pa.int64())], names=["v"])
    with pytest.raises(SchemaError, match="column v: null in row 1"):
        run(make_json_encoder(schema_of("long"), b""), batch)


def test_wide_unions_go_by_row(run: Run) -> None:
    """A union without a single type is written by its value; the columns beside it as ever."""
    schema = parse_schema(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "u", "type": ["null", "long", "string", "double", "bytes"]},
                {"name": "t", "type": long_type("timestamp-millis")},
            ],
        },
        "test",
    )
    encoder = make_json_encoder(schema, b"")
    assert (encoder.name, encoder.fallback_reason) == ("orjson", "u: a union other than null and one type")
    moments = pa.array([0, 1, 2], pa.int64()).view(pa.timestamp("ms", "UTC"))
    cases: list[tuple[list[Any], list[str]]] = [
        ([2**63 - 1, None, -1], ["9223372036854775807", "null", "-1"]),
        ([1.5, math.nan, math.inf], ["1.5", '"NaN"', '"Infinity"']),
        ([b"foo", b"", None], ['"Zm9v"', '""', "null"]),
        ([decimal.Decimal("1.50"), None, None], ['"1.50"', "null", "null"]),
        ([dt.datetime(2024, 1, 15, 10, tzinfo=dt.UTC)] * 3, ['"2024-01-15T10:00:00.000000Z"'] * 3),
    ]
    for values, expected in cases:
        batch = pa.record_batch([pa.array(values), moments], names=["u", "t"])
        assert run(encoder, batch) == [
            f'{{"u":{text},"t":"1970-01-01T00:00:00.00{row}Z"}}'.encode() for row, text in enumerate(expected)
        ]
