"""An Avro type for every Arrow type, and for text the type that it prints back from."""

from __future__ import annotations

from typing import Any

import fastavro
import pyarrow as pa
import pytest

from replayer.errors import SchemaError
from replayer.schema.avro import parse_schema
from replayer.schema.infer import infer_schema
from replayer.schema.text import TextKind, mark_text


def _logical(kind: str, logical: str, **more: int) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical, **more}


def _node(array: pa.Array, text: TextKind = "") -> Any:
    schema = infer_schema(pa.table([array], schema=mark_text(pa.schema([("v", array.type)]), text)), "row")
    fastavro.parse_schema(schema)
    (field,) = schema["fields"]
    assert field["default"] is None
    assert field["type"][0] == "null"
    return field["type"][1]


@pytest.mark.parametrize(
    ("kind", "avro_type"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "int"),
        (pa.int32(), "int"),
        (pa.uint16(), "int"),
        (pa.uint32(), "long"),
        (pa.int64(), "long"),
        (pa.uint64(), _logical("bytes", "decimal", precision=20, scale=0)),
        (pa.float16(), "float"),
        (pa.float32(), "float"),
        (pa.float64(), "double"),
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.null(), "string"),
        (pa.binary(), "bytes"),
        (pa.large_binary(), "bytes"),
        (pa.binary(8), {"type": "fixed", "name": "row_v", "size": 8}),
        (pa.decimal128(10, 2), _logical("bytes", "decimal", precision=10, scale=2)),
        (pa.decimal128(10, -2), _logical("bytes", "decimal", precision=12, scale=0)),
        (pa.decimal256(50, 10), _logical("bytes", "decimal", precision=50, scale=10)),
        (pa.date32(), _logical("int", "date")),
        (pa.date64(), _logical("int", "date")),
        (pa.time32("s"), _logical("int", "time-millis")),
        (pa.time32("ms"), _logical("int", "time-millis")),
        (pa.time64("us"), _logical("long", "time-micros")),
        (pa.timestamp("s", "UTC"), _logical("long", "timestamp-millis")),
        (pa.timestamp("ms", "Europe/Berlin"), _logical("long", "timestamp-millis")),
        (pa.timestamp("us", "UTC"), _logical("long", "timestamp-micros")),
        (pa.timestamp("us"), _logical("long", "local-timestamp-micros")),
        (pa.dictionary(pa.int32(), pa.string()), "string"),
        (pa.duration("us"), "long"),
        (pa.uuid(), _logical("string", "uuid")),
        (pa.json_(), "string"),
        (pa.list_(pa.int32()), {"type": "array", "items": ["null", "int"]}),
        (pa.large_list(pa.string()), {"type": "array", "items": ["null", "string"]}),
        (pa.list_(pa.float32(), 2), {"type": "array", "items": ["null", "float"]}),
        (pa.map_(pa.string(), pa.int64()), {"type": "map", "values": ["null", "long"]}),
        (
            pa.struct([("a b", pa.int32())]),
            {
                "type": "record",
                "name": "row_v",
                "fields": [{"name": "a_b", "type": ["null", "int"], "default": None, "doc": "column 'a b'"}],
            },
        ),
        (
            pa.list_(pa.struct([("a", pa.struct([("a", pa.int32())]))])),
            {
                "type": "array",
                "items": [
                    "null",
                    {
                        "type": "record",
                        "name": "row_v_item",
                        "fields": [
                            {
                                "name": "a",
                                "default": None,
                                "type": [
                                    "null",
                                    {
                                        "type": "record",
                                        "name": "row_v_item_a",
                                        "fields": [{"name": "a", "type": ["null", "int"], "default": None}],
                                    },
                                ],
                            }
                        ],
                    },
                ],
            },
        ),
    ],
)
def test_each_arrow_type_has_an_avro_type(kind: pa.DataType, avro_type: Any) -> None:
    """Every field is a nullable union with default null of the type that holds all values of the Arrow type."""
    assert _node(pa.array([None], kind)) == avro_type
    assert _node(pa.array([], kind)) == avro_type


@pytest.mark.parametrize(
    ("values", "kind", "avro_type"),
    [
        ([1_000, None], pa.timestamp("ns", "UTC"), _logical("long", "timestamp-micros")),
        ([1_000, 1], pa.timestamp("ns", "UTC"), _logical("long", "timestamp-nanos")),
        ([1], pa.timestamp("ns"), _logical("long", "local-timestamp-nanos")),
        ([2_000], pa.time64("ns"), _logical("long", "time-micros")),
        ([1], pa.time64("ns"), "long"),
        (
            [[1_000], [1]],
            pa.list_(pa.timestamp("ns")),
            {"type": "array", "items": ["null", _logical("long", "local-timestamp-nanos")]},
        ),
    ],
)
def test_nanoseconds_are_micros_only_when_every_sampled_row_is_exact(
    values: list[Any], kind: pa.DataType, avro_type: Any
) -> None:
    """Nanoseconds are never truncated: one row that is not exact makes the column nanoseconds."""
    assert _node(pa.array(values, kind)) == avro_type


