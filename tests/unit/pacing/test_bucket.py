"""The token bucket: what it grants over any span of time, whatever the caller does."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.pacing.bucket import DEFAULT_CATCH_UP, TICKS_PER_S, BucketSetting, bucket_setting
from replayer.pacing.pacing_kernels import TICKS_PER_NS, arrival_after, grant

RATES = [
    Fraction(1, 3),
    Fraction(1),
    Fraction(7),
    Fraction(999),
    Fraction(1001),
    Fraction(100_000),
    Fraction(2 * 10**6),
]

callers = st.lists(
    st.tuples(st.one_of(st.integers(0, 3_000_000), st.just(30 * 10**9)), st.integers(0, 5_000)), max_size=60
)
"""Pairs (time since the last call in ns, records wanted); now and then a caller has been stopped for 30 s."""


def grants(setting: BucketSetting, calls: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(time in ticks, records granted) of each call to a fresh bucket."""
    now, arrival, granted = 0, -setting.tolerance_ticks, []
    for gap_ns, wanted in calls:
        now += gap_ns * TICKS_PER_NS
        count = grant(arrival, now, wanted, setting.interval_ticks, setting.tolerance_ticks)
        arrival = arrival_after(arrival, now, count, setting.interval_ticks, setting.tolerance_ticks)
        assert 0 <= count <= wanted
        granted.append((now, count))
    return granted


@pytest.mark.parametrize("rate", RATES, ids=str)
@given(calls=callers)
def test_no_window_gets_more_than_the_burst_and_its_share(rate: Fraction, calls: list[tuple[int, int]]) -> None:
    """Between any two calls, stalls or not, at most the burst plus span / interval records go."""
    setting = bucket_setting(rate)
    granted = grants(setting, calls)
    for first in range(len(granted)):
        total = 0
        for now, count in granted[first:]:
            total += count
            span = now - granted[first][0]
            assert total <= (setting.tolerance_ticks + span) // setting.interval_ticks


@pytest.mark.parametrize("rate", RATES, ids=str)
@given(gaps_ns=st.lists(st.integers(1, 1_500_000), min_size=1, max_size=200))
def test_whoever_keeps_to_the_schedule_is_never_held_up(rate: Fraction, gaps_ns: list[int]) -> None:
    """The bucket binds after stalls only: polled at least every 1.5 ms, all that is due is granted at once."""
    setting = bucket_setting(rate)
    now_ns, sent, calls = 0, 0, []
    for gap_ns in [0, *gaps_ns]:
        now_ns += gap_ns
        due = int(rate * now_ns / 10**9) + 1
        calls.append((gap_ns, due - sent))
        sent = due
    assert [count for _, count in grants(setting, calls)] == [wanted for _, wanted in calls]


@pytest.mark.parametrize(
    ("rate", "interval_ticks", "burst_count"),
    [
        (Fraction(1), 4 * TICKS_PER_S // 5, 1),
        (Fraction(100_000), 8_192_000, 250),
        (Fraction(10**6), 819_200, 2_500),
        (Fraction(10**12), 1, 2_048_000_000),
        (Fraction(10**15), 1, 2_048_000_000),
    ],
)
def test_settings_of_known_rates(rate: Fraction, interval_ticks: int, burst_count: int) -> None:
    """The cap is 5/4 of the rate, the burst 2 ms of the cap or one record."""
    setting = bucket_setting(rate)
    assert (setting.interval_ticks, setting.burst_count) == (interval_ticks, burst_count)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_cap_is_right_to_a_millionth(rate: Fraction) -> None:
    """Ticks of 1/1024 ns are fine enough that rounding an interval hardly moves the cap."""
    cap = Fraction(TICKS_PER_S, bucket_setting(rate).interval_ticks)
    assert 1 <= cap / (rate * DEFAULT_CATCH_UP) < 1 + Fraction(2, 10**6)
