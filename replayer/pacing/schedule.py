"""Schedules: pure functions from a record's index to its due offset in nanoseconds after the start.

No interval is ever added up, so nothing drifts: ``due = floor(index * 10**9 / rate)`` in exact integers.
A schedule knows no clock; ``pacing.clock_map`` says when a due offset is on the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

NS_PER_S = 10**9

NEVER_NS = 2**62
"""146 years after the start: later due offsets are cut to this, so that a clock time can be added to them in int64."""


class Schedule(Protocol):
    """When each record is due, as a monotone function of its index."""

    def due_offsets_ns(self, first_index: int, count: int) -> npt.NDArray[np.int64]:
        """Due offsets of ``count`` consecutive records from ``first_index`` on; never falling."""
        ...

    def count_before(self, offset_ns: int) -> int:
        """How many records are due strictly before ``offset_ns``."""
        ...

    @property
    def rate_per_s(self) -> Fraction:
        """The rate that the token bucket's cap is a multiple of."""
        ...


@dataclass(frozen=True)
class ConstantRate:
    """``rate_per_s`` records a second, exact for any rational rate and any index."""

    rate_per_s: Fraction

    def __post_init__(self) -> None:
        if self.rate_per_s <= 0:
            raise ValueError(f"a rate must be above 0, not {self.rate_per_s}")

    def due_offsets_ns(self, first_index: int, count: int) -> npt.NDArray[np.int64]:
        """Due offsets of ``count`` records from ``first_index`` on, int64 nanoseconds, at most NEVER_NS.

        Python's integers carry the first one; the others are that one plus exact steps, so that int64 cannot overflow
        however far the run has come.
        """
        numerator, denominator = self.rate_per_s.numerator, self.rate_per_s.denominator
        first_due, first_rest = divmod(first_index * NS_PER_S * denominator, numerator)
        whole_step, step_rest = divmod(NS_PER_S * denominator, numerator)
        last_due = first_due + count * (whole_step + 1)
        if max(numerator, first_rest + count * step_rest) >= 2**63 or last_due > NEVER_NS:
            # A rate with some twenty digits, or a record a century.
            exact = (first_due + k * whole_step + (first_rest + k * step_rest) // numerator for k in range(count))
            return np.fromiter((min(due, NEVER_NS) for due in exact), np.int64, count)
        k = np.arange(count, dtype=np.int64)
        return first_due + k * whole_step + (first_rest + k * step_rest) // numerator

    def count_before(self, offset_ns: int) -> int:
        """The number of indices i with ``floor(i * 10**9 / rate) < offset_ns``."""
        if offset_ns <= 0:
            return 0
        # floor(x) < n for integer n exactly when x < n: the count is the smallest i with i * 10**9 / rate >= offset.
        numerator, denominator = self.rate_per_s.numerator, self.rate_per_s.denominator
        return -(-offset_ns * numerator // (NS_PER_S * denominator))


def cut_by_span(due_ns: npt.NDArray[np.int64], span_ns: int) -> Sequence[tuple[int, int]]:
    """Split never-falling due offsets into pieces ``(first, end)``, each due within ``span_ns`` of its first."""
    pieces = []
    first = 0
    while first < len(due_ns):
        end = int(np.searchsorted(due_ns, due_ns[first] + span_ns, side="left"))
        end = max(end, first + 1)
        pieces.append((first, end))
        first = end
    return pieces
