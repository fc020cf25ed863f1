"""Placing encoded records into slots, in compiled loops: sizes on the wire, keyless partitions, and the gather itself.

The arena holds records in row order; a slot holds the records of one worker grouped by partition, in row order within
each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel
from replayer.machine.memory import address_of, copy_bytes
from replayer.machine.unaligned import load_int32
from replayer.shm.ring import Slots

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

RUN_DUE, RUN_BYTES, RUN_PARTITION = range(3)
RUN_WORDS = 3

NEXT_RECORD, NEXT_VALUE, NEXT_KEY, NEXT_HEADER = range(4)
SCRATCH_WORDS = 4
"""Words a partition of the gather's scratch: first what a partition needs of each, then where the next one goes."""

BATCH_OVERHEAD_BYTES = 61
"""Header of a Kafka record batch, version 2 (https://kafka.apache.org/documentation/#recordbatch)."""


class ArenaArrays(NamedTuple):
    """Encoded records in row order; ends are positions after each record in the values and in the keys."""

    values: Bytes
    value_ends: Int64s
    keys: Bytes
    key_ends: Int64s
    key_is_null: npt.NDArray[np.bool_]
    source_rows: Int64s
    timestamps_ms: Int64s
    """Of no length where the producer sets the timestamps."""
    headers: Bytes
    header_ends: Int64s
    """Of no length without headers; their form is in ``kafka.blocks``."""
    value_is_null: npt.NDArray[np.bool_]
    """Of no length where no value is."""


@kernel
def _varint_bytes(value: int) -> int:
    """Bytes of a number >= 0 as Kafka's zig-zag varint."""
    zigzag = value << 1
    count = 1
    while zigzag >= 128:
        zigzag >>= 7
        count += 1
    return count


@kernel
def _first_byte(ends: Int64s, row: int) -> int:
    """Where the bytes of a row begin."""
    return ends[row - 1] if row > 0 else np.int64(0)


@kernel
def _header_bytes(arena: ArenaArrays, row: int) -> int:
    """Bytes of a record's headers as they lie in a slot."""
    return arena.header_ends[row] - _first_byte(arena.header_ends, row) if len(arena.header_ends) > 0 else np.int64(0)


@kernel
def _header_wire_bytes(arena: ArenaArrays, row: int) -> int:
    """What the headers of a record take in a Kafka batch, their count included."""
    end = address_of(arena.headers)
    at = end
    if len(arena.header_ends) > 0:
        at += _first_byte(arena.header_ends, row)
        end += arena.header_ends[row]
    count = np.int64(0)
    total = np.int64(0)
    while at < end:
        name_bytes, value_bytes = load_int32(at), load_int32(at + 4)
        total += _varint_bytes(name_bytes) + name_bytes
        total += 1 if value_bytes < 0 else _varint_bytes(value_bytes) + value_bytes
        at += 8 + name_bytes + 1 + max(value_bytes, np.int64(0))
        count += 1
    return total + _varint_bytes(count)


@kernel
def wire_sizes(arena: ArenaArrays, record_count: int, sizes: Int64s) -> None:
    """What each record takes on the wire when it is alone in its Kafka batch, uncompressed.

    Record, version 2: length, attributes (1), timestamp delta (1 for the first), offset delta (1 for the first), key
    length, key, value length, value, header count, and for each header name length, name, value length, value.
    """
    value_first, key_first = np.int64(0), np.int64(0)
    for record in range(record_count):
        value_bytes = arena.value_ends[record] - value_first
        key_bytes = arena.key_ends[record] - key_first
        value_first, key_first = arena.value_ends[record], arena.key_ends[record]
        body = 3 + _varint_bytes(key_bytes) + key_bytes + _varint_bytes(value_bytes) + value_bytes
        body += _header_wire_bytes(arena, record)
        sizes[record] = BATCH_OVERHEAD_BYTES + _varint_bytes(body) + body


