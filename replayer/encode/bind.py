"""What is decided once per RecordBatch: the addresses of its Arrow buffers, and a bound on the bytes of its records.

Nothing is copied but the distinct strings of dictionaries. Every address is that of value 0 as the program counts: the
offset of a sliced array is added here, once. The bitmaps keep theirs as a bit, as a slice may start inside a byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.encode import kernels
from replayer.encode.framing import PREFIX_SIZE_MAX
from replayer.encode.plan import Column, Plan
from replayer.errors import SchemaError

# What an array holds is found out while walking; the stubs of pyarrow know arrays by the type of their elements only.
_Array: TypeAlias = Any


# Up to this many bytes the longest entry counts for every row: summing the sizes costs more than the memory it saves.
_SHORT_ENTRY = 32


@dataclass(frozen=True, slots=True)
class Binding:
    """A program with the addresses of one RecordBatch, good as long as ``kept`` lives.

    ``bound`` is the bytes that the records can take at most, plus what the kernel touches behind the last one.
    """

    program: NDArray[np.int64]
    bound: int
    kept: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A dictionary's strings as they stand in a record: entry i is ``written[starts[i]:starts[i + 1]]``."""

    dictionary: _Array
    written: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    longest: int


class Binder:
    """Binds one plan to RecordBatches in turn; keeps the last dictionary of each column, as files repeat them."""

    def __init__(self, plan: Plan, prefix_size: int) -> None:
        self._plan = plan
        self._prefix_size = prefix_size
        self._entries: dict[int, Entries] = {}

    def bind(self, batch: pa.RecordBatch) -> Binding:
        """Raises SchemaError when the columns are not those of the plan."""
        names, wanted = batch.schema.names, [column.path for column in self._plan.columns]
        if names != wanted:
            raise SchemaError(f"the encoder expects the columns {', '.join(wanted)}, not {', '.join(names)}")
        walk = _Walk(self._plan.template.copy(), self._entries)
        row_count = batch.num_rows
        walk.bound = row_count * self._prefix_size + PREFIX_SIZE_MAX + kernels.SLACK
        for index, column in enumerate(self._plan.columns):
            walk.add(column, batch.column(index), 0, row_count)
        return Binding(walk.program, walk.bound, (batch, *walk.kept))


class _Walk:
    """Fills in a program: one visit per Arrow array, each with the window of values that the records reach."""

    def __init__(self, program: NDArray[np.int64], entries: dict[int, Entries]) -> None:
        self.program = program
        self.bound = 0
        self.kept: list[Any] = []
        self._entries = entries

    def add(self, column: Column, array: _Array, first: int, count: int) -> None:
        self.bound += count * column.most_bytes
        if column.op == kernels.OP_NULL:
            return
        if pa.types.is_dictionary(array.type):
            array = self._usable_dictionary(column, array)
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
            self._add_dictionary(column, array, words, first, count)
        elif array.type != column.arrow_type:
            raise mismatch(column, array)
        elif column.op == kernels.OP_STRING:
            words[kernels.OFFSETS], begin, end = offsets_window(buffers[1], array.offset, first, count)
            self.bound += end - begin
            if buffers[2] is not None:
                words[kernels.VALUES] = buffers[2].address
                words[kernels.LAST_MOVE] = buffers[2].address + buffers[2].size - kernels.MOVE
        elif buffers[1] is not None:
            words[kernels.VALUES] = buffers[1].address + column.width * array.offset

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
        for child, values in zip(column.children, children, strict=True):
            self.add(child, values, begin, end - begin)

    def _usable_dictionary(self, column: Column, array: _Array) -> _Array:
        """The array, decoded where its dictionary holds a null: then its validity bitmap does not show every null."""
        kind = array.type
        if column.op != kernels.OP_STRING or kind.index_type != pa.int32() or kind.value_type != column.arrow_type:
            raise mismatch(column, array)
        return array.dictionary_decode() if array.dictionary.null_count else array

    def _add_dictionary(self, column: Column, array: _Array, words: NDArray[np.int64], first: int, count: int) -> None:
        entries = self._entries.get(column.position)
        if entries is None or not is_same(entries.dictionary, array.dictionary):
            entries = _write_entries(array.dictionary, words)
            self._entries[column.position] = entries
        self.kept.append(entries)
        words[kernels.OP] = kernels.OP_DICTIONARY
        words[kernels.OFFSETS] = address(entries.starts)
        words[kernels.ENTRIES] = address(entries.written)
        indices = array.buffers()[1]
        if indices is None or count == 0 or len(entries.starts) == 1:
            return
        words[kernels.VALUES] = indices.address + 4 * array.offset
        if entries.longest <= _SHORT_ENTRY:
            self.bound += count * entries.longest
        else:
            # One long value must not blow up the bound for all rows. Below a null may lie any number, so it is clipped.
            used = np.frombuffer(memoryview(indices), np.int32, count, 4 * (array.offset + first))
            self.bound += int(np.take(entries.sizes, used, mode="clip").sum())


def address(array: NDArray[Any]) -> int:
    """The address of an array's first byte."""
    return int(array.__array_interface__["data"][0])


def offsets_window(buffer: Any, offset: int, first: int, count: int) -> tuple[int, int, int]:
    """The address of the int32 offset of value 0, and the window of children below ``count`` values from ``first``."""
    if buffer is None or count == 0:
        return 0, 0, 0
    ends = np.frombuffer(memoryview(buffer), np.int32, offset + first + count + 1)
    return buffer.address + 4 * offset, int(ends[offset + first]), int(ends[offset + first + count])


def _write_entries(dictionary: _Array, words: NDArray[np.int64]) -> Entries:
    count = len(dictionary)
    buffers = dictionary.buffers()
    offsets, begin, end = offsets_window(buffers[1], dictionary.offset, 0, count)
    values, last_move = (buffers[2].address, buffers[2].size - kernels.MOVE) if buffers[2] else (0, -1)
    written = np.empty(end - begin + 6 * count + kernels.SLACK, dtype=np.uint8)
    starts = np.zeros(count + 1, dtype=np.int64)
    branch_byte, branch_size = int(words[kernels.BRANCH_BYTE]), int(words[kernels.BRANCH_SIZE])
    kernels.encode_dictionary(
        offsets, values, count, values + last_move, branch_byte, branch_size, address(written), address(starts)
    )
    sizes = np.diff(starts)
    return Entries(dictionary, written, starts, sizes, int(sizes.max(initial=0)))


def is_same(left: _Array, right: _Array) -> bool:
    """Whether two arrays lie at the same place, and so are equal: ``left`` keeps its memory from being reused."""
    if left.offset != right.offset or len(left) != len(right):
        return False
    pairs = zip(left.buffers(), right.buffers(), strict=True)
    return all((a.address if a else 0) == (b.address if b else 0) for a, b in pairs)


def mismatch(column: Column, array: _Array) -> SchemaError:
    """The error of a column of another type than the plan's."""
    return SchemaError(f"column {column.path}: the encoder expects {column.arrow_type}, not {array.type}")
