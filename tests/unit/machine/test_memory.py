"""Loads, stores, atomics and calls on raw addresses, from inside compiled functions."""

from __future__ import annotations

import ctypes
import threading
import time

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import types

from replayer.machine.clock_kernels import clock_address, monotonic_ns
from replayer.machine.memory import (
    address_of,
    c_function,
    compare_and_swap_i64,
    copy_bytes,
    load_i64,
    peek_i32,
    peek_i64,
    peek_u8,
    store_i64,
)

int64s = st.integers(-(2**63), 2**63 - 1)


@numba.njit
def swap(words: np.ndarray, position: int, expected: int, wanted: int) -> bool:
    return compare_and_swap_i64(address_of(words) + 8 * position, expected, wanted)


@numba.njit
def store_and_load(words: np.ndarray, position: int, value: int) -> int:
    store_i64(address_of(words) + 8 * position, value)
    return load_i64(address_of(words) + 8 * position)


@numba.njit
def peek_all(data: np.ndarray, position: int) -> tuple[int, int, int]:
    address = address_of(data) + position
    return peek_i64(address), peek_i32(address), peek_u8(address)


@numba.njit
def copy(target: np.ndarray, target_first: int, source: np.ndarray, source_first: int, count: int) -> None:
    copy_bytes(address_of(target) + target_first, address_of(source) + source_first, count)


@numba.njit(nogil=True)
def add_one_by_one(words: np.ndarray, times: int) -> None:
    for _ in range(times):
        while True:
            seen = load_i64(address_of(words))
            if compare_and_swap_i64(address_of(words), seen, seen + 1):
                break


_labs = c_function(types.int64, types.int64)
_abs = c_function(types.int32, types.int32)


@numba.njit
def call_both(labs: int, absolute: int, value: int, small: int) -> tuple[int, int]:
    return _labs(labs, (value,)), _abs(absolute, (np.int32(small),))


@given(value=int64s, other=int64s)
def test_a_swap_stores_only_what_was_expected(value: int, other: int) -> None:
    """It says whether it did, and leaves the neighbours alone."""
    words = np.array([1, value, 2], np.int64)
    assert swap(words, 1, value, other)
    assert words.tolist() == [1, other, 2]
    if value != other:
        assert not swap(words, 1, value, 77)
        assert words.tolist() == [1, other, 2]


@given(value=int64s)
def test_what_is_stored_is_loaded(value: int) -> None:
    """Any int64, at any word."""
    words = np.zeros(3, np.int64)
    assert store_and_load(words, 2, value) == value
    assert words.tolist() == [0, 0, value]


@given(content=st.binary(min_size=8, max_size=40))
def test_peeks_read_little_endian_numbers(content: bytes) -> None:
    """Signed words and unsigned bytes, as C structures on these machines have them."""
    data = np.frombuffer(content, np.uint8)
    expected = int.from_bytes(content[:8], "little", signed=True), int.from_bytes(content[:4], "little", signed=True)
    assert peek_all(data, 0) == (*expected, content[0])


@given(source=st.binary(max_size=60), first=st.integers(0, 60), target_first=st.integers(0, 20))
def test_bytes_are_copied_exactly(source: bytes, first: int, target_first: int) -> None:
    """Not one byte more, at any alignment, none for a count of 0."""
    first = min(first, len(source))
    count = len(source) - first
    target = np.full(100, 0xEE, np.uint8)
    copy(target, target_first, np.frombuffer(source + b"\0", np.uint8), first, count)
    assert target.tobytes() == b"\xee" * target_first + source[first:] + b"\xee" * (100 - target_first - count)


def test_swaps_of_many_threads_lose_nothing() -> None:
    """Four threads without the GIL add to one word: every addition counts."""
    words = np.zeros(1, np.int64)
    add_one_by_one(words, 0)
    threads = [threading.Thread(target=add_one_by_one, args=(words, 50_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words[0] == 200_000


@given(value=st.integers(-(2**62), 2**62), small=st.integers(-(2**31) + 1, 2**31 - 1))
def test_c_functions_are_called_by_their_addresses(value: int, small: int) -> None:
    """Arguments and results in the types of the C function."""
    library = ctypes.CDLL(None)
    labs, absolute = (ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in ("labs", "abs"))
    assert call_both(labs, absolute, value, small) == (abs(value), abs(small))


def test_the_clock_is_pythons_monotonic_clock() -> None:
    """A time taken in a kernel lies between two that Python takes around it."""
    scratch, address = np.zeros(2, np.int64), clock_address()
    for _ in range(100):
        before = time.monotonic_ns()
        now = monotonic_ns(address, scratch)
        assert before <= now <= time.monotonic_ns()
