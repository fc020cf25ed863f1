"""What a worker decides at each wake, in compiled loops: which records go now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel
from replayer.pacing.pacing_kernels import clock_at, nominal_at
from replayer.shm.control_kernels import read_map, take_grant
from replayer.shm.layout import MAP_ANCHOR_CLOCK, MAP_ANCHOR_NOMINAL, MAP_DENOMINATOR, MAP_IS_PAUSED, MAP_NUMERATOR
from replayer.shm.ring import Slots

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

BLOCK, FIRST, END, PARTITION, TAKEN, RUN = range(6)
"""Words of a piece; the first five as in ``kafka.blocks``, then the number of the run in its slot."""
PIECE_WORDS = 6
NO_DUE_TIME = -1


@kernel
def _due_end(due_ns: Int64s, first: int, end: int, nominal_ns: int) -> int:
    """The position after the last of the never-falling ``due_ns[first:end]`` that is due at ``nominal_ns``."""
    while first < end:
        middle = (first + end) // 2
        if due_ns[middle] <= nominal_ns:
            first = middle + 1
        else:
            end = middle
    return first


@kernel
def _collect_due(
    slots: Slots, pending: Int64s, pending_count: int, cursors: Int32s, is_paced: bool, nominal_ns: int, pieces: Int64s
) -> int:
    """List the due and unsent records, one piece a run; returns how many pieces."""
    count = 0
    for number in range(pending_count):
        slot = pending[number]
        for run in range(slots.scalars[slot, 1]):
            first, end = np.int64(cursors[slot, run]), np.int64(slots.run_ends[slot, run])
            if is_paced:
                end = _due_end(slots.due_ns[slot], first, end, nominal_ns)
            if end > first and count < len(pieces):
                piece = pieces[count]
                piece[BLOCK], piece[FIRST], piece[END] = slot, first, end
                piece[PARTITION], piece[TAKEN], piece[RUN] = slots.run_partitions[slot, run], 0, run
                count += 1
    return count


@kernel
def _count_until(slots: Slots, pieces: Int64s, count: int, nominal_ns: int) -> int:
    total = 0
    for number in range(count):
        piece = pieces[number]
        total += _due_end(slots.due_ns[piece[BLOCK]], piece[FIRST], piece[END], nominal_ns) - piece[FIRST]
    return total


@kernel
def _keep_oldest(slots: Slots, pieces: Int64s, count: int, nominal_ns: int, granted: int) -> None:
    """Shorten the pieces so that they hold the ``granted`` records that are due first, whatever run they are in."""
    low, high = np.int64(-1), np.int64(nominal_ns)  # due by low: fewer than or as many as granted; due by high: more
    while low + 1 < high:
        middle = low + (high - low) // 2
        if _count_until(slots, pieces, count, middle) <= granted:
            low = middle
        else:
            high = middle
    left = granted - _count_until(slots, pieces, count, low)
    for number in range(count):
        piece = pieces[number]
        end = _due_end(slots.due_ns[piece[BLOCK]], piece[FIRST], piece[END], low)
        more = min(left, piece[END] - end)  # several records may be due in the same nanosecond
        piece[END] = end + more
        left -= more


@kernel
def _set_due_times(slots: Slots, pieces: Int64s, count: int, is_paced: bool, clock_map: Int64s) -> None:
    for number in range(count):
        piece = pieces[number]
        due_ns, due_clock_ns = slots.due_ns[piece[BLOCK]], slots.due_clock_ns[piece[BLOCK]]
        for record in range(piece[FIRST], piece[END]):
            due_clock_ns[record] = NO_DUE_TIME
            if is_paced:
                due_clock_ns[record] = clock_at(
                    due_ns[record], clock_map[MAP_ANCHOR_NOMINAL], clock_map[MAP_ANCHOR_CLOCK],
                    clock_map[MAP_NUMERATOR], clock_map[MAP_DENOMINATOR],
                )  # fmt: skip


@kernel
def plan_pieces(
    control: Int64s, clock_map: Int64s, is_paced: bool, now_ns: int, slots: Slots, pending: Int64s, pending_count: int,
    cursors: Int32s, pieces: Int64s,
) -> int:  # fmt: skip
    """Fill ``pieces`` with what may go at ``now_ns``: due by the map in force, and granted by the token bucket.

    Returns how many pieces; 0 before the first map and while paused. Sets the clock times of what goes.
    """
    version = read_map(control, clock_map)
    if version == 0 or clock_map[MAP_IS_PAUSED] or now_ns < clock_map[MAP_ANCHOR_CLOCK]:
        return 0
    nominal_ns = nominal_at(
        now_ns, clock_map[MAP_ANCHOR_NOMINAL], clock_map[MAP_ANCHOR_CLOCK], clock_map[MAP_NUMERATOR],
        clock_map[MAP_DENOMINATOR],
    )  # fmt: skip
    count = _collect_due(slots, pending, pending_count, cursors, is_paced, nominal_ns, pieces)
    if is_paced and count > 0:
        wanted = 0
        for number in range(count):
            wanted += pieces[number, END] - pieces[number, FIRST]
        granted = take_grant(control, now_ns, wanted)
        if granted == 0:
            return 0
        if granted < wanted:
            _keep_oldest(slots, pieces, count, nominal_ns, granted)
    _set_due_times(slots, pieces, count, is_paced, clock_map)
    return count


@kernel
def advance(
    slots: Slots, pieces: Int64s, count: int, cursors: Int32s, pending: Int64s, pending_count: int
) -> int:  # fmt: skip
    """Move the cursors past what was taken, and keep only slots with unsent records pending; returns how many."""
    for number in range(count):
        piece = pieces[number]
        cursors[piece[BLOCK], piece[RUN]] = piece[FIRST] + piece[TAKEN]
    kept = 0
    for number in range(pending_count):
        slot = pending[number]
        has_unsent = False
        for run in range(slots.scalars[slot, 1]):
            has_unsent |= cursors[slot, run] < slots.run_ends[slot, run]
        if has_unsent:
            pending[kept] = slot
            kept += 1
    return kept


@kernel
def next_due_clock(
    clock_map: Int64s, slots: Slots, pending: Int64s, pending_count: int, cursors: Int32s, nothing: int
) -> int:
    """When the first unsent record is due, by the map that was read last; ``nothing`` if there is none."""
    first_due = np.int64(-1)
    for number in range(pending_count):
        slot = pending[number]
        for run in range(slots.scalars[slot, 1]):
            first = cursors[slot, run]
            if first < slots.run_ends[slot, run]:
                due = slots.due_ns[slot, first]
                if first_due < 0 or due < first_due:
                    first_due = due
    if first_due < 0 or clock_map[MAP_NUMERATOR] == 0:
        return nothing
    return clock_at(
        first_due, clock_map[MAP_ANCHOR_NOMINAL], clock_map[MAP_ANCHOR_CLOCK], clock_map[MAP_NUMERATOR],
        clock_map[MAP_DENOMINATOR],
    )  # fmt: skip
