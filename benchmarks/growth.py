"""How much a process's memory grew. Pure functions over samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growth:
    """Peak and growth of one series of samples, in the samples' unit."""

    sample_count: int
    first: float
    """Median of the samples right after warm-up."""
    middle: float
    """Median of the samples halfway."""
    last: float
    """Median of the last samples."""
    peak: float
    slope_per_s: float
    """Least squares over all samples after warm-up."""

    @property
    def grown(self) -> float:
        """What was added between the end of warm-up and the end."""
        return self.last - self.first

    @property
    def grown_late(self) -> float:
        """What was added in the second half: a leak grows there too, a new high-water mark after a stall does not."""
        return self.last - self.middle


def growth(times_s: Sequence[float], sizes: Sequence[float], warm_up_share: float = 0.1) -> Growth:
    """``times_s`` rise; the first ``warm_up_share`` of the time counts for the peak only."""
    times, values = np.asarray(times_s, float), np.asarray(sizes, float)
    if len(times) != len(values) or len(times) < 10:
        raise ValueError(f"{len(times)} times and {len(values)} sizes make no series; at least 10 of each are needed")
    is_warm = times >= times[0] + (times[-1] - times[0]) * warm_up_share
    warm_times, warm = times[is_warm], values[is_warm]
    edge = max(1, len(warm) // 10)
    slope = np.polyfit(warm_times - warm_times[0], warm, 1)[0]
    return Growth(
        sample_count=len(values),
        first=float(np.median(warm[:edge])),
        middle=float(np.median(warm[len(warm) // 2 - edge // 2 : len(warm) // 2 + edge // 2 + 1])),
        last=float(np.median(warm[-edge:])),
        peak=float(values.max()),
        slope_per_s=float(slope),
    )
