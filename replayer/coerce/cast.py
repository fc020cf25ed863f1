"""Which cast takes a source column into the Arrow type of an Avro node, decided once per schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fill import constant_of
from replayer.coerce.fit import Cast, Fitted, Mask, because, by_attempts, by_mask, of_distinct, required, then
from replayer.coerce.nested import Child, array_cast, map_cast, record_cast
from replayer.coerce.numbers import (
    is_number,
    number_cast,
    text_into_decimal,
    text_into_fraction,
    text_into_integer,
)
from replayer.coerce.temporal import temporal_cast, text_into_temporal, zone_note
from replayer.coerce.uuids import uuid_bytes_cast, uuid_text_cast
from replayer.errors import SchemaError
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import Array, Enum, Fixed, Map, Node, Primitive, Record, Union
from replayer.schema.names import avro_names
from replayer.schema.text import TextKind, is_utf8

_BOOLEAN = "(?i)^(true|false|1|0)$"

Note = Callable[[str], None]


class Planner:
    """Builds the casts of one plan; notes what a user should know about the way values are read."""

    def __init__(self, kind: TextKind, note: Note) -> None:
        self._kind = kind
        self._note = note

    def column(self, source: pa.DataType, node: Node, path: str) -> Cast:
        """The cast of one column or nested value, null checks included.

        Raises SchemaError when no value could ever fit.
        """
        target = arrow_type(node)
        if target is None:
            # Wider unions are encoded value by value, from the column as it is.
            return Fitted
        inner = node.nullable if isinstance(node, Union) else node
        assert inner is not None
        is_nullable = inner is not node or (isinstance(node, Primitive) and node.kind == "null")
        if pa.types.is_dictionary(source):
            source = source.value_type
        cast = self._cast(source, inner, target, path)
        if is_nullable:
            return cast
        if self._kind == "csv" and isinstance(inner, Primitive) and inner.kind == "string" and not inner.logical:
            # Nothing between two commas is null or the empty string; where null is not allowed it is the other.
            return then(_empty_for_null, cast)
        return required(cast)

    def _cast(self, source: Any, node: Node, target: Any, path: str) -> Cast:
        if pa.types.is_null(source):
            return lambda array: Fitted(pa.nulls(len(array), target))
        if isinstance(source, pa.BaseExtensionType):
            stored = self._cast(source.storage_type, node, target, path)
            return lambda array: stored(array.storage if isinstance(array, pa.ExtensionArray) else array)
        found = self._nested(source, node, target, path)
        if found is None:
            flat = self._text(source, node, target) if _is_text(source) else self._typed(source, node, target, path)
            keeps_dictionary = _is_text(source) and target == pa.string() and node == Primitive("string")
            found = flat if flat is None or keeps_dictionary else of_distinct(flat)
        if found is None:
            what = "text" if self._kind == "csv" else str(source)
            raise SchemaError(
                f"{path}: the column is {what}, the schema says {_words(node)}, and no value of one is of the other",
                "change the field's type, or convert the column",
            )
        return found

    def _nested(self, source: Any, node: Node, target: Any, path: str) -> Cast | None:
        if isinstance(node, Record | Array | Map) and _fits_as_it_is(source, node):
            return Fitted
        if isinstance(node, Record) and pa.types.is_struct(source):
            return record_cast([self._child(source, field, path) for field in node.fields], target)
        if isinstance(node, Array) and _is_list(source):
            return array_cast(self.column(source.value_type, node.item, f"{path}[]"), target)
        if isinstance(node, Map) and pa.types.is_map(source) and _is_text(source.key_type):
            return map_cast(self.column(source.item_type, node.value, f"{path}{{}}"), target)
        return None

    def _child(self, source: Any, field: Any, path: str) -> Child:
        names = [source.field(place).name for place in range(source.num_fields)]
        place = find_column(names, avro_names(names, path), field.name, field.aliases)
        if place is not None:
            return Child(
                field.name, place, self.column(source.field(place).type, field.node, f"{path}.{field.name}"), None
            )
        constant = constant_of(field)
        if constant is None:
            raise SchemaError(
                f"{path}.{field.name}: the column has no such field, and the schema gives no default",
                f"fields of the column: {', '.join(names)}",
            )
        return Child(field.name, None, None, constant)

    def _text(self, source: pa.DataType, node: Node, target: Any) -> Cast | None:
        """From strings. Numbers and booleans are read from CSV only: elsewhere a string was meant as one."""
        plain = _utf8_cast(source, is_checked=self._kind != "")
        cast: Cast | None = None
        match node:
            case Primitive("string", "uuid"):
                cast = uuid_text_cast(pa.string())
            case Primitive("string"):
                return _text_or_dictionary(plain)
            case Primitive("bytes", ""):
                cast = lambda array: Fitted(array.cast(pa.binary()))  # noqa: E731
            case Fixed(logical="uuid"):
                cast = uuid_bytes_cast()
            case Enum():
                cast = _enum_cast(node)
            case Primitive(logical="decimal") | Fixed(logical="decimal"):
                cast = text_into_decimal(target)
            case Primitive("int" | "long", logical) if logical:
                cast = text_into_temporal(target)
            case Primitive("int" | "long") if self._kind == "csv":
                cast = text_into_integer(target)
            case Primitive("float" | "double") if self._kind == "csv":
                cast = text_into_fraction(target)
            case Primitive("boolean") if self._kind == "csv":
                cast = by_attempts(
                    [lambda array: array.cast(pa.bool_())], because("bad_boolean", "true, false, 1 or 0"), _BOOLEAN
                )
        return None if cast is None else then(plain, cast)

    def _typed(self, source: Any, node: Node, target: Any, path: str) -> Cast | None:
        types = pa.types
        match node:
            case Primitive("boolean") | Primitive("null"):
                return Fitted if source == target else None
            case Primitive("string", "uuid"):
                return uuid_text_cast(source) if source == pa.binary(16) else None
            case Primitive("string") if _is_binary(source):
                return by_attempts(
                    [lambda array: array.cast(pa.string())], because("invalid_utf8", "bytes that are UTF-8")
                )
            case Primitive("bytes", "") if _is_binary(source) or types.is_fixed_size_binary(source):
                return Fitted if source == target else lambda array: Fitted(array.cast(pa.binary()))
            case Fixed(logical="" | "uuid") if _is_binary(source) or types.is_fixed_size_binary(source):
                return Fitted if source == target else _fixed_cast(node)
        if is_number(source) and (is_number(target) and not isinstance(node, Enum)):
            return number_cast(source, target)
        note = zone_note(source, target)
        if note:
            self._note(f"column {path} {note}")
        return temporal_cast(source, target) if types.is_temporal(source) and types.is_temporal(target) else None


def _fits_as_it_is(source: Any, node: Node) -> bool:
    """Whether every value of a type, nulls included, is one of a node already."""
    match node:
        case Record():
            return bool(
                pa.types.is_struct(source)
                and [source.field(place).name for place in range(source.num_fields)] == [f.name for f in node.fields]
                and all(_takes_as_it_is(source.field(place).type, f.node) for place, f in enumerate(node.fields))
            )
        case Array():
            return bool(pa.types.is_list(source) and _takes_as_it_is(source.value_type, node.item))
        case Map():
            is_map = pa.types.is_map(source) and source.key_type == pa.string()
            return bool(is_map and _takes_as_it_is(source.item_type, node.value))
        case Enum():
            return False  # its Arrow type is int32, and so is that of a number
    return bool(source == arrow_type(node))


def _takes_as_it_is(source: Any, node: Node) -> bool:
    inner = node.nullable if isinstance(node, Union) else None
    is_checked = isinstance(inner, Primitive | Fixed) and inner.logical == "uuid" and source == pa.string()
    return inner is not None and not is_checked and _fits_as_it_is(source, inner)


def find_column(names: list[str], renames: dict[str, str], field: str, aliases: tuple[str, ...]) -> int | None:
    """The place of the column for a field: of its name, else renamed to it, else named like one of its aliases."""
    if field in names:
        return names.index(field)
    for column, name in renames.items():
        if name == field and column in names:
            return names.index(column)
    return next((names.index(alias) for alias in aliases if alias in names), None)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view")


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or str(kind) == "binary_view")


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    is_plain = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_plain or types.is_list_view(kind) or types.is_large_list_view(kind))


def _utf8_cast(source: pa.DataType, *, is_checked: bool) -> Cast:
    """Any kind of string as ``string``; what typed files call strings has not been checked for UTF-8 so far."""

    def attempt(array: Any) -> Any:
        strings = array if source == pa.string() else array.cast(pa.string())
        if not is_checked and not _is_surely_utf8(strings):
            strings.validate(full=True)
        return strings

    return by_attempts([attempt], because("invalid_utf8", "bytes that are UTF-8"))


def _is_surely_utf8(strings: Any) -> bool:
    """Whether all values together are UTF-8 and none begins inside a character: then each of them is."""
    _, offsets, content = strings.buffers()
    if content is None or not len(strings) or not content.size:
        return True
    ends = np.frombuffer(offsets, dtype=np.int32)[strings.offset : strings.offset + len(strings) + 1]
    used = content.slice(ends[0], ends[-1] - ends[0])
    if not is_utf8(used):
        return False
    starts = np.minimum(ends[:-1], content.size - 1)
    return not ((np.frombuffer(content, dtype=np.uint8)[starts] & 0xC0) == 0x80).any()


def _empty_for_null(array: Any) -> Fitted:
    return Fitted(pc.fill_null(array, "") if array.null_count else array)


def _text_or_dictionary(plain: Cast) -> Cast:
    """Strings, by dictionary where they come so: they are then encoded once per distinct value."""
    wanted = pa.dictionary(pa.int32(), pa.string())

    def cast(array: Any) -> Fitted:
        if not pa.types.is_dictionary(array.type):
            return plain(array)
        if array.dictionary.null_count or plain(array.dictionary).faults:
            return plain(array.dictionary_decode())
        return Fitted(array if array.type == wanted else array.cast(wanted))

    return cast


def _enum_cast(node: Enum) -> Cast:
    symbols = pa.array(node.symbols, pa.string())

    def attempt(array: Any) -> Any:
        places = pc.index_in(array, symbols)
        if places.null_count != array.null_count:
            raise pa.ArrowInvalid("no symbol")
        return places

    shown = ", ".join(node.symbols[:8]) + (", …" if len(node.symbols) > 8 else "")

    def refuse(array: Any) -> Mask:
        rows: Mask = pc.and_(pc.is_valid(array), pc.invert(pc.is_in(array, symbols))).to_numpy(zero_copy_only=False)
        return rows

    return by_mask(refuse, attempt, "unknown_symbol", f"one of {shown}")


def _fixed_cast(node: Fixed) -> Cast:
    def refuse(array: Any) -> Mask:
        lengths = pc.fill_null(pc.binary_length(array), node.size).to_numpy()
        return np.asarray(lengths != node.size)

    target = pa.binary(node.size)
    return by_mask(refuse, lambda array: array.cast(target), "wrong_length", f"{node.size} bytes")


def _words(node: Node) -> str:
    match node:
        case Primitive() | Fixed() if node.logical:
            return node.logical
        case Primitive():
            return node.kind
        case Record() | Enum() | Fixed():
            return f"{type(node).__name__.lower()} {node.name}"
    return type(node).__name__.lower()
