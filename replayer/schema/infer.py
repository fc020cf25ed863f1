"""An Avro schema from a dataset: from its Arrow types, and for text from what its first rows print back from.

Every field is a nullable union with default null, as a file seldom promises that nothing is missing. What an Avro type
cannot hold exactly gets one that can: uint64 is decimal(20, 0), nanoseconds are micros when every sampled row is exact
and nanos otherwise, seconds are millis. A field whose name or type had to change says so in its ``doc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from replayer.errors import SchemaError
from replayer.schema.names import avro_names, record_name
from replayer.schema.text import TextKind, infer_text, text_kind

_PLAIN = {
    pa.bool_(): "boolean",
    pa.int8(): "int", pa.int16(): "int", pa.int32(): "int", pa.uint8(): "int", pa.uint16(): "int",
    pa.uint32(): "long", pa.int64(): "long",
    pa.float16(): "float", pa.float32(): "float", pa.float64(): "double",
    pa.date32(): {"type": "int", "logicalType": "date"}, pa.date64(): {"type": "int", "logicalType": "date"},
    pa.time32("s"): {"type": "int", "logicalType": "time-millis"},
    pa.time32("ms"): {"type": "int", "logicalType": "time-millis"},
    pa.time64("us"): {"type": "long", "logicalType": "time-micros"},
    pa.uint64(): {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0},
}  # fmt: skip
_TIMESTAMP_UNITS = {"s": "millis", "ms": "millis", "us": "micros"}
_DOCS = {pa.uint64(): "uint64 in the source", pa.time32("s"): "in whole seconds in the source"}


class Observed(Protocol):
    """What is known of the values at a path: of one table, or of all that went by."""

    def text_type(self, path: str, texts: Any, kind: TextKind) -> Any:
        """The Avro type, as JSON, that these strings print back from."""
        ...

    def is_exact(self, path: str, values: Any, kind: pa.DataType) -> bool:
        """Whether these values fit another type without loss."""
        ...


class _Seen:
    """One table is all there is."""

    def text_type(self, path: str, texts: Any, kind: TextKind) -> Any:
        return infer_text(texts, kind)

    def is_exact(self, path: str, values: Any, kind: pa.DataType) -> bool:
        return fits_exactly(values, kind)


def infer_schema(
    sample: pa.Table | Iterable[pa.RecordBatch],
    name: str,
    text_columns: bool | None = None,
    observed: Observed | None = None,
) -> dict[str, Any]:
    """The record schema, as JSON, that holds every sampled row.

    ``text_columns`` says whether strings are untyped text (CSV) whose type is to be found; None asks the mark that the
    source left in the schema, which also tells JSON strings. ``observed`` decides where values decide. Raises
    SchemaError for duplicate columns and for types without an Avro counterpart, with the column's path.
    """
    table = sample if isinstance(sample, pa.Table) else pa.Table.from_batches(list(sample))
    kind: TextKind = text_kind(table.schema) if text_columns is None else "csv" if text_columns else ""
    inference = _Inference(kind, record_name(name), observed or _Seen())
    columns = [(field.name, field.type, table.column(place)) for place, field in enumerate(table.schema)]
    return inference.record(record_name(name), columns, "")


class _Inference:
    """Walks the columns once; keeps the names of records unique, as Avro demands."""

    def __init__(self, kind: TextKind, root: str, observed: Observed) -> None:
        self._kind = kind
        self._observed = observed
        self._taken: set[str] = set()
        self._root = root

    def record(self, name: str, columns: list[tuple[str, pa.DataType, Any]], path: str) -> dict[str, Any]:
        """A record of nullable fields."""
        unique = self._unique(name)
        names = avro_names([column for column, _, _ in columns], path or "the dataset")
        fields = []
        for column, kind, values in columns:
            place = f"{path}.{column}" if path else column
            node = self._node(kind, values, f"{unique}_{names[column]}", place)
            field: dict[str, Any] = {"name": names[column], "type": ["null", node], "default": None}
            doc = "; ".join(self._doc(column, names[column], kind))
            fields.append(field | ({"doc": doc} if doc else {}))
        return {"type": "record", "name": unique, "fields": fields}

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique

    def _doc(self, column: str, name: str, kind: pa.DataType) -> Iterable[str]:
        if column != name:
            yield f"column {column!r}"
        if kind in _DOCS:
            yield _DOCS[kind]
        if pa.types.is_duration(kind):
            yield f"a duration in {kind.unit}"

    def _node(self, kind: Any, values: Any, name: str, path: str) -> Any:
        """The Avro type of a column or nested value; ``values`` are the sampled ones, flat."""
        types = pa.types
        if kind in _PLAIN:
            return _PLAIN[kind]
        if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid":
            return {"type": "string", "logicalType": "uuid"}  # as text, which consumers of any age understand
        if isinstance(kind, pa.BaseExtensionType):
            return self._node(kind.storage_type, _storage(values), name, path)
        if types.is_dictionary(kind):
            return self._node(kind.value_type, values.cast(kind.value_type), name, path)
        if types.is_null(kind):
            return "string"
        if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
            return self._observed.text_type(path, values.cast(pa.string()), self._kind) if self._kind else "string"
        if types.is_binary(kind) or types.is_large_binary(kind) or str(kind) == "binary_view":
            return "bytes"
        if types.is_fixed_size_binary(kind):
            return {"type": "fixed", "name": self._unique(name), "size": kind.byte_width}
        if types.is_decimal(kind):
            return _decimal(kind)
        if types.is_timestamp(kind):
            return self._timestamp(kind, values, path)
        if types.is_time(kind):
            is_exact = self._observed.is_exact(path, values, pa.time64("us"))
            return {"type": "long", "logicalType": "time-micros"} if is_exact else "long"
        if types.is_duration(kind):
            return "long"
        return self._nested(kind, values, name, path)

    def _timestamp(self, kind: Any, values: Any, path: str) -> dict[str, Any]:
        unit = _TIMESTAMP_UNITS.get(kind.unit)
        if unit is None:
            is_exact = self._observed.is_exact(path, values, pa.timestamp("us", kind.tz))
            unit = "micros" if is_exact else "nanos"
        return {"type": "long", "logicalType": f"timestamp-{unit}" if kind.tz else f"local-timestamp-{unit}"}

    def _nested(self, kind: Any, values: Any, name: str, path: str) -> Any:
        types = pa.types
        if types.is_struct(kind):
            columns = [
                (kind.field(place).name, kind.field(place).type, pc.struct_field(values, place))
                for place in range(kind.num_fields)
            ]
            return self.record(name, columns, path)
        if types.is_map(kind):
            if not types.is_string(kind.key_type) and not types.is_large_string(kind.key_type):
                raise SchemaError(
                    f"{path}: a map's keys are strings in Avro, these are {kind.key_type}", "drop the column"
                )
            flat = pa.chunked_array([chunk.items for chunk in values.chunks], kind.item_type)
            return {"type": "map", "values": ["null", self._node(kind.item_type, flat, f"{name}_value", f"{path}{{}}")]}
        if (
            types.is_list(kind)
            or types.is_large_list(kind)
            or types.is_fixed_size_list(kind)
            or "list_view" in str(kind)
        ):
            item = self._node(kind.value_type, pc.list_flatten(values), f"{name}_item", f"{path}[]")
            return {"type": "array", "items": ["null", item]}
        raise SchemaError(f"{path}: type {kind} has no counterpart in Avro", "drop the column, or convert it")


def _storage(values: Any) -> Any:
    return pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)


def _decimal(kind: Any) -> dict[str, Any]:
    # Avro knows no negative scale: the zeros before the point are written out.
    scale = max(kind.scale, 0)
    precision = kind.precision - min(kind.scale, 0)
    return {"type": "bytes", "logicalType": "decimal", "precision": max(precision, scale), "scale": scale}


def fits_exactly(values: Any, kind: pa.DataType) -> bool:
    """Whether each value has a counterpart in another type."""
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
