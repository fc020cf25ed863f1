"""The arithmetic of pacing inside compiled loops: the clock map inverted, and the token bucket.

Pure: numbers in, numbers out. ``shm.control_kernels`` applies them to shared memory.

The bucket is the generic cell rate algorithm (ITU-T I.371, annex A) with one theoretical arrival time. Its unit is
1/1024 ns, so that the interval of a million records a second is exact to a millionth, and int64 lasts 104 days.
"""

from __future__ import annotations

from replayer.machine.jit import kernel

TICKS_PER_NS = 1024


@kernel
def nominal_at(clock_ns: int, anchor_nominal_ns: int, anchor_clock_ns: int, numerator: int, denominator: int) -> int:
    """The largest nominal offset whose mapped clock time is at or before ``clock_ns``; see ClockMap.to_nominal_ns."""
    elapsed = clock_ns - anchor_clock_ns + 1
    if numerator == denominator:
        return anchor_nominal_ns + elapsed - 1
    whole, rest = elapsed // numerator, elapsed % numerator
    return anchor_nominal_ns + whole * denominator + (rest * denominator + numerator - 1) // numerator - 1


@kernel
def clock_at(nominal_ns: int, anchor_nominal_ns: int, anchor_clock_ns: int, numerator: int, denominator: int) -> int:
    """The clock time of a nominal offset, rounded down; see ClockMap.to_clock_ns."""
    elapsed = nominal_ns - anchor_nominal_ns
    if numerator == denominator:
        return anchor_clock_ns + elapsed
    whole, rest = elapsed // denominator, elapsed % denominator
    return anchor_clock_ns + whole * numerator + rest * numerator // denominator


@kernel
def grant(arrival_ticks: int, now_ticks: int, wanted: int, interval_ticks: int, tolerance_ticks: int) -> int:
    """How many of ``wanted`` records may go now.

    ``arrival_ticks`` is the theoretical arrival time so far. At most ``tolerance / interval`` records (the burst) go at
    one instant, and over any span at most the burst plus span / interval.
    """
    base = max(arrival_ticks, now_ticks - tolerance_ticks)
    return max(0, min(wanted, (now_ticks - base) // interval_ticks))


@kernel
def arrival_after(arrival_ticks: int, now_ticks: int, granted: int, interval_ticks: int, tolerance_ticks: int) -> int:
    """The theoretical arrival time after a grant."""
    return max(arrival_ticks, now_ticks - tolerance_ticks) + granted * interval_ticks
