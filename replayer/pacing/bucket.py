"""What the token bucket is set to: its interval and burst, from a rate and a catch-up factor."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

TICKS_PER_S = 1024 * 10**9
DEFAULT_CATCH_UP = Fraction(5, 4)
_BURST_NS = 2_000_000


@dataclass(frozen=True)
class BucketSetting:
    """Interval between records and tolerance, in ticks of 1/1024 ns; ``burst_count`` is what may go at one instant."""

    interval_ticks: int
    tolerance_ticks: int

    @property
    def burst_count(self) -> int:
        """The most records that are granted at one instant."""
        return self.tolerance_ticks // self.interval_ticks


def bucket_setting(rate_per_s: Fraction, catch_up: Fraction = DEFAULT_CATCH_UP) -> BucketSetting:
    """The bucket for a rate: its cap is ``catch_up`` times the rate, so it binds only after stalls.

    The burst is two steps of the wake grid at the cap, or one record where the rate is lower than that: a wake that
    comes half a step late must not be throttled.
    """
    interval = max(1, int(TICKS_PER_S / (rate_per_s * catch_up)))
    return BucketSetting(interval, max(interval, _BURST_NS * 1024))
