"""Schedules: when each record is due, in exact integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.pacing.schedule import NEVER_NS, NS_PER_S, ConstantRate, cut_by_span

RATES = (
    Fraction(1, 3), Fraction(1, 86_400), Fraction(1), Fraction(7), Fraction(99), Fraction(1, 2), Fraction(600_000),
    Fraction(333_333_333_333, 7), Fraction(10**9), Fraction(10**9 + 1), Fraction(10**12 + 39),
    Fraction(2**63 + 1, 2**61), Fraction(2**64 + 1), Fraction(10**30 + 57, 10**24 + 7),
)  # fmt: skip
rates = st.one_of(
    st.sampled_from(RATES),
    st.fractions(min_value=Fraction(1, 10**6), max_value=10**7, max_denominator=10**6),
    st.builds(Fraction, st.integers(1, 10**20), st.integers(1, 10**9)),
)


def due_of(rate: Fraction, index: int) -> int:
    """The definition: floor of index / rate in nanoseconds, computed with rationals; no later than never."""
    return min(math.floor(Fraction(index) / rate * 10**9), NEVER_NS)


@pytest.mark.parametrize(
    ("rate", "first_index", "expected_ns"),
    [
        (Fraction(7), 0, [0, 142_857_142, 285_714_285, 428_571_428, 571_428_571, 714_285_714, 857_142_857, 10**9]),
        (Fraction(1, 2), 0, [0, 2 * 10**9, 4 * 10**9]),
        (Fraction(1, 3), 5, [15 * 10**9, 18 * 10**9]),
        (Fraction(600_000), 600_000 * 3600, [3600 * 10**9, 3600 * 10**9 + 1_666, 3600 * 10**9 + 3_333]),
        (Fraction(4 * 10**9), 0, [0, 0, 0, 0, 1, 1, 1, 1, 2]),
        (Fraction(10**9), 10**12, [10**12, 10**12 + 1]),
    ],
)
def test_due_offsets_of_known_rates(rate: Fraction, first_index: int, expected_ns: list[int]) -> None:
    """Offsets that can be checked by hand; at 600,000/s the first record of the second hour is due on the hour."""
    due_ns = ConstantRate(rate).due_offsets_ns(first_index, len(expected_ns))
    assert due_ns.dtype == np.int64
    assert due_ns.tolist() == expected_ns


@given(rate=rates, first_index=st.integers(0, 10**13), count=st.integers(0, 300))
def test_due_offsets_are_exact(rate: Fraction, first_index: int, count: int) -> None:
    """Every offset is the floor of index / rate, for any rational rate and however far the run has come."""
    due_ns = ConstantRate(rate).due_offsets_ns(first_index, count)
    assert due_ns.tolist() == [due_of(rate, first_index + k) for k in range(count)]


@given(rate=rates, first_index=st.integers(0, 10**12), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_due_offsets_do_not_depend_on_how_they_are_asked_for(rate: Fraction, first_index: int, cuts: list[int]) -> None:
    """Pieces of a schedule, whatever their sizes, are the schedule: a RecordBatch's length changes no due time."""
    schedule = ConstantRate(rate)
    whole = schedule.due_offsets_ns(first_index, sum(cuts)).tolist()
    pieces = []
    for count in cuts:
        pieces += schedule.due_offsets_ns(first_index + len(pieces), count).tolist()
    assert pieces == whole
    assert whole == sorted(whole)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_drift_after_a_million_million_records(rate: Fraction) -> None:
    """The 10**12th record is as exact as the first: nothing is added up on the way."""
    assert ConstantRate(rate).due_offsets_ns(10**12, 1).tolist() == [due_of(rate, 10**12)]


@given(rate=rates, offset_ns=st.integers(-(10**9), 10**15))
def test_count_before_is_the_inverse_of_due_offsets(rate: Fraction, offset_ns: int) -> None:
    """The record with index ``count_before`` is the first that is not due before the offset."""
    count = ConstantRate(rate).count_before(offset_ns)
    assert count == 0 or due_of(rate, count - 1) < offset_ns
    assert due_of(rate, count) >= offset_ns


@given(rate=rates, start_ns=st.integers(0, 10**13), span_ns=st.integers(0, 10**10))
def test_any_interval_holds_the_exact_count(rate: Fraction, start_ns: int, span_ns: int) -> None:
    """Any span holds rate x span records, give or take the one that its edges cut."""
    schedule = ConstantRate(rate)
    count = schedule.count_before(start_ns + span_ns) - schedule.count_before(start_ns)
    exact = rate * span_ns / NS_PER_S
    assert math.floor(exact) <= count <= math.ceil(exact)


@pytest.mark.parametrize(
    ("rate", "duration_ns", "expected"),
    [
        (Fraction(7), 2 * NS_PER_S, 14),
        (Fraction(100_000), 60 * NS_PER_S, 6_000_000),
        (Fraction(1, 2), 5 * NS_PER_S, 3),
        (Fraction(1, 10), NS_PER_S, 1),
        (Fraction(333_333_333_333, 7), 7 * NS_PER_S, 333_333_333_333),
        (Fraction(3 * 10**9), 1, 3),
        (Fraction(7), 0, 0),
        (Fraction(7), -5, 0),
    ],
)
def test_count_before_of_known_rates(rate: Fraction, duration_ns: int, expected: int) -> None:
    """How many records a duration holds; the first is due at once, so half a record a second sends 3 within 5 s."""
    assert ConstantRate(rate).count_before(duration_ns) == expected


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(-1)])
def test_a_rate_of_nothing_is_refused(rate: Fraction) -> None:
    """A schedule that never comes to its next record is a mistake of its maker."""
    with pytest.raises(ValueError, match="above 0"):
        ConstantRate(rate)


@given(gaps=st.lists(st.integers(0, 20), max_size=200), first=st.integers(0, 10**15), span_ns=st.integers(1, 60))
def test_cut_by_span_covers_everything_once(gaps: list[int], first: int, span_ns: int) -> None:
    """Pieces follow each other without gap, none is empty, each stays within its span, and none could be longer."""
    due_ns = first + np.cumsum(np.array(gaps, np.int64))
    pieces = list(cut_by_span(due_ns, span_ns))
    assert [position for piece in pieces for position in range(*piece)] == list(range(len(due_ns)))
    for piece_first, piece_end in pieces:
        assert piece_end > piece_first
        assert due_ns[piece_end - 1] - due_ns[piece_first] < span_ns
        assert piece_end == len(due_ns) or due_ns[piece_end] - due_ns[piece_first] >= span_ns


def test_a_schedule_slower_than_the_span_gives_pieces_of_one_record() -> None:
    """Records further apart than the span have a piece each, and none waits in a slot for the next."""
    due_ns = ConstantRate(Fraction(19)).due_offsets_ns(12_345, 500)
    assert list(cut_by_span(due_ns, 50_000_000)) == [(k, k + 1) for k in range(500)]
