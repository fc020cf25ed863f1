"""What a user can say about time. Light to import: the command line needs it before it does anything."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class PacingOptions:
    """When records go."""

    rate: Fraction | None = None
    """Records per second of the whole run, as an exact rational; None is ``max``: no pacing at all."""
