"""Partitions of keys: Kafka's murmur2, as its Java client computes it, and CRC-32, as librdkafka does by default.

Source: ``org.apache.kafka.common.utils.Utils.murmur2`` (seed 0x9747b28c) and ``toPositive``; the partition of a key is
``(murmur2(key) & 0x7fffffff) % partition_count``; with CRC-32 (librdkafka's ``consistent``) it is ``crc32(key) %
partition_count``. Records without a key are not hashed.
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


def _crc_table() -> npt.NDArray[np.uint32]:
    """What each byte does to the remainder by the reversed polynomial 0xEDB88320 (ISO 3309, as zlib has it)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0xEDB88320), table >> 1).astype(np.uint32)
    return table


_CRC_TABLE = _crc_table()


@kernel
def crc32(key: npt.NDArray[np.uint8], first: int, end: int) -> int:
    """CRC-32 of ``key[first:end]``, as an unsigned number."""
    remainder = np.uint32(0xFFFFFFFF)
    for position in range(first, end):
        remainder = np.uint32(
            _CRC_TABLE[np.uint32(remainder ^ np.uint32(key[position])) & np.uint32(0xFF)] ^ (remainder >> np.uint32(8))
        )
    return np.int64(remainder ^ np.uint32(0xFFFFFFFF))


@kernel
def partition_by_key(
    keys: npt.NDArray[np.uint8],
    key_ends: npt.NDArray[np.int64],
    key_is_null: npt.NDArray[np.bool_],
    partition_count: int,
    rows: npt.NDArray[np.int64],
    partitions: npt.NDArray[np.int32],
    is_crc32: bool,
) -> None:
    """Replace ``partitions[r]`` by that of the key at ``rows[r]``, wherever that record has a key."""
    for record in range(len(rows)):
        row = rows[record]
        if not key_is_null[row]:
            first = key_ends[row - 1] if row > 0 else np.int64(0)
            if is_crc32:
                partitions[record] = crc32(keys, first, key_ends[row]) % partition_count
            else:
                partitions[record] = (murmur2(keys, first, key_ends[row]) & 0x7FFFFFFF) % partition_count
