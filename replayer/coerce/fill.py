"""What stands where the source has no column: a field's default, or null."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from replayer.schema.arrow import arrow_type
from replayer.schema.avro import Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union


class Constant:
    """One value as a column of any length; the longest one so far is kept and sliced."""

    def __init__(self, value: Any, kind: pa.DataType | None) -> None:
        self._value = value
        self._kind = kind
        self._longest: Any = pa.array([value], type=kind)

    def rows(self, count: int) -> Any:
        """An array with ``count`` times the value."""
        if len(self._longest) < count:
            self._longest = self._longest.slice(0, 1).take(pa.array([0] * count, pa.int32()))
        return self._longest.slice(0, count)

    def __getstate__(self) -> tuple[Any, pa.DataType | None]:
        return self._value, self._kind

    def __setstate__(self, state: tuple[Any, pa.DataType | None]) -> None:
        self.__init__(*state)  # type: ignore[misc]


def constant_of(field: Field) -> Constant | None:
    """The column for a field that the source lacks, None when it has no default and cannot be null."""
    if field.has_default:
        return Constant(python_value(field.node, field.default), arrow_type(field.node))
    is_nullable = isinstance(field.node, Union) and field.node.null_index is not None
    if is_nullable or (isinstance(field.node, Primitive) and field.node.kind == "null"):
        return Constant(None, arrow_type(field.node))
    return None


def python_value(node: Node, default: Any) -> Any:
    """A default as written in the schema, as the Python value from which its Arrow type is built."""
    match node:
        case Primitive("null"):
            return None
        case Primitive(logical="decimal") | Fixed(logical="decimal"):
            unscaled = int.from_bytes(default.encode("latin-1"), "big", signed=True)
            return Decimal(unscaled).scaleb(-node.scale)
        case Primitive("bytes") | Fixed():
            # The specification writes bytes as a string of the code points 0–255.
            return default.encode("latin-1")
        case Primitive("float" | "double"):
            return float(default)
        case Enum():
            return node.symbols.index(default)
        case Array():
            return [python_value(node.item, entry) for entry in default]
        case Map():
            return [(key, python_value(node.value, entry)) for key, entry in default.items()]
        case Record():
            return {
                field.name: python_value(field.node, default.get(field.name, field.default)) for field in node.fields
            }
        case Union():
            return None if default is None else python_value(node.nullable or node.branches[0], default)
    return default
