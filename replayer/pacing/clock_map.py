"""The map from nominal due offsets to the clock, and the wake grid.

Due offsets are nominal: they know nothing of pauses, new rates or shifts. A ClockMap turns them into times of the
monotonic clock: ``clock = anchor_clock_ns + (nominal - anchor_nominal_ns) * scale``. The supervisor alone publishes
maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

MAX_SCALE_PART = 2**31
"""Numerator and denominator of a scale stay below this, so that their products with remainders fit into int64."""

WAKE_GRID_NS = 1_000_000
_WAKE_PHASE_NS = WAKE_GRID_NS // 2


@dataclass(frozen=True)
class ClockMap:
    """One published map; ``scale`` stretches nominal time, ``is_paused`` means that nothing is due."""

    anchor_nominal_ns: int
    anchor_clock_ns: int
    scale: Fraction = Fraction(1)
    is_paused: bool = False

    def __post_init__(self) -> None:
        if self.scale <= 0 or max(self.scale.numerator, self.scale.denominator) >= MAX_SCALE_PART:
            raise ValueError(f"the scale of a clock map must be above 0 and have parts below 2**31, not {self.scale}")

    def to_clock_ns(self, nominal_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Clock times of nominal due offsets, rounded down; exact, without overflow for parts below 2**31."""
        whole, rest = np.divmod(nominal_ns - self.anchor_nominal_ns, self.scale.denominator)
        scaled = whole * self.scale.numerator + rest * self.scale.numerator // self.scale.denominator
        clock_ns: npt.NDArray[np.int64] = self.anchor_clock_ns + scaled
        return clock_ns

    def to_nominal_ns(self, clock_ns: int) -> int:
        """The largest nominal offset whose clock time is at or before ``clock_ns``."""
        elapsed = clock_ns - self.anchor_clock_ns
        numerator, denominator = self.scale.numerator, self.scale.denominator
        # clock(n) <= c exactly when floor(n * num / den) <= elapsed, so when n * num / den < elapsed + 1.
        return self.anchor_nominal_ns + -(-(elapsed + 1) * denominator // numerator) - 1


def next_wake_ns(after_ns: int, wall_minus_monotonic_ns: int) -> int:
    """The first point of the wake grid at or after a monotonic time.

    The grid lies at half past each millisecond of the wall clock: a record's CreateTime has whole milliseconds, and
    waking near the edge of one would scatter records that belong together over two of them.
    """
    past = (after_ns + wall_minus_monotonic_ns - _WAKE_PHASE_NS) % WAKE_GRID_NS
    return after_ns if past == 0 else after_ns + WAKE_GRID_NS - past


def last_wake_ns(until_ns: int, wall_minus_monotonic_ns: int) -> int:
    """The last point of the wake grid at or before a monotonic time."""
    return next_wake_ns(until_ns - WAKE_GRID_NS + 1, wall_minus_monotonic_ns)
