"""The reader process: owns the order of the records, dates them by the schedule, and hands them over in slots.

It waits in one place, ``_Placer._wait``: for a free slot of the worker whose turn it is, or until a paced record may be
placed. Back-pressure reaches the source that way: nothing is read while nothing can be placed.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt

from replayer.errors import DatasetError
from replayer.kafka.partition_kernels import partition_by_key
from replayer.pacing.schedule import ConstantRate, cut_by_span
from replayer.run.arena import Arena
from replayer.run.messages import Dismissed, EncoderChosen, ReaderSetup, ReadingFailed, Ready, RejectsCounted
from replayer.run.pipeline import Pipeline
from replayer.run.place_kernels import RUN_WORDS, SCRATCH_WORDS, gather, keyless_partitions, segment_end
from replayer.shm.control import Control, control_of
from replayer.shm.counters import ReaderCounters, WorkerCounters, reader_counters, worker_counters
from replayer.shm.layout import COMMAND_DRAIN, PIPELINE_SCALARS
from replayer.shm.memory import map_file
from replayer.shm.ring import SlotRef, Slots, slots_of
from replayer.source.standard_input import ReadingStoppedError, stop_reading_when

SLOT_SPAN_NS = 50_000_000
"""Due time that one paced slot covers at most, so that a slot is never held up for long by its last record."""
RUN_SPAN_NS = 10_000_000
"""Due time after which paced keyless records go to the next partition."""
RUN_BYTES = 16_384
"""Bytes of values after which unpaced ones do: the default batch size of Kafka's own sticky partitioner."""
_NO_LIMIT = 2**62
AHEAD_NS = 200_000_000
"""How far a paced reader runs ahead of the clock, so that a new rate or the end comes soon."""
_CONTROL_CHECK_S = 0.02
_PACED_NICENESS = 10
_FREED = struct.Struct("<i")


def _nothing() -> None:
    """Stands in for a callback that nobody set."""


class WorkerGoneError(Exception):
    """A worker closed its pipe; the supervisor finds out why."""


def serve_reader(connection: Connection, descriptors: Sequence[int]) -> None:
    """Take the setup from the supervisor, then read, encode and place until a limit or the end.

    ``descriptors``: the shared memory, then for each worker the pipe for SlotRefs and the pipe of freed slots.
    """
    memory_descriptor, *pipes = descriptors
    setup = connection.recv()
    if isinstance(setup, Dismissed):
        return
    assert isinstance(setup, ReaderSetup)
    memory = map_file(memory_descriptor, setup.layout.total_bytes)
    if setup.rate_per_s is not None:
        # It is well ahead of the clock, and the workers are not: where cores are short they must come first.
        os.nice(_PACED_NICENESS)
    counters = reader_counters(memory, setup.layout)
    workers = setup.layout.worker_count
    control = control_of(memory)
    stop_reading_when(lambda: control.command() >= COMMAND_DRAIN)
    placer = _Placer(
        setup,
        control,
        counters,
        [worker_counters(memory, setup.layout, worker) for worker in range(workers)],
        [slots_of(memory, setup.layout, worker) for worker in range(workers)],
        pipes[0 : 2 * workers : 2],
        pipes[1 : 2 * workers : 2],
    )
    pipeline = Pipeline(setup.pipeline)
    connection.send(EncoderChosen(pipeline.encoder.name, pipeline.encoder.fallback_reason))
    reader = _Reader(setup, pipeline, placer, counters, connection)
    try:
        reader.run()
        connection.send(RejectsCounted(pipeline.rejecting.tallies(), pipeline.rejecting.spent))
    finally:
        pipeline.close()
        placer.close()


