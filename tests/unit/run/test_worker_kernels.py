"""What workers send under a simulated clock: never early, never above the cap, oldest first, all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.pacing.bucket import BucketSetting, bucket_setting
from replayer.pacing.clock_map import ClockMap
from replayer.pacing.schedule import ConstantRate, cut_by_span
from replayer.run.place_kernels import SCRATCH_WORDS, gather
from replayer.run.worker_kernels import (
    BLOCK,
    END,
    FIRST,
    PARTITION,
    PIECE_WORDS,
    TAKEN,
    advance,
    next_due_clock,
    plan_pieces,
)
from replayer.shm.control import Control
from replayer.shm.layout import CONTROL_WORDS, Layout
from replayer.shm.ring import Slots
from tests.unit.run.placing import arena_of, private_slots

START_NS = 5_000_000_123
STALLED_NS = 400_000_000


@dataclass
class SimulatedWorker:
    """The worker's loop without a clock, a pipe or a producer."""

    slots: Slots
    is_paced: bool = True
    pending: np.ndarray = field(init=False)
    pending_count: int = 0

    def __post_init__(self) -> None:
        slot_count, runs = self.slots.run_ends.shape
        self.pending = np.zeros(slot_count, np.int64)
        self.cursors = np.zeros((slot_count, runs), np.int32)
        self.pieces = np.zeros((2 * slot_count * runs, PIECE_WORDS), np.int64)
        self.clock_map = np.zeros(5, np.int64)

    def take(self, slot: int) -> None:
        runs = self.slots.scalar(slot, "run_count")
        self.cursors[slot, 0] = 0
        self.cursors[slot, 1:runs] = self.slots.run_ends[slot, : runs - 1]
        self.pending[self.pending_count] = slot
        self.pending_count += 1

    def wake(self, control: Control, now_ns: int, taken_share: float) -> list[tuple[int, int, int, int]]:
        """Send what may go; (source row, partition, due offset, due on the clock) of what the producer took."""
        count = plan_pieces(
            control.words, self.clock_map, self.is_paced, now_ns, self.slots, self.pending, self.pending_count,
            self.cursors, self.pieces,
        )  # fmt: skip
        pieces, sent, is_full = self.pieces[:count], [], False
        for piece in pieces:
            wanted = int(piece[END] - piece[FIRST])
            taken = 0 if is_full else int(wanted * taken_share)
            is_full = is_full or taken < wanted
            piece[TAKEN] = taken
            for record in range(piece[FIRST], piece[FIRST] + taken):
                slot = piece[BLOCK]
                place = int(self.slots.source_rows[slot, record]), int(piece[PARTITION])
                due = int(self.slots.due_ns[slot, record]), int(self.slots.due_clock_ns[slot, record])
                sent.append((*place, *due))
        self.pending_count = advance(self.slots, pieces, count, self.cursors, self.pending, self.pending_count)
        return sent

    def next_due_ns(self, nothing: int) -> int:
        return next_due_clock(self.clock_map, self.slots, self.pending, self.pending_count, self.cursors, nothing)


@dataclass
class Simulation:
    """Some records on a schedule, placed into slots of some workers."""

    rate: Fraction
    count: int
    worker_count: int
    partition_count: int
    random: np.random.Generator
    is_paced: bool = True

    def __post_init__(self) -> None:
        self.due_ns = ConstantRate(self.rate).due_offsets_ns(0, self.count)
        self.partitions = self.random.integers(0, self.partition_count, self.count, np.int32)
        pieces = [
            (first, min(first + 100, end))
            for piece_first, end in cut_by_span(self.due_ns, 50_000_000)
            for first in range(piece_first, end, 100)
        ]
        layout = Layout(self.worker_count, len(pieces), self.partition_count, 100, 1000)
        arena, scratch = (
            arena_of([b"v"] * self.count, [None] * self.count),
            np.zeros(SCRATCH_WORDS * self.partition_count, np.int64),
        )
        handed_over = np.zeros(self.partition_count, np.int64)
        self.workers = [SimulatedWorker(slots, self.is_paced) for slots in private_slots(layout)]
        for slot, (first, end) in enumerate(pieces):
            for index, worker in enumerate(self.workers):
                if gather(
                    arena, np.arange(self.count), self.partitions, self.due_ns, first, end, index, self.worker_count,
                    worker.slots, slot, scratch, handed_over,
                ):  # fmt: skip
                    worker.take(slot)
        self.control = Control(np.zeros(CONTROL_WORDS, np.int64))

    def start(self, clock_map: ClockMap) -> BucketSetting:
        setting = bucket_setting(self.rate)
        self.control.publish_map(clock_map)
        self.control.set_bucket(setting, START_NS)
        return setting


