"""The control words: commands only rise, readers see the last map whole, the bucket starts full."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.machine.memory import address_of, store_i64
from replayer.pacing.bucket import bucket_setting
from replayer.pacing.clock_map import ClockMap
from replayer.shm.control import Control
from replayer.shm.control_kernels import read_map, take_grant
from replayer.shm.layout import COMMAND_DRAIN, COMMAND_RUN, COMMAND_STOP, CONTROL_WORDS, MAP_0, MAP_1, MAP_VERSION
from replayer.shm.memory import create_file, map_file, reserve

maps = st.builds(
    ClockMap,
    st.integers(0, 2**60),
    st.integers(0, 2**60),
    st.builds(Fraction, st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1)),
    st.booleans(),
)


def new_control() -> Control:
    return Control(np.zeros(CONTROL_WORDS, np.int64))


def test_commands_only_rise() -> None:
    """Who has been told to stop is never told to drain again."""
    control = new_control()
    assert control.command() == COMMAND_RUN
    for command, then in ((COMMAND_DRAIN, COMMAND_DRAIN), (COMMAND_STOP, COMMAND_STOP), (COMMAND_DRAIN, COMMAND_STOP)):
        control.set_command(command)
        assert control.command() == then


@given(published=st.lists(maps, max_size=5))
def test_the_last_published_map_is_in_force(published: list[ClockMap]) -> None:
    """Python and the kernel read the same map, the one that was published last; before the first there is none."""
    control, copy = new_control(), np.zeros(5, np.int64)
    assert control.current_map() is None
    assert read_map(control.words, copy) == 0
    for version, clock_map in enumerate(published, 1):
        control.publish_map(clock_map)
        assert control.current_map() == clock_map
        assert read_map(control.words, copy) == version
        scale = clock_map.scale
        expected = [clock_map.anchor_nominal_ns, clock_map.anchor_clock_ns, scale.numerator, scale.denominator]
        assert copy.tolist() == [*expected, int(clock_map.is_paused)]


@numba.njit(nogil=True)
def publish_many(words: np.ndarray, count: int) -> None:
    """What ``Control.publish_map`` does, a thousand times as often: the words, then the version."""
    base = address_of(words)
    for version in range(1, count + 1):
        place = MAP_1 if version & 1 else MAP_0
        for position in range(5):
            store_i64(base + 8 * (place + position), version)
        store_i64(base + 8 * MAP_VERSION, version)


@numba.njit(nogil=True)
def count_torn(words: np.ndarray, last: int) -> int:
    """Read until version ``last``; how many maps were read that nobody has published."""
    copy, torn, version = np.zeros(5, np.int64), 0, 0
    while version < last:
        version = read_map(words, copy)
        for position in range(5):
            torn += copy[position] != version
    return torn


def test_a_map_is_never_read_in_two_halves() -> None:
    """A publisher that never rests, and a reader that may be overtaken at any word: whole maps only."""
    words = np.zeros(CONTROL_WORDS, np.int64)
    publish_many(words, 0)
    count_torn(words, 0)
    count = 1_000_000
    with ThreadPoolExecutor(2) as threads:
        torn = threads.submit(count_torn, words, count)
        threads.submit(publish_many, words, count)
        assert torn.result(60) == 0


PUBLISHER = """
import sys
from replayer.pacing.clock_map import ClockMap
from replayer.shm.control import control_of
from replayer.shm.memory import map_file
control = control_of(map_file(int(sys.argv[1]), 4096))
print("ready", flush=True)
for number in range(1, 20001):
    control.publish_map(ClockMap(number, 2 * number))
"""


def test_a_map_is_read_whole_while_another_process_publishes() -> None:
    """20,000 maps one after the other: no reader ever sees words of two of them."""
    descriptor = create_file()
    reserve(descriptor, 4096)
    words = np.ndarray(CONTROL_WORDS, np.int64, map_file(descriptor, 4096))
    copy, last = np.zeros(5, np.int64), 0
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(descriptor)], pass_fds=[descriptor], stdout=subprocess.PIPE
    ) as publisher:
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == b"ready\n"
        while last < 20_000 and (publisher.poll() is None or last < read_map(words, copy)):
            last = read_map(words, copy)
            assert last == 0 or copy.tolist() == [last, 2 * last, 1, 1, 0]
    assert last == 20_000


def test_without_a_bucket_everything_is_granted() -> None:
    """At ``max`` nothing is paced, and the bucket lets all through."""
    assert take_grant(new_control().words, 10**15, 5_000) == 5_000


@pytest.mark.parametrize("rate", [Fraction(1, 3), Fraction(1), Fraction(7), Fraction(500), Fraction(100_000)], ids=str)
def test_the_bucket_starts_full(rate: Fraction) -> None:
    """The first record is due at the start and goes at the start, and so do all that a full bucket holds."""
    control, setting, start_ns = new_control(), bucket_setting(rate), 123_456_789_000
    control.set_bucket(setting, start_ns)
    assert take_grant(control.words, start_ns, 10**9) == setting.burst_count >= 1
    assert take_grant(control.words, start_ns, 1) == 0


@pytest.mark.parametrize("rate", [Fraction(1, 2), Fraction(7), Fraction(999)], ids=str)
def test_slow_rates_are_never_held_up(rate: Fraction) -> None:
    """Asked at each due time, the bucket grants one record each time, from the first on."""
    control = new_control()
    control.set_bucket(bucket_setting(rate), 1_000)
    assert [take_grant(control.words, 1_000 + int(k * 10**9 / rate), 1) for k in range(100)] == [1] * 100


@numba.njit(nogil=True)
def grab(words: np.ndarray, start_ns: int, end_ns: int, step_ns: int) -> int:
    total = 0
    for now_ns in range(start_ns, end_ns, step_ns):
        total += take_grant(words, now_ns, 3)
    return total


def test_all_workers_share_one_bucket() -> None:
    """Threads without the GIL that take as much as they can get no more, and no less, than one bucket gives."""
    control = new_control()
    setting = bucket_setting(Fraction(100_000_000))
    start_ns, span_ns = 10**9, 20_000_000
    grab(control.words, 0, 0, 1)
    control.set_bucket(setting, start_ns)
    with ThreadPoolExecutor(3) as threads:
        totals = [threads.submit(grab, control.words, start_ns, start_ns + span_ns, 10) for _ in range(3)]
    last_ticks = (span_ns - 10) * 1024
    assert sum(total.result() for total in totals) == (setting.tolerance_ticks + last_ticks) // setting.interval_ticks
