"""Avro schemas as trees of frozen nodes: names resolved, logical types checked. Standard library only.

Follows https://avro.apache.org/docs/1.12.0/specification/. An unknown logical type, or one on a type that it is not
meant for, is ignored, as the specification demands. Where the specification would ignore a broken decimal we refuse it,
as fastavro and the registries do.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from replayer.errors import SchemaError

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_LOGICAL = {
    "int": ("date", "time-millis"),
    "long": (
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
    ),
    "string": ("uuid",),
    "bytes": ("decimal",),
    "fixed": ("decimal", "uuid"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FULLNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")


@dataclass(frozen=True, slots=True)
class Primitive:
    """A type without a name: ``kind`` is one of PRIMITIVES; precision and scale are those of a decimal on bytes."""

    kind: str
    logical: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Enum:
    """A choice among ``symbols``; a value is the index of its symbol. ``default`` is for readers of older schemas."""

    name: str
    symbols: tuple[str, ...]
    default: str | None = None
    aliases: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Exactly ``size`` bytes; ``logical`` is "", "decimal" or, on 16 bytes, "uuid"."""

    name: str
    size: int
    logical: str = ""
    precision: int = 0
    scale: int = 0
    aliases: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; ``default`` is as written in the JSON and only means something with ``has_default``."""

    name: str
    node: Node
    has_default: bool = False
    default: Any = None
    aliases: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Fields in the order in which they are written."""

    name: str
    fields: tuple[Field, ...]
    aliases: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    item: Node


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one type by string keys."""

    value: Node


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types."""

    branches: tuple[Node, ...]

    @property
    def null_index(self) -> int | None:
        """The place of the null branch, if there is one."""
        for index, branch in enumerate(self.branches):
            if isinstance(branch, Primitive) and branch.kind == "null":
                return index
        return None

    @property
    def nullable(self) -> Node | None:
        """The other branch of a union of null and one type, in either order; None for every other union."""
        null_index = self.null_index
        return self.branches[1 - null_index] if len(self.branches) == 2 and null_index is not None else None


@dataclass(frozen=True, slots=True)
class Recursion:
    """A reference, by full name, to a type that it lies inside of."""

    name: str


Node: TypeAlias = Primitive | Enum | Fixed | Record | Array | Map | Union | Recursion


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """A parsed schema; ``text`` is its JSON as given, without white space, as it is registered."""

    text: str
    root: Node

    @property
    def fullname(self) -> str:
        """The full name of a named type at the top, else the name of its kind (``long``, ``array``, …)."""
        if isinstance(self.root, Record | Enum | Fixed | Recursion):
            return self.root.name
        return self.root.kind if isinstance(self.root, Primitive) else type(self.root).__name__.lower()


def parse_schema(text_or_obj: Any, where: str) -> AvroSchema:
    """Parse JSON text, or what JSON text was loaded to, into an AvroSchema.

    ``where`` names the source for messages (a file, a subject). Raises SchemaError with the path inside the schema,
    like ``orders.avsc: fields.price: …``.
    """
    written = text_or_obj
    if isinstance(text_or_obj, str | bytes):
        try:
            written = json.loads(text_or_obj)
        except (ValueError, RecursionError) as error:
            raise SchemaError(f"{where}: not JSON: {error}", "an Avro schema is a JSON document") from None
    try:
        root = _Parser(where).node(written, "", ())
        return AvroSchema(json.dumps(written, separators=(",", ":"), ensure_ascii=False), root)
    except RecursionError:
        raise SchemaError(f"{where}: the schema is nested too deeply", "flatten it") from None


