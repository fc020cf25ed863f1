"""Partitions of keys, against Kafka's own test vectors and librdkafka's implementation of the same hash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.kafka.partition_kernels import murmur2, partition_by_key
from tests.unit.kafka.records import partition_by_librdkafka


def hash_of(key: bytes) -> int:
    """The hash as Java has it: a signed int."""
    unsigned = murmur2(np.frombuffer(key + b"\0", np.uint8), 0, len(key))
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_vectors_of_the_java_client(key: bytes, expected: int) -> None:
    """The table of org.apache.kafka.common.utils.UtilsTest.testMurmur2."""
    assert hash_of(key) == expected


@given(keys=st.lists(st.one_of(st.none(), st.binary(max_size=70)), max_size=40), partition_count=st.integers(1, 1000))
def test_partitions_are_those_of_librdkafka(keys: list[bytes | None], partition_count: int) -> None:
    """Keys of every length, bytes over 127 and the empty key; a record without a key keeps the partition it had."""
    packed = np.frombuffer(b"".join(key or b"" for key in keys) + b"\0", np.uint8)
    ends = np.cumsum([len(key or b"") for key in keys], dtype=np.int64)
    is_null = np.array([key is None for key in keys], np.bool_)
    rows = np.arange(len(keys))[::2]
    partitions = np.full(len(rows), -7, np.int32)
    partition_by_key(packed, ends, is_null, partition_count, rows, partitions, False)
    expected = [-7 if key is None else partition_by_librdkafka(key, partition_count) for key in keys[::2]]
    assert partitions.tolist() == expected


def test_many_keys_are_spread() -> None:
    """10,000 decimal keys over 6 partitions: each gets its sixth, give or take what chance allows."""
    keys = [b"%d" % number for number in range(10_000)]
    ends = np.cumsum([len(key) for key in keys], dtype=np.int64)
    partitions = np.zeros(len(keys), np.int32)
    is_null = np.zeros(len(keys), np.bool_)
    rows = np.arange(len(keys))
    partition_by_key(np.frombuffer(b"".join(keys), np.uint8), ends, is_null, 6, rows, partitions, False)
    assert (np.abs(np.bincount(partitions, minlength=6) - 10_000 / 6) < 150).all()
