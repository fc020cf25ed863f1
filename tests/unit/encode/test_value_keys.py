"""Keys as JSON, as Avro and as raw bytes, against orjson, fastavro and struct."""

from __future__ import annotations

import io
import json
import struct
import uuid
from typing import Any

import fastavro
import numpy as np
import orjson
import pyarrow as pa
import pytest

from replayer.encode.keys import make_key_encoder
from replayer.encode.value_keys import key_schema, make_value_key_encoder
from replayer.errors import UsageError
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import AvroSchema, parse_schema

COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}
SCHEMA = parse_schema(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "city", "type": ["null", "string"]},
            {"name": "colour", "type": ["null", COLOUR]},
            {"name": "other", "type": "shop.Colour"},
            {"name": "ref", "type": {"type": "fixed", "name": "Ref", "size": 16, "logicalType": "uuid"}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "small", "type": ["int", "null"]},
            {"name": "ratio", "type": ["null", "double"]},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "wide", "type": ["null", "int", "string"]},
        ],
    },
    "test",
)
REF = uuid.UUID(int=77)
ROWS: dict[str, list[Any]] = {
    "id": [1, -(2**63), 3, 4],
    "city": ["Köln", None, "", "x" * 100],
    "colour": [0, None, 1, 1],
    "other": [1, 0, 1, 0],
    "ref": [REF.bytes] * 4,
    "day": [0, 1, 2, -1],
    "small": [None, 7, -1, 2**31 - 1],
    "ratio": [0.5, None, -2.0, 1e300],
    "tags": [[], [], [], []],
    "wide": [None, None, None, None],
}


def batch_of(*, is_dictionary: bool = False) -> pa.RecordBatch:
    columns: list[Any] = []
    for name, kind in arrow_types(SCHEMA).items():
        array: Any = pa.array(ROWS[name], pa.int32()).cast(kind) if name == "day" else pa.array(ROWS[name], kind)
        columns.append(array.dictionary_encode() if is_dictionary and name == "city" else array)
    return pa.record_batch(columns, names=list(ROWS))


def run(encoder: Any, batch: pa.RecordBatch) -> list[bytes | None]:
    """The key of each row, None for a keyless record; nothing may be touched behind the bound."""
    bound = encoder.upper_bound(batch)
    room = np.full(bound + 64, 0xA5, np.uint8)
    ends, nulls = np.full(batch.num_rows, -7, np.int64), np.zeros(batch.num_rows, np.bool_)
    written = encoder.encode_into(batch, room[:bound], ends, nulls)
    assert (room[bound:] == 0xA5).all()
    assert written == (ends[-1] if len(ends) else 0)
    starts = [0, *ends.tolist()]
    assert starts == sorted(starts)
    return [None if null else room[starts[row] : starts[row + 1]].tobytes() for row, null in enumerate(nulls.tolist())]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("id", [b"1", b"-9223372036854775808", b"3", b"4"]),
        ("city", [orjson.dumps("Köln"), None, b'""', orjson.dumps("x" * 100)]),
        ("colour", [b'"RED"', None, b'"BLUE"', b'"BLUE"']),
        ("ref", [f'"{REF}"'.encode()] * 4),
        ("day", [b'"1970-01-01"', b'"1970-01-02"', b'"1970-01-03"', b'"1969-12-31"']),
        ("small", [None, b"7", b"-1", b"2147483647"]),
    ],
)
@pytest.mark.parametrize("is_dictionary", [False, True])
def test_json_keys_of_one_column(column: str, expected: list[bytes | None], is_dictionary: bool) -> None:
    """The JSON value alone; a null is no key and an empty text is one."""
    encoder = make_value_key_encoder((column,), SCHEMA, "json", b"")
    batch = batch_of(is_dictionary=is_dictionary)
    assert run(encoder, batch) == expected
    assert run(encoder, batch.slice(1, 2)) == expected[1:3]
    assert run(encoder, batch.slice(0, 0)) == []


def test_json_keys_of_several_columns() -> None:
    """An object in the order in which they were named; a null is a null."""
    encoder = make_value_key_encoder(("city", "id"), SCHEMA, "json", b"")
    expected = [
        orjson.dumps({"city": city, "id": number}) for city, number in zip(ROWS["city"], ROWS["id"], strict=True)
    ]
    assert run(encoder, batch_of()) == expected