@pytest.mark.parametrize("worker_count", [1, 3])
@settings(max_examples=25)
@given(
    rate=st.sampled_from([Fraction(7), Fraction(1000, 3), Fraction(20_000), Fraction(1_000_000)]),
    seed=st.integers(0, 2**32),
    stall_share=st.sampled_from([0.0, 0.02, 0.2]),
    full_share=st.sampled_from([0.0, 0.2]),
)
def test_under_stalls_nothing_is_early_above_the_cap_or_lost(
    worker_count: int, rate: Fraction, seed: int, stall_share: float, full_share: float
) -> None:
    """Workers that wake when they want, stand still now and then, and find the queue full now and then."""
    random = np.random.default_rng(seed)
    run = Simulation(rate, int(random.integers(1, 600)), worker_count, 5, random)
    setting = run.start(ClockMap(0, START_NS))
    wakes = random.integers(0, 1_000_000, worker_count) + START_NS - 500_000
    sends: list[tuple[int, int, int, int, int]] = []
    while any(worker.pending_count for worker in run.workers):
        index = int(wakes.argmin())
        worker, now_ns = run.workers[index], int(wakes[index])
        taken_share = random.random() if random.random() < full_share else 1.0
        sent = worker.wake(run.control, now_ns, taken_share)
        sends += [(now_ns, *record) for record in sent]
        if sent:
            left_due_ns = worker.next_due_ns(2**62)
            assert taken_share < 1 or max(due for *_, due in sent) <= left_due_ns  # oldest first
        step = STALLED_NS if random.random() < stall_share else int(random.integers(1, 1_500_000))
        if not sent and taken_share == 1:
            step = max(step, min(worker.next_due_ns(2**62), now_ns + STALLED_NS) - now_ns)
        wakes[index] += step
    assert sorted(row for _, row, *_ in sends) == [1000 + row for row in range(run.count)]
    for partition in range(run.partition_count):
        rows = [row for _, row, of, *_ in sends if of == partition]
        assert rows == sorted(rows)
    for now_ns, _, _, due_ns, due_clock_ns in sends:
        assert due_clock_ns == START_NS + due_ns
        assert now_ns >= due_clock_ns
    check_cap(np.array([now_ns for now_ns, *_ in sends]), setting)


def check_cap(sent_ns: np.ndarray, setting: BucketSetting) -> None:
    """Any window from one send to another holds at most the burst and what the window's length allows."""
    sent_ns = np.sort(sent_ns)
    for first in range(len(sent_ns)):
        spans = (sent_ns[first:] - sent_ns[first]) * 1024
        allowed = (setting.tolerance_ticks + spans) // setting.interval_ticks
        assert (np.arange(1, len(spans) + 1) <= allowed).all()


def test_what_is_granted_goes_even_when_many_are_due_at_once() -> None:
    """Several records of one nanosecond, more than the bucket grants: exactly the granted ones go."""
    run = Simulation(Fraction(4 * 10**9), 500, 1, 3, np.random.default_rng(5))
    run.start(ClockMap(0, START_NS))
    run.control.set_bucket(BucketSetting(interval_ticks=1024, tolerance_ticks=10 * 1024), START_NS)
    (worker,) = run.workers
    sent = [len(worker.wake(run.control, START_NS + elapsed_ns, 1.0)) for elapsed_ns in (200, 201, 207, 10_000)]
    assert sent == [10, 1, 6, 10]


@pytest.mark.parametrize("rate", [Fraction(7), Fraction(999), Fraction(50_000)], ids=str)
def test_a_worker_on_the_wake_grid_is_never_late_by_more_than_a_step(rate: Fraction) -> None:
    """Woken each millisecond, every record goes at the first wake after it was due: the bucket does not bind."""
    run = Simulation(rate, 300, 1, 3, np.random.default_rng(1))
    run.start(ClockMap(0, START_NS))
    (worker,) = run.workers
    sends, now_ns = [], START_NS
    while worker.pending_count:
        sends += [(now_ns, due_clock_ns) for *_, due_clock_ns in worker.wake(run.control, now_ns, 1.0)]
        now_ns += 1_000_000
    assert len(sends) == 300
    assert all(0 <= sent_ns - due_ns < 1_000_000 for sent_ns, due_ns in sends)


def test_a_new_map_moves_records_that_lie_in_slots_already() -> None:
    """Paused, nothing goes; then at half the speed from where it stopped, by the new map."""
    run = Simulation(Fraction(1000), 100, 1, 1, np.random.default_rng(2))
    run.start(ClockMap(0, START_NS))
    (worker,) = run.workers
    assert len(worker.wake(run.control, START_NS, 1.0)) == 1
    run.control.publish_map(ClockMap(1, START_NS, is_paused=True))
    assert worker.wake(run.control, START_NS + 10**9, 1.0) == []
    resumed_ns = START_NS + 2 * 10**9
    run.control.publish_map(ClockMap(1, resumed_ns, Fraction(2)))
    assert worker.next_due_ns(0) == START_NS + 10**6 - 1  # the map that was read last is still the paused one
    assert worker.wake(run.control, resumed_ns + 1_999_997, 1.0) == []
    assert worker.next_due_ns(0) == resumed_ns + 1_999_998
    ((_, _, due_ns, due_clock_ns),) = worker.wake(run.control, resumed_ns + 1_999_998, 1.0)
    assert (due_ns, due_clock_ns) == (1_000_000, resumed_ns + 1_999_998)


def test_before_the_first_map_nothing_goes() -> None:
    """A worker that is ready early waits for the start."""
    run = Simulation(Fraction(1000), 100, 1, 1, np.random.default_rng(3))
    (worker,) = run.workers
    assert worker.wake(run.control, START_NS, 1.0) == []
    assert worker.next_due_ns(77) == 77
    run.start(ClockMap(0, START_NS))
    assert worker.wake(run.control, START_NS - 1, 1.0) == []
    assert len(worker.wake(run.control, START_NS, 1.0)) == 1


def test_at_max_everything_goes_at_once_and_nothing_has_a_due_time() -> None:
    """Unpaced, the first wake sends all that is there, and lag does not exist."""
    run = Simulation(Fraction(1), 500, 2, 4, np.random.default_rng(4), is_paced=False)
    run.control.publish_map(ClockMap(0, START_NS))
    sends = [record for worker in run.workers for record in worker.wake(run.control, START_NS, 1.0)]
    assert len(sends) == 500
    assert {due_clock_ns for *_, due_clock_ns in sends} == {-1}
    assert not any(worker.pending_count for worker in run.workers)
