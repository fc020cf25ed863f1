"""A moment of a run, as progress lines and dashboards show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """Counts since the start and rates over the last interval; None where nothing was measured."""

    elapsed_ns: int
    """Since the first record was due; 0 before."""
    state: str
    """``starting``, ``running``, ``draining``, ``done`` or ``dry run``."""
    total_records: int | None
    """How many records the run will send where that is known beforehand."""
    rows_read: int
    rejected: int
    encoded: int
    attempted: int
    delivered: int
    failed: int
    unknown: int
    in_flight: int
    """Attempted and not yet reported."""
    rate_per_s: float | None
    """Delivered per second over the last interval."""
    asked_rate_per_s: float | None
    """None means ``max``."""
    lag_p99_ns: int | None
    """Of the last interval; None at ``max`` or before a record was sent."""
    eta_ns: int | None
