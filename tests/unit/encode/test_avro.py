"""The columnar encoder, by tables: bytes from the specification, or from fastavro where it leaves a choice."""

from __future__ import annotations

import decimal
import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from replayer.encode.avro import ColumnarEncoder, make_encoder
from replayer.encode.framing import confluent_prefix
from replayer.errors import SchemaError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import AvroSchema, Record, parse_schema

D = decimal.Decimal


def of_one(kind: Any) -> AvroSchema:
    return parse_schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}, "test")


def batch_of(schema: AvroSchema, values: list[Any]) -> pa.RecordBatch:
    assert isinstance(schema.root, Record)
    return pa.record_batch([pa.array(values, type=arrow_type(schema.root.fields[0].node))], names=["f"])


def decimal_of(precision: int, scale: int, **more: Any) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale, **more}


def fixed_decimal(precision: int, scale: int, size: int) -> dict[str, Any]:
    return decimal_of(precision, scale, type="fixed", name="F", size=size)


def logical(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "logicalType": name}


POINT = {"type": "record", "name": "P", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}

# Avro type, Arrow value, bytes. https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
TABLE: list[tuple[Any, Any, str]] = [
    ("null", None, ""),
    ("boolean", False, "00"),
    ("boolean", True, "01"),
    ("int", 0, "00"),
    ("int", -1, "01"),
    ("int", 1, "02"),
    ("int", -2, "03"),
    ("int", 2, "04"),
    ("int", -64, "7f"),
    ("int", 64, "80 01"),
    ("int", 2**31 - 1, "fe ff ff ff 0f"),
    ("int", -(2**31), "ff ff ff ff 0f"),
    ("long", 8191, "fe 7f"),
    ("long", 8192, "80 80 01"),
    ("long", 2**55 - 1, "fe ff ff ff ff ff ff 7f"),
    ("long", 2**55, "80 80 80 80 80 80 80 80 01"),
    ("long", 2**62 - 1, "fe ff ff ff ff ff ff ff 7f"),
    ("long", 2**62, "80 80 80 80 80 80 80 80 80 01"),
    ("long", 2**63 - 1, "fe ff ff ff ff ff ff ff ff 01"),
    ("long", -(2**63), "ff ff ff ff ff ff ff ff ff 01"),
    ("float", 1.0, "00 00 80 3f"),
    ("double", -2.5, "00 00 00 00 00 00 04 c0"),
    ("bytes", b"", "00"),
    ("bytes", b"\x00\xff", "04 00 ff"),
    ("string", "foo", "06 66 6f 6f"),
    ("string", "é€", "0a c3 a9 e2 82 ac"),
    ("string", "x" * 63, "7e" + "78" * 63),
    ("string", "x" * 64, "80 01" + "78" * 64),
    ("string", "x" * 65, "82 01" + "78" * 65),
    ("string", "x" * 10_000, "a0 9c 01" + "78" * 10_000),
    ({"type": "enum", "name": "E", "symbols": ["A", "B", "C", "D"]}, 3, "06"),
    ({"type": "fixed", "name": "F", "size": 3}, b"abc", "61 62 63"),
    (logical("int", "date"), -1, "01"),
    (logical("int", "time-millis"), 86_399_999, "fe ef b2 52"),
    (logical("long", "time-micros"), 1, "02"),
    (logical("long", "timestamp-millis"), 1_700_000_000_000, "80 a0 ab fe f9 62"),
    (logical("long", "timestamp-micros"), -1, "01"),
    (logical("long", "timestamp-nanos"), 1, "02"),
    (logical("long", "local-timestamp-millis"), 1, "02"),
    (logical("long", "local-timestamp-micros"), 1, "02"),
    (logical("string", "uuid"), "00000000-0000-0000-0000-0000000000a7",
     "48 3030303030303030 2d 30303030 2d 30303030 2d 30303030 2d 303030303030303030306137"),
    ({"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}, uuid.UUID(int=1).bytes, "00" * 15 + "01"),
    (decimal_of(4, 2), D("0.00"), "02 00"),
    (decimal_of(4, 2), D("1.27"), "02 7f"),
    (decimal_of(4, 2), D("1.28"), "04 00 80"),
    (decimal_of(4, 2), D("-1.27"), "02 81"),
    (decimal_of(4, 2), D("-1.28"), "04 ff 80"),  # fastavro's; the fewest bytes would be 02 80
    (decimal_of(38, 0), D(10**38 - 1), "20 4b 3b 4c a8 5a 86 c4 7a 09 8a 22 3f ff ff ff ff"),
    (decimal_of(38, 0), D(1 - 10**38), "20 b4 c4 b3 57 a5 79 3b 85 f6 75 dd c0 00 00 00 01"),
    (decimal_of(39, 0), D(-1), "02 ff"),
    (decimal_of(76, 0), D(2**248), "40 01" + "00" * 31),
    (fixed_decimal(4, 2, 2), D("-1.28"), "ff 80"),
    (fixed_decimal(4, 2, 20), D("-0.01"), "ff" * 20),
    (fixed_decimal(4, 2, 20), D("0.01"), "00" * 19 + "01"),
    (fixed_decimal(40, 2, 17), D("-0.01"), "ff" * 17),
    (fixed_decimal(40, 2, 40), D("2.56"), "00" * 38 + "01 00"),
    (["null", "string"], None, "00"),
    (["null", "string"], "a", "02 02 61"),
    (["string", "null"], None, "02"),
    (["string", "null"], "a", "00 02 61"),
    (POINT, {"a": 27, "b": "foo"}, "36 06 66 6f 6f"),
    ({"type": "array", "items": "long"}, [3, 27], "04 06 36 00"),
    ({"type": "array", "items": "long"}, [], "00"),
    ({"type": "array", "items": ["null", "long"]}, [None, 1], "04 00 02 02 00"),
    ({"type": "array", "items": {"type": "array", "items": "int"}}, [[1], [], [2, 3]], "06 02 02 00 00 04 04 06 00 00"),
    ({"type": "map", "values": "long"}, [("a", 1), ("b", 2)], "04 02 61 02 02 62 04 00"),
    ({"type": "map", "values": "long"}, [], "00"),
    ({"type": "map", "values": {"type": "array", "items": "int"}}, [("k", [1])], "02 02 6b 02 02 00 00"),
    (["null", POINT], None, "00"),
    (["null", POINT], {"a": 0, "b": ""}, "02 00 00"),
    ({"type": "array", "items": POINT}, [{"a": 1, "b": "x"}], "02 02 02 78 00"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "expected"), TABLE)
def test_each_type_is_written_as_the_specification_says(kind: Any, value: Any, expected: str, run: Any) -> None:
    """The bytes of one value of each type are the table's, in the middle of a RecordBatch and alone."""
    schema = of_one(kind)
    encoder = make_encoder(schema, b"")
    assert encoder.name == "columnar"
    assert encoder.fallback_reason == ""
    records = run(encoder, batch_of(schema, [value] * 19))
    assert records == [bytes.fromhex(expected)] * 19
    assert run(encoder, batch_of(schema, [value] * 19).slice(11, 1)) == [bytes.fromhex(expected)]


@pytest.mark.parametrize("bits", range(64))
def test_varints_of_every_length_are_as_fastavro_writes_them(bits: int, run: Any, golden: Any) -> None:
    """Both neighbours of each power of two, of both signs."""
    schema = of_one("long")
    near = [sign * (1 << bits) + step for sign in (1, -1) for step in (-1, 0, 1)]
    values = [value for value in near if -(2**63) <= value < 2**63]
    rows = [{"f": value} for value in values]
    assert run(make_encoder(schema, b""), batch_of(schema, values)) == golden(schema, rows)


@pytest.mark.parametrize("size", [1, 5, 8, 15, 16, 17, 31, 32, 33, 50])
def test_decimals_on_fixed_of_every_size(size: int, run: Any, golden: Any) -> None:
    """Sign bytes fill what a fixed has beyond the number, for both Arrow widths."""
    for precision in {p for p in (2, 38, 39, 76) if p <= (8 * size - 1) * 0.30103}:
        schema = of_one(fixed_decimal(precision, 0, size))
        top = 10**precision - 1
        values = [D(value) for value in (0, 1, -1, 127 % top, -128 % top, top, -top)]
        rows = [{"f": value} for value in values]
        assert run(make_encoder(schema, b""), batch_of(schema, values)) == golden(schema, rows)


@pytest.mark.parametrize("prefix", [b"", b"\x00\x00\x00\x00\x07", b"sixteen bytes .."])
def test_every_value_starts_with_the_prefix(prefix: bytes, run: Any) -> None:
    """Prefixes of 0 to 16 bytes stand before each record, and count in its end."""
    schema = of_one("int")
    assert run(make_encoder(schema, prefix), batch_of(schema, [1, 2])) == [prefix + b"\x02", prefix + b"\x04"]


def test_the_wire_format_header() -> None:
    """A zero byte and the schema id in four bytes, big endian; an id that needs more is refused."""
    assert confluent_prefix(1) == b"\x00\x00\x00\x00\x01"
    assert confluent_prefix(0x01020304) == b"\x00\x01\x02\x03\x04"
    with pytest.raises(OverflowError):
        confluent_prefix(1 << 32)


def test_an_empty_batch_writes_nothing(run: Any) -> None:
    """No rows, no bytes, also for nested types without buffers."""
    schema = of_one({"type": "map", "values": ["null", POINT]})
    assert run(make_encoder(schema, b"p"), batch_of(schema, [])) == []


def test_a_record_without_fields_is_its_prefix(run: Any) -> None:
    """The specification allows a record of no fields; its body has no bytes."""
    schema = parse_schema({"type": "record", "name": "R", "fields": []}, "test")
    batch = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    assert run(make_encoder(schema, b"p"), batch) == [b"p", b"p"]


class TestDictionaries:
    """String columns that come dictionary-encoded."""

    schema = of_one(["null", "string"])

    def batch(self, indices: list[int | None], values: list[str | None]) -> pa.RecordBatch:
        array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(values, pa.string()))
        return pa.record_batch([array], names=["f"])

    @pytest.mark.parametrize("longest", [1, 40, 70, 5000])
    def test_rows_are_those_of_plain_strings(self, longest: int, run: Any) -> None:
        """Short and long entries, repeated and unused ones, with nulls, also sliced."""
        batch = self.batch([1, None, 0, 1, 2, 1], ["a", "b" * longest, "", "unused"])
        plain = pa.record_batch([batch.column(0).cast(pa.string())], names=["f"])
        encoder = make_encoder(self.schema, b"p")
        expected = run(encoder, plain)
        assert run(encoder, batch) == expected
        assert run(encoder, batch.slice(1, 4)) == expected[1:5]

    def test_a_null_among_the_distinct_values_is_null(self, run: Any) -> None:
        """A valid index of a null entry is a null row."""
        assert run(make_encoder(self.schema, b""), self.batch([0, 1], [None, "a"])) == [b"\x00", b"\x02\x02a"]

    def test_without_distinct_values(self, run: Any) -> None:
        """An empty dictionary: every row is null."""
        assert run(make_encoder(self.schema, b""), self.batch([None, None], [])) == [b"\x00", b"\x00"]

    def test_the_next_batch_may_bring_another_dictionary(self, run: Any) -> None:
        """A kept dictionary is used again only for the very same memory."""
        encoder = make_encoder(self.schema, b"")
        for text in ("one", "two", "three"):
            batch = self.batch([0, 0], [text])
            expected = b"\x02" + bytes([2 * len(text)]) + text.encode()
            assert run(encoder, batch) == [expected, expected]
            assert run(encoder, batch.slice(1)) == [expected]

    def test_a_sliced_dictionary(self, run: Any) -> None:
        """The distinct values may be a slice themselves."""
        values = pa.array(["no", "yes", "maybe"]).slice(1)
        array = pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int32()), values)
        assert run(make_encoder(self.schema, b""), pa.record_batch([array], names=["f"])) == [
            b"\x02\x0amaybe",
            b"\x02\x06yes",
        ]

    def test_inside_of_lists(self, run: Any) -> None:
        """Items of an array may be dictionary-encoded too."""
        items = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array(["x", "y"]))
        lists = pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), items)
        schema = of_one({"type": "array", "items": "string"})
        encoded = run(make_encoder(schema, b""), pa.record_batch([lists], names=["f"]))
        assert encoded == [b"\x04\x02x\x02y\x00", b"\x02\x02x\x00"]


