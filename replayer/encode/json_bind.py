"""What is decided once per RecordBatch for JSON: the addresses of its Arrow buffers, and a bound on the bytes.

As in bind.py nothing is copied but what has to be made into text first: the distinct strings of dictionaries, and
floating-point numbers, which orjson prints a column at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from replayer.encode import json_kernels as kernels
from replayer.encode.bind import Binding, Entries, address, is_same, mismatch, offsets_window
from replayer.encode.framing import PREFIX_SIZE_MAX
from replayer.encode.json_plan import JsonPlan
from replayer.encode.kernels import MOVE
from replayer.encode.plan import Column
from replayer.encode.text_columns import float_text
from replayer.errors import SchemaError

_Array: TypeAlias = Any

_INFINITIES = ('"Infinity"', '"-Infinity"')


class JsonBinder:
    """Binds one plan to RecordBatches in turn; keeps the last dictionary of each column, as files repeat them."""

    def __init__(self, plan: JsonPlan, prefix_size: int) -> None:
        self._plan = plan
        self._prefix_size = prefix_size
        self._template = plan.template.copy()
        self._template[:, kernels.LITERAL] += address(plan.literals)
        self._entries = {
            position: _write_entries(pa.array(symbols, pa.string())) for position, symbols in plan.symbols.items()
        }

    def bind(self, batch: pa.RecordBatch) -> Binding:
        """Raises SchemaError when the columns are not those of the plan."""
        names, wanted = batch.schema.names, [column.path for column in self._plan.columns]
        if names != wanted:
            raise SchemaError(f"the encoder expects the columns {', '.join(wanted)}, not {', '.join(names)}")
        walk = _Walk(self._template.copy(), self._entries, self._plan.symbols.keys())
        row_count = batch.num_rows
        walk.bound = row_count * (self._prefix_size + 2) + PREFIX_SIZE_MAX + kernels.SLACK
        for index, column in enumerate(self._plan.columns):
            walk.add(column, batch.column(index), 0, row_count)
        return Binding(walk.program, walk.bound, (batch, self._plan, *walk.kept))


class _Walk:
    """Fills in a program: one visit per Arrow array, each with the window of values that the records reach."""

    def __init__(self, program: NDArray[np.int64], entries: dict[int, Entries], enums: Any) -> None:
        self.program = program
        self.bound = 0
        self.kept: list[Any] = []
        self._entries, self._enums = entries, enums

    def add(self, column: Column, array: _Array, first: int, count: int) -> None:
        self.bound += count * column.most_bytes + (1 if column.op == kernels.OP_LIST else 0)
        if column.op == kernels.OP_NULL:
            return
        if pa.types.is_dictionary(array.type):
            if column.op != kernels.OP_STRING or array.type.value_type != column.arrow_type:
                raise mismatch(column, array)
            if array.dictionary.null_count or array.type.index_type != pa.int32():
                array = array.dictionary_decode()  # or its validity bitmap would not show every null
        self.kept.append(array)
        words = self.program[column.position]
        buffers = array.buffers()
        if array.null_count and buffers[0] is not None:
            words[kernels.VALIDITY] = buffers[0].address
        words[kernels.FIRST_BIT] = array.offset
        if column.op == kernels.OP_RECORD:
            self._add_record(column, array, first, count)
        elif column.op == kernels.OP_LIST:
            self._add_list(column, array, words, first, count)
        elif pa.types.is_dictionary(array.type):
            entries = self._entries.get(column.position)
            if entries is None or not is_same(entries.dictionary, array.dictionary):
                entries = self._entries[column.position] = _write_entries(array.dictionary)
            self._add_entries(words, entries, array, first, count)
        elif array.type != column.arrow_type:
            raise mismatch(column, array)
        elif column.position in self._enums:
            self._add_entries(words, self._entries[column.position], array, first, count)
        elif column.op == kernels.OP_TEXT:
            self._add_numbers(words, array.slice(first, count), first)
        elif column.op in (kernels.OP_STRING, kernels.OP_BYTES):
            words[kernels.OFFSETS], begin, end = offsets_window(buffers[1], array.offset, first, count)
            # A character may take \\u00XX, and three bytes four of base64.
            self.bound += (end - begin) * (6 if column.op == kernels.OP_STRING else 2)
            if buffers[2] is not None:
                words[kernels.VALUES] = buffers[2].address
                words[kernels.LAST_MOVE] = buffers[2].address + buffers[2].size - MOVE
        elif buffers[1] is not None:
            is_bits = column.op == kernels.OP_BOOLEAN
            words[kernels.VALUES] = buffers[1].address + (0 if is_bits else column.width * array.offset)

    def _add_record(self, column: Column, array: _Array, first: int, count: int) -> None:
        names = [child.path.rpartition(".")[2] for child in column.children]
        if not isinstance(array, pa.StructArray) or [field.name for field in array.type] != names:
            raise mismatch(column, array)
        for index, child in enumerate(column.children):
            self.add(child, array.field(index), first, count)

    def _add_list(self, column: Column, array: _Array, words: NDArray[np.int64], first: int, count: int) -> None:
        is_map = len(column.children) == 2
        if not (pa.types.is_map(array.type) if is_map else pa.types.is_list(array.type)):
            raise mismatch(column, array)
        words[kernels.OFFSETS], begin, end = offsets_window(array.buffers()[1], array.offset, first, count)
        inner: _Array = array.values
        # Not MapArray.keys and .items: they overlook the offset of a sliced array of entries.
        children: Sequence[_Array] = (inner.field(0), inner.field(1)) if is_map else (inner,)
        self.bound += end - begin  # commas
        for child, values in zip(column.children, children, strict=True):
            self.add(child, values, begin, end - begin)

    def _add_numbers(self, words: NDArray[np.int64], array: _Array, first: int) -> None:
        offsets, text = _json_floats(array)
        self.kept += (offsets, text)
        words[kernels.OFFSETS] = address(offsets) - 4 * first
        words[kernels.VALUES], words[kernels.LAST_MOVE] = address(text), address(text) + text.size - MOVE
        self.bound += text.size

    def _add_entries(self, words: NDArray[np.int64], entries: Entries, array: _Array, first: int, count: int) -> None:
        self.kept.append(entries)
        words[kernels.OP] = kernels.OP_DICTIONARY
        words[kernels.OFFSETS], words[kernels.SIZE] = address(entries.starts), address(entries.written)
        indices = array.buffers()[1] if not pa.types.is_dictionary(array.type) else array.indices.buffers()[1]
        if indices is None or count == 0 or len(entries.starts) == 1:
            return
        words[kernels.VALUES] = indices.address + 4 * array.offset
        used = np.frombuffer(memoryview(indices), np.int32, count, 4 * (array.offset + first))
        self.bound += int(np.take(entries.sizes, used, mode="clip").sum())


def _json_floats(array: _Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Numbers as orjson prints them, one byte behind each, and where each begins; JSON's words for nothing are strings.

    orjson prints the whole column as an array in one call, and its commas stay where they are.
    """
    dtype = np.float32 if array.type == pa.float32() else np.float64
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    if np.isfinite(numbers).all():
        printed = orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)
    else:
        words = pc.if_else(
            pc.is_nan(array), '"NaN"', pc.if_else(pc.greater(array, pa.scalar(0, array.type)), *_INFINITIES)
        )
        named: Any = pc.if_else(pc.is_finite(array), float_text(array), words)
        whole = pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), named.fill_null("0"))
        joined: Any = pc.binary_join(whole, ",")
        printed = b"[" + joined[0].as_buffer().to_pybytes() + b"]"
    text = np.frombuffer(printed, np.uint8)
    # Behind a name there is a comma too, and in none of the names.
    ends = np.append(np.flatnonzero(text == ord(",")), len(text) - 1)
    return np.append(1, ends[: len(array)] + 1).astype(np.int32), text


def _write_entries(dictionary: _Array) -> Entries:
    count = len(dictionary)
    buffers = dictionary.buffers()
    offsets, begin, end = offsets_window(buffers[1], dictionary.offset, 0, count)
    values, last_move = (buffers[2].address, buffers[2].size - MOVE) if buffers[2] else (0, -1)
    written = np.empty(6 * (end - begin) + 2 * count + kernels.SLACK, dtype=np.uint8)
    starts = np.zeros(count + 1, dtype=np.int64)
    kernels.write_entries(offsets, values, count, values + last_move, address(written), address(starts))
    sizes = np.diff(starts)
    return Entries(dictionary, written, starts, sizes, int(sizes.max(initial=0)))
