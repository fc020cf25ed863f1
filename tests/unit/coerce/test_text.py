"""Strings, bytes, enums and UUIDs."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.coerce.fitting import fit

_ENUM = {"type": "enum", "name": "E", "symbols": ["PLACED", "PAID"]}
_UUID_TEXT = {"type": "string", "logicalType": "uuid"}
_UUID_BYTES = {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}
_ID = "123e4567-e89b-12d3-a456-426614174000"
_OTHER = "FFFFFFFF-0000-4abc-8DEF-0123456789ab"


def _torn() -> pa.Array:
    """The two bytes of é as two values: together they are UTF-8, each of them is not."""
    return pa.StringArray.from_buffers(3, pa.py_buffer(np.arange(4, dtype=np.int32)), pa.py_buffer(b"\xc3\xa9x"))


@pytest.mark.parametrize(
    ("array", "avro_type", "accepted", "reasons"),
    [
        (pa.array(["a", "é"], pa.large_string()), "string", ["a", "é"], {}),
        (pa.array([b"a", b"\xff"]), "string", ["a"], {1: "invalid_utf8"}),
        (_torn(), "string", ["x"], {0: "invalid_utf8", 1: "invalid_utf8"}),
        (pa.array(["é"]), "bytes", ["é".encode()], {}),
        (pa.array([b"\xff"], pa.large_binary()), "bytes", [b"\xff"], {}),
        (pa.array([b"abc"], pa.binary(3)), "bytes", [b"abc"], {}),
        (
            pa.array([b"abcd", b"abc", b""]),
            {"type": "fixed", "name": "F", "size": 4},
            [b"abcd"],
            {1: "wrong_length", 2: "wrong_length"},
        ),
        (pa.array(["PAID", "PLACED", "LOST"]), _ENUM, [1, 0], {2: "unknown_symbol"}),
        (
            pa.array([_ID, _OTHER, "x", _ID[:-1], "{" + _ID + "}"]),
            _UUID_TEXT,
            [_ID, _OTHER],
            dict.fromkeys((2, 3, 4), "bad_uuid"),
        ),
        (pa.array([_ID, _OTHER, "x"]), _UUID_BYTES, [uuid.UUID(_ID).bytes, uuid.UUID(_OTHER).bytes], {2: "bad_uuid"}),
        (
            pa.array([uuid.UUID(_ID).bytes, uuid.UUID(_OTHER).bytes], pa.binary(16)),
            _UUID_TEXT,
            [_ID, _OTHER.lower()],
            {},
        ),
        (pa.array([uuid.UUID(_ID).bytes], pa.binary(16)), _UUID_BYTES, [uuid.UUID(_ID).bytes], {}),
    ],
)
def test_typed_text(array: pa.Array, avro_type: Any, accepted: list[Any], reasons: dict[int, str]) -> None:
    """Case 16: unknown symbols, bad UUIDs, wrong lengths and what is not UTF-8 are rejected with their reason."""
    outcome = fit(array, avro_type)
    assert outcome.values == accepted
    assert outcome.reasons == reasons
    # A slice of a longer array is the same rows.
    padded = pa.concat_arrays([array, array]).slice(len(array))
    assert fit(padded, avro_type).values == accepted


@pytest.mark.parametrize(
    ("values", "avro_type", "expected"),
    [
        ([_ID, None, _OTHER], ["null", _UUID_BYTES], [uuid.UUID(_ID).bytes, None, uuid.UUID(_OTHER).bytes]),
        (["PAID", None], [_ENUM, "null"], [1, None]),
        ([None, None], ["null", _UUID_TEXT], [None, None]),
        ([None], ["null", _ENUM], [None]),
    ],
)
def test_nulls_stay_null_in_nullable_fields(values: list[Any], avro_type: Any, expected: list[Any]) -> None:
    """A null of a nullable field is a value like any other, in either order of the union."""
    assert fit(pa.array(values, pa.string()), avro_type).values == expected


def test_null_in_a_required_field_is_rejected() -> None:
    """Null where the schema has no null is a reject, whatever the type."""
    for kind, avro_type in ((pa.int64(), "long"), (pa.string(), "string"), (pa.string(), _ENUM), (pa.float64(), "int")):
        outcome = fit(pa.array([None], kind), avro_type)
        assert outcome.reasons == {0: "null"}


def test_an_empty_csv_field_is_the_empty_string_where_null_is_not_allowed() -> None:
    """In CSV nothing between two commas is null or empty; only where the schema has no null it is the empty string."""
    assert fit(pa.array(["a", None]), "string", "csv").values == ["a", ""]
    assert fit(pa.array(["a", None]), ["null", "string"], "csv").values == ["a", None]


def _dictionary(values: list[Any], indices: list[int | None], kind: pa.DataType | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices, kind or pa.int32()), pa.array(values, pa.string()))


def test_strings_by_dictionary_stay_so_without_a_copy() -> None:
    """A dictionary of strings passes as it is: it is then encoded once per distinct value."""
    array = _dictionary(["x", "y"], [0, 1, None, 0])
    column = fit(array, ["null", "string"]).coerced.batch.column(0)
    assert column.type == pa.dictionary(pa.int32(), pa.string())
    assert column.indices.buffers()[1].address == array.indices.buffers()[1].address


@pytest.mark.parametrize(
    ("array", "avro_type", "accepted", "reasons"),
    [
        (_dictionary(["x", "y"], [1, 0, None], pa.int8()), ["null", "string"], ["y", "x", None], {}),
        (_dictionary(["x", None], [1, 0]), "string", ["x"], {0: "null"}),
        (_dictionary(["PAID", "LOST"], [0, 1, 0, None]), ["null", _ENUM], [1, 1, None], {1: "unknown_symbol"}),
        (_dictionary(["PAID", "LOST"], [0, 0]), _ENUM, [1, 1], {}),
        (_dictionary([], [None]), ["null", _ENUM], [None], {}),
    ],
)
def test_other_dictionaries(
    array: pa.DictionaryArray, avro_type: Any, accepted: list[Any], reasons: dict[int, str]
) -> None:
    """Dictionaries of any kind come out value by value, and values that no row uses do not matter."""
    outcome = fit(array, avro_type)
    assert outcome.values == accepted
    assert outcome.reasons == reasons


def test_extension_types_are_what_they_are_stored_as() -> None:
    """Arrow's own UUID type becomes UUID text, its JSON type a string."""
    ids = pa.array([uuid.UUID(_ID).bytes, None], pa.uuid())
    assert fit(ids, ["null", _UUID_TEXT]).values == [_ID, None]
    assert fit(pa.array(['{"a":1}'], pa.json_()), "string").values == ['{"a":1}']