def by_fastavro(schema: AvroSchema, values: list[Any], prefix: bytes) -> list[bytes | None]:
    parsed = fastavro.parse_schema(json.loads(schema.text))
    written: list[bytes | None] = []
    for value in values:
        target = io.BytesIO()
        fastavro.schemaless_writer(target, parsed, value)
        written.append(prefix + target.getvalue())
    return written


def test_avro_keys_of_one_column() -> None:
    """Avro of the column's type without null, with a schema that stands alone."""
    prefix = b"\0\0\0\0\5"
    cases: list[tuple[str, Any, list[Any]]] = [
        ("id", "long", ROWS["id"]),
        ("city", "string", ROWS["city"]),
        ("colour", {"type": "enum", "name": "shop.Colour", "symbols": ["RED", "BLUE"]}, ["RED", None, "BLUE", "BLUE"]),
        ("other", {"type": "enum", "name": "shop.Colour", "symbols": ["RED", "BLUE"]}, ["BLUE", "RED", "BLUE", "RED"]),
        ("small", "int", ROWS["small"]),
    ]
    for column, schema, values in cases:
        made = key_schema((column,), SCHEMA)
        assert json.loads(made.text) == schema
        found = run(make_value_key_encoder((column,), SCHEMA, "avro", prefix), batch_of())
        given = iter(by_fastavro(made, [value for value in values if value is not None], prefix))
        assert found == [None if value is None else next(given) for value in values]


def test_avro_keys_of_several_columns() -> None:
    """A record called like the value's with Key behind; a type that comes twice is defined once."""
    columns = ("colour", "other", "city", "day")
    made = key_schema(columns, SCHEMA)
    assert made.fullname == "shop.OrderKey"
    symbols = [None if place is None else COLOUR["symbols"][place] for place in ROWS["colour"]]
    rows = [
        {"colour": symbols[row], "other": COLOUR["symbols"][ROWS["other"][row]], "city": ROWS["city"][row],
         "day": ROWS["day"][row]}
        for row in range(4)
    ]  # fmt: skip
    assert run(make_value_key_encoder(columns, SCHEMA, "avro", b""), batch_of()) == by_fastavro(made, rows, b"")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("id", [struct.pack(">q", number) for number in ROWS["id"]]),
        ("small", [None if number is None else struct.pack(">i", number) for number in ROWS["small"]]),
        ("ratio", [None if number is None else struct.pack(">d", number) for number in ROWS["ratio"]]),
        ("city", [None if text is None else text.encode() for text in ROWS["city"]]),
        ("ref", [REF.bytes] * 4),
        ("colour", [b"RED", None, b"BLUE", b"BLUE"]),
    ],
)
def test_raw_keys(column: str, expected: list[bytes | None]) -> None:
    """Bytes as Java's own serializers of text, bytes and numbers write them."""
    batch = batch_of()
    encoder = make_key_encoder((column,), batch.schema, SCHEMA, is_raw=True)
    assert run(encoder, batch) == expected
    assert run(encoder, batch.slice(1, 2)) == expected[1:3]
    assert run(encoder, batch.slice(0, 0)) == []


@pytest.mark.parametrize("columns", [("nothing",), ("id", "id"), ("tags",), ("wide",)])
@pytest.mark.parametrize("key_format", ["json", "avro"])
def test_case_22_columns_that_make_no_key(columns: tuple[str, ...], key_format: str) -> None:
    """A column that is not there, named twice, nested or of a wide union is an error before anything is sent."""
    with pytest.raises(UsageError, match="--key"):
        make_value_key_encoder(columns, SCHEMA, key_format, b"")
    with pytest.raises(UsageError, match="--key"):
        key_schema(columns, SCHEMA)
    assert make_value_key_encoder((), SCHEMA, key_format, b"") is None


@pytest.mark.parametrize("columns", [("id", "city"), ("day",)])
def test_raw_keys_are_bytes_of_one_column(columns: tuple[str, ...]) -> None:
    """Several columns, and types that no serializer of Java's client has, are refused."""
    with pytest.raises(UsageError, match="--key-format raw"):
        make_key_encoder(columns, batch_of().schema, SCHEMA, is_raw=True)
