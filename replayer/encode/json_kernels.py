"""The compiled interpreter that writes JSON from Arrow buffers, and the pieces it is made of.

A bound program is an array of instructions of ``WORDS`` int64 each (json_plan.py, json_bind.py), as in kernels.py. The
text before a value, like ``,"city":``, is a literal of its instruction. No bound is checked in here: the caller made
the buffer at least as large as the binding's bound, which counts ``SLACK`` bytes behind the last record.
"""

from __future__ import annotations

from replayer.encode.json_text_kernels import (
    write_base64,
    write_date,
    write_decimal,
    write_integer,
    write_string,
    write_time,
    write_timestamp,
    write_uuid,
)
from replayer.encode.key_kernels import write_raw
from replayer.machine.jit import kernel
from replayer.machine.unaligned import load_byte, load_int32, load_int64, move_16, store_byte, store_int64

SLACK = 256

# The words of an instruction.
OP = 0
VALIDITY = 1  # address of the validity bitmap; 0 where this RecordBatch has no nulls
FIRST_BIT = 2  # bit of row 0 in the validity bitmap, and in the values of booleans
IS_NULLABLE = 3
LITERAL = 4  # address of the text before the value, readable for MOVE bytes
LITERAL_SIZE = 5
SKIP = 6  # bytes from this instruction to the one behind its node; for OP_NEXT bytes back to the body
VALUES = 7  # address of value 0
OFFSETS = 8  # address of the int32 offset of value 0; for OP_DICTIONARY of the int64 start of entry 0
LAST_MOVE = 9  # highest address from which MOVE bytes can be read
SIZE = 10  # bytes of a fixed or of a decimal; address of the entries of a dictionary; opening byte of a list
SCALE = 11  # of a decimal; digits of a fraction of a second; closing byte of a list and of its OP_NEXT
ZONE = 12  # 90 (Z) behind a timestamp with a zone, else 0
WORDS = 13
STRIDE = 8 * WORDS

OP_ROW_END = 0
OP_NULL = 1
OP_RECORD = 2
OP_RECORD_END = 3
OP_BOOLEAN = 4
OP_INT32 = 5
OP_INT64 = 6
OP_TEXT = 7  # text that is JSON already, each value with one byte behind it that does not count
OP_STRING = 8
OP_DICTIONARY = 9  # entries that are JSON already
OP_BYTES = 10
OP_FIXED = 11
OP_UUID = 12
OP_DECIMAL = 13
OP_DATE = 14
OP_TIME_32 = 15
OP_TIME_64 = 16
OP_TIMESTAMP = 17
OP_LIST = 18
OP_NEXT = 19

_NULL = 0x6C6C756E
_TRUE = 0x65757274
_FALS = 0x736C6166


@kernel
def write_entries(offsets: int, values: int, count: int, last_move: int, target: int, starts: int) -> None:
    """Write each distinct string of a dictionary as a JSON string.

    ``starts`` is the address of ``count + 1`` int64: entry i lies at target + starts[i] up to target + starts[i + 1].
    """
    position = target
    for index in range(count):
        store_int64(starts + 8 * index, position - target)
        begin = load_int32(offsets + 4 * index)
        end = load_int32(offsets + 4 * index + 4)
        position = write_string(position, values + begin, end - begin, last_move)
    store_int64(starts + 8 * count, position - target)


