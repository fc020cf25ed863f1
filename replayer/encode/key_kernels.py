"""The compiled loop that writes record keys from columns of text.

A program here has one instruction of ``WORDS`` int64 per key column. As in kernels.py no bound is checked: the caller
has made the buffer large enough, with ``SLACK`` bytes behind the last key.
"""

from __future__ import annotations

from replayer.encode.kernels import MOVE
from replayer.machine.jit import kernel
from replayer.machine.memory import copy_bytes
from replayer.machine.unaligned import load_byte, load_int32, load_int64, move_32, store_byte, store_int64

MODE = 0
VALIDITY = 1  # address of the validity bitmap; 0 where there are no nulls
FIRST_BIT = 2  # bit of row 0 in it
OFFSETS = 3  # address of the int32 offset of row 0
VALUES = 4  # address of the bytes
LAST_MOVE = 5  # highest address from which MOVE bytes can be read
WORDS = 6
STRIDE = 8 * WORDS

MODE_BARE = 0  # the bytes as they are
MODE_TEXT = 1  # UTF-8 as a JSON string
MODE_BYTES = 2  # each byte as the character with its number, in a JSON string


@kernel
def is_null(column: int, row: int) -> bool:
    """Whether the column has no value in this row."""
    validity = load_int64(column + 8 * VALIDITY)
    if validity == 0:
        return False
    bit = row + load_int64(column + 8 * FIRST_BIT)
    return bool((load_byte(validity + (bit >> 3)) >> (bit & 7)) & 1 == 0)


@kernel
def write_raw(target: int, source: int, count: int, last_move: int) -> int:
    """Copy bytes and return the position behind them."""
    if count <= MOVE and source <= last_move:
        move_32(target, source)
        move_32(target + 32, source + 32)
    else:
        copy_bytes(target, source, count)
    return target + count


@kernel
def hex_digit(value: int) -> int:
    """The lower-case digit of 0 to 15."""
    return value + 48 if value < 10 else value + 87


@kernel
def write_character(target: int, byte: int) -> int:
    """Write one byte of a JSON string, escaped where JSON demands it (RFC 8259, section 7), and return the position."""
    short = 0
    if byte == 34:
        short = 34
    elif byte == 92:
        short = 92
    elif byte >= 32:
        store_byte(target, byte)
        return target + 1
    elif byte == 8:
        short = 98
    elif byte == 9:
        short = 116
    elif byte == 10:
        short = 110
    elif byte == 12:
        short = 102
    elif byte == 13:
        short = 114
    store_byte(target, 92)
    if short != 0:
        store_byte(target + 1, short)
        return target + 2
    store_byte(target + 1, 117)
    store_byte(target + 2, 48)
    store_byte(target + 3, 48)
    store_byte(target + 4, hex_digit(byte >> 4))
    store_byte(target + 5, hex_digit(byte & 15))
    return target + 6


@kernel
def write_quoted(target: int, source: int, count: int, mode: int) -> int:
    """Write a JSON string and return the position behind it; at most six bytes for each one, and two quotes."""
    store_byte(target, 34)
    target += 1
    for at in range(source, source + count):
        byte = load_byte(at)
        if mode == MODE_BYTES and byte >= 128:
            store_byte(target, 0xC0 | (byte >> 6))
            store_byte(target + 1, 0x80 | (byte & 0x3F))
            target += 2
        else:
            target = write_character(target, byte)
    store_byte(target, 34)
    return target + 1


@kernel
def encode_single_keys(column: int, row_count: int, target: int, key_ends: int, key_nulls: int) -> int:
    """Write the bytes of one column, and 1 to ``key_nulls`` where it has none; returns the bytes written."""
    position = target
    for row in range(row_count):
        null = is_null(column, row)
        store_byte(key_nulls + row, 1 if null else 0)
        if not null:
            offsets = load_int64(column + 8 * OFFSETS) + 4 * row
            begin = load_int32(offsets)
            source = load_int64(column + 8 * VALUES) + begin
            position = write_raw(position, source, load_int32(offsets + 4) - begin, load_int64(column + 8 * LAST_MOVE))
        store_int64(key_ends + 8 * row, position - target)
    return position - target


@kernel
def encode_composite_keys(program: int, column_count: int, row_count: int, target: int, key_ends: int) -> int:
    """Write a JSON array of the columns for each row; returns the bytes written."""
    position = target
    for row in range(row_count):
        store_byte(position, 91)
        position += 1
        for index in range(column_count):
            column = program + STRIDE * index
            if index > 0:
                store_byte(position, 44)
                position += 1
            if is_null(column, row):
                store_int64(position, 0x6C6C756E)  # "null", and four bytes that are written over
                position += 4
                continue
            offsets = load_int64(column + 8 * OFFSETS) + 4 * row
            begin = load_int32(offsets)
            count = load_int32(offsets + 4) - begin
            source = load_int64(column + 8 * VALUES) + begin
            mode = load_int64(column + 8 * MODE)
            if mode == MODE_BARE:
                position = write_raw(position, source, count, load_int64(column + 8 * LAST_MOVE))
            else:
                position = write_quoted(position, source, count, mode)
        store_byte(position, 93)
        position += 1
        store_int64(key_ends + 8 * row, position - target)
    return position - target