@kernel
def drop_values(values: Bytes, value_ends: Int64s, is_null: npt.NDArray[np.bool_], record_count: int) -> None:
    """Take the bytes of null values out, and set the ends to what is left."""
    base = address_of(values)
    first, position = np.int64(0), np.int64(0)
    for record in range(record_count):
        value_bytes = value_ends[record] - first
        if not is_null[record]:
            if position < first and value_bytes <= first - position:
                copy_bytes(base + position, base + first, value_bytes)
            elif position < first:  # the two places overlap
                for at in range(value_bytes):
                    values[position + at] = values[first + at]
            position += value_bytes
        first += value_bytes
        value_ends[record] = position


@kernel
def keyless_partitions(
    state: Int64s,
    due_ns: Int64s,
    arena: ArenaArrays,
    rows: Int64s,
    partition_count: int,
    run_ns: int,
    run_bytes: int,
    partitions: Int32s,
) -> None:
    """Partitions of records without a key: the next one after ``run_ns`` of due time or ``run_bytes`` of values.

    Runs rather than single records, because Kafka batches are made per partition. ``state`` carries the current run on.
    """
    for record in range(len(rows)):
        row = rows[record]
        value_bytes = arena.value_ends[row] - (arena.value_ends[row - 1] if row > 0 else 0)
        is_over = due_ns[record] - state[RUN_DUE] >= run_ns or state[RUN_BYTES] + value_bytes > run_bytes
        if is_over and state[RUN_BYTES] > 0:
            state[RUN_DUE] = due_ns[record]
            state[RUN_BYTES] = 0
            state[RUN_PARTITION] = (state[RUN_PARTITION] + 1) % partition_count
        state[RUN_BYTES] += value_bytes
        partitions[record] = state[RUN_PARTITION]


@kernel
def segment_end(arena: ArenaArrays, rows: Int64s, first: int, end: int, bytes_capacity: int) -> int:
    """The position after those of the records [first, end) that fit into ``bytes_capacity`` bytes together."""
    total = np.int64(0)
    for position in range(first, end):
        row = rows[position]
        total += arena.value_ends[row] - _first_byte(arena.value_ends, row)
        total += arena.key_ends[row] - _first_byte(arena.key_ends, row) + _header_bytes(arena, row)
        if total > bytes_capacity:
            return position
    return end


@kernel
def gather(
    arena: ArenaArrays, rows: Int64s, partitions: Int32s, due_ns: Int64s, first: int, end: int, worker: int,
    worker_count: int, slots: Slots, slot: int, scratch: Int64s, handed_over: Int64s,
) -> int:  # fmt: skip
    """Copy those of the records [first, end) that ``worker`` owns into a slot; returns how many.

    ``scratch`` has SCRATCH_WORDS words a partition and is all zero between calls. Sets run tables, ends, due
    offsets, source rows and timestamps, and the slot's scalars; raises ``handed_over`` by partition.
    """
    partition_count = len(scratch) // SCRATCH_WORDS
    total = np.int64(0)
    value_bytes = np.int64(0)
    key_bytes = np.int64(0)
    for position in range(first, end):
        partition = partitions[position]
        if partition % worker_count == worker:
            row = rows[position]
            needs = partition * SCRATCH_WORDS
            one_value = arena.value_ends[row] - _first_byte(arena.value_ends, row)
            one_key = arena.key_ends[row] - _first_byte(arena.key_ends, row)
            scratch[needs + NEXT_RECORD] += 1
            scratch[needs + NEXT_VALUE] += one_value
            scratch[needs + NEXT_KEY] += one_key
            scratch[needs + NEXT_HEADER] += _header_bytes(arena, row)
            total += 1
            value_bytes += one_value
            key_bytes += one_key
    if total == 0:
        return 0
    scalars = slots.scalars[slot]
    scalars[0], scalars[2], scalars[3] = total, value_bytes, value_bytes + key_bytes
    scalars[4], scalars[5] = len(arena.timestamps_ms) > 0, len(arena.header_ends) > 0
    scalars[1] = _lay_out_runs(scratch, partition_count, worker, worker_count, slots, slot, handed_over)
    _copy_records(arena, rows, partitions, due_ns, first, end, worker, worker_count, slots, slot, scratch)
    for partition in range(worker, partition_count, worker_count):
        scratch[partition * SCRATCH_WORDS : (partition + 1) * SCRATCH_WORDS] = 0
    return total


