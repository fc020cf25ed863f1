"""How evenly records came, from the CreateTimes that a broker stored. Pure functions over counts per millisecond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evenness:
    """What the counts say about the pace."""

    record_count: int
    span_ms: int
    """From the first to the last CreateTime."""
    rate_error_ppm: float
    """Mean rate of all whole milliseconds against the asked one, in parts per million; signed."""
    window_ms: int
    window_count: int
    """Whole windows between the first and the last CreateTime."""
    share_within: float
    """Share of these windows whose count is within the tolerance of the asked one."""
    smallest: int
    largest: int


def counts_per_ms(times_ms: npt.NDArray[np.int64]) -> Counts:
    """How many records have each millisecond, from the first to the last one."""
    first = int(times_ms.min())
    return np.bincount(times_ms - first).astype(np.int64)


def evenness(counts: Counts, rate_per_s: float, window_ms: int = 10, tolerance: float = 0.01) -> Evenness:
    """``counts`` as from ``counts_per_ms``. The first and the last millisecond may be cut, and do not count.

    The mean rate is exact for a sender that wakes on a grid, else uncertain by one millisecond in the whole span (17
    ppm in 60 s).
    """
    if len(counts) < window_ms + 2:
        raise ValueError(f"{len(counts)} ms of records are too few for windows of {window_ms} ms")
    span_ms = len(counts) - 1
    inner = counts[1:-1]
    rate = inner.mean() * 1000
    window_count = len(inner) // window_ms
    windows = inner[: window_count * window_ms].reshape(window_count, window_ms).sum(axis=1)
    asked = rate_per_s * window_ms / 1000
    within = np.abs(windows - asked) <= tolerance * asked
    return Evenness(
        record_count=int(counts.sum()),
        span_ms=span_ms,
        rate_error_ppm=float((rate / rate_per_s - 1) * 1e6),
        window_ms=window_ms,
        window_count=window_count,
        share_within=float(within.mean()),
        smallest=int(windows.min()),
        largest=int(windows.max()),
    )
