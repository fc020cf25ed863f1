"""Which column a field takes, and what becomes of whole rows."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from replayer.coerce.plan import plan_coercion
from replayer.errors import SchemaError
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import parse_schema
from replayer.source.batch import Malformed
from tests.unit.coerce.fitting import record_of, source_batch


def _schema(*fields: dict[str, Any]) -> Any:
    return parse_schema({"type": "record", "name": "Row", "fields": list(fields)}, "test")


def _batch(**columns: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_fields_take_their_columns_in_the_order_of_the_schema() -> None:
    """By name, by a given rename, by the name made fit for Avro, by an alias; other columns are ignored and listed."""
    schema = _schema(
        {"name": "d", "type": "long", "aliases": ["old_d"]},
        {"name": "Order_ID", "type": "long"},
        {"name": "b", "type": "long"},
        {"name": "a", "type": "long"},
    )
    batch = _batch(**{"a": [1], "x": [2], "Order ID": [3], "old_d": [4], "unused": [5]})
    coercer = plan_coercion(batch.schema, schema, {"x": "b"})
    assert coercer.coerce(source_batch(batch)).batch.to_pylist() == [{"d": 4, "Order_ID": 3, "b": 2, "a": 1}]
    assert coercer.ignored_columns == ("unused",)


@pytest.mark.parametrize(
    ("avro_type", "default", "expected"),
    [
        ("string", "?", "?"),
        ("long", 7, 7),
        ("double", 1, 1.0),
        ("bytes", "\u00ff", b"\xff"),
        (["null", "string"], None, None),
        (["string", "null"], "x", "x"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", 1),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u00ff", Decimal("-0.01")),
        ({"type": "array", "items": "int"}, [1, 2], [1, 2]),
        ({"type": "map", "values": "int"}, {"k": 1}, [("k", 1)]),
        ({"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "default": 3}]}, {}, {"f": 3}),
    ],
)
def test_case_15_a_missing_column_is_its_default(avro_type: Any, default: Any, expected: Any) -> None:
    """Case 15: a field without a column has its default in each row, as the specification writes defaults."""
    schema = _schema({"name": "a", "type": "long"}, {"name": "f", "type": avro_type, "default": default})
    batch = _batch(a=[1, 2, 3])
    coercer = plan_coercion(batch.schema, schema, {})
    for count in (2, 3):
        coerced = coercer.coerce(source_batch(batch.slice(0, count))).batch
        assert coerced.column("f").to_pylist() == [expected] * count
        assert coerced.schema.field("f").type == arrow_types(schema)["f"]


def test_case_15_a_missing_column_without_default_is_refused() -> None:
    """Case 15: a required field with neither column nor default stops the plan, naming the nearest column."""
    with pytest.raises(SchemaError, match="field 'quantity' has no column and no default") as caught:
        plan_coercion(_batch(quantty=[1]).schema, record_of(quantity="long"), {})
    assert "did you mean the column 'quantty'" in caught.value.hint
    nullable = plan_coercion(_batch(a=[1]).schema, record_of(a="long", b=["null", "long"]), {})
    assert nullable.coerce(source_batch(_batch(a=[1]))).batch.to_pylist() == [{"a": 1, "b": None}]


def test_case_1_an_empty_dataset_plans_against_any_schema() -> None:
    """Case 1: a dataset without columns has no rows, and so nothing that could not fit."""
    plan_coercion(pa.schema([]), record_of(a="long"), {})


def test_a_schema_without_a_record_at_the_top_is_refused() -> None:
    """Rows have columns, so the top of the schema is a record."""
    with pytest.raises(SchemaError, match="no record"):
        plan_coercion(pa.schema([]), parse_schema({"type": "long"}, "test"), {})


def test_rows_that_fit_keep_their_numbers_and_the_others_say_why() -> None:
    """Accepted and rejected rows are all rows; a row with two faults is rejected once, for the first field."""
    batch = _batch(a=[1, 2**40, 3, 2**40], b=["x", "y", None, None])
    malformed = (
        Malformed(99, "ragged", "expected 2 fields, found 1", "1"),
        Malformed(104, "bad_json", "cut off", "{", "a"),
    )
    coercer = plan_coercion(batch.schema, record_of(a="int", b="string"), {})
    coerced = coercer.coerce(source_batch(batch, malformed))
    assert coerced.batch.to_pylist() == [{"a": 1, "b": "x"}]
    assert coerced.row_numbers.tolist() == [100]
    assert [(one.row, one.column, one.reason) for one in coerced.rejects] == [
        (99, "", "ragged"),
        (101, "a", "out_of_range"),
        (102, "b", "null"),
        (103, "a", "out_of_range"),
        (104, "a", "bad_json"),
    ]
    assert coerced.rejects[1].detail == "expected int from -2147483648 to 2147483647, found 1099511627776"
    assert orjson.loads(coerced.rejects[1].raw) == {"a": 2**40, "b": "y"}


def test_rejects_show_values_that_python_has_no_type_for() -> None:
    """A reject of a row with nanoseconds, a far year, bytes and broken text is written all the same."""
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([2**40]),
            pa.array([1], pa.timestamp("ns", "UTC")),
            pa.array([10**7], pa.date32()),
            pa.array([b"\xff"]),
            pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 1], dtype=np.int32)), pa.py_buffer(b"\xff")),
            pa.array([[1]], pa.list_(pa.timestamp("ns"))),
            pa.array([float("nan")]),
            pa.array([Decimal("1.5")]),
        ],
        names=list("abcdefgh"),
    )
    (reject,) = plan_coercion(batch.schema, record_of(a="int"), {}).coerce(source_batch(batch)).rejects
    row = orjson.loads(reject.raw)
    assert row["b"] == "1970-01-01 00:00:00.000000001Z"
    assert (row["d"], row["e"], row["g"], row["h"]) == ("�", "�", None, "1.5")


def test_columns_that_fit_are_not_copied() -> None:
    """Flat columns of the right type are passed on as the same memory."""
    batch = _batch(a=[1, 2], b=[1.5, None], c=["x", "y"])
    coerced = plan_coercion(batch.schema, record_of(a="long", b=["null", "double"], c="string"), {}).coerce(
        source_batch(batch)
    )
    for name in "abc":
        before, after = batch.column(name).buffers(), coerced.batch.column(name).buffers()
        assert [b and b.address for b in before] == [b and b.address for b in after]


def test_wider_unions_pass_as_they_are() -> None:
    """A union that the columnar encoder doesn't take is left to the other one, column as it is."""
    batch = _batch(a=["x", "y"])
    coercer = plan_coercion(batch.schema, record_of(a=["null", "string", "long"]), {})
    assert coercer.coerce(source_batch(batch)).batch.to_pylist() == [{"a": "x"}, {"a": "y"}]


@pytest.mark.parametrize("values", [[1, None, 3], [], [2**31] * 3], ids=["some null", "no rows", "all rejected"])
def test_every_shape_of_batch(values: list[int | None]) -> None:
    """A batch without rows, and one whose rows are all rejected, come out with the schema's columns."""
    batch = pa.RecordBatch.from_arrays([pa.array(values, pa.int64())], names=["a"])
    coerced = plan_coercion(batch.schema, record_of(a="int"), {}).coerce(source_batch(batch))
    assert coerced.batch.schema.types == [pa.int32()]
    assert coerced.batch.num_rows + len(coerced.rejects) == len(values)


def test_rejects_can_be_sent_to_another_process() -> None:
    """A reject is a plain value."""
    batch = _batch(a=[2**40])
    rejects = plan_coercion(batch.schema, record_of(a="int"), {}).coerce(source_batch(batch)).rejects
    assert pickle.loads(pickle.dumps(rejects)) == rejects
