"""Numbers into the number types of Avro, exactly or not at all.

- An integer is never rounded: into float and double go only those that these hold exactly.
- A fraction never becomes an integer; a float or decimal without a fraction does.
- double into float is rounded, as the schema asks for the smaller type, but a finite number never becomes infinite. NaN
  and the infinities are values of float and double, and of nothing else.
- Decimals are never rounded: too many digits after the point or in all is a fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fit import Cast, Explain, Fitted, Mask, because, by_attempts, by_mask, matching, then, valid_rows
from replayer.schema.text import loses_digits

_LIMITS: dict[pa.DataType, tuple[int, int]] = {
    pa.int32(): (-(1 << 31), (1 << 31) - 1),
    pa.int64(): (-(1 << 63), (1 << 63) - 1),
}
_NAMES: dict[pa.DataType, str] = {pa.int32(): "int", pa.int64(): "long", pa.float32(): "float", pa.float64(): "double"}
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_FINITE = "(?i)^[+-]?(nan|inf(inity)?)$"
_WIDEST = pa.decimal256(76, 38)


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this type can be numbers in Avro; booleans cannot."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def number_cast(source: pa.DataType, target: pa.DataType) -> Cast:
    """The cast between number types; target is one of int32, int64, float32, float64 or a decimal."""
    if source == target:
        return Fitted
    if pa.types.is_decimal(target):
        return _into_decimal(source, target)
    if pa.types.is_decimal(source):
        return _from_decimal(target)
    if pa.types.is_integer(target):
        return _integer_into_integer(target) if pa.types.is_integer(source) else _fraction_into_integer(target)
    if pa.types.is_integer(source):
        return _integer_into_fraction(target)
    return _fraction_into_fraction(target)


def _values(array: Any) -> Any:
    """The values as NumPy sees them, zero where null."""
    return (pc.fill_null(array, 0) if array.null_count else array).to_numpy()


def _integer_into_integer(target: pa.DataType) -> Cast:
    low, high = _LIMITS[target]
    expected = f"{_NAMES[target]} from {low} to {high}"

    def refuse(array: Any) -> Mask:
        values = _values(array)
        return np.asarray((values > high) if values.dtype.kind == "u" else (values < low) | (values > high))

    by_range = by_mask(refuse, lambda array: array.cast(target, safe=False), "out_of_range", expected)

    def cast(array: Any) -> Fitted:
        try:
            return Fitted(array.cast(target))
        except pa.ArrowInvalid:
            return by_range(array)

    return cast


def _fraction_into_integer(target: pa.DataType) -> Cast:
    low, high = _LIMITS[target]
    # As doubles: high + 1 is a power of two and so exact, high of int64 is not.
    range_cast = by_mask(
        lambda array: _outside(_values(array), float(low), float(high + 1)),
        lambda array: array.cast(target, safe=False),
        "out_of_range",
        f"{_NAMES[target]} from {low} to {high}",
    )
    whole_cast = by_mask(
        _has_fraction, lambda array: array, "not_whole", f"{_NAMES[target]}, a number without a fraction"
    )
    checked = then(whole_cast, range_cast)

    def cast(array: Any) -> Fitted:
        try:
            return Fitted(array.cast(target))
        except pa.ArrowInvalid:
            return checked(array)

    return cast


def _outside(values: Any, low: float, end: float) -> Mask:
    return np.asarray((values < low) | (values >= end))


def _has_fraction(array: Any) -> Mask:
    values = _values(array)
    return np.asarray(~np.isfinite(values) | (values != np.floor(values)))


def _integer_into_fraction(target: pa.DataType) -> Cast:
    limit = 1 << (24 if target == pa.float32() else 53)
    kind = np.float32 if target == pa.float32() else np.float64

    def refuse(array: Any) -> Mask:
        values = _values(array)
        rounded = values.astype(kind)
        # Above the limit some are exact still; 2^63 and 2^64 themselves cannot go back.
        is_back = rounded < float(np.iinfo(values.dtype).max)
        back = np.where(is_back, rounded, 0).astype(values.dtype)
        return np.asarray(~is_back | (back != values))

    expected = f"{_NAMES[target]}, which holds integers exactly to {limit}"
    return by_mask(refuse, lambda array: array.cast(target, safe=False), "inexact", expected)


def _fraction_into_fraction(target: pa.DataType) -> Cast:
    if target == pa.float64():
        return lambda array: Fitted(array.cast(target))

    def refuse(array: Any) -> Mask:
        values = array.cast(pa.float64())
        numbers = _values(values)
        return np.asarray(np.isfinite(numbers) & (np.abs(numbers) >= _FLOAT_END))

    return by_mask(refuse, lambda array: array.cast(target, safe=False), "out_of_range", "float up to 3.4e38")


# Half a step above the largest float: from there on rounding gives infinity.
_FLOAT_END = float(np.finfo(np.float32).max) + 2.0**103


def _into_decimal(source: pa.DataType, target: Any) -> Cast:
    if pa.types.is_floating(source):
        # By the digits that a person would write: the exact value of the double 0.1 has 55 of them.
        return lambda array: text_into_decimal(target)(array.cast(pa.string()))
    if pa.types.is_integer(source):
        wide = pa.decimal128(38, target.scale) if target.scale <= 18 else pa.decimal256(76, target.scale)
        return by_attempts([lambda array: array.cast(wide).cast(target)], _explain_decimal(target))
    return by_attempts([lambda array: array.cast(target)], _explain_decimal(target))


def _from_decimal(target: pa.DataType) -> Cast:
    if pa.types.is_integer(target):
        low, high = _LIMITS[target]

        def explain(left: Any) -> list[tuple[Mask, str, str]]:
            rows = valid_rows(left)
            fractions = rows & ~_takes(left, pa.decimal256(76, 0))
            return [
                (fractions, "not_whole", f"{_NAMES[target]}, a number without a fraction"),
                (rows & ~fractions, "out_of_range", f"{_NAMES[target]} from {low} to {high}"),
            ]

        return by_attempts([lambda array: array.cast(target)], explain)
    return then(lambda array: Fitted(array.cast(pa.float64())), number_cast(pa.float64(), target))


def _explain_decimal(target: Any) -> Explain:
    """Whether a refused number has too many digits after the point, too many in all, or is none."""
    expected = f"decimal of {target.precision} digits, {target.scale} of them after the point"

    def explain(left: Any) -> list[tuple[Mask, str, str]]:
        rows = valid_rows(left)
        at_scale = rows & _takes(left, pa.decimal256(76, target.scale))
        any_scale = rows & ~at_scale & _takes(left, _WIDEST)
        return [
            (at_scale, "over_precision", expected),
            (any_scale, "over_scale", expected),
            (rows & ~at_scale & ~any_scale, "not_a_number", expected),
        ]

    return explain


def _takes(array: Any, kind: pa.DataType) -> Mask:
    cast = by_attempts([lambda part: part.cast(kind)], because("", ""))
    return valid_rows(cast(array).array)


def text_into_decimal(target: Any) -> Cast:
    """Text like ``12.30`` or ``1e3`` into a decimal."""
    return by_attempts([lambda array: array.cast(target)], _explain_decimal(target), _NUMBER)


def text_into_integer(target: pa.DataType) -> Cast:
    """Decimal digits that print back as they were: no leading zeros, no ``0x``, no ``+``."""
    low, high = _LIMITS[target]

    def attempt(array: Any) -> Any:
        numbers = array.cast(target)
        if loses_digits(array).any():
            raise pa.ArrowInvalid("digits would be lost")
        return numbers

    def explain(left: Any) -> list[tuple[Mask, str, str]]:
        rows = valid_rows(left)
        digits = matching(left, "^-?[0-9]+$")
        lossy = digits & matching(left, "^(-?0[0-9]+|-0)$")
        return [
            (lossy, "loses_digits", f"{_NAMES[target]}, a number that prints back as it is written"),
            (digits & ~lossy, "out_of_range", f"{_NAMES[target]} from {low} to {high}"),
            (rows & ~digits, "not_an_integer", f"{_NAMES[target]}, a number without a fraction"),
        ]

    return by_attempts([attempt], explain, "^(0|-?[1-9][0-9]{0,18})$")


def text_into_fraction(target: pa.DataType) -> Cast:
    """Text like ``12.30``, ``1e3``, ``NaN`` or ``-inf`` into float or double; integers only if held exactly."""
    name = _NAMES[target]

    def attempt(array: Any) -> Any:
        numbers = array.cast(pa.float64())
        limits = pc.min_max(pc.abs(numbers))
        if limits["max"].is_valid and not limits["max"].as_py() < float(1 << 53):
            _refuse_inexact(array, numbers)
        return numbers

    double_cast = by_attempts([attempt], lambda left: _explain_fraction(left, name), f"{_NUMBER}|{_NOT_FINITE}")
    if target == pa.float64():
        return double_cast
    return then(double_cast, number_cast(pa.float64(), target))


def _refuse_inexact(texts: Any, numbers: Any) -> None:
    """Raises for an integer that the double changed, and for a finite number that became infinite."""
    is_large = ~(np.abs(_values(numbers)) < float(1 << 53))
    integers = pa.array(is_large & matching(texts, "^-?[0-9]+$"))
    for text, number in zip(texts.filter(integers).to_pylist(), numbers.filter(integers).to_pylist(), strict=True):
        if not np.isfinite(number) or int(number) != int(text):
            raise pa.ArrowInvalid("an integer would be rounded")
    overflown = pc.is_inf(numbers).to_numpy(zero_copy_only=False) & matching(texts, "[0-9]")
    if overflown.any():
        raise pa.ArrowInvalid("out of range")


def _explain_fraction(left: Any, name: str) -> list[tuple[Mask, str, str]]:
    rows = valid_rows(left)
    integers = matching(left, "^-?[0-9]+$")
    numbers = matching(left, r"^-?[0-9]*\.?[0-9]+\.?([eE][+-]?[0-9]+)?$") & ~integers
    return [
        (integers, "inexact", f"{name}, which does not hold this integer exactly"),
        (numbers, "out_of_range", f"{name} up to 1.8e308"),
        (rows & ~integers & ~numbers, "not_a_number", f"{name}, a number like 12.5"),
    ]
