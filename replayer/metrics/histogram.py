"""A log-linear histogram of nanoseconds: three significant digits, fixed size, mergeable by addition.

Values below 2048 have a bucket each; from there on every doubling is cut into 1024 buckets, so a bucket is never wider
than 1/1024 of its values (the scheme of HdrHistogram, http://hdrhistogram.org). The largest value is 2**43 ns (2.4
hours); larger ones count there. Behind the buckets stand the exact count, sum, minimum and maximum.

The counts are a plain int64 array of SIZE words, so that a histogram can lie in shared memory; recording into it is
``metrics.histogram_kernels.record``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LINEAR_BITS = 11
LINEAR_COUNT = 1 << LINEAR_BITS
HALF_COUNT = LINEAR_COUNT >> 1
MAX_BITS = 43
BUCKET_COUNT = LINEAR_COUNT + (MAX_BITS - LINEAR_BITS) * HALF_COUNT
MAX_VALUE = (1 << MAX_BITS) - 1
COUNT, SUM, MINIMUM, MAXIMUM = (BUCKET_COUNT + k for k in range(4))
SIZE = BUCKET_COUNT + 4

Words = npt.NDArray[np.int64]


def bucket_bounds(index: int) -> tuple[int, int]:
    """The smallest and largest value of a bucket."""
    if index < LINEAR_COUNT:
        return index, index
    doubling, step = divmod(index - LINEAR_COUNT, HALF_COUNT)
    width = 2 << doubling
    low = (HALF_COUNT + step) * width
    return low, low + width - 1


@dataclass(frozen=True)
class Summary:
    """Percentiles of a histogram; each is the middle of its bucket, within 0.05 % of the true value."""

    count: int
    mean: float
    minimum: int
    p50: int
    p90: int
    p99: int
    p999: int
    maximum: int


def empty() -> Words:
    """A histogram without values."""
    return np.zeros(SIZE, np.int64)


def merge(histograms: list[Words]) -> Words:
    """The histogram of all values of all histograms."""
    merged = empty()
    for words in histograms:
        if words[COUNT] == 0:
            continue
        is_first = merged[COUNT] == 0
        minimum = words[MINIMUM] if is_first else min(words[MINIMUM], merged[MINIMUM])
        maximum = max(words[MAXIMUM], merged[MAXIMUM])
        merged += words
        merged[MINIMUM], merged[MAXIMUM] = minimum, maximum
    return merged


def percentile(words: Words, share: float) -> int | None:
    """The smallest recorded value that a ``share`` (0 to 1) of all values does not exceed; None when there are none.

    Exact to half a bucket, and never outside the exact minimum and maximum.
    """
    buckets = words[:BUCKET_COUNT]
    total = int(buckets.sum())
    if total == 0:
        return None
    rank = max(1, int(np.ceil(share * total)))
    low, high = bucket_bounds(int(np.searchsorted(np.cumsum(buckets), rank)))
    middle = (low + high) // 2
    if words[COUNT] == 0:  # a difference of two snapshots has no extremes of its own
        return middle
    return int(min(max(middle, words[MINIMUM]), words[MAXIMUM]))


def summarise(words: Words) -> Summary | None:
    """Count, mean, extremes and the usual percentiles; None for an empty histogram."""
    count = int(words[COUNT])
    if count == 0:
        return None
    p50, p90, p99, p999 = (percentile(words, share) or 0 for share in (0.5, 0.9, 0.99, 0.999))
    return Summary(count, int(words[SUM]) / count, int(words[MINIMUM]), p50, p90, p99, p999, int(words[MAXIMUM]))
