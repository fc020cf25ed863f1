"""What ends a run before its dataset does, or makes it read the dataset again. Light to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LimitOptions:
    """How much is sent; whichever limit comes first ends the run."""

    max_records: int | None = None
    """Accepted records over all loops; None sets no limit."""
    duration_ns: int | None = None
    """Time from the first due record; None sets no limit."""
    loops: int | None = 1
    """How often the dataset is read; None reads it until another limit or the user ends the run."""