class _Reader:
    """Passes over the dataset until a limit, counting as it goes."""

    def __init__(
        self,
        setup: ReaderSetup,
        pipeline: Pipeline,
        placer: _Placer,
        counters: ReaderCounters,
        connection: Connection,
    ) -> None:
        self._setup, self._pipeline, self._placer = setup, pipeline, placer
        self._counters, self._connection = counters, connection
        self._left = self._record_limit()
        self._is_ready = False
        placer.on_handed_over = self._say_ready

    def _record_limit(self) -> int | None:
        """How many records may be sent: by ``--max-records``, and by the schedule within ``--duration``."""
        limits = [] if self._setup.max_records is None else [self._setup.max_records]
        if self._setup.rate_per_s is not None and self._setup.duration_ns is not None:
            limits.append(ConstantRate(self._setup.rate_per_s).count_before(self._setup.duration_ns))
        return min(limits, default=None)

    def run(self) -> None:
        """All loops. The clock may start once a first slot has been handed over: by then every kernel is loaded."""
        try:
            self._run_loops()
        finally:
            self._say_ready()

    def _say_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._connection.send(Ready(time.process_time_ns()))

    def _run_loops(self) -> None:
        arena = Arena()
        loops = self._setup.loops
        while loops is None or self._pipeline.loop < loops:
            before = self._pipeline.counts.encoded
            try:
                if not self._pass_once(arena):
                    return
            except ReadingStoppedError:
                return
            except DatasetError as error:
                if not self._pipeline.counts.encoded:
                    raise
                # No failure of this process: the run ends here, and what is on its way arrives.
                self._connection.send(ReadingFailed(error.message, error.hint))
                return
            self._counters.add("loops_finished", 1)
            if self._pipeline.counts.encoded == before and loops != 1:
                if before == 0 and self._pipeline.counts.rows_read == 0:
                    return
                raise DatasetError(
                    "a whole loop over the dataset gave no record to send", "see the rejects; stop looping"
                )

    def _pass_once(self, arena: Arena) -> bool:
        """One pass over the dataset; false when a limit or a command ended the run."""
        self._pipeline.records_left = self._left
        for rows in self._pipeline.chunks(arena):
            self._publish_counts(arena, rows)
            started_ns, waited_ns = time.process_time_ns(), self._placer.waited_ns
            try:
                placed = self._placer.place(arena, rows)
            except WorkerGoneError:
                placed = self._placer.placed_of_last
                self._counters.add("not_handed_over", len(rows) - placed)
                return False
            self._counters.add("place_ns", time.process_time_ns() - started_ns)
            self._counters.add("wait_ns", self._placer.waited_ns - waited_ns)
            if placed < len(rows):
                self._leave(len(rows) - placed)
                return False
            if self._left is not None:
                self._left -= len(rows)
                self._pipeline.records_left = self._left
                if self._left == 0:
                    return False
        return not self._pipeline.rejecting.spent

    def _leave(self, count: int) -> None:
        """Account for encoded records that are not handed over: after ``--duration`` their rows count as not read."""
        if self._placer.is_time_over():
            self._counters.add("rows_read", -count)
            self._counters.add("encoded", -count)
        else:
            self._counters.add("not_handed_over", count)

    def _publish_counts(self, arena: Arena, rows: npt.NDArray[np.int64]) -> None:
        counts, scalars = self._pipeline.counts, self._counters
        # In one assignment: a reader that is killed must not leave a row counted as read and as nothing else.
        scalars.scalars[: len(PIPELINE_SCALARS)] = [getattr(counts, name) for name in PIPELINE_SCALARS]
        value_bytes, key_bytes = arena.bytes_of(rows)
        scalars.add("value_bytes", value_bytes)
        scalars.add("key_bytes", key_bytes)


