"""Recording into a histogram, inside compiled loops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel
from replayer.metrics.histogram import COUNT, HALF_COUNT, LINEAR_COUNT, MAX_VALUE, MAXIMUM, MINIMUM, SUM


@kernel
def bucket_index(value: int) -> int:
    """The bucket of a value from 0 to MAX_VALUE."""
    if value < LINEAR_COUNT:
        return value
    # The position of the leading bit, without a count-leading-zeros intrinsic: values here seldom pass 2**33.
    shift = 1
    while value >> shift >= LINEAR_COUNT:
        shift += 1
    return LINEAR_COUNT + (shift - 1) * HALF_COUNT + (value >> shift) - HALF_COUNT


@kernel
def record(words: npt.NDArray[np.int64], value: int, times: int) -> None:
    """Count ``value`` ``times`` times; below 0 counts as 0, above MAX_VALUE as MAX_VALUE."""
    value = min(max(value, 0), MAX_VALUE)
    words[bucket_index(value)] += times
    if words[COUNT] == 0 or value < words[MINIMUM]:
        words[MINIMUM] = value
    words[MAXIMUM] = max(words[MAXIMUM], value)
    words[COUNT] += times
    words[SUM] += value * times
