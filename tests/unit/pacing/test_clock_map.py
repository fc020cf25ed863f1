"""The map from due offsets to the clock, its compiled twin, and the wake grid."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.pacing.clock_map import MAX_SCALE_PART, WAKE_GRID_NS, ClockMap, last_wake_ns, next_wake_ns
from replayer.pacing.pacing_kernels import clock_at, nominal_at

DAY_NS = 86_400 * 10**9

scales = st.one_of(
    st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(7, 3), Fraction(2**31 - 1, 2**31 - 2)]),
    st.builds(Fraction, st.integers(1, MAX_SCALE_PART - 1), st.integers(1, MAX_SCALE_PART - 1)).filter(
        lambda scale: Fraction(1, 1000) <= scale <= 1000
    ),
)
maps = st.builds(ClockMap, st.integers(0, 30 * DAY_NS), st.integers(0, 300 * DAY_NS), scales)


def words(clock_map: ClockMap) -> tuple[int, int, int, int]:
    """The map as the kernels take it."""
    scale = clock_map.scale
    return clock_map.anchor_nominal_ns, clock_map.anchor_clock_ns, scale.numerator, scale.denominator


@given(clock_map=maps, nominal_ns=st.integers(0, 30 * DAY_NS))
def test_the_clock_time_is_the_exact_product_rounded_down(clock_map: ClockMap, nominal_ns: int) -> None:
    """clock = anchor + floor((nominal - anchor) x scale), in rationals; NumPy and the kernel agree with it."""
    elapsed = (nominal_ns - clock_map.anchor_nominal_ns) * clock_map.scale
    expected = clock_map.anchor_clock_ns + math.floor(elapsed)
    assert clock_map.to_clock_ns(np.array([nominal_ns])).tolist() == [expected]
    assert clock_at(nominal_ns, *words(clock_map)) == expected


@given(clock_map=maps, after_anchor_ns=st.integers(0, DAY_NS))
def test_nominal_is_the_inverse_of_clock(clock_map: ClockMap, after_anchor_ns: int) -> None:
    """What is due at a clock time is the largest offset whose clock time is not after it; the kernel says the same."""
    clock_ns = clock_map.anchor_clock_ns + after_anchor_ns
    nominal_ns = clock_map.to_nominal_ns(clock_ns)
    assert nominal_at(clock_ns, *words(clock_map)) == nominal_ns
    here, next_one = clock_map.to_clock_ns(np.array([nominal_ns, nominal_ns + 1])).tolist()
    assert here <= clock_ns < next_one


@given(clock_map=maps, first_ns=st.integers(0, DAY_NS), later_ns=st.integers(0, DAY_NS))
def test_a_map_keeps_the_order_of_records(clock_map: ClockMap, first_ns: int, later_ns: int) -> None:
    """Whatever the scale, what is due later in the schedule is not due earlier on the clock."""
    first, later = clock_map.to_clock_ns(np.array([first_ns, first_ns + later_ns])).tolist()
    assert first <= later


@pytest.mark.parametrize("scale", [Fraction(0), Fraction(-1), Fraction(2**31), Fraction(1, 2**31)])
def test_scales_out_of_bounds_are_refused(scale: Fraction) -> None:
    """A scale whose parts could overflow int64 in a kernel never becomes a map."""
    with pytest.raises(ValueError, match="scale"):
        ClockMap(0, 0, scale)


@given(after_ns=st.integers(0, 2**62), difference_ns=st.integers(-(2**61), 2**61))
def test_the_wake_grid_lies_half_past_each_millisecond_of_the_wall_clock(after_ns: int, difference_ns: int) -> None:
    """The next wake is the first point at or after, and a wall clock's millisecond is half over by then."""
    wake_ns = next_wake_ns(after_ns, difference_ns)
    assert 0 <= wake_ns - after_ns < WAKE_GRID_NS
    assert (wake_ns + difference_ns) % 1_000_000 == 500_000


@pytest.mark.parametrize(
    ("after_ns", "difference_ns", "expected"),
    [(500_000, 0, 500_000), (500_001, 0, 1_500_000), (0, 0, 500_000), (0, 700_000, 800_000), (0, 400_000, 100_000)],
)
def test_known_wakes(after_ns: int, difference_ns: int, expected: int) -> None:
    """On the grid stays; one nanosecond later is a whole step."""
    assert next_wake_ns(after_ns, difference_ns) == expected


@given(until_ns=st.integers(10**9, 2**62), difference_ns=st.integers(-(2**61), 2**61))
def test_the_last_wake_is_one_step_before_the_next(until_ns: int, difference_ns: int) -> None:
    """At or before the time asked for, less than a step away, and on the same grid as the next wake."""
    last_ns = last_wake_ns(until_ns, difference_ns)
    assert until_ns - WAKE_GRID_NS < last_ns <= until_ns
    assert next_wake_ns(last_ns, difference_ns) == last_ns
    assert next_wake_ns(until_ns + 1, difference_ns) == last_ns + WAKE_GRID_NS
