"""The log-linear histogram against the percentiles of the sorted values themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.metrics import histogram
from replayer.metrics.histogram_kernels import bucket_index, record

SHARES = (0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 1.0)

values = st.one_of(
    st.integers(0, 5_000),
    st.integers(0, histogram.MAX_VALUE),
    st.integers(0, histogram.MAX_BITS - 1).map(lambda bits: 1 << bits),
)


def of(recorded: list[int]) -> histogram.Words:
    words = histogram.empty()
    for value in recorded:
        record(words, value, 1)
    return words


@given(value=st.integers(0, histogram.MAX_VALUE))
def test_a_value_lies_in_its_bucket(value: int) -> None:
    """The bucket of a value holds it, and is never wider than a thousandth of it."""
    low, high = histogram.bucket_bounds(bucket_index(value))
    assert low <= value <= high
    assert (high - low) * 1024 <= max(0, value)


def test_buckets_follow_each_other_without_gap() -> None:
    """From 0 to the largest value every number has exactly one bucket."""
    next_low = 0
    for index in range(histogram.BUCKET_COUNT):
        low, high = histogram.bucket_bounds(index)
        assert low == next_low <= high
        next_low = high + 1
    assert next_low == histogram.MAX_VALUE + 1


@pytest.mark.parametrize(
    ("value", "counts_as"),
    [(-1, 0), (-(2**40), 0), (histogram.MAX_VALUE + 1, histogram.MAX_VALUE), (2**62, histogram.MAX_VALUE)],
)
def test_values_out_of_bounds_count_at_the_bounds(value: int, counts_as: int) -> None:
    """A clock that went back or a record of three hours still counts, at the edge."""
    words = of([value])
    assert (words[histogram.COUNT], words[histogram.SUM]) == (1, counts_as)
    assert words[bucket_index(counts_as)] == 1
    assert words[: histogram.BUCKET_COUNT].sum() == 1


@settings(max_examples=200)
@given(recorded=st.lists(values, min_size=1, max_size=300))
def test_percentiles_have_three_significant_digits(recorded: list[int]) -> None:
    """Each percentile is within 0.05 % of the one that NumPy finds in the values themselves."""
    words = of(recorded)
    for share in SHARES:
        exact = float(np.percentile(recorded, share * 100, method="inverted_cdf"))
        found = histogram.percentile(words, share)
        assert found is not None
        assert math.isclose(found, exact, rel_tol=0.0005, abs_tol=0.5)


def test_percentiles_of_a_million_values() -> None:
    """Latencies as they come: lognormal, a million of them, every percentile within 0.05 %."""
    random = np.random.default_rng(20_240_229)
    recorded = random.lognormal(mean=13.8, sigma=1.5, size=1_000_000).astype(np.int64)
    words = histogram.empty()
    for value, times in zip(*np.unique(recorded, return_counts=True), strict=True):
        record(words, int(value), int(times))
    summary = histogram.summarise(words)
    assert summary is not None
    assert summary.count == 1_000_000
    assert summary.mean == pytest.approx(recorded.mean(), rel=1e-12)
    assert (summary.minimum, summary.maximum) == (recorded.min(), recorded.max())
    found = [summary.p50, summary.p90, summary.p99, summary.p999]
    ranks = [500_000, 900_000, 990_000, 999_000]
    assert found == pytest.approx(np.sort(recorded)[np.array(ranks) - 1].tolist(), rel=0.0005)


@given(parts=st.lists(st.lists(values, max_size=40), max_size=5))
def test_a_merge_is_the_histogram_of_all_values(parts: list[list[int]]) -> None:
    """Workers' histograms add up: the merged one is, word for word, that of the union."""
    merged = histogram.merge([of(part) for part in parts])
    assert merged.tolist() == of([value for part in parts for value in part]).tolist()


@given(first=st.lists(values, max_size=40), later=st.lists(values, max_size=40), times=st.integers(1, 1000))
def test_recording_adds_up(first: list[int], later: list[int], times: int) -> None:
    """Recording a value n times is recording it n times over."""
    words = of(first)
    for value in later:
        record(words, value, times)
    assert words.tolist() == of(first + [value for value in later for _ in range(times)]).tolist()


def test_nothing_recorded_has_no_percentile() -> None:
    """An empty histogram says that it is empty instead of 0."""
    assert histogram.percentile(histogram.empty(), 0.5) is None
    assert histogram.summarise(histogram.empty()) is None
    assert histogram.summarise(histogram.merge([])) is None


def test_zero_is_a_value() -> None:
    """A percentile of 0 ns is 0, and no missing value."""
    summary = histogram.summarise(of([0, 0, 0]))
    assert summary == histogram.Summary(3, 0.0, 0, 0, 0, 0, 0, 0)


def test_what_came_since_a_snapshot() -> None:
    """The difference of two snapshots gives percentiles of what was recorded between them."""
    words = of([10, 20, 30])
    before = words.copy()
    for value in (5_000, 6_000, 7_000):
        record(words, value, 1)
    recent = words - before
    recent[histogram.COUNT :] = 0
    found = histogram.percentile(recent, 0.5)
    assert found is not None
    assert math.isclose(found, 6_000, rel_tol=0.0005)
