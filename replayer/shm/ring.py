"""Slots as arrays, and the small values that name filled ones."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from replayer.shm.layout import SLOT_SCALARS, Column, Layout

_SLOT_REF = struct.Struct("<iiq")
SLOT_REF_BYTES = _SLOT_REF.size


@dataclass(frozen=True)
class SlotRef:
    """Names a filled slot, from the reader to the worker that owns it."""

    slot: int
    record_count: int
    bytes_count: int

    def pack(self) -> bytes:
        """16 bytes: written to a pipe in one piece (POSIX: up to PIPE_BUF, at least 512)."""
        return _SLOT_REF.pack(self.slot, self.record_count, self.bytes_count)

    @staticmethod
    def unpack_all(packed: bytes) -> list[SlotRef]:
        """All SlotRefs of a read whose length is a multiple of SLOT_REF_BYTES."""
        return [SlotRef(*fields) for fields in _SLOT_REF.iter_unpack(packed)]


class Slots(NamedTuple):
    """All slots of one worker: each field is an array of shape (slots_per_worker, column.count) onto shared memory."""

    scalars: npt.NDArray[np.int64]
    run_partitions: npt.NDArray[np.int32]
    run_ends: npt.NDArray[np.int32]
    value_ends: npt.NDArray[np.int32]
    key_ends: npt.NDArray[np.int32]
    header_ends: npt.NDArray[np.int32]
    key_is_null: npt.NDArray[np.uint8]
    value_is_null: npt.NDArray[np.uint8]
    due_ns: npt.NDArray[np.int64]
    due_clock_ns: npt.NDArray[np.int64]
    sent_ns: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.int64]
    source_rows: npt.NDArray[np.int64]
    bytes: npt.NDArray[np.uint8]

    def scalar(self, slot: int, name: str) -> int:
        """One of SLOT_SCALARS of a slot."""
        return int(self.scalars[slot, SLOT_SCALARS.index(name)])


def _view(memory: mmap.mmap, layout: Layout, worker: int, column: Column) -> npt.NDArray[Any]:
    return np.ndarray(
        shape=(layout.slots_per_worker, column.count),
        dtype=column.dtype,
        buffer=memory,
        offset=layout.slot_offset(worker, 0) + column.offset,
        strides=(layout.slot_bytes, column.dtype.itemsize),
    )


def slots_of(memory: mmap.mmap, layout: Layout, worker: int) -> Slots:
    """The slots of one worker as arrays."""
    return Slots(**{column.name: _view(memory, layout, worker, column) for column in layout.slot_columns})
