"""Window statistics of stored CreateTimes, by hand-made counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.windows import counts_per_ms, evenness


def test_counts_cover_every_millisecond_between_the_first_and_the_last() -> None:
    """Times may come in any order; a millisecond without a record counts 0."""
    times = np.array([1005, 1002, 1002, 1003, 1005, 1005])
    assert counts_per_ms(times).tolist() == [2, 1, 0, 3]


def test_an_even_stream_has_no_error_and_only_good_windows() -> None:
    """100 records in each of 102 milliseconds are 100,000 a second, and ten whole windows of 1,000."""
    even = evenness(np.full(102, 100), 100_000)
    assert even.rate_error_ppm == 0
    assert (even.record_count, even.span_ms, even.window_count) == (10_200, 101, 10)
    assert (even.share_within, even.smallest, even.largest) == (1.0, 1000, 1000)


@pytest.mark.parametrize(
    ("moved", "share"),
    [
        (10, 1.0),  # 990 and 1010 are exactly 1 % off, and count as within
        (11, 0.8),  # 989 and 1011 do not
        (100, 0.8),
    ],
)
def test_records_that_slip_into_the_next_window_spoil_both(moved: int, share: float) -> None:
    """A window counts as even up to and including 1 %."""
    counts = np.full(102, 100)
    counts[10] -= moved  # the last millisecond of the first window, as millisecond 0 is in none
    counts[11] += moved
    assert evenness(counts, 100_000).share_within == pytest.approx(share)


def test_the_first_and_last_millisecond_do_not_count() -> None:
    """They may be cut in the middle, so that their counts say nothing."""
    counts = np.full(22, 100)
    counts[0], counts[-1] = 1, 1
    even = evenness(counts, 100_000)
    assert (even.share_within, even.rate_error_ppm) == (1.0, 0.0)


@pytest.mark.parametrize(("per_ms", "ppm"), [(101, 10_000), (99, -10_000)])
def test_the_rate_error_is_signed(per_ms: int, ppm: float) -> None:
    """Faster than asked is above 0: 101,000/s are 10,000 ppm too fast."""
    assert evenness(np.full(1002, per_ms), 100_000).rate_error_ppm == pytest.approx(ppm)


def test_too_short_a_stream_is_refused() -> None:
    """Without one whole window there is nothing to say."""
    with pytest.raises(ValueError, match="too few"):
        evenness(np.full(11, 100), 100_000)
