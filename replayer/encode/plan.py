"""What is decided once per schema: the program that writes a record, and the Arrow columns that it reads.

A program has one instruction per node of the schema, in the order in which Avro writes values, and ends with
OP_ROW_END. The first instruction of a list or map is followed by its body and an OP_NEXT that goes back::

    {"a": ["null", long], "b": array of record {"c": string}}

    0  INT64     skip 1          SKIP of an instruction leads behind its node: taken where the value is null,
    1  LIST      skip 4          and by an empty list
    2  RECORD    skip 2
    3  STRING    skip 1
    4  NEXT      back to 2
    5  ROW_END

A map is a list whose body is its key, a STRING, and its value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.encode import kernels
from replayer.schema.arrow import MAX_DECIMAL_PRECISION, arrow_type
from replayer.schema.avro import Array, AvroSchema, Enum, Fixed, Map, Node, Primitive, Record, Recursion, Union

_MOST_BYTES = {
    kernels.OP_NULL: 0,
    kernels.OP_RECORD: 0,
    kernels.OP_BOOLEAN: 1,
    kernels.OP_INT32: 5,
    kernels.OP_INT64: 10,
    kernels.OP_FLOAT: 4,
    kernels.OP_DOUBLE: 8,
    kernels.OP_STRING: 5,
    kernels.OP_DECIMAL_128: 17,
    kernels.OP_DECIMAL_256: 33,
    kernels.OP_LIST: 6,
}
_WIDTHS = {
    kernels.OP_INT32: 4,
    kernels.OP_INT64: 8,
    kernels.OP_FLOAT: 4,
    kernels.OP_DOUBLE: 8,
    kernels.OP_DECIMAL_128: 16,
    kernels.OP_DECIMAL_256: 32,
    kernels.OP_FIXED_DECIMAL_128: 16,
    kernels.OP_FIXED_DECIMAL_256: 32,
}
_PRIMITIVE_OPS = {
    "null": kernels.OP_NULL,
    "boolean": kernels.OP_BOOLEAN,
    "int": kernels.OP_INT32,
    "long": kernels.OP_INT64,
    "float": kernels.OP_FLOAT,
    "double": kernels.OP_DOUBLE,
    "bytes": kernels.OP_STRING,
    "string": kernels.OP_STRING,
}


@dataclass(frozen=True, slots=True)
class Column:
    """An Arrow array that the program reads.

    ``position`` is the index of its instruction. ``most_bytes`` is what one value can take besides the bytes of a
    string and besides its children; ``width`` is the bytes from one value to the next in the values buffer, 0 where
    that has no meaning. ``children`` are a record's fields, a list's item, or a map's key and value.
    """

    position: int
    path: str
    op: int
    arrow_type: pa.DataType
    most_bytes: int
    width: int
    children: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A program without addresses: ``template`` is int64[instructions, WORDS]; ``depth`` counts nested lists."""

    template: NDArray[np.int64]
    columns: tuple[Column, ...]
    depth: int


def not_columnar(node: Node, path: str = "") -> str:
    """Why values of this node cannot be encoded column by column, with the place in the schema; "" if they can."""
    match node:
        case Recursion():
            return f"{path}: the type {node.name} contains itself"
        case Union():
            if node.nullable is None:
                return f"{path}: a union other than null and one type"
            return not_columnar(node.nullable, path)
        case Array():
            return not_columnar(node.item, f"{path}[]")
        case Map():
            return not_columnar(node.value, f"{path}{{}}")
        case Record():
            reasons = (not_columnar(field.node, f"{path}.{field.name}".lstrip(".")) for field in node.fields)
            return next(filter(None, reasons), "")
        case Primitive(logical="decimal") | Fixed(logical="decimal"):
            if node.precision > MAX_DECIMAL_PRECISION:
                return f"{path}: a decimal of more than {MAX_DECIMAL_PRECISION} digits"
    return ""


def make_plan(schema: AvroSchema) -> Plan:
    """Compile a schema that has a record at the top and for which ``not_columnar`` finds no reason."""
    assert isinstance(schema.root, Record)
    compiler = _Compiler()
    columns = tuple(compiler.add(field.node, field.name) for field in schema.root.fields)
    compiler.instruction(kernels.OP_ROW_END)
    return Plan(np.array(compiler.program, dtype=np.int64), columns, compiler.depth)


class _Compiler:
    def __init__(self) -> None:
        self.program: list[list[int]] = []
        self.depth = 0
        self._open_lists = 0

    def instruction(self, op: int) -> list[int]:
        words = [0] * kernels.WORDS
        words[kernels.OP] = op
        words[kernels.NULL_BYTE] = -1
        words[kernels.LAST_MOVE] = -1
        self.program.append(words)
        return words

    def add(self, node: Node, path: str) -> Column:
        """Append the instructions of a node and of all below it."""
        position = len(self.program)
        if isinstance(node, Union):
            assert node.nullable is not None
            assert node.null_index is not None
            column = self._add_value(node.nullable, path, in_union=True)
            words = self.program[position]
            words[kernels.NULL_BYTE] = 2 * node.null_index
            words[kernels.BRANCH_BYTE] = 2 * (1 - node.null_index)
            words[kernels.BRANCH_SIZE] = 1
        else:
            column = self._add_value(node, path, in_union=False)
        self.program[position][kernels.SKIP] = (len(self.program) - position) * kernels.STRIDE
        return column

    def _add_value(self, node: Node, path: str, in_union: bool) -> Column:
        kind = arrow_type(node)
        assert kind is not None
        position = len(self.program)
        op = _op(node)
        words = self.instruction(op)
        most_bytes, width = _MOST_BYTES.get(op, 0), _WIDTHS.get(op, 0)
        if isinstance(node, Fixed):
            words[kernels.SIZE] = node.size
            most_bytes, width = node.size, width or node.size
        children: tuple[Column, ...] = ()
        match node:
            case Record():
                children = tuple(self.add(field.node, f"{path}.{field.name}") for field in node.fields)
            case Array():
                children = self._add_body((node.item,), f"{path}[]")
            case Map():
                children = self._add_body((Primitive("string"), node.value), f"{path}{{}}")
        return Column(position, path, op, kind, most_bytes + in_union, width, children)

    def _add_body(self, nodes: tuple[Node, ...], path: str) -> tuple[Column, ...]:
        self._open_lists += 1
        self.depth = max(self.depth, self._open_lists)
        start = len(self.program)
        children = tuple(self.add(node, path) for node in nodes)
        back = (len(self.program) - start) * kernels.STRIDE
        self.instruction(kernels.OP_NEXT)[kernels.SKIP] = back
        self._open_lists -= 1
        return children


def _op(node: Node) -> int:
    match node:
        case Primitive(logical="decimal"):
            return kernels.OP_DECIMAL_128 if node.precision <= 38 else kernels.OP_DECIMAL_256
        case Primitive():
            return _PRIMITIVE_OPS[node.kind]
        case Fixed(logical="decimal"):
            return kernels.OP_FIXED_DECIMAL_128 if node.precision <= 38 else kernels.OP_FIXED_DECIMAL_256
        case Fixed():
            return kernels.OP_FIXED
        case Enum():
            return kernels.OP_INT32
        case Record():
            return kernels.OP_RECORD
        case Array() | Map():
            return kernels.OP_LIST
    raise AssertionError(f"{node} is not columnar")
