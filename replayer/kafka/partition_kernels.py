"""Partitions of keys: Kafka's murmur2, as its Java client computes it.

Source: ``org.apache.kafka.common.utils.Utils.murmur2`` (seed 0x9747b28c) and ``toPositive``; the partition of a key is
``(murmur2(key) & 0x7fffffff) % partition_count``. Records without a key are not hashed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel

_SEED = np.uint32(0x9747B28C)
_M = np.uint32(0x5BD1E995)


@kernel
def murmur2(key: npt.NDArray[np.uint8], first: int, end: int) -> int:
    """The 32-bit hash of ``key[first:end]``, as an unsigned number."""
    length = end - first
    h = _SEED ^ np.uint32(length)
    position = first
    while position + 4 <= end:
        k = (
            np.uint32(key[position])
            | np.uint32(key[position + 1]) << np.uint32(8)
            | np.uint32(key[position + 2]) << np.uint32(16)
            | np.uint32(key[position + 3]) << np.uint32(24)
        )
        k = np.uint32(np.uint32(k) * _M)
        k = np.uint32(k ^ (k >> np.uint32(24)))
        k = np.uint32(k * _M)
        h = np.uint32(np.uint32(h * _M) ^ k)
        position += 4
    rest = end - position
    if rest == 3:
        h = np.uint32(h ^ np.uint32(np.uint32(key[position + 2]) << np.uint32(16)))
    if rest >= 2:
        h = np.uint32(h ^ np.uint32(np.uint32(key[position + 1]) << np.uint32(8)))
    if rest >= 1:
        h = np.uint32(h ^ np.uint32(key[position]))
        h = np.uint32(h * _M)
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * _M)
    h = np.uint32(h ^ (h >> np.uint32(15)))
    return np.int64(h)


@kernel
def partition_by_key(
    keys: npt.NDArray[np.uint8],
    key_ends: npt.NDArray[np.int64],
    key_is_null: npt.NDArray[np.bool_],
    partition_count: int,
    rows: npt.NDArray[np.int64],
    partitions: npt.NDArray[np.int32],
) -> None:
    """Replace ``partitions[r]`` by murmur2 of the key at ``rows[r]``, wherever that record has a key."""
    for record in range(len(rows)):
        row = rows[record]
        if not key_is_null[row]:
            first = key_ends[row - 1] if row > 0 else np.int64(0)
            partitions[record] = (murmur2(keys, first, key_ends[row]) & 0x7FFFFFFF) % partition_count
