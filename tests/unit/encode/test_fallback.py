"""Which schemas go to fastavro and why, and that it gets values that make it write the right thing."""

from __future__ import annotations

import datetime as dt
import decimal
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from replayer.encode.avro import make_encoder
from replayer.errors import SchemaError
from replayer.schema.avro import AvroSchema, parse_schema

D = decimal.Decimal
WIDE = ["null", "string", "long"]


def schema_of(**fields: Any) -> AvroSchema:
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return parse_schema({"type": "record", "name": "R", "fields": listed}, "test")


NODE = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (WIDE, "f: a union other than null and one type"),
        (["long", "string"], "f: a union other than null and one type"),
        (["string"], "f: a union other than null and one type"),
        ({"type": "array", "items": {"type": "map", "values": WIDE}}, "f[]{}: a union other than null and one type"),
        (["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": WIDE}]}],
         "f.x: a union other than null and one type"),
        (NODE, "f.next: the type N contains itself"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 77}, "f: a decimal of more than 76 digits"),
    ],
)  # fmt: skip
def test_the_reason_names_the_place(kind: Any, reason: str) -> None:
    """What the columnar path cannot do goes to fastavro for the whole schema, and is said."""
    encoder = make_encoder(schema_of(ok="int", f=kind), b"")
    assert (encoder.name, encoder.fallback_reason) == ("fastavro", reason)


def test_branches_are_chosen_by_value(run: Any) -> None:
    """A wider union is written with the branch that the value fits; a column of one Arrow type uses one of them."""
    encoder = make_encoder(schema_of(f=WIDE), b"\x07")
    texts = pa.record_batch([pa.array(["a", None])], names=["f"])
    longs = pa.record_batch([pa.array([-1, None], pa.int64())], names=["f"])
    assert run(encoder, texts) == [b"\x07\x02\x02a", b"\x07\x00"]
    assert run(encoder, longs.slice(0, 1)) == [b"\x07\x04\x01"]


# Fields beside a wide union, in the Arrow types of the columnar path, and their bytes.
BESIDE: list[tuple[Any, pa.Array, str]] = [
    ({"type": "long", "logicalType": "timestamp-micros"}, pa.array([-1], pa.timestamp("us", "UTC")), "01"),
    ({"type": "long", "logicalType": "timestamp-nanos"}, pa.array([3], pa.timestamp("ns", "UTC")), "06"),
    ({"type": "long", "logicalType": "timestamp-millis"}, pa.array([2**62], pa.timestamp("ms", "UTC")),
     "80 80 80 80 80 80 80 80 80 01"),
    ({"type": "long", "logicalType": "local-timestamp-millis"}, pa.array([1], pa.timestamp("ms")), "02"),
    ({"type": "int", "logicalType": "date"}, pa.array([-2], pa.date32()), "03"),
    ({"type": "int", "logicalType": "time-millis"}, pa.array([1], pa.time32("ms")), "02"),
    ({"type": "long", "logicalType": "time-micros"}, pa.array([1], pa.time64("us")), "02"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
     pa.array([D("-1.28")], pa.decimal128(9, 2)), "04 ff 80"),
    (["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}], pa.array([1], pa.int32()), "02 02"),
    ({"type": "fixed", "name": "F", "size": 2}, pa.array([b"ab"], pa.binary(2)), "61 62"),
    ("string", pa.array(["x"]).dictionary_encode(), "02 78"),
    ({"type": "array", "items": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
     pa.array([[None, 1]], pa.list_(pa.timestamp("us", "UTC"))), "04 00 02 02 00"),
    ({"type": "map", "values": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
     pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), "02 02 6b 02 00"),
    ({"type": "map", "values": {"type": "int", "logicalType": "date"}},
     pa.array([[("k", 1)]], pa.map_(pa.string(), pa.date32())), "02 02 6b 02 00"),
    ({"type": "record", "name": "P", "fields": [
        {"name": "d", "type": {"type": "int", "logicalType": "date"}},
        {"name": "m", "type": ["null", {"type": "map", "values": "int"}]}]},
     pa.array([{"d": 1, "m": None}], pa.struct([("d", pa.date32()), ("m", pa.map_(pa.string(), pa.int32()))])),
     "02 00"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "array", "expected"), BESIDE)
def test_other_fields_keep_their_arrow_types(kind: Any, array: pa.Array, expected: str, run: Any) -> None:
    """Beside a wide union every other field takes the Arrow type that the columnar encoder takes."""
    schema = schema_of(f=kind, wide=WIDE)
    batch = pa.record_batch([array, pa.array([None], pa.string())], names=["f", "wide"])
    assert run(make_encoder(schema, b""), batch) == [bytes.fromhex(expected) + b"\x00"]


@pytest.fixture(params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_times_without_a_zone_are_utc_on_every_machine(zone: str, run: Any) -> None:
    """Case 14: in a wide union fastavro would read them in the machine's own zone; the bytes are the same under two."""
    wide = ["null", "string", {"type": "long", "logicalType": "timestamp-millis"}]
    batch = pa.record_batch([pa.array([dt.datetime(1970, 1, 1, 0, 0, 1)], pa.timestamp("ms"))], names=["f"])  # noqa: DTZ001
    assert run(make_encoder(schema_of(f=wide), b""), batch) == [b"\x04\xd0\x0f"]


def test_recursive_records(run: Any) -> None:
    """A type that contains itself takes a column nested as deeply as the data goes."""
    inner = pa.struct([("next", pa.struct([("next", pa.null())]))])
    batch = pa.record_batch([pa.array([{"next": {"next": None}}, {"next": None}], inner)], names=["f"])
    assert run(make_encoder(schema_of(f=NODE), b""), batch) == [b"\x02\x00", b"\x00"]


def test_maps_inside_of_a_wide_union(run: Any) -> None:
    """A map in a column that goes as it is becomes a mapping, not a list of pairs."""
    wide = ["null", "string", {"type": "map", "values": "int"}]
    batch = pa.record_batch([pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32()))], names=["f"])
    assert run(make_encoder(schema_of(f=wide), b""), batch) == [b"\x04\x02\x02k\x02\x00"]


def test_what_fits_no_branch_names_the_row() -> None:
    """A value without a branch is an error that says where; nothing is written."""
    encoder = make_encoder(schema_of(f=WIDE), b"")
    batch = pa.record_batch([pa.array([None, 0.5])], names=["f"])
    with pytest.raises(SchemaError, match="row 1 of a RecordBatch does not fit the schema"):
        encoder.upper_bound(batch)


def test_other_columns() -> None:
    """Columns come in the order of the schema and under its names, as for the columnar encoder."""
    with pytest.raises(SchemaError, match="expects the columns f, not g"):
        make_encoder(schema_of(f=WIDE), b"").upper_bound(pa.record_batch([pa.array(["a"])], names=["g"]))
