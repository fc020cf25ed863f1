"""Records, arrays and maps: a misfit inside rejects its row, and what fits comes out in the schema's types."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from replayer.errors import SchemaError
from tests.unit.coerce.fitting import fit, plan


def _record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Inner", "fields": list(fields)}


_INTS = {"type": "array", "items": "int"}
_POINT = _record({"name": "x", "type": "int"}, {"name": "y", "type": ["null", "int"], "default": None})
_STRUCT = pa.struct([("y", pa.int64()), ("x", pa.int64()), ("z", pa.int64())])
_MAP = pa.map_(pa.string(), pa.int64())


@pytest.mark.parametrize(
    ("array", "avro_type", "accepted", "reasons"),
    [
        (pa.array([[1, 2], [], [2**31]], pa.list_(pa.int64())), _INTS, [[1, 2], []], {2: "out_of_range"}),
        (pa.array([[1, None], [1]], pa.list_(pa.int64())), _INTS, [[1]], {0: "null"}),
        (pa.array([[1], None], pa.list_(pa.int64())), ["null", _INTS], [[1], None], {}),
        (pa.array([[1], None], pa.list_(pa.int64())), _INTS, [[1]], {1: "null"}),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), _INTS, [[1, 2], [3, 4]], {}),
        (pa.array([[1], [2**31]], pa.large_list(pa.int64())), _INTS, [[1]], {1: "out_of_range"}),
        (
            pa.array([[[1], []], [[2**40]]], pa.list_(pa.list_(pa.int64()))),
            {"type": "array", "items": _INTS},
            [[[1], []]],
            {1: "out_of_range"},
        ),
        (
            pa.array([{"x": 1, "y": 2}, {"x": 1}, {"y": 1}], _STRUCT),
            _POINT,
            [{"x": 1, "y": 2}, {"x": 1, "y": None}],
            {2: "null"},
        ),
        (pa.array([{"x": 1}, None], _STRUCT), ["null", _POINT], [{"x": 1, "y": None}, None], {}),
        (pa.array([None, {"x": 2**31}], _STRUCT), [_POINT, "null"], [None], {1: "out_of_range"}),
        (
            pa.array([[("a", 1)], [], [("b", 2**31)]], _MAP),
            {"type": "map", "values": "int"},
            [[("a", 1)], []],
            {2: "out_of_range"},
        ),
        (
            pa.array([None, [("a", None)]], _MAP),
            ["null", {"type": "map", "values": ["null", "long"]}],
            [None, [("a", None)]],
            {},
        ),
        (
            pa.array([[{"x": 1}], [{"x": None}], [None]], pa.list_(_STRUCT)),
            {"type": "array", "items": ["null", _POINT]},
            [[{"x": 1, "y": None}], [None]],
            {1: "null"},
        ),
    ],
)
def test_nested_values(array: pa.Array, avro_type: Any, accepted: list[Any], reasons: dict[int, str]) -> None:
    """A value is cast wherever it lies; a fault inside is a fault of its row, unless it lies under a null."""
    outcome = fit(array, avro_type)
    assert outcome.values == accepted
    assert outcome.reasons == reasons
    # A slice of a longer array is the same rows.
    padded = pa.concat_arrays([array, array]).slice(len(array))
    assert fit(padded, avro_type).values == accepted


def test_the_place_inside_is_named() -> None:
    """A reject of a nested value names the path to it."""
    array = pa.array([[{"x": 2**31}]], pa.list_(_STRUCT))
    (reject,) = fit(array, {"type": "array", "items": _POINT}).coerced.rejects
    assert reject.column == "v[].x"
    assert "expected int from -2147483648 to 2147483647 at v[].x, found [{" in reject.detail


def test_a_missing_nested_field_takes_its_default() -> None:
    """A field that the struct lacks is its default; without one, and not nullable, the plan is refused."""
    with_default = _record({"name": "x", "type": "int"}, {"name": "w", "type": "string", "default": "?"})
    assert fit(pa.array([{"x": 1}, {"x": 2}], _STRUCT), with_default).values == [{"x": 1, "w": "?"}, {"x": 2, "w": "?"}]
    with pytest.raises(SchemaError, match=r"v\.w: the column has no such field"):
        plan(pa.array([], _STRUCT), _record({"name": "w", "type": "string"}))


@pytest.mark.parametrize(
    ("array", "avro_type"),
    [
        (pa.array([{"y": 1}], pa.struct([("y", pa.int32())])), _record({"name": "y", "type": ["null", "int"]})),
        (pa.array([["a"]], pa.list_(pa.string())), {"type": "array", "items": ["null", "string"]}),
        (pa.array([[("a", 1.5)]], pa.map_(pa.string(), pa.float64())), {"type": "map", "values": ["null", "double"]}),
    ],
)
def test_what_fits_is_not_copied(array: pa.Array, avro_type: Any) -> None:
    """A nested column of the right types, all nullable, is passed on as the same memory."""
    column = fit(array, ["null", avro_type]).coerced.batch.column(0)
    assert [b and b.address for b in column.buffers()] == [b and b.address for b in array.buffers()]
