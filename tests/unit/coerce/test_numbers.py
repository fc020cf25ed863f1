"""Numbers fit exactly or are rejected; what fastavro would write wrongly never reaches it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.errors import SchemaError
from tests.unit.coerce.fitting import fit, plan

_INF, _NAN = float("inf"), float("nan")
_MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
_D = Decimal


@pytest.mark.parametrize(
    ("values", "source", "avro_type", "accepted", "reasons"),
    [
        ([1, 2**31 - 1, -(2**31)], pa.int64(), "int", [1, 2**31 - 1, -(2**31)], {}),
        ([1, 2**31, -(2**31) - 1], pa.int64(), "int", [1], {1: "out_of_range", 2: "out_of_range"}),
        ([1, 2**64 - 1], pa.uint64(), "long", [1], {1: "out_of_range"}),
        ([255], pa.uint8(), "int", [255], {}),
        ([2**32 - 1], pa.uint32(), "long", [2**32 - 1], {}),
        ([5.0, 5.9, _NAN, _INF, -0.0], pa.float64(), "int", [5, 0], {1: "not_whole", 2: "not_whole", 3: "not_whole"}),
        ([2.0**31, -(2.0**31), 1e300], pa.float64(), "int", [-(2**31)], {0: "out_of_range", 2: "out_of_range"}),
        ([2.0**53 + 2, 2.0**63, -(2.0**63)], pa.float64(), "long", [2**53 + 2, -(2**63)], {1: "out_of_range"}),
        ([2.0**24, 0.5], pa.float32(), "long", [2**24], {1: "not_whole"}),
        (
            [2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1],
            pa.int64(),
            "double",
            [2.0**53, 2.0**53 + 2],
            {1: "inexact", 3: "inexact"},
        ),
        ([2**64 - 1, 2**63], pa.uint64(), "double", [2.0**63], {0: "inexact"}),
        ([2**24, 2**24 + 1], pa.int32(), "float", [2.0**24], {1: "inexact"}),
        (
            [0.5, 1e39, -1e39, _INF, _NAN],
            pa.float64(),
            "float",
            [0.5, _INF, _NAN],
            {1: "out_of_range", 2: "out_of_range"},
        ),
        (
            [3.4028234663852886e38, 3.4028235677973366e38],
            pa.float64(),
            "float",
            [3.4028234663852886e38],
            {1: "out_of_range"},
        ),
        ([0.1], pa.float32(), "double", [0.10000000149011612], {}),
        ([_D("1.50"), _D("9999.99")], pa.decimal128(8, 2), _MONEY, [_D("1.50"), _D("9999.99")], {}),
        ([_D("1.50"), _D("10000.00")], pa.decimal128(8, 2), _MONEY, [_D("1.50")], {1: "over_precision"}),
        ([_D("1.500"), _D("1.501")], pa.decimal128(8, 3), _MONEY, [_D("1.50")], {1: "over_scale"}),
        ([1, 10_000], pa.int64(), _MONEY, [_D("1.00")], {1: "over_precision"}),
        (
            [0.1, 12.345, 1e6, _NAN],
            pa.float64(),
            _MONEY,
            [_D("0.10")],
            {1: "over_scale", 2: "over_precision", 3: "not_a_number"},
        ),
        ([_D("5.00"), _D("5.50")], pa.decimal128(8, 2), "int", [5], {1: "not_whole"}),
        ([_D("99999999999"), _D("5")], pa.decimal128(12, 0), "int", [5], {0: "out_of_range"}),
        ([_D("0.25")], pa.decimal128(8, 2), "double", [0.25], {}),
    ],
)
def test_typed_numbers(
    values: list[Any], source: pa.DataType, avro_type: Any, accepted: list[Any], reasons: dict[int, str]
) -> None:
    """Cases 9, 10 and 12: a number that the type cannot hold exactly is rejected with its reason, and no other."""
    outcome = fit(pa.array(values, source), avro_type)
    assert str(outcome.values) == str(accepted)  # as text, so that NaN equals NaN and 5 is not 5.0
    assert outcome.reasons == reasons


@pytest.mark.parametrize(
    ("texts", "avro_type", "accepted", "reasons"),
    [
        (["1", "-7", "2147483647"], "int", [1, -7, 2**31 - 1], {}),
        (
            ["1", "2147483648", "5.9", "x", "", " 1", "+1", "true"],
            "int",
            [1],
            {1: "out_of_range"} | dict.fromkeys(range(2, 8), "not_an_integer"),
        ),
        (
            ["007", "0x10", "-0", "0", "00"],
            "long",
            [0],
            {0: "loses_digits", 1: "not_an_integer", 2: "loses_digits", 4: "loses_digits"},
        ),
        (
            ["9007199254740993", "9223372036854775807", "9223372036854775808"],
            "long",
            [2**53 + 1, 2**63 - 1],
            {2: "out_of_range"},
        ),
        (["12.10", "1e3", "-0", "NaN", "-inf", "5"], "double", [12.1, 1000.0, -0.0, _NAN, -_INF, 5.0], {}),
        (
            ["1", "9007199254740993", "1e400", "x", "0x1p3"],
            "double",
            [1.0],
            {1: "inexact", 2: "out_of_range", 3: "not_a_number", 4: "not_a_number"},
        ),
        (["9007199254740992", "1e300"], "double", [2.0**53, 1e300], {}),
        (["1.5", "1e39"], "float", [1.5], {1: "out_of_range"}),
        (
            ["12.3", "9999.99", "10000", "1.234", "x", "1e2"],
            _MONEY,
            [_D("12.30"), _D("9999.99"), _D("100.00")],
            {2: "over_precision", 3: "over_scale", 4: "not_a_number"},
        ),
        (["true", "FALSE", "1", "0"], "boolean", [True, False, True, False], {}),
        (["true", "no", "yes", "2", "", "T"], "boolean", [True], dict.fromkeys(range(1, 6), "bad_boolean")),
    ],
)
def test_text_of_csv(texts: list[str], avro_type: Any, accepted: list[Any], reasons: dict[int, str]) -> None:
    """Cases 7, 9, 10, 11 and 12: text that prints back becomes a number or a boolean, other text is rejected."""
    outcome = fit(pa.array(texts), avro_type, "csv")
    assert str(outcome.values) == str(accepted)
    assert outcome.reasons == reasons


@pytest.mark.parametrize(
    ("source", "avro_type"),
    [
        (pa.string(), "int"),
        (pa.string(), "boolean"),
        (pa.string(), "double"),
        (pa.bool_(), "int"),
        (pa.int64(), "boolean"),
        (pa.int64(), "string"),
        (pa.int64(), {"type": "long", "logicalType": "timestamp-millis"}),
        (pa.timestamp("us"), "long"),
        (pa.list_(pa.int64()), "long"),
        (pa.int32(), {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
    ],
)
def test_types_that_can_never_fit_are_refused_at_once(source: pa.DataType, avro_type: Any) -> None:
    """Cases 10 and 11: "5" in a typed file is no number, true no 1, a bare number no instant."""
    with pytest.raises(SchemaError, match="v: the column is"):
        plan(pa.array([], source), avro_type)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.floats(width=64) | st.integers(-(2**64), 2**64).map(float), min_size=1, max_size=50))
def test_doubles_into_long_are_exact_or_rejected(values: list[float | None]) -> None:
    """Property: an accepted value equals the double as an exact integer, and a rejected one is none of int64."""
    outcome = fit(pa.array(values, pa.float64()), ["null", "long"])
    fitting = [
        value is None or (math.isfinite(value) and value == int(value) and -(2**63) <= value < 2**63)
        for value in values
    ]
    assert outcome.values == [None if v is None else int(v) for v, fits in zip(values, fitting, strict=True) if fits]
    assert set(outcome.reasons) == {place for place, fits in enumerate(fitting) if not fits}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.from_regex(r"-?[0-9]{1,20}|[0-9a-fx .+-]{0,5}", fullmatch=True), min_size=1, max_size=40))
def test_text_into_long_prints_back(texts: list[str]) -> None:
    """Property: exactly those texts are accepted that Python prints back from an int64."""
    fitting = []
    for text in texts:
        try:
            fitting.append(str(int(text)) == text and -(2**63) <= int(text) < 2**63)
        except ValueError:
            fitting.append(False)
    outcome = fit(pa.array(texts, pa.string()), "long", "csv")
    assert outcome.values == [int(text) for text, fits in zip(texts, fitting, strict=True) if fits]