class _Parser:
    """Walks the JSON once, in document order, as names must be defined before they are used."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._named: dict[str, Node | None] = {}  # None while the type is being read: a reference to it is a recursion

    def _fault(self, path: tuple[str, ...], message: str, hint: str = "") -> SchemaError:
        return SchemaError(": ".join(part for part in (self._where, ".".join(path), message) if part), hint)

    def node(self, written: Any, namespace: str, path: tuple[str, ...]) -> Node:
        if isinstance(written, str):
            return Primitive(written) if written in PRIMITIVES else self._reference(written, namespace, path)
        if isinstance(written, list):
            return self._union(written, namespace, path)
        if not isinstance(written, dict):
            raise self._fault(path, f"a type is a name, an object or a list, not {json.dumps(written)}")
        kind = written.get("type")
        if kind is None:
            raise self._fault(path, 'an object without "type"')
        if kind == "array":
            return Array(self.node(self._needed(written, "items", path), namespace, (*path, "items")))
        if kind == "map":
            return Map(self.node(self._needed(written, "values", path), namespace, (*path, "values")))
        if kind in ("record", "error"):
            return self._record(written, namespace, path)
        if kind == "enum":
            return self._enum(written, namespace, path)
        if kind == "fixed":
            return self._fixed(written, namespace, path)
        if isinstance(kind, str) and kind in PRIMITIVES:
            logical, precision, scale = self._logical(written, kind, None, path)
            return Primitive(kind, logical, precision, scale)
        raise self._fault(path, f"unknown type {json.dumps(kind)}", 'write the name of a defined type alone: "Name"')

    def _needed(self, written: dict[str, Any], key: str, path: tuple[str, ...]) -> Any:
        if key not in written:
            raise self._fault(path, f'"{key}" is missing')
        return written[key]

    def _reference(self, name: str, namespace: str, path: tuple[str, ...]) -> Node:
        fullname = f"{namespace}.{name}" if namespace and "." not in name else name
        for known in (fullname, name):
            if known in self._named:
                return self._named[known] or Recursion(known)
        raise self._fault(path, f"unknown type {name!r}", "a named type is defined before its name is used")

    def _define(self, written: dict[str, Any], namespace: str, path: tuple[str, ...]) -> tuple[str, str]:
        """The full name of a definition, and the namespace that holds inside of it."""
        name = self._needed(written, "name", path)
        given = written.get("namespace", namespace)
        if not isinstance(name, str) or not isinstance(given, str):
            raise self._fault(path, "a name and a namespace are strings")
        fullname = name if "." in name or not given else f"{given}.{name}"
        if not _FULLNAME.match(fullname):
            raise self._fault(path, f"{fullname!r} is not a name", "letters, digits and _, not starting with a digit")
        if fullname in self._named or fullname in PRIMITIVES:
            raise self._fault(path, f"{fullname!r} is defined twice", "refer to the first definition by its name")
        self._named[fullname] = None
        return fullname, fullname.rpartition(".")[0]

    def _record(self, written: dict[str, Any], namespace: str, path: tuple[str, ...]) -> Record:
        name, inner = self._define(written, namespace, path)
        listed = self._needed(written, "fields", path)
        if not isinstance(listed, list):
            raise self._fault(path, '"fields" is not a list')
        fields = tuple(self._field(entry, inner, (*path, "fields")) for entry in listed)
        names = [field.name for field in fields]
        for field_name in names:
            if names.count(field_name) > 1:
                raise self._fault(path, f"two fields are called {field_name!r}")
        record = Record(name, fields, self._aliases(written, path), str(written.get("doc", "")))
        self._named[name] = record
        return record

    def _field(self, written: Any, namespace: str, path: tuple[str, ...]) -> Field:
        if not isinstance(written, dict):
            raise self._fault(path, f"a field is an object, not {json.dumps(written)}")
        name = self._needed(written, "name", path)
        if not isinstance(name, str) or not _NAME.match(name):
            raise self._fault(path, f"{name!r} is not a name", "letters, digits and _, not starting with a digit")
        path = (*path, name)
        node = self.node(self._needed(written, "type", path), namespace, path)
        if "default" in written and not _default_fits(node, written["default"]):
            raise self._fault(path, f"the default {json.dumps(written['default'])} does not fit the type")
        aliases = self._aliases(written, path)
        return Field(name, node, "default" in written, written.get("default"), aliases, str(written.get("doc", "")))

    def _enum(self, written: dict[str, Any], namespace: str, path: tuple[str, ...]) -> Enum:
        name, _ = self._define(written, namespace, path)
        symbols = self._needed(written, "symbols", path)
        if not isinstance(symbols, list) or not symbols:
            raise self._fault(path, '"symbols" is not a list of at least one name')
        for symbol in symbols:
            if not isinstance(symbol, str) or not _NAME.match(symbol):
                raise self._fault(
                    path, f"{symbol!r} is not a symbol", "letters, digits and _, not starting with a digit"
                )
        if len(set(symbols)) < len(symbols):
            raise self._fault(path, "a symbol stands twice")
        default = written.get("default")
        if default is not None and default not in symbols:
            raise self._fault(path, f"the default {default!r} is not among the symbols")
        enum = Enum(name, tuple(symbols), default, self._aliases(written, path), str(written.get("doc", "")))
        self._named[name] = enum
        return enum

    def _fixed(self, written: dict[str, Any], namespace: str, path: tuple[str, ...]) -> Fixed:
        name, _ = self._define(written, namespace, path)
        size = self._needed(written, "size", path)
        if not _is_integer(size) or size < 1:
            raise self._fault(path, f"the size of a fixed is a number of bytes from 1, not {json.dumps(size)}")
        logical, precision, scale = self._logical(written, "fixed", size, path)
        doc = str(written.get("doc", ""))
        fixed = Fixed(name, size, logical, precision, scale, self._aliases(written, path), doc)
        self._named[name] = fixed
        return fixed

    def _aliases(self, written: dict[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
        aliases = written.get("aliases", [])
        if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
            raise self._fault(path, '"aliases" is not a list of names')
        return tuple(aliases)

    def _logical(
        self, written: dict[str, Any], kind: str, size: int | None, path: tuple[str, ...]
    ) -> tuple[str, int, int]:
        logical = written.get("logicalType", "")
        if logical not in _LOGICAL.get(kind, ()) or (logical == "uuid" and size not in (None, 16)):
            return "", 0, 0
        if logical != "decimal":
            return logical, 0, 0
        precision, scale = written.get("precision"), written.get("scale", 0)
        if not _is_integer(precision) or precision < 1:
            raise self._fault(path, f"the precision of a decimal is a whole number from 1, not {json.dumps(precision)}")
        if not _is_integer(scale) or not 0 <= scale <= precision:
            raise self._fault(path, f"the scale of a decimal goes from 0 to its precision, not {json.dumps(scale)}")
        if size is not None and precision > math.floor(math.log10(2) * (8 * size - 1)):
            raise self._fault(path, f"a decimal of precision {precision} does not fit into {size} bytes")
        return logical, precision, scale

    def _union(self, written: list[Any], namespace: str, path: tuple[str, ...]) -> Union:
        if not written:
            raise self._fault(path, "a union without types")
        branches = tuple(self.node(branch, namespace, (*path, str(index))) for index, branch in enumerate(written))
        seen = set()
        for branch in branches:
            if isinstance(branch, Union):
                raise self._fault(path, "a union directly inside a union")
            name = branch.name if isinstance(branch, Record | Enum | Fixed | Recursion) else _kind(branch)
            if name in seen:
                raise self._fault(path, f"{name} stands twice in a union")
            seen.add(name)
        return Union(branches)


def _kind(node: Node) -> str:
    return node.kind if isinstance(node, Primitive) else type(node).__name__.lower()


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _default_fits(node: Node, default: Any) -> bool:
    """Whether a field's default has the JSON type that its Avro type asks for; for a union, one of its branches."""
    match node:
        case Primitive("null"):
            return default is None
        case Primitive("boolean"):
            return isinstance(default, bool)
        case Primitive("int" | "long" as kind):
            bits = 31 if kind == "int" else 63
            return _is_integer(default) and -(1 << bits) <= default < 1 << bits
        case Primitive("float" | "double"):
            return _is_integer(default) or isinstance(default, float) or default in ("NaN", "Infinity", "-Infinity")
        case Primitive() | Fixed():
            return isinstance(default, str)
        case Enum():
            return default in node.symbols
        case Array():
            return isinstance(default, list) and all(_default_fits(node.item, entry) for entry in default)
        case Map():
            return isinstance(default, dict) and all(_default_fits(node.value, entry) for entry in default.values())
        case Record():
            return isinstance(default, dict) and all(
                _default_fits(field.node, default[field.name]) if field.name in default else field.has_default
                for field in node.fields
            )
        case Union():
            return any(_default_fits(branch, default) for branch in node.branches)
    return isinstance(default, dict)
