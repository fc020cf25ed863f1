"""Slots and the references to them, across two processes that map the same memory."""

from __future__ import annotations

import hashlib
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.shm.counters import reader_counters, worker_counters
from replayer.shm.layout import PARTITION_COUNTERS, READER_SCALARS, WORKER_SCALARS, Layout
from replayer.shm.memory import create_file, map_file, reserve
from replayer.shm.ring import SLOT_REF_BYTES, SlotRef, Slots, slots_of

LAYOUT = Layout(worker_count=2, slots_per_worker=3, partition_count=5, record_capacity=100, bytes_capacity=10_000)


@pytest.fixture
def descriptor() -> Iterator[int]:
    created = create_file()
    reserve(created, LAYOUT.total_bytes)
    yield created
    os.close(created)


@given(
    references=st.lists(
        st.builds(SlotRef, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.integers(0, 2**62)), max_size=20
    )
)
def test_references_survive_the_pipe(references: list[SlotRef]) -> None:
    """Packed references, read back in one piece, are the references."""
    packed = b"".join(reference.pack() for reference in references)
    assert len(packed) == len(references) * SLOT_REF_BYTES
    assert SlotRef.unpack_all(packed) == references


def fill(slots: Slots, seed: int) -> None:
    """Other random bytes into every byte of every column of every slot."""
    random = np.random.default_rng(seed)
    for column in slots:
        column.reshape(-1)  # raises if a view were not what it claims to be
        for slot in column:
            slot.view(np.uint8)[:] = random.integers(0, 256, slot.nbytes, np.uint8)


def digest(slots: Slots) -> str:
    return hashlib.sha256(b"".join(slot.tobytes() for column in slots for slot in column)).hexdigest()


PROGRAM = """
import sys
from replayer.shm.memory import map_file
from replayer.shm.ring import slots_of
from tests.unit.shm.test_ring import LAYOUT, digest, fill
memory = map_file(int(sys.argv[1]), LAYOUT.total_bytes)
print(digest(slots_of(memory, LAYOUT, 0)), digest(slots_of(memory, LAYOUT, 1)))
fill(slots_of(memory, LAYOUT, 1), 3)
"""


def test_slots_go_round_through_another_process(descriptor: int) -> None:
    """What one process writes into slots, another reads byte by byte, and the other way round; nobody's slots mix."""
    memory = map_file(descriptor, LAYOUT.total_bytes)
    ours, theirs = slots_of(memory, LAYOUT, 0), slots_of(memory, LAYOUT, 1)
    fill(ours, 1)
    fill(theirs, 2)
    before = digest(ours), digest(theirs)
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(descriptor)],
        pass_fds=[descriptor],
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(answer.stdout.split()) == before
    expected = slots_of(_private_copy(), LAYOUT, 1)
    fill(expected, 3)
    assert digest(theirs) == digest(expected)
    assert digest(ours) == before[0]


def _private_copy() -> mmap.mmap:
    return mmap.mmap(-1, LAYOUT.total_bytes)


def test_counters_are_words_of_their_own(descriptor: int) -> None:
    """Every counter of every process can be set to another number without changing any other."""
    memory = map_file(descriptor, LAYOUT.total_bytes)
    reader = reader_counters(memory, LAYOUT)
    workers = [worker_counters(memory, LAYOUT, worker) for worker in range(LAYOUT.worker_count)]
    arrays = [reader.scalars, reader.handed_over]
    for worker in workers:
        arrays += [worker.scalars, *(getattr(worker, name) for name in PARTITION_COUNTERS)]
        arrays += [worker.lag, worker.latency, worker.latency_from_send]
    for number, array in enumerate(arrays):
        array[:] = number
    assert [set(array.tolist()) for array in arrays] == [{number} for number in range(len(arrays))]


def test_counters_go_by_their_names(descriptor: int) -> None:
    """``add`` and ``get`` reach the word of that name, for every name."""
    memory = map_file(descriptor, LAYOUT.total_bytes)
    reader, worker = reader_counters(memory, LAYOUT), worker_counters(memory, LAYOUT, 1)
    for position, name in enumerate(READER_SCALARS):
        reader.add(name, position + 1)
    for position, name in enumerate(WORKER_SCALARS):
        worker.add(name, position + 1)
    assert reader.scalars.tolist() == list(range(1, len(READER_SCALARS) + 1))
    assert [worker.get(name) for name in WORKER_SCALARS] == list(range(1, len(WORKER_SCALARS) + 1))
