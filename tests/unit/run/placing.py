"""Arenas and slots for tests of the reader's and the worker's kernels, in private memory."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from replayer.run.place_kernels import ArenaArrays
from replayer.shm.layout import Layout
from replayer.shm.ring import Slots, slots_of

Ends = npt.NDArray[np.int64]


def joined(parts: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], Ends]:
    """All parts in one buffer, and the position after each."""
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return np.frombuffer(b"".join(parts) + bytes(1), np.uint8).copy(), ends


def arena_of(
    values: Sequence[bytes],
    keys: Sequence[bytes | None],
    timestamps_ms: Sequence[int] = (),
    headers: Sequence[bytes] = (),
    value_is_null: Sequence[bool] = (),
) -> ArenaArrays:
    """An arena that holds these records; source row r is 1000 + r."""
    value_bytes, value_ends = joined(values)
    key_bytes, key_ends = joined([key or b"" for key in keys])
    stamps = np.array(timestamps_ms, np.int64)
    is_null = np.array([key is None for key in keys], np.bool_)
    return ArenaArrays(
        value_bytes,
        value_ends,
        key_bytes,
        key_ends,
        is_null,
        1000 + np.arange(len(values)),
        stamps,
        *joined(headers),
        np.array(value_is_null, np.bool_),
    )


def headers_in(slots: Slots, slot: int) -> list[bytes]:
    """The header blobs of a slot's records, in the order of records_in."""
    ends = slots.header_ends[slot, : slots.scalar(slot, "record_count")].tolist()
    starts = [slots.scalar(slot, "headers_first"), *ends[:-1]]
    return [slots.bytes[slot, start:end].tobytes() for start, end in zip(starts, ends, strict=True)]


def private_slots(layout: Layout) -> list[Slots]:
    """The slots of each worker."""
    memory = mmap.mmap(-1, layout.total_bytes)
    return [slots_of(memory, layout, worker) for worker in range(layout.worker_count)]


Record = tuple[int, int, int, bytes, bytes | None]


def records_in(slots: Slots, slot: int) -> list[Record]:
    """What a slot holds, read as shm/layout.py describes it: (source row, partition, due offset, value, key)."""
    count, runs, keys_first = (slots.scalar(slot, name) for name in ("record_count", "run_count", "keys_first"))
    records: list[Record] = []
    first, value_first, key_first = 0, 0, keys_first
    for run in range(runs):
        for record in range(first, int(slots.run_ends[slot, run])):
            value_end, key_end = int(slots.value_ends[slot, record]), int(slots.key_ends[slot, record])
            key = None if slots.key_is_null[slot, record] else slots.bytes[slot, key_first:key_end].tobytes()
            value = slots.bytes[slot, value_first:value_end].tobytes()
            partition = int(slots.run_partitions[slot, run])
            place = int(slots.source_rows[slot, record]), partition, int(slots.due_ns[slot, record])
            records.append((*place, value, key))
            value_first, key_first = value_end, key_end
        first = int(slots.run_ends[slot, run])
    assert len(records) == count
    assert value_first == keys_first
    return records
