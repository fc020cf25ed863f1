"""The compiled interpreter that writes Avro records from Arrow buffers, and the pieces it is made of.

A bound program is an array of instructions of ``WORDS`` int64 each, one per node of the schema (see plan.py for what
the instructions are, bind.py for where their addresses come from). The interpreter is compiled once, for every schema.

No bound is checked in here: the caller has made the buffer at least as large as the binding's bound, which counts
``SLACK`` bytes behind the last record, because short copies and varints are stored in whole vectors and words.
"""

from __future__ import annotations

from replayer.machine.jit import kernel
from replayer.machine.memory import copy_bytes
from replayer.machine.unaligned import (
    leading_zeros,
    load_byte,
    load_int32,
    load_int64,
    magnitude_bits_128,
    magnitude_bits_256,
    move_4,
    move_8,
    move_16,
    move_32,
    store_big_endian_128,
    store_big_endian_256,
    store_byte,
    store_int64,
)

SLACK = 128
MOVE = 64  # what a short copy reads and writes, whatever it is asked for

# The words of an instruction.
OP = 0
VALIDITY = 1  # address of the validity bitmap; 0 where this RecordBatch has no nulls
FIRST_BIT = 2  # bit of row 0 in the validity bitmap, and in the values of booleans
NULL_BYTE = 3  # what stands for null: the zig-zag of its branch; -1 where null is not allowed
BRANCH_BYTE = 4  # zig-zag of the branch of the value
BRANCH_SIZE = 5  # 1 inside a union, else 0
SKIP = 6  # bytes from this instruction to the one behind its node; for OP_NEXT bytes back to the body
VALUES = 7  # address of value 0
OFFSETS = 8  # address of the int32 offset of value 0; for OP_DICTIONARY of the int64 start of entry 0
LAST_MOVE = 9  # highest address from which ``MOVE`` bytes can be read
SIZE = 10  # bytes of a fixed
ENTRIES = 10  # address of the written entries of a dictionary
WORDS = 12
STRIDE = 8 * WORDS

OP_ROW_END = 0
OP_NULL = 1
OP_RECORD = 2
OP_BOOLEAN = 3
OP_INT32 = 4
OP_INT64 = 5
OP_FLOAT = 6
OP_DOUBLE = 7
OP_STRING = 8
OP_DICTIONARY = 9
OP_FIXED = 10
OP_LIST = 11
OP_NEXT = 12
OP_DECIMAL_128 = 13
OP_DECIMAL_256 = 14
OP_FIXED_DECIMAL_128 = 15
OP_FIXED_DECIMAL_256 = 16


@kernel
def write_varint(target: int, zigzag: int) -> int:
    """Write a varint and return the position behind it; touches 10 bytes at most.

    Seven-bit groups are spread over the bytes of a word by three shifts, not by a loop: the branches of a loop are
    mispredicted on every number of another length. https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
    """
    if 0 <= zigzag < 128:
        store_byte(target, zigzag)
        return target + 1
    word = (zigzag & 0x000000000FFFFFFF) | ((zigzag & 0x00FFFFFFF0000000) << 4)
    word = (word & 0x00003FFF00003FFF) | ((word & 0x0FFFC0000FFFC000) << 2)
    word = (word & 0x007F007F007F007F) | ((word & 0x3F803F803F803F80) << 1)
    if 0 <= zigzag < 1 << 56:
        # Bytes = bits / 7 rounded up; 37 / 256 is close enough to 1 / 7 for 1 to 56 bits.
        extra: int = ((70 - leading_zeros(zigzag)) * 37 >> 8) - 1
        store_int64(target, word | (0x0080808080808080 & ((1 << 8 * extra) - 1)))
        return target + extra + 1
    store_int64(target, word | -0x7F7F7F7F7F7F7F80)
    rest = (zigzag >> 56) & 0xFF
    store_byte(target + 8, rest)
    if rest < 128:
        return target + 9
    store_byte(target + 9, 1)
    return target + 10


@kernel
def write_long(target: int, value: int) -> int:
    """Write an Avro int or long and return the position behind it."""
    return write_varint(target, (value << 1) ^ (value >> 63))


@kernel
def write_bytes(target: int, source: int, count: int, last_move: int) -> int:
    """Write ``count`` bytes behind their length and return the position; touches ``MOVE`` bytes more at most."""
    target = write_varint(target, count << 1)
    if count <= MOVE and source <= last_move:
        move_32(target, source)
        move_32(target + 32, source + 32)
    else:
        copy_bytes(target, source, count)
    return target + count


@kernel
def write_fixed_decimal(target: int, source: int, size: int, width: int) -> int:
    """Write a decimal as two's complement of ``size`` bytes, big endian; ``width`` is Arrow's 16 or 32 bytes."""
    if size > width:
        sign = -(load_byte(source + width - 1) >> 7)
        for position in range(size - width):
            store_byte(target + position, sign)
        target += size - width
        size = width
    if width == 16:
        store_big_endian_128(target, source, size)
    else:
        store_big_endian_256(target, source, size)
    return target + size


@kernel
def encode_dictionary(
    offsets: int, values: int, count: int, last_move: int, branch_byte: int, branch_size: int, target: int, starts: int
) -> None:
    """Write each distinct string of a dictionary as it stands in a record: branch, length, bytes.

    ``starts`` is the address of ``count + 1`` int64: entry i lies at target + starts[i] up to target + starts[i + 1].
    """
    position = target
    for index in range(count):
        store_int64(starts + 8 * index, position - target)
        begin = load_int32(offsets + 4 * index)
        end = load_int32(offsets + 4 * index + 4)
        store_byte(position, branch_byte)
        position = write_bytes(position + branch_size, values + begin, end - begin, last_move)
    store_int64(starts + 8 * count, position - target)


