"""What workers do with the control words, inside compiled loops: read the map, take a grant from the token bucket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel
from replayer.machine.memory import address_of, compare_and_swap_i64, load_i64
from replayer.pacing.pacing_kernels import TICKS_PER_NS, arrival_after, grant
from replayer.shm.layout import (
    BUCKET_ARRIVAL,
    BUCKET_INTERVAL,
    BUCKET_ORIGIN,
    BUCKET_TOLERANCE,
    MAP_0,
    MAP_1,
    MAP_VERSION,
)

Words = npt.NDArray[np.int64]


@kernel
def read_map(control: Words, copy: Words) -> int:
    """Copy the five words of the map in force into ``copy``; returns its version, 0 before the first was published."""
    base = address_of(control)
    version = load_i64(base + 8 * MAP_VERSION)
    while True:
        place = MAP_1 if version & 1 else MAP_0
        for position in range(5):
            copy[position] = load_i64(base + 8 * (place + position))
        # The supervisor may have published twice meanwhile and be writing the place that was copied: look again.
        seen = load_i64(base + 8 * MAP_VERSION)
        if seen == version:
            return version
        version = seen


@kernel
def take_grant(control: Words, now_ns: int, wanted: int) -> int:
    """How many of ``wanted`` records may go at clock time ``now_ns``; they count as gone.

    Compare-and-swap on the one word that the bucket consists of. A worker killed at any instant has either taken its
    grant or not: there is no lock that it could keep.
    """
    base = address_of(control)
    interval = load_i64(base + 8 * BUCKET_INTERVAL)
    if interval == 0 or wanted <= 0:
        return wanted
    tolerance = load_i64(base + 8 * BUCKET_TOLERANCE)
    now = (now_ns - load_i64(base + 8 * BUCKET_ORIGIN)) * TICKS_PER_NS
    while True:
        arrival = load_i64(base + 8 * BUCKET_ARRIVAL)
        granted = grant(arrival, now, wanted, interval, tolerance)
        if granted == 0:
            return 0
        after = arrival_after(arrival, now, granted, interval, tolerance)
        if compare_and_swap_i64(base + 8 * BUCKET_ARRIVAL, arrival, after):
            return granted
