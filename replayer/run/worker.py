"""A worker process: sends what is due and granted from filled slots, and follows every record to its outcome.

It waits in one place, ``_Worker.wait``. Paced, it wakes on the wake grid; unpaced, when slots or delivery reports come.
Knows neither pyarrow nor Avro: records are bytes by now.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import struct
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np

from replayer.kafka import blocks as kafka_blocks
from replayer.kafka.blocks import END, FIRST, PIECE_WORDS, TAKEN, Blocks, FailedRecord, RecordProducer, Tallies
from replayer.kafka.producer import make_producer
from replayer.pacing.clock_map import WAKE_GRID_NS, last_wake_ns, next_wake_ns
from replayer.run import worker_kernels
from replayer.run.messages import Dismissed, FailedRows, FailuresListed, Ready, Warned, WorkerSetup
from replayer.run.worker_kernels import advance, next_due_clock, plan_pieces
from replayer.shm import layout as shm_layout
from replayer.shm.control import Control, control_of
from replayer.shm.counters import WorkerCounters, worker_counters
from replayer.shm.layout import COMMAND_DRAIN, COMMAND_STOP
from replayer.shm.memory import map_file
from replayer.shm.ring import SLOT_REF_BYTES, SlotRef, Slots, slots_of

_CONTROL_CHECK_NS = 20_000_000
"""The longest wait: a new command or map is seen within it."""
_PORTABLE_POLL_NS = 1_000_000
_PRODUCER_ID_TIMEOUT_S = 5.0
_REALIGN_NS = 1_000_000_000
_PIECES_AT_ONCE = 4096
_LISTED_RANGES_MAX = 10_000
_FREED = struct.Struct("<i")


def serve_worker(connection: Connection, index: int, descriptors: Sequence[int]) -> None:
    """Take the setup from the supervisor, then send what the reader hands over until it ends.

    ``descriptors``: the shared memory, the pipe that SlotRefs come from, the pipe that freed slots go to.
    """
    memory_descriptor, slot_pipe, free_pipe = descriptors
    setup = connection.recv()
    if isinstance(setup, Dismissed):
        return
    assert isinstance(setup, WorkerSetup)
    memory = map_file(memory_descriptor, setup.layout.total_bytes)
    os.set_blocking(slot_pipe, False)
    worker = _Worker(
        setup,
        connection,
        control_of(memory),
        worker_counters(memory, setup.layout, index),
        slots_of(memory, setup.layout, index),
        slot_pipe,
        free_pipe,
    )
    # Nothing below makes cycles; a collection would only walk all that was imported while records are due.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        connection.send(Ready(time.process_time_ns()))
        worker.run()
    finally:
        worker.close()


def blocks_of(slots: Slots) -> Blocks:
    """A producer's view of a worker's slots."""
    first = shm_layout.SLOT_SCALARS.index(kafka_blocks.START_FIELDS[0])
    return Blocks(
        starts=slots.scalars[:, first : first + len(kafka_blocks.START_FIELDS)],
        value_ends=slots.value_ends,
        key_ends=slots.key_ends,
        header_ends=slots.header_ends,
        key_is_null=slots.key_is_null,
        value_is_null=slots.value_is_null,
        due_clock_ns=slots.due_clock_ns,
        sent_ns=slots.sent_ns,
        timestamps_ms=slots.timestamps_ms,
        source_rows=slots.source_rows,
        bytes=slots.bytes,
        outstanding=np.zeros(len(slots.scalars), np.int64),
    )


def tallies_of(counters: WorkerCounters) -> Tallies:
    """A producer's view of a worker's counters."""
    return Tallies(
        counters.attempted,
        counters.delivered,
        counters.failed,
        counters.unknown,
        counters.delivered_bytes,
        counters.lag,
        counters.latency,
        counters.latency_from_send,
        counters.scalars[: len(kafka_blocks.MOMENTS)],
    )


class FailureList:
    """Failures as ranges of consecutive rows, bounded in number; what is beyond the bound is counted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._listed = 0

    def report(self, failures: Sequence[FailedRecord]) -> None:
        """Send the failures to the supervisor."""
        ranges: list[FailedRows] = []
        for failure in failures:
            last = ranges[-1] if ranges else None
            this = (failure.partition, failure.outcome, failure.error)
            if (
                last
                and last.last_source_row + 1 == failure.source_row
                and this == (last.partition, last.outcome, last.error)
            ):
                ranges[-1] = FailedRows(last.first_source_row, failure.source_row, *this)
            else:
                ranges.append(FailedRows(failure.source_row, failure.source_row, *this))
        room = _LISTED_RANGES_MAX - self._listed
        beyond = sum(one.last_source_row - one.first_source_row + 1 for one in ranges[room:])
        self._listed += min(room, len(ranges))
        self._connection.send(FailuresListed(tuple(ranges[:room]), beyond))


