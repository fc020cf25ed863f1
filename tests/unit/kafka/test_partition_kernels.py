"""Partitions of keys, against what Kafka's and zlib's own tests and code say."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.kafka.partition_kernels import crc32, murmur2, partition_by_key


def as_bytes(key: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(b"<" + key + b">", np.uint8)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, expected: int) -> None:
    """The values of Kafka's own test."""
    assert murmur2(as_bytes(key), 1, 1 + len(key)) == expected % 2**32


@given(st.binary(max_size=70))
def test_crc32_is_zlibs(key: bytes) -> None:
    """Any bytes, the empty ones included."""
    assert crc32(as_bytes(key), 1, 1 + len(key)) == zlib.crc32(key)


def test_keyless_records_keep_their_partition() -> None:
    """Only records with a key are hashed, by either hash, and only those that are sent."""
    keys = [b"a", b"", b"", b"abc", b"21"]
    ends = np.cumsum([len(key) for key in keys], dtype=np.int64)
    is_null = np.array([False, False, True, False, False])
    rows = np.array([0, 1, 2, 4])
    sent = [keys[row] for row in rows]
    for is_crc32 in (False, True):
        partitions = np.full(4, 9, np.int32)
        partition_by_key(np.frombuffer(b"".join(keys), np.uint8).copy(), ends, is_null, 5, rows, partitions, is_crc32)
        hashes = [zlib.crc32(key) if is_crc32 else murmur2(as_bytes(key), 1, 1 + len(key)) & 0x7FFFFFFF for key in sent]
        assert partitions.tolist() == [hashes[0] % 5, hashes[1] % 5, 9, hashes[3] % 5]