@kernel
def encode_json_rows(
    program: int, stack: int, scratch: int, prefix: int, prefix_size: int, row_count: int, target: int, value_ends: int
) -> int:
    """Write ``row_count`` values and return the bytes written.

    All arguments but the counts are addresses: ``stack`` holds two int64 a nested list, ``scratch`` SCRATCH_BYTES,
    ``prefix`` is readable for 16 bytes; ``row_count`` is at least 1. Where a null stands that the schema forbids, this
    returns −1 − the index of the instruction, and writes the row to ``value_ends[0]``.
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
        literal = load_int64(at + 8 * LITERAL)
        position = write_raw(position, literal, load_int64(at + 8 * LITERAL_SIZE), literal)
        validity = load_int64(at + 8 * VALIDITY)
        if validity != 0:
            bit = index + load_int64(at + 8 * FIRST_BIT)
            if (load_byte(validity + (bit >> 3)) >> (bit & 7)) & 1 == 0:
                if load_int64(at + 8 * IS_NULLABLE) == 0:
                    store_int64(value_ends, row)
                    return -1 - (at - program) // STRIDE
                store_int64(position, _NULL)
                position += 4
                at += load_int64(at + 8 * SKIP)
                continue
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
            position = write_integer(position, load_int64(values + 8 * index))
        elif op == OP_INT32:
            position = write_integer(position, load_int32(values + 4 * index))
        elif op in (OP_TEXT, OP_STRING, OP_BYTES):
            offsets = load_int64(at + 8 * OFFSETS) + 4 * index
            begin = load_int32(offsets)
            count = load_int32(offsets + 4) - begin
            if op == OP_STRING:
                position = write_string(position, values + begin, count, load_int64(at + 8 * LAST_MOVE))
            elif op == OP_TEXT:
                position = write_raw(position, values + begin, count - 1, load_int64(at + 8 * LAST_MOVE))
            else:
                position = write_base64(position, values + begin, count)
        elif op == OP_DICTIONARY:
            starts = load_int64(at + 8 * OFFSETS) + 8 * load_int32(values + 4 * index)
            begin = load_int64(starts)
            source = load_int64(at + 8 * SIZE) + begin
            position = write_raw(position, source, load_int64(starts + 8) - begin, source)
        elif op == OP_BOOLEAN:
            bit = index + load_int64(at + 8 * FIRST_BIT)
            if (load_byte(values + (bit >> 3)) >> (bit & 7)) & 1:
                store_int64(position, _TRUE)
                position += 4
            else:
                store_int64(position, _FALS)
                store_byte(position + 4, 101)
                position += 5
        elif op == OP_TIMESTAMP:
            store_byte(position, 34)
            value = load_int64(values + 8 * index)
            position = write_timestamp(position + 1, value, load_int64(at + 8 * SCALE), load_int64(at + 8 * ZONE))
            store_byte(position, 34)
            position += 1
        elif op == OP_DATE:
            store_byte(position, 34)
            position = write_date(position + 1, load_int32(values + 4 * index))
            store_byte(position, 34)
            position += 1
        elif op in (OP_TIME_32, OP_TIME_64):
            store_byte(position, 34)
            value = load_int32(values + 4 * index) if op == OP_TIME_32 else load_int64(values + 8 * index)
            position = write_time(position + 1, value, load_int64(at + 8 * SCALE))
            store_byte(position, 34)
            position += 1
        elif op == OP_DECIMAL:
            width = load_int64(at + 8 * SIZE)
            scale = load_int64(at + 8 * SCALE)
            position = write_decimal(position, values + width * index, width, scale, scratch)
        elif op == OP_RECORD:
            store_byte(position, 123)
            position += 1
        elif op == OP_UUID:
            position = write_uuid(position, values + 16 * index)
        elif op == OP_FIXED:
            size = load_int64(at + 8 * SIZE)
            position = write_base64(position, values + size * index, size)
        elif op == OP_NULL:
            store_int64(position, _NULL)
            position += 4
        elif op == OP_LIST:
            offsets = load_int64(at + 8 * OFFSETS) + 4 * index
            begin = load_int32(offsets)
            end = load_int32(offsets + 4)
            store_byte(position, load_int64(at + 8 * SIZE))
            position += 1
            if begin == end:
                store_byte(position, load_int64(at + 8 * SCALE))
                position += 1
                at += load_int64(at + 8 * SKIP)
                continue
            store_int64(stack, index)
            store_int64(stack + 8, limit)
            stack += 16
            index = begin
            limit = end
        elif op == OP_NEXT:
            index += 1
            if index < limit:
                store_byte(position, 44)
                position += 1
                at -= load_int64(at + 8 * SKIP)
                continue
            store_byte(position, load_int64(at + 8 * SCALE))
            position += 1
            stack -= 16
            index = load_int64(stack)
            limit = load_int64(stack + 8)
        at += STRIDE
    return position - target