class _Worker:
    def __init__(
        self,
        setup: WorkerSetup,
        connection: Connection,
        control: Control,
        counters: WorkerCounters,
        slots: Slots,
        slot_pipe: int,
        free_pipe: int,
    ) -> None:
        self._control, self._counters, self._slots = control, counters, slots
        self._slot_pipe, self._free_pipe = slot_pipe, free_pipe
        self._is_paced = setup.is_paced
        self._connection = connection
        self._failures = FailureList(connection)
        slot_count, run_capacity = slots.run_ends.shape
        self._blocks = blocks_of(slots)
        self._cursors = np.zeros((slot_count, run_capacity), np.int32)
        self._pending = np.zeros(slot_count, np.int64)
        """Slots with unsent records, oldest first; the first ``_pending_count`` count."""
        self._pending_count = 0
        self._busy: set[int] = set()
        """Slots that are not free: filled and not fully reported."""
        self._pieces = np.zeros((max(_PIECES_AT_ONCE, 2 * run_capacity), PIECE_WORDS), np.int64)
        self._clock_map = np.zeros(5, np.int64)
        self._is_at_end = False
        self._has_given_up = False
        self._has_purged = False
        self._is_blocked = False
        self._partial = b""
        self._realigned_ns = 0
        self._wall_minus_monotonic_ns = 0
        self._producer: RecordProducer = make_producer(
            setup.producer_name, dict(setup.properties), setup.topic, self._blocks, tallies_of(counters)
        )
        self._load_kernels()
        if setup.is_paced:
            # Until the id comes, up to half a second after the start, records would wait in librdkafka's queue.
            self._producer.await_producer_id(_PRODUCER_ID_TIMEOUT_S)

    def _load_kernels(self) -> None:
        """Call each kernel once with nothing to do, so that none is loaded or compiled while records are due."""
        self._plan(0)
        self._producer.send(self._pieces[:0])
        self._producer.drain()
        next_due_clock(self._clock_map, self._slots, self._pending, 0, self._cursors, 0)
        advance(self._slots, self._pieces, 0, self._cursors, self._pending, 0)

    def run(self) -> None:
        """Until the reader has ended and every record has its outcome."""
        while True:
            self._counters.add("wakes", 1)
            self._obey()
            self._take_slots()
            sent = 0 if self._has_given_up else self._send()
            drained = self._producer.drain()
            freed = self._free_slots()
            self._tell()
            if self._is_at_end and not self._busy and self._producer.in_flight == 0:
                return
            if self._is_paced or not (sent or drained or freed):
                self.wait()

    def _obey(self) -> None:
        command = self._control.command()
        if command >= COMMAND_DRAIN:
            self._has_given_up = True
            self._give_up_unsent()
        if command >= COMMAND_STOP and not self._has_purged:
            self._has_purged = True
            self._producer.purge()

    def _take_slots(self) -> None:
        while not self._is_at_end:
            try:
                packed = os.read(self._slot_pipe, SLOT_REF_BYTES * 256)
            except BlockingIOError:
                return
            if not packed:
                self._is_at_end = True
                return
            packed = self._partial + packed
            whole = len(packed) - len(packed) % SLOT_REF_BYTES
            self._partial = packed[whole:]
            for reference in SlotRef.unpack_all(packed[:whole]):
                self._take_slot(reference)

    def _take_slot(self, reference: SlotRef) -> None:
        slot = reference.slot
        runs = self._slots.scalar(slot, "run_count")
        if slot in self._busy or reference.record_count != self._slots.run_ends[slot, runs - 1]:
            raise AssertionError(
                f"slot {slot} was handed over while busy, or does not hold {reference.record_count} records"
            )
        self._cursors[slot, 0] = 0
        self._cursors[slot, 1:runs] = self._slots.run_ends[slot, : runs - 1]
        self._blocks.outstanding[slot] = reference.record_count
        self._pending[self._pending_count] = slot
        self._pending_count += 1
        self._busy.add(slot)
        if self._has_given_up:
            self._give_up_unsent()

    def _plan(self, now_ns: int) -> int:
        return plan_pieces(
            self._control.words,
            self._clock_map,
            self._is_paced,
            now_ns,
            self._slots,
            self._pending,
            self._pending_count,
            self._cursors,
            self._pieces,
        )

    def _send(self) -> int:
        self._is_blocked = False
        if self._pending_count == 0:
            return 0
        now_ns = time.monotonic_ns()
        if self._is_paced:
            # What is due at the grid point that this wake belongs to, however late the wake came: so a delay of less
            # than a step moves the records of one wake, and never changes how many they are.
            now_ns = last_wake_ns(now_ns, self._wall_minus_monotonic_ns)
        count = self._plan(now_ns)
        if count == 0:
            return 0
        pieces = self._pieces[:count]
        self._producer.send(pieces)
        self._pending_count = advance(self._slots, pieces, count, self._cursors, self._pending, self._pending_count)
        taken = int(pieces[:, TAKEN].sum())
        self._is_blocked = taken < int((pieces[:, END] - pieces[:, FIRST]).sum())
        return taken

    def _unsent_of(self, slot: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        runs = self._slots.scalar(slot, "run_count")
        unsent: np.ndarray[tuple[int], np.dtype[np.int32]] = (
            self._slots.run_ends[slot, :runs] - self._cursors[slot, :runs]
        )
        return unsent

    def _give_up_unsent(self) -> None:
        """Count what was handed over and never attempted as not sent."""
        for slot in self._pending[: self._pending_count].tolist():
            unsent = self._unsent_of(slot)
            partitions = self._slots.run_partitions[slot, : len(unsent)]
            self._counters.not_sent[partitions] += unsent
            self._blocks.outstanding[slot] -= int(unsent.sum())
        self._pending_count = 0

    def _free_slots(self) -> int:
        freed = [slot for slot in self._busy if self._blocks.outstanding[slot] == 0]
        if freed:
            self._busy.difference_update(freed)
            with contextlib.suppress(BrokenPipeError):  # the reader has ended, and needs no more slots
                os.write(self._free_pipe, b"".join(_FREED.pack(slot) for slot in freed))
        return len(freed)

    def _tell(self) -> None:
        failures = self._producer.take_failures()
        if failures:
            self._failures.report(failures)
        for warning in self._producer.take_warnings():
            self._connection.send(Warned(warning))

    def wait(self) -> None:
        """The worker's one wait.

        Paced: until the next point of the wake grid at which something can be due; while records are in flight or
        reports outstanding never longer than one step, or the times of acknowledgements would be wrong. Unpaced: until
        a slot or delivery reports come.
        """
        now_ns = time.monotonic_ns()
        descriptors = []
        deadline_ns = now_ns + _CONTROL_CHECK_NS
        if self._is_paced:
            deadline_ns = self._paced_deadline(now_ns, deadline_ns)
            if not self._pending_count and not self._is_at_end:
                descriptors.append(self._slot_pipe)
        else:
            if not self._is_at_end:
                descriptors.append(self._slot_pipe)
            if self._producer.wake_descriptor >= 0:
                descriptors.append(self._producer.wake_descriptor)
            elif self._busy:
                deadline_ns = now_ns + _PORTABLE_POLL_NS
        select.select(descriptors, (), (), max(0, deadline_ns - time.monotonic_ns()) / 1e9)

    def _paced_deadline(self, now_ns: int, latest_ns: int) -> int:
        if now_ns - self._realigned_ns > _REALIGN_NS:
            self._wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns()
            self._realigned_ns = now_ns
        wanted_ns = now_ns + 1
        if self._producer.in_flight == 0 and not self._is_blocked:
            due_ns = next_due_clock(
                self._clock_map, self._slots, self._pending, self._pending_count, self._cursors, latest_ns
            )
            wanted_ns = min(latest_ns, max(wanted_ns, due_ns))
        return min(next_wake_ns(wanted_ns, self._wall_minus_monotonic_ns), latest_ns + WAKE_GRID_NS)

    def close(self) -> None:
        """Let go of the client; whatever it still holds gets no outcome."""
        self._producer.close()


assert shm_layout.WORKER_SCALARS[: len(kafka_blocks.MOMENTS)] == kafka_blocks.MOMENTS
assert PIECE_WORDS == worker_kernels.PIECE_WORDS
