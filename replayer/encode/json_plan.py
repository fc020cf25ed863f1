"""What is decided once per schema for JSON: the program that writes a value, and the Arrow columns that it reads.

As in plan.py there is one instruction per node, lists and maps end with an OP_NEXT that goes back, and here records end
with an OP_RECORD_END. The texts between the values are literals of the instructions::

    record {"a": long, "b": array of string}

    0  INT64       literal {"a":
    1  LIST        literal ,"b":     opens [   closes ]
    2  STRING
    3  NEXT        back to 2         closes ]
    4  ROW_END     literal }

A map is a list that opens { and whose body is its key, a STRING, and its value with the literal ``:``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replayer.encode import json_kernels as kernels
from replayer.encode.kernels import MOVE
from replayer.encode.plan import Column
from replayer.schema.arrow import arrow_type
from replayer.schema.avro import Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union

_FRACTION_DIGITS = {"millis": 3, "micros": 6, "nanos": 9}
_MOST_BYTES = {
    kernels.OP_NULL: 4,
    kernels.OP_RECORD: 1,
    kernels.OP_BOOLEAN: 5,
    kernels.OP_INT32: 11,
    kernels.OP_INT64: 20,
    kernels.OP_STRING: 2,
    kernels.OP_BYTES: 6,
    kernels.OP_UUID: 38,
    kernels.OP_DATE: 16,
    kernels.OP_TIME_32: 14,
    kernels.OP_TIME_64: 17,
    kernels.OP_TIMESTAMP: 40,
    kernels.OP_LIST: 2,
}
"""What one value takes at most besides its literal, its children, and the bytes of a string."""
_WIDTHS = {
    kernels.OP_INT32: 4,
    kernels.OP_INT64: 8,
    kernels.OP_UUID: 16,
    kernels.OP_DATE: 4,
    kernels.OP_TIME_32: 4,
    kernels.OP_TIME_64: 8,
    kernels.OP_TIMESTAMP: 8,
    kernels.OP_DICTIONARY: 4,
}


@dataclass(frozen=True, slots=True)
class JsonPlan:
    """A program without addresses; LITERAL of each instruction is a position in ``literals``.

    ``symbols`` has an enum's symbols by the position of its instruction.
    """

    template: NDArray[np.int64]
    literals: NDArray[np.uint8]
    columns: tuple[Column, ...]
    symbols: dict[int, tuple[str, ...]]
    depth: int


def make_json_plan(fields: tuple[Field, ...], *, is_bare: bool = False, is_epoch: bool = False) -> JsonPlan:
    """Compile fields for which ``not_columnar`` finds no reason, as a JSON object.

    ``is_bare`` writes the one field's value alone. ``is_epoch`` writes timestamps as counts of their unit since 1970.
    """
    compiler = _Compiler(is_epoch)
    columns = compiler.fields(fields, "", opens="" if is_bare else "{", is_bare=is_bare)
    compiler.instruction(kernels.OP_ROW_END, "" if is_bare else "}" if fields else "{}")
    literals = np.frombuffer(bytes(compiler.literals) + bytes(MOVE), np.uint8)
    return JsonPlan(np.array(compiler.program, np.int64), literals, columns, compiler.symbols, compiler.depth)


class _Compiler:
    def __init__(self, is_epoch: bool) -> None:
        self.program: list[list[int]] = []
        self.literals = bytearray()
        self.symbols: dict[int, tuple[str, ...]] = {}
        self.depth = 0
        self._open_lists = 0
        self._is_epoch = is_epoch

    def instruction(self, op: int, literal: str) -> list[int]:
        words = [0] * kernels.WORDS
        text = literal.encode()
        words[kernels.OP], words[kernels.LAST_MOVE] = op, -1
        words[kernels.LITERAL], words[kernels.LITERAL_SIZE] = len(self.literals), len(text)
        self.literals += text
        self.program.append(words)
        return words

    def fields(
        self, fields: tuple[Field, ...], path: str, opens: str = "", *, is_bare: bool = False
    ) -> tuple[Column, ...]:
        """The instructions of a record's fields, each with its name."""
        columns = []
        for number, field in enumerate(fields):
            before = opens if number == 0 else ","
            literal = "" if is_bare else f"{before}{json.dumps(field.name)}:"
            columns.append(self.add(field.node, f"{path}.{field.name}".lstrip("."), literal))
        return tuple(columns)

    def add(self, node: Node, path: str, literal: str) -> Column:
        """Append the instructions of a node and of all below it."""
        position = len(self.program)
        is_nullable = isinstance(node, Union)
        if isinstance(node, Union):
            assert node.nullable is not None
            node = node.nullable
        column = self._add_value(node, path, literal)
        words = self.program[position]
        words[kernels.IS_NULLABLE] = int(is_nullable or words[kernels.OP] == kernels.OP_NULL)
        words[kernels.SKIP] = (len(self.program) - position) * kernels.STRIDE
        return column

    def _add_value(self, node: Node, path: str, literal: str) -> Column:
        kind = arrow_type(node)
        assert kind is not None
        position = len(self.program)
        op = self._op(node)
        words = self.instruction(op, literal)
        most_bytes, width = _MOST_BYTES.get(op, 0) + len(literal.encode()), _WIDTHS.get(op, 0)
        children: tuple[Column, ...] = ()
        match node:
            case Primitive(logical="decimal") | Fixed(logical="decimal"):
                words[kernels.SIZE] = width = 16 if node.precision <= 38 else 32
                words[kernels.SCALE] = node.scale
                most_bytes += node.precision + 5
            case Fixed():
                words[kernels.SIZE] = width = node.size
                most_bytes += 6 + (node.size + 2) // 3 * 4
            case Enum():
                self.symbols[position] = node.symbols
            case Record():
                children = self.fields(node.fields, path)
                self.instruction(kernels.OP_RECORD_END, "}")
                most_bytes += 1
            case Array() | Map():
                children = self._add_body(node, words, path)
            case Primitive(logical=logical) if op in (kernels.OP_TIME_32, kernels.OP_TIME_64, kernels.OP_TIMESTAMP):
                words[kernels.SCALE] = _FRACTION_DIGITS[logical.rpartition("-")[2]]
                words[kernels.ZONE] = ord("Z") if logical.startswith("timestamp") else 0
        return Column(position, path, op, kind, most_bytes, width, children)

    def _add_body(self, node: Array | Map, words: list[int], path: str) -> tuple[Column, ...]:
        self._open_lists += 1
        self.depth = max(self.depth, self._open_lists)
        start = len(self.program)
        if isinstance(node, Map):
            children: tuple[Column, ...] = (
                self.add(Primitive("string"), f"{path}{{}}", ""),
                self.add(node.value, f"{path}{{}}", ":"),
            )
            opens, closes = b"{}"
        else:
            children = (self.add(node.item, f"{path}[]", ""),)
            opens, closes = b"[]"
        words[kernels.SIZE], words[kernels.SCALE] = opens, closes
        back = (len(self.program) - start) * kernels.STRIDE
        following = self.instruction(kernels.OP_NEXT, "")
        following[kernels.SKIP], following[kernels.SCALE] = back, closes
        self._open_lists -= 1
        return children

    def _op(self, node: Node) -> int:
        match node:
            case Primitive(logical="decimal") | Fixed(logical="decimal"):
                return kernels.OP_DECIMAL
            case Primitive(kind="string"):
                return kernels.OP_STRING
            case Primitive(kind="bytes"):
                return kernels.OP_BYTES
            case Primitive(kind="float" | "double"):
                return kernels.OP_TEXT
            case Primitive(logical="date"):
                return kernels.OP_DATE
            case Primitive(logical="time-millis"):
                return kernels.OP_TIME_32
            case Primitive(logical="time-micros"):
                return kernels.OP_TIME_64
            case Primitive(logical=logical) if "timestamp" in logical and not self._is_epoch:
                return kernels.OP_TIMESTAMP
            case Primitive(kind=kind):
                return {
                    "null": kernels.OP_NULL,
                    "boolean": kernels.OP_BOOLEAN,
                    "int": kernels.OP_INT32,
                    "long": kernels.OP_INT64,
                }[kind]
            case Fixed(logical="uuid"):
                return kernels.OP_UUID
            case Fixed():
                return kernels.OP_FIXED
            case Enum():
                return kernels.OP_DICTIONARY
            case Record():
                return kernels.OP_RECORD
            case Array() | Map():
                return kernels.OP_LIST
        raise AssertionError(f"{node} is not columnar")
