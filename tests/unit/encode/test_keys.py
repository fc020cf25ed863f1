"""Keys: the bytes of each kind of column, alone and in a JSON array."""

from __future__ import annotations

import decimal
import json
import uuid
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.encode.keys import make_key_encoder
from replayer.errors import UsageError
from replayer.schema.avro import AvroSchema, parse_schema

D = decimal.Decimal
UUID = uuid.UUID("00112233-4455-6677-8899-AABBCCDDEEFF")


def keys_of(columns: tuple[str, ...], batch: pa.RecordBatch, schema: AvroSchema | None = None) -> list[bytes | None]:
    """The keys of a RecordBatch, None where a record is keyless."""
    encoder = make_key_encoder(columns, batch.schema, schema)
    assert encoder is not None
    bound = encoder.upper_bound(batch)
    room = np.full(bound + 64, 0xA5, dtype=np.uint8)
    ends = np.full(batch.num_rows, -7, dtype=np.int64)
    nulls = np.ones(batch.num_rows, dtype=np.bool_)
    written = encoder.encode_into(batch, room[:bound], ends, nulls)
    assert (room[bound:] == 0xA5).all()
    assert written == (ends[-1] if len(ends) else 0)
    starts = [0, *ends.tolist()][: len(ends)]
    found = [room[start:end].tobytes() for start, end in zip(starts, ends.tolist(), strict=True)]
    assert not any(key for key, null in zip(found, nulls, strict=True) if null)
    return [None if null else key for key, null in zip(found, nulls, strict=True)]


# Arrow column of two values and a null, the two keys alone, the two in a JSON array.
TABLE: list[tuple[pa.Array, list[bytes], list[str]]] = [
    (pa.array(["a", "", None]), [b"a", b""], ['"a"', '""']),
    (pa.array(['q"\\', "\x00\x1f\x7f\b\t\n\f\ré", None]), [b'q"\\', b"\x00\x1f\x7f\b\t\n\f\r\xc3\xa9"],
     [r'"q\"\\"', '"\\u0000\\u001f\x7f\\b\\t\\n\\f\\ré"']),
    (pa.array(["x" * 64, "y" * 500, None]), [b"x" * 64, b"y" * 500], [f'"{"x" * 64}"', f'"{"y" * 500}"']),
    (pa.array(["a", "b", None]).dictionary_encode(), [b"a", b"b"], ['"a"', '"b"']),
    (pa.array(["a", "b", None], pa.large_string()), [b"a", b"b"], ['"a"', '"b"']),
    (pa.array([b"\x00\xff", b"a\"", None]), [b"\x00\xff", b'a"'], ['"\\u0000ÿ"', r'"a\""']),
    (pa.array([b"\x80a", b"\xbf\xc0", None], pa.binary(2)), [b"\x80a", b"\xbf\xc0"], ['"\x80a"', '"¿À"']),
    (pa.array([0, -(2**63), None], pa.int64()), [b"0", b"-9223372036854775808"], ["0", "-9223372036854775808"]),
    (pa.array([7, -1, None], pa.int32()), [b"7", b"-1"], ["7", "-1"]),
    (pa.array([True, False, None]), [b"true", b"false"], ["true", "false"]),
    (pa.array([1.0, 1e-7, None]), [b"1.0", b"1e-7"], ["1.0", "1e-7"]),
    (pa.array([0.1, -2.5, None], pa.float32()), [b"0.1", b"-2.5"], ["0.1", "-2.5"]),
    (pa.array([float("nan"), float("-inf"), None]), [b"null", b"null"], ["null", "null"]),
    (pa.array([D("1.20"), D("0.00"), None], pa.decimal128(9, 2)), [b"1.20", b"0.00"], ['"1.20"', '"0.00"']),
    (pa.array([19782, -1, None], pa.date32()), [b"2024-02-29", b"1969-12-31"], ['"2024-02-29"', '"1969-12-31"']),
    (pa.array([0, 86_399_999, None], pa.time32("ms")), [b"00:00:00.000", b"23:59:59.999"],
     ['"00:00:00.000"', '"23:59:59.999"']),
    (pa.array([0, -1, None], pa.timestamp("ms", "UTC")), [b"1970-01-01T00:00:00.000Z", b"1969-12-31T23:59:59.999Z"],
     ['"1970-01-01T00:00:00.000Z"', '"1969-12-31T23:59:59.999Z"']),
    (pa.array([1, 0, None], pa.timestamp("us")), [b"1970-01-01T00:00:00.000001", b"1970-01-01T00:00:00.000000"],
     ['"1970-01-01T00:00:00.000001"', '"1970-01-01T00:00:00.000000"']),
]  # fmt: skip


@pytest.mark.parametrize(("array", "alone", "_quoted"), TABLE)
def test_one_column_is_its_plain_text(array: pa.Array, alone: list[bytes], _quoted: list[str]) -> None:
    """A key of one column; null makes a keyless record, an empty string an empty key; slices start anywhere."""
    long = pa.record_batch([pa.concat_arrays([array] * 5)], names=["k"])
    assert keys_of(("k",), long) == [*alone, None] * 5
    assert keys_of(("k",), long.slice(4, 9)) == ([*alone, None] * 5)[4:13]