@kernel
def encode_rows(
    program: int, stack: int, prefix: int, prefix_size: int, row_count: int, target: int, value_ends: int
) -> int:
    """Write ``row_count`` records and return the bytes written.

    All arguments but the counts are addresses. ``prefix`` is readable for 16 bytes; ``stack`` holds two int64 a nested
    list; ``row_count`` is at least 1. Where a null stands that the schema does not allow, nothing counts: returns −1 −
    the index of the instruction, and writes the row to ``value_ends[0]``.

    One long loop with a case per op-code: a call per field would cost more than the field.
    """
    row = 0
    index = 0
    limit = 0
    position: int = target
    move_16(position, prefix)
    position += prefix_size
    at = program
    while True:
        op = load_int64(at + 8 * OP)
        validity = load_int64(at + 8 * VALIDITY)
        if validity != 0:
            bit = index + load_int64(at + 8 * FIRST_BIT)
            if (load_byte(validity + (bit >> 3)) >> (bit & 7)) & 1 == 0:
                null_byte = load_int64(at + 8 * NULL_BYTE)
                if null_byte < 0:
                    store_int64(value_ends, row)
                    return -1 - (at - program) // STRIDE
                store_byte(position, null_byte)
                position += 1
                at += load_int64(at + 8 * SKIP)
                continue
        store_byte(position, load_int64(at + 8 * BRANCH_BYTE))
        position += load_int64(at + 8 * BRANCH_SIZE)
        values = load_int64(at + 8 * VALUES)
        if op == OP_ROW_END:
            store_int64(value_ends + 8 * row, position - target)
            row += 1
            if row == row_count:
                break
            index = row
            move_16(position, prefix)
            position += prefix_size
            at = program
            continue
        if op == OP_INT64:
            position = write_long(position, load_int64(values + 8 * index))
        elif op == OP_INT32:
            position = write_long(position, load_int32(values + 4 * index))
        elif op == OP_DOUBLE:
            move_8(position, values + 8 * index)
            position += 8
        elif op == OP_STRING:
            offsets = load_int64(at + 8 * OFFSETS) + 4 * index
            begin = load_int32(offsets)
            count = load_int32(offsets + 4) - begin
            position = write_bytes(position, values + begin, count, load_int64(at + 8 * LAST_MOVE))
        elif op == OP_DICTIONARY:
            # The entry holds the branch too: it is written over the branch above.
            position -= load_int64(at + 8 * BRANCH_SIZE)
            starts = load_int64(at + 8 * OFFSETS) + 8 * load_int32(values + 4 * index)
            begin = load_int64(starts)
            count = load_int64(starts + 8) - begin
            source = load_int64(at + 8 * ENTRIES) + begin
            if count <= MOVE:
                move_32(position, source)
                move_32(position + 32, source + 32)
            else:
                copy_bytes(position, source, count)
            position += count
        elif op == OP_BOOLEAN:
            bit = index + load_int64(at + 8 * FIRST_BIT)
            store_byte(position, (load_byte(values + (bit >> 3)) >> (bit & 7)) & 1)
            position += 1
        elif op == OP_FLOAT:
            move_4(position, values + 4 * index)
            position += 4
        elif op == OP_FIXED:
            size = load_int64(at + 8 * SIZE)
            copy_bytes(position, values + size * index, size)
            position += size
        elif op == OP_DECIMAL_128:
            # fastavro's length: the bits of the absolute value and a sign bit, rounded up (not minimal for -128).
            size = (magnitude_bits_128(values + 16 * index) + 8) >> 3
            store_byte(position, size << 1)
            store_big_endian_128(position + 1, values + 16 * index, size)
            position += 1 + size
        elif op == OP_DECIMAL_256:
            size = (magnitude_bits_256(values + 32 * index) + 8) >> 3
            store_byte(position, size << 1)
            store_big_endian_256(position + 1, values + 32 * index, size)
            position += 1 + size
        elif op == OP_FIXED_DECIMAL_128:
            position = write_fixed_decimal(position, values + 16 * index, load_int64(at + 8 * SIZE), 16)
        elif op == OP_FIXED_DECIMAL_256:
            position = write_fixed_decimal(position, values + 32 * index, load_int64(at + 8 * SIZE), 32)
        elif op == OP_LIST:
            # One block with all items, as fastavro writes it; an empty list has no block. The end mark is a zero count.
            offsets = load_int64(at + 8 * OFFSETS) + 4 * index
            begin = load_int32(offsets)
            end = load_int32(offsets + 4)
            if begin == end:
                store_byte(position, 0)
                position += 1
                at += load_int64(at + 8 * SKIP)
                continue
            position = write_varint(position, (end - begin) << 1)
            store_int64(stack, index)
            store_int64(stack + 8, limit)
            stack += 16
            index = begin
            limit = end
        elif op == OP_NEXT:
            index += 1
            if index < limit:
                at -= load_int64(at + 8 * SKIP)
                continue
            store_byte(position, 0)
            position += 1
            stack -= 16
            index = load_int64(stack)
            limit = load_int64(stack + 8)
        at += STRIDE
    return position - target