@kernel
def _lay_out_runs(
    scratch: Int64s, partition_count: int, worker: int, worker_count: int, slots: Slots, slot: int, handed_over: Int64s
) -> int:
    """Turn what each partition needs into where its run begins: record, value, key, headers. Returns how many runs."""
    run_count = 0
    starts = np.zeros(SCRATCH_WORDS, np.int64)
    starts[NEXT_KEY], starts[NEXT_HEADER] = slots.scalars[slot, 2], slots.scalars[slot, 3]
    for partition in range(worker, partition_count, worker_count):
        run = scratch[partition * SCRATCH_WORDS : (partition + 1) * SCRATCH_WORDS]
        if run[NEXT_RECORD] == 0:
            continue
        handed_over[partition] += run[NEXT_RECORD]
        for word in range(SCRATCH_WORDS):
            needed = run[word]
            run[word] = starts[word]
            starts[word] += needed
        slots.run_partitions[slot, run_count] = partition
        slots.run_ends[slot, run_count] = starts[NEXT_RECORD]
        run_count += 1
    return run_count


@kernel
def _copy_records(
    arena: ArenaArrays, rows: Int64s, partitions: Int32s, due_ns: Int64s, first: int, end: int, worker: int,
    worker_count: int, slots: Slots, slot: int, scratch: Int64s,
) -> None:  # fmt: skip
    values, keys, target = address_of(arena.values), address_of(arena.keys), address_of(slots.bytes[slot])
    value_ends, key_ends, header_ends = slots.value_ends[slot], slots.key_ends[slot], slots.header_ends[slot]
    key_is_null, due, source_rows = slots.key_is_null[slot], slots.due_ns[slot], slots.source_rows[slot]
    timestamps_ms, headers = slots.timestamps_ms[slot], address_of(arena.headers)
    value_is_null, has_nulls = slots.value_is_null[slot], len(arena.value_is_null) > 0
    has_timestamps, has_headers = len(arena.timestamps_ms) > 0, len(arena.header_ends) > 0
    for position in range(first, end):
        partition = partitions[position]
        if partition % worker_count != worker:
            continue
        row = rows[position]
        value_first, key_first = _first_byte(arena.value_ends, row), _first_byte(arena.key_ends, row)
        value_bytes = arena.value_ends[row] - value_first
        key_bytes = arena.key_ends[row] - key_first
        at = partition * SCRATCH_WORDS
        record = scratch[at + NEXT_RECORD]
        copy_bytes(target + scratch[at + NEXT_VALUE], values + value_first, value_bytes)
        if key_bytes > 0:
            copy_bytes(target + scratch[at + NEXT_KEY], keys + key_first, key_bytes)
        scratch[at + NEXT_RECORD] = record + 1
        scratch[at + NEXT_VALUE] += value_bytes
        scratch[at + NEXT_KEY] += key_bytes
        value_ends[record] = scratch[at + NEXT_VALUE]
        key_ends[record] = scratch[at + NEXT_KEY]
        key_is_null[record] = arena.key_is_null[row]
        value_is_null[record] = has_nulls and arena.value_is_null[row]
        due[record] = due_ns[position]
        source_rows[record] = arena.source_rows[row]
        if has_timestamps:
            timestamps_ms[record] = arena.timestamps_ms[row]
        if has_headers:
            header_bytes = _header_bytes(arena, row)
            header_first = _first_byte(arena.header_ends, row)
            copy_bytes(target + scratch[at + NEXT_HEADER], headers + header_first, header_bytes)
            scratch[at + NEXT_HEADER] += header_bytes
            header_ends[record] = scratch[at + NEXT_HEADER]