@pytest.mark.parametrize(("array", "_alone", "quoted"), TABLE)
def test_several_columns_are_a_json_array(array: pa.Array, _alone: list[bytes], quoted: list[str]) -> None:
    """A key of several columns, in the order given, with null for null and never keyless."""
    batch = pa.record_batch([array, pa.array([1, 2, 3])], names=["k", "n"])
    expected = [f"[{n},{text}]".encode() for n, text in zip((1, 2, 3), [*quoted, "null"], strict=True)]
    assert keys_of(("n", "k"), batch) == expected
    assert keys_of(("n", "k"), batch.slice(1)) == expected[1:]
    for key in expected:
        json.loads(key)


def test_what_only_the_avro_schema_knows() -> None:
    """An enum's index stands for its symbol, and a uuid on 16 bytes is the text that a uuid on a string has."""
    fields = [
        {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["RED", "BLUE"]}]},
        {"name": "u", "type": {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}},
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 16}},
    ]
    schema = parse_schema({"type": "record", "name": "R", "fields": fields}, "test")
    raw = pa.array([b"no" * 8, UUID.bytes, b"\0" * 16], pa.binary(16)).slice(1)
    batch = pa.record_batch([pa.array([1, None], pa.int32()), raw, raw], names=["e", "u", "f"])
    assert keys_of(("e",), batch, schema) == [b"BLUE", None]
    assert keys_of(("e",), batch) == [b"1", None]
    assert keys_of(("u",), batch, schema) == [str(UUID).encode(), b"00000000-0000-0000-0000-000000000000"]
    assert keys_of(("f",), batch, schema) == [UUID.bytes, b"\0" * 16]
    assert keys_of(("u", "e"), batch, schema)[0] == f'["{UUID}","BLUE"]'.encode()


def test_a_column_of_nulls_makes_keyless_records() -> None:
    """Arrow's null type has no values at all."""
    batch = pa.record_batch([pa.nulls(2), pa.array(["a", "b"])], names=["n", "s"])
    assert keys_of(("n",), batch) == [None, None]
    assert keys_of(("n", "s"), batch) == [b'[null,"a"]', b'[null,"b"]']


@pytest.mark.parametrize(("array", "_alone", "_quoted"), TABLE)
def test_no_rows(array: pa.Array, _alone: list[bytes], _quoted: list[str]) -> None:
    """An empty RecordBatch has no keys, of any type."""
    batch = pa.record_batch([array.slice(0, 0), array.slice(0, 0)], names=["k", "l"])
    assert keys_of(("k",), batch) == []
    assert keys_of(("k", "l"), batch) == []


def test_without_columns_there_is_no_key() -> None:
    """No --key, keyless records."""
    assert make_key_encoder((), pa.schema([("a", pa.int32())])) is None


@pytest.mark.parametrize(
    ("columns", "message", "hint"),
    [
        (
            ("custmer",),
            "--key: there is no column 'custmer'; the columns are customer, city, at",
            "did you mean 'customer'?",
        ),
        (("zzz",), "--key: there is no column 'zzz'; the columns are customer, city, at", "name one of them"),
        (("city", "city"), "--key: the column 'city' is named twice", "name it once"),
        (("at",), "--key: the column 'at' is nested (list<item: int32>)", "name columns of single values"),
    ],
)
def test_keys_that_cannot_be(columns: tuple[str, ...], message: str, hint: str) -> None:
    """Case 22: a key column that is missing is an error before the start, and names the columns that there are."""
    schema = pa.schema([("customer", pa.string()), ("city", pa.string()), ("at", pa.list_(pa.int32()))])
    with pytest.raises(UsageError) as raised:
        make_key_encoder(columns, schema)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_a_wide_union_is_no_key() -> None:
    """Its values have no one text: the same key could be a string in one row and a number in the next."""
    fields = [{"name": "w", "type": ["string", "long"]}]
    schema = parse_schema({"type": "record", "name": "R", "fields": fields}, "test")
    with pytest.raises(UsageError, match="'w' has no single type in the schema"):
        make_key_encoder(("w",), pa.schema([("w", pa.null())]), schema)


def test_room() -> None:
    """Arrays that compiled code could not write to are refused."""
    batch = pa.record_batch([pa.array(["a"])], names=["k"])
    encoder = make_key_encoder(("k",), batch.schema)
    assert encoder is not None
    room, ends, nulls = np.zeros(4096, np.uint8), np.zeros(1, np.int64), np.zeros(1, np.bool_)
    for arrays in [(room[:1], ends, nulls), (room, ends[:0], nulls), (room, ends, nulls.astype(np.int64))]:
        with pytest.raises(ValueError, match="must be contiguous"):
            encoder.encode_into(batch, *arrays)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(max_size=40),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(),
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=30,
    ),
    start=st.integers(0, 30),
)
def test_json_arrays_are_as_orjson_prints_them(rows: list[tuple[Any, ...]], start: int) -> None:
    """Text with any character, any integer, any float."""
    kinds = [pa.string(), pa.int64(), pa.float64(), pa.bool_()]
    arrays = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    batch = pa.record_batch(arrays, names=["s", "i", "f", "b"]).slice(start)
    assert keys_of(("s", "i", "f", "b"), batch) == [orjson.dumps(list(row)) for row in rows[start:]]
