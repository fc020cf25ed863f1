"""Which Arrow types the lines of an NDJSON file have, from its first lines, and which later values do not fit them.

Numbers: integers are int64, beyond 64 bits decimals, and never doubles unless fractions stand in the same column.
Strings stay strings here. A field that was only ever null is a string. The type seen first wins over one that conflicts
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
EXACT_DOUBLE_MAX = 1 << 53
DEPTH_MAX = 32
_BIG_INTEGER = pa.decimal128(38, 0)
_BIG_INTEGER_MAX = 10**38
_NUMBERS: tuple[Any, ...] = (pa.int64(), _BIG_INTEGER, pa.float64())

Mismatch = tuple[str, str]
"""The path of the value that does not fit, and what was expected and found."""
Check = Callable[[Any], Mismatch | None]


class TooDeepError(ValueError):
    """A value is nested deeper than any schema that we would make of it."""


def type_of_value(value: Any, depth: int = 0) -> pa.DataType:
    """The Arrow type of one parsed JSON value; integers must have been parsed exactly. Raises TooDeepError."""
    if depth > DEPTH_MAX:
        raise TooDeepError
    match value:
        case None:
            return pa.null()
        case bool():
            return pa.bool_()
        case int():
            if _INT64_MIN <= value <= _INT64_MAX:
                return pa.int64()
            return _BIG_INTEGER if abs(value) < _BIG_INTEGER_MAX else pa.float64()
        case float():
            return pa.float64()
        case str():
            return pa.string()
        case list():
            item: pa.DataType = pa.null()
            for entry in value:
                item = merge_types(item, type_of_value(entry, depth + 1))
            return pa.list_(item)
        case dict():
            return pa.struct([pa.field(name, type_of_value(entry, depth + 1)) for name, entry in value.items()])
    raise AssertionError(f"JSON has no {type(value)}")


def merge_types(seen: Any, new: Any) -> Any:
    """The type for values of both; the one seen first where they conflict."""
    if seen == new or pa.types.is_null(new):
        return seen
    if pa.types.is_null(seen):
        return new
    if pa.types.is_struct(seen) and pa.types.is_struct(new):
        return pa.struct(merge_fields({f.name: f.type for f in seen}, {f.name: f.type for f in new}).items())
    if pa.types.is_list(seen) and pa.types.is_list(new):
        return pa.list_(merge_types(seen.value_type, new.value_type))
    if seen in _NUMBERS and new in _NUMBERS:
        return _NUMBERS[max(_NUMBERS.index(seen), _NUMBERS.index(new))]
    return seen


def merge_fields(seen: Mapping[str, pa.DataType], new: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The fields of both, those seen first in front."""
    merged = dict(seen)
    for name, kind in new.items():
        merged[name] = merge_types(merged[name], kind) if name in merged else kind
    return merged


def conflict(left: Any, right: Any) -> bool:
    """Whether no type holds the values of both."""
    if pa.types.is_null(left) or pa.types.is_null(right) or left == right:
        return False
    if pa.types.is_struct(left) and pa.types.is_struct(right):
        names = {f.name for f in left} & {f.name for f in right}
        return any(conflict(left.field(name).type, right.field(name).type) for name in names)
    if pa.types.is_list(left) and pa.types.is_list(right):
        return conflict(left.value_type, right.value_type)
    return not (left in _NUMBERS and right in _NUMBERS)


def from_arrow_inference(kind: Any) -> Any:
    """Arrow's own inference in our terms: what it took for timestamps are strings, whose text decides later."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, from_arrow_inference(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(from_arrow_inference(kind.value_type))
    return kind


def depth_of(kind: Any) -> int:
    """How many lists and objects lie inside each other."""
    if pa.types.is_struct(kind):
        return 1 + max((depth_of(f.type) for f in kind), default=0)
    return 1 + depth_of(kind.value_type) if pa.types.is_list(kind) else 0


def settled(kind: Any) -> Any:
    """The type to read with: fields that were only ever null become strings."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, settled(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(settled(kind.value_type))
    return kind


def row_check(schema: pa.Schema) -> Check:
    """A check of one parsed line against the schema, for the few lines that Arrow refused as a block."""
    return _struct_check(pa.struct(list(schema)), "")


def _check(kind: Any, path: str) -> Check:
    if pa.types.is_struct(kind):
        return _struct_check(kind, path)
    if pa.types.is_list(kind):
        return _list_check(kind, path)
    if pa.types.is_boolean(kind):
        return lambda value: (
            None if value is None or value is True or value is False else _found(path, "boolean", value)
        )
    if pa.types.is_int64(kind):
        return lambda value: (
            None if value is None or _is_integer(value, _INT64_MIN, _INT64_MAX) else _found(path, "long", value)
        )
    if pa.types.is_float64(kind):
        return lambda value: (
            None
            if value is None or isinstance(value, float) or _is_integer(value, -EXACT_DOUBLE_MAX, EXACT_DOUBLE_MAX)
            else _found(path, "double, exact", value)
        )
    if pa.types.is_decimal(kind):
        return lambda value: None if value is None or _is_big_integer(value) else _found(path, "whole number", value)
    return lambda value: None if value is None or isinstance(value, str) else _found(path, "string", value)


def _is_integer(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_big_integer(value: Any) -> bool:
    # orjson hands over integers beyond 64 bits as floats; whether it was one is then for Arrow, which reads the digits.
    return _is_integer(value, 1 - _BIG_INTEGER_MAX, _BIG_INTEGER_MAX - 1) or (
        isinstance(value, float) and abs(value) >= 2**63
    )


def _struct_check(kind: Any, path: str) -> Check:
    prefix = f"{path}." if path else ""
    checks = {field.name: _check(field.type, prefix + field.name) for field in kind}

    def check(value: Any) -> Mismatch | None:
        if value is None and path:
            return None
        if type(value) is not dict:
            return _found(path, "object", value)
        for name, entry in value.items():
            known = checks.get(name)
            if known is None:
                return prefix + name, "a field that the first lines did not have"
            mismatch = known(entry)
            if mismatch is not None:
                return mismatch
        return None

    return check


def _list_check(kind: Any, path: str) -> Check:
    item = _check(kind.value_type, f"{path}[]")

    def check(value: Any) -> Mismatch | None:
        if value is None:
            return None
        if type(value) is not list:
            return _found(path, "list", value)
        for entry in value:
            mismatch = item(entry)
            if mismatch is not None:
                return mismatch
        return None

    return check


_JSON_NAMES = {dict: "object", list: "list", str: "string", int: "number", float: "number", bool: "boolean"}


def _found(path: str, expected: str, value: Any) -> Mismatch:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
    return path, f"expected {expected}, found {_JSON_NAMES.get(type(value), 'null')} {shown}"