_STRING = "string"


@pytest.mark.parametrize(
    ("texts", "csv", "json"),
    [
        (["1", "-5", "9223372036854775807", None], "long", _STRING),
        (["007", "12"], _STRING, _STRING),
        (["1", "007"], _STRING, _STRING),
        (["0x10"], _STRING, _STRING),
        (["+5"], _STRING, _STRING),
        (["9223372036854775808"], _STRING, _STRING),
        (["1.5", "2", "-0.25", "1e-7", "20.0"], "double", _STRING),
        (["12.10", "3.50"], _logical("bytes", "decimal", precision=18, scale=2), _STRING),
        (["12.10", "3.5"], _STRING, _STRING),
        (["0.12345678901234567890"], _logical("bytes", "decimal", precision=38, scale=20), _STRING),
        (["NaN", "1.5"], _STRING, _STRING),
        (["true", "False", None], "boolean", _STRING),
        (["true", "yes"], _STRING, _STRING),
        (["0", "1"], "long", _STRING),
        (["2024-02-29", None], _logical("int", "date"), _logical("int", "date")),
        (["2024-02-30"], _STRING, _STRING),
        (["02/01/2024"], _STRING, _STRING),
        (["09:30:00", "23:59:59.5"], _logical("long", "time-micros"), _logical("long", "time-micros")),
        (["2024-02-29T09:30:00Z", "2024-02-29 09:30:00.5+01:00"], *[_logical("long", "timestamp-micros")] * 2),
        (["2024-02-29T09:30:00.123456789Z"], *[_logical("long", "timestamp-nanos")] * 2),
        (["2024-02-29T09:30:00", "2024-02-29 09:30"], *[_logical("long", "local-timestamp-micros")] * 2),
        (["2024-02-29T09:30:00Z", "2024-02-29T09:30:00"], _STRING, _STRING),
        (["2024-02-29", "2024-02-29T09:30:00"], _STRING, _STRING),
        (["1", "x"], _STRING, _STRING),
        ([" 1"], _STRING, _STRING),
        ([None, None], _STRING, _STRING),
        (["", "1"], _STRING, _STRING),
        ([], _STRING, _STRING),
        (["1"] * 2_000 + ["x"], _STRING, _STRING),
        ([None] * 10_000 + ["1"], "long", _STRING),
    ],
)
def test_text_gets_the_type_that_it_prints_back_from(texts: list[str | None], csv: Any, json: Any) -> None:
    """Cases 7, 8, 9, 11 and 13: no digit is lost, no date guessed; JSON strings are never numbers."""
    array = pa.array(texts, pa.string())
    assert _node(array, "csv") == csv
    assert _node(array, "json") == json
    assert _node(array) == _STRING


def test_nested_json_strings_are_typed_too() -> None:
    """A date inside a list of objects is a date."""
    array = pa.array([[{"d": "2024-02-29"}]])
    item = _node(array, "json")["items"][1]
    assert item["fields"][0]["type"] == ["null", _logical("int", "date")]


def test_the_caller_can_say_that_strings_are_text() -> None:
    """``text_columns`` wins over the mark of the source."""
    table = pa.table({"v": ["1"]})
    assert infer_schema(table, "row", text_columns=True)["fields"][0]["type"] == ["null", "long"]
    assert infer_schema(table.to_batches(), "row", text_columns=False)["fields"][0]["type"] == ["null", "string"]


def test_what_changed_is_said() -> None:
    """A field whose column has another name, or whose type is another, says so in its doc."""
    schema = infer_schema(pa.table({"Order ID": pa.array([1], pa.uint64()), "n": [1]}), "orders.v1")
    assert schema["name"] == "orders_v1"
    assert [field.get("doc") for field in schema["fields"]] == ["column 'Order ID'; uint64 in the source", None]


@pytest.mark.parametrize("kind", [pa.map_(pa.int32(), pa.string()), pa.month_day_nano_interval()])
def test_types_without_a_counterpart_are_refused(kind: pa.DataType) -> None:
    """What Avro cannot hold is named with its column."""
    with pytest.raises(SchemaError, match=r"^v: "):
        _node(pa.array([], kind))


@pytest.mark.parametrize(("topic", "name"), [("long", "long_"), ("string", "string_"), ("orders", "orders")])
def test_a_topic_that_is_called_like_a_type(topic: str, name: str) -> None:
    """A dataset long.csv has a schema too: Avro's own names are not for records."""
    schema = infer_schema(pa.table({"a": [1]}), topic)
    assert schema["name"] == name
    assert parse_schema(schema, "test").fullname == name
