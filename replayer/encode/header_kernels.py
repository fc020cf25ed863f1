"""The compiled loop that writes the header blobs of records; their form is in ``kafka.blocks.Blocks``.

A program here has one instruction of ``WORDS`` int64 per header: the first words are those of key_kernels. As there no
bound is checked.
"""

from __future__ import annotations

from replayer.encode.key_kernels import LAST_MOVE, OFFSETS, VALUES, is_null, write_raw
from replayer.machine.jit import kernel
from replayer.machine.memory import copy_bytes
from replayer.machine.unaligned import load_int32, load_int64, store_int64

NAME = 6  # address of the name and the zero byte behind it
NAME_SIZE = 7  # bytes of the name
FIXED_SIZE = 8  # bytes of a value that is the same for all rows, at VALUES; -1 where it comes from a column
WORDS = 9
STRIDE = 8 * WORDS

LENGTHS_SIZE = 8
"""Two int32 before each name: the lengths of name and value."""


@kernel
def encode_headers(program: int, header_count: int, row_count: int, target: int, header_ends: int) -> int:
    """Write the headers of each row; returns the bytes written. All arguments but the counts are addresses."""
    position = target
    for row in range(row_count):
        for index in range(header_count):
            header = program + STRIDE * index
            name_size = load_int64(header + 8 * NAME_SIZE)
            source = load_int64(header + 8 * VALUES)
            count = load_int64(header + 8 * FIXED_SIZE)
            if count < 0:
                if is_null(header, row):
                    count = -1
                else:
                    offsets = load_int64(header + 8 * OFFSETS) + 4 * row
                    begin = load_int32(offsets)
                    count = load_int32(offsets + 4) - begin
                    source += begin
            store_int64(position, name_size | count << 32)
            copy_bytes(position + LENGTHS_SIZE, load_int64(header + 8 * NAME), name_size + 1)
            position += LENGTHS_SIZE + name_size + 1
            if count > 0:
                position = write_raw(position, source, count, load_int64(header + 8 * LAST_MOVE))
        store_int64(header_ends + 8 * row, position - target)
    return position - target