class TestBuffers:
    """Arrow arrays whose buffers do not start where their values do."""

    def test_null_lists_may_cover_items(self, run: Any) -> None:
        """What lies below a null list is not written, whatever its offsets say."""
        lists = pa.ListArray.from_arrays(
            pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3], pa.int64()), mask=pa.array([True, False])
        )
        schema = of_one(["null", {"type": "array", "items": "long"}])
        assert run(make_encoder(schema, b""), pa.record_batch([lists], names=["f"])) == [b"\x00", b"\x02\x02\x06\x00"]

    def test_sliced_children(self, run: Any) -> None:
        """Lists, maps and records over children that are slices of longer arrays."""
        longs = pa.array(range(100), pa.int64()).slice(10)
        texts = pa.array([f"t{index}" for index in range(100)]).slice(20, 60)
        offsets = pa.array([1, 2, 4], pa.int32())
        lists = pa.ListArray.from_arrays(offsets, longs)
        maps = pa.MapArray.from_arrays(offsets, texts, longs.slice(5, 60))
        records = pa.StructArray.from_arrays([longs.slice(3, 2), texts.slice(7, 2)], names=["a", "b"])
        fields = [("l", {"type": "array", "items": "long"}), ("m", {"type": "map", "values": "long"}), ("r", POINT)]
        schema = parse_schema(
            {"type": "record", "name": "R", "fields": [{"name": name, "type": kind} for name, kind in fields]}, "test"
        )
        batch = pa.record_batch([lists, maps, records], names=["l", "m", "r"])
        expected = [
            bytes.fromhex("02 16 00  02 06") + b"t21" + bytes.fromhex("20 00  1a 06") + b"t27",
            bytes.fromhex("04 18 1a 00  04 06") + b"t22\x22\x06t23\x24\x00" + b"\x1c\x06t28",
        ]
        encoder = make_encoder(schema, b"")
        assert run(encoder, batch) == expected
        assert run(encoder, batch.slice(1)) == expected[1:]

    def test_sliced_entries_of_a_map(self, run: Any) -> None:
        """The entries of a map may be a slice of a longer array of pairs."""
        kind = pa.map_(pa.string(), pa.int64())
        entries = pa.StructArray.from_arrays(
            [pa.array(["no", "a", "b"]), pa.array([0, 1, 2], pa.int64())],
            fields=[kind.field(0).type.field(0), kind.field(0).type.field(1)],
        ).slice(1)
        maps = pa.Array.from_buffers(kind, 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1]], children=[entries])
        schema = of_one({"type": "map", "values": "long"})
        encoded = run(make_encoder(schema, b""), pa.record_batch([maps], names=["f"]))
        assert encoded == [b"\x02\x02a\x02\x00", b"\x02\x02b\x04\x00"]

    def test_strings_at_the_very_end_of_their_buffer(self, run: Any) -> None:
        """A buffer without any padding is not read beyond its end (a copy in vectors would)."""
        raw = bytearray(b"abcde")
        offsets = pa.py_buffer(np.array([0, 2, 5], dtype=np.int32).tobytes())
        array = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(bytes(raw)))
        encoded = run(make_encoder(of_one("string"), b""), pa.record_batch([array], names=["f"]))
        assert encoded == [b"\x04ab", b"\x06cde"]

    def test_strings_without_a_buffer(self, run: Any) -> None:
        """Strings that are all empty may have a buffer of no bytes at all."""
        offsets = pa.py_buffer(np.zeros(3, dtype=np.int32).tobytes())
        array = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"")])
        assert run(make_encoder(of_one("string"), b""), pa.record_batch([array], names=["f"])) == [b"\x00", b"\x00"]