class _Placer:
    """Dates records, picks their partitions, and fills and hands over the slots of the workers that own these."""

    def __init__(
        self,
        setup: ReaderSetup,
        control: Control,
        counters: ReaderCounters,
        worker_counters: Sequence[WorkerCounters],
        slots: Sequence[Slots],
        slot_pipes: Sequence[int],
        free_pipes: Sequence[int],
    ) -> None:
        self._setup, self._layout, self._control = setup, setup.layout, control
        self._counters, self._worker_counters, self._slots = counters, worker_counters, slots
        self._slot_pipes, self._free_pipes = slot_pipes, free_pipes
        self._free = [list(range(setup.layout.slots_per_worker)) for _ in slots]
        self._schedule = None if setup.rate_per_s is None else ConstantRate(setup.rate_per_s)
        self._index = 0
        self._run_state = np.zeros(RUN_WORDS, np.int64)
        self._scratch = np.zeros(SCRATCH_WORDS * setup.layout.partition_count, np.int64)
        self.waited_ns = 0
        self.on_handed_over: Callable[[], None] = _nothing
        self.placed_of_last = 0
        """How many records of the last ``place`` were handed over."""

    def place(self, arena: Arena, rows: npt.NDArray[np.int64]) -> int:
        """Hand over the records at ``rows`` of the arena; fewer than all when the run is being ended.

        Raises WorkerGoneError when the worker whose turn it is has closed its pipe.
        """
        count = len(rows)
        self.placed_of_last = 0
        if self._schedule is None:
            due_ns = np.zeros(count, np.int64)
        else:
            due_ns = self._schedule.due_offsets_ns(self._index, count)
        self._index += count
        partitions = self._partitions(arena, rows, due_ns, self._index - count)
        pieces = [(0, count)] if self._schedule is None else cut_by_span(due_ns, SLOT_SPAN_NS)
        for piece_first, piece_end in pieces:
            first = piece_first
            while first < piece_end:
                end = min(piece_end, first + self._layout.record_capacity)
                end = segment_end(arena.arrays, rows, first, end, self._layout.bytes_capacity)
                if not self._may_place(int(due_ns[first])):
                    return self.placed_of_last
                if not self._place_segment(arena, rows, partitions, due_ns, first, end):
                    return self.placed_of_last
                first = end
        return self.placed_of_last

    def _partitions(
        self, arena: Arena, rows: npt.NDArray[np.int64], due_ns: npt.NDArray[np.int64], first_index: int
    ) -> npt.NDArray[np.int32]:
        record = self._setup.pipeline.record
        if arena.partitions is not None:
            return arena.partitions[rows]
        if record.partitioner == "round-robin":
            numbers = np.arange(first_index, first_index + len(rows), dtype=np.int64)
            return (numbers % self._layout.partition_count).astype(np.int32)
        arrays, partition_count = arena.arrays, self._layout.partition_count
        partitions = np.zeros(len(rows), np.int32)
        run_ns, run_bytes = (_NO_LIMIT, RUN_BYTES) if self._schedule is None else (RUN_SPAN_NS, _NO_LIMIT)
        keyless_partitions(
            self._run_state, due_ns, arrays, rows, partition_count, run_ns, run_bytes, partitions,
        )  # fmt: skip
        if record.key_columns:
            is_crc32 = record.partitioner == "crc32"
            partition_by_key(
                arrays.keys, arrays.key_ends, arrays.key_is_null, partition_count, rows, partitions, is_crc32
            )
        return partitions

    def _place_segment(
        self,
        arena: Arena,
        rows: npt.NDArray[np.int64],
        partitions: npt.NDArray[np.int32],
        due_ns: npt.NDArray[np.int64],
        first: int,
        end: int,
    ) -> bool:
        """Fill a slot of each worker that owns some of the records; false when the run is being ended."""
        workers = self._layout.worker_count
        owners = np.unique(partitions[first:end] % workers) if workers > 1 else (0,)
        for worker in owners:
            if not self._free[worker] and not self._wait_for_slot(worker):
                return False
            slot = self._free[worker].pop()
            count = gather(
                arena.arrays, rows, partitions, due_ns, first, end, worker, workers, self._slots[worker], slot,
                self._scratch, self._counters.handed_over,
            )  # fmt: skip
            slots = self._slots[worker]
            used = (
                int(slots.header_ends[slot, count - 1]) if arena.header_bytes else slots.scalar(slot, "headers_first")
            )
            self.placed_of_last += count
            try:
                os.write(self._slot_pipes[worker], SlotRef(slot, count, used).pack())
            except BrokenPipeError as error:
                raise WorkerGoneError(f"worker {worker}") from error
        self.on_handed_over()
        return True

    def _wait_for_slot(self, worker: int) -> bool:
        """Until the worker frees a slot; false when the run is being ended."""
        self._take_freed(worker, 0.0)
        started_ns = time.monotonic_ns()
        while not self._free[worker]:
            if self._control.command() >= COMMAND_DRAIN:
                return False
            self._take_freed(worker, _CONTROL_CHECK_S)
        self._worker_counters[worker].add("reader_waited_ns", time.monotonic_ns() - started_ns)
        return True

    def _take_freed(self, worker: int, timeout_s: float) -> None:
        started_ns = time.monotonic_ns()
        readable, _, _ = select.select([self._free_pipes[worker]], (), (), timeout_s)
        self.waited_ns += time.monotonic_ns() - started_ns
        if readable:
            packed = os.read(self._free_pipes[worker], 4096 * _FREED.size)
            if not packed:
                raise WorkerGoneError(f"worker {worker}")
            self._free[worker] += [slot for (slot,) in _FREED.iter_unpack(packed)]

    def _may_place(self, due_ns: int) -> bool:
        """Wait until a record due at ``due_ns`` is at most AHEAD_NS away; false when the run is being ended."""
        while True:
            if self._control.command() >= COMMAND_DRAIN or self.is_time_over():
                return False
            if self._schedule is None or due_ns <= AHEAD_NS:
                return True
            clock_map = self._control.current_map()
            left_ns = AHEAD_NS
            if clock_map is not None and not clock_map.is_paused:
                due_clock_ns = int(clock_map.to_clock_ns(np.array([due_ns]))[0])
                left_ns = due_clock_ns - AHEAD_NS - time.monotonic_ns()
                if left_ns <= 0:
                    return True
            self._wait(min(left_ns / 1e9, _CONTROL_CHECK_S))

    def is_time_over(self) -> bool:
        """Whether an unpaced run has lasted as long as it may."""
        if self._setup.duration_ns is None or self._schedule is not None:
            return False
        clock_map = self._control.current_map()
        return clock_map is not None and time.monotonic_ns() - clock_map.anchor_clock_ns >= self._setup.duration_ns

    def _wait(self, timeout_s: float) -> None:
        started_ns = time.monotonic_ns()
        select.select((), (), (), timeout_s)
        self.waited_ns += time.monotonic_ns() - started_ns

    def close(self) -> None:
        """Tell the workers that nothing more comes, by closing the pipes."""
        for descriptor in (*self._slot_pipes, *self._free_pipes):
            os.close(descriptor)