class TestRefusals:
    """What does not fit the plan or the room is an error, and nothing counts."""

    @pytest.mark.parametrize(
        ("kind", "values", "place"),
        [
            ("long", [1, None, 3], "f: null in row 1"),
            ({"type": "array", "items": "long"}, [[1], [2], [3, None]], r"f\[\]: null in row 2"),
            ({"type": "map", "values": "int"}, [[("k", None)]], r"f\{\}: null in row 0"),
            (["null", POINT], [None, {"a": 1, "b": None}], r"f\.b: null in row 1"),
        ],
    )
    def test_null_where_the_schema_has_none(self, kind: Any, values: list[Any], place: str, run: Any) -> None:
        """The error names the column inside the schema and the row."""
        schema = of_one(kind)
        with pytest.raises(SchemaError, match=place):
            run(make_encoder(schema, b""), batch_of(schema, values))

    def test_nulls_below_a_null_record_are_no_fault(self, run: Any) -> None:
        """The children of a null record are null in Arrow, even where the schema forbids null."""
        schema = of_one(["null", POINT])
        assert run(make_encoder(schema, b""), batch_of(schema, [None, {"a": 1, "b": "x"}])) == [
            b"\x00",
            b"\x02\x02\x02x",
        ]

    @pytest.mark.parametrize(
        ("kind", "array"),
        [
            ("int", pa.array([1], pa.int64())),
            ("string", pa.array([b"x"], pa.binary())),
            ("string", pa.array(["x"], pa.large_string())),
            ("long", pa.array([1], pa.int64()).dictionary_encode()),
            (logical("long", "timestamp-micros"), pa.array([1], pa.timestamp("us"))),
            (decimal_of(9, 2), pa.array([D("1.000")], pa.decimal128(9, 3))),
            ({"type": "array", "items": "long"}, pa.array([[1]], pa.large_list(pa.int64()))),
            ({"type": "map", "values": "long"}, pa.array([[1]], pa.list_(pa.int64()))),
            (POINT, pa.array([{"a": 1, "c": "x"}])),
        ],
    )
    def test_columns_of_another_type(self, kind: Any, array: pa.Array, run: Any) -> None:
        """Only exactly the Arrow types of the plan are read: a wider number would be read as garbage."""
        with pytest.raises(SchemaError, match="the encoder expects"):
            run(make_encoder(of_one(kind), b""), pa.record_batch([array], names=["f"]))

    def test_other_columns(self, run: Any) -> None:
        """Columns come in the order of the schema and under its names."""
        with pytest.raises(SchemaError, match="expects the columns f, not g"):
            run(make_encoder(of_one("int"), b""), pa.record_batch([pa.array([1], pa.int32())], names=["g"]))

    def test_a_top_that_is_no_record(self) -> None:
        """A RecordBatch has columns, so the schema must have fields."""
        with pytest.raises(SchemaError, match="the top of the schema is long, not a record"):
            make_encoder(parse_schema('"long"', "test"), b"")

    def test_room(self) -> None:
        """Arrays too small, or that compiled code could not write to, are refused before anything is written."""
        schema = of_one("int")
        encoder, batch = ColumnarEncoder(schema, b""), batch_of(schema, [1, 2, 3])
        bound = encoder.upper_bound(batch)
        good, ends = np.zeros(bound, dtype=np.uint8), np.zeros(3, dtype=np.int64)
        for buffer, places in [
            (good[1:], ends),
            (good, ends[1:]),
            (np.zeros(2 * bound, dtype=np.uint8)[::2], ends),
            (good.view(np.int8), ends),
            (good, ends.astype(np.int32)),
        ]:
            with pytest.raises(ValueError, match="must be contiguous"):
                encoder.encode_into(batch, buffer, places)
        assert not good.any()

    def test_a_prefix_over_16_bytes(self) -> None:
        """The kernel copies a prefix as one vector of 16 bytes."""
        with pytest.raises(ValueError, match="at most 16 bytes"):
            make_encoder(of_one("int"), bytes(17))
