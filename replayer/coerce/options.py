"""What a user can say about rows that do not fit. Light to import: the command line needs it first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from replayer.errors import UsageError

POLICIES = ("keep", "count", "stop")
WINDOW_ROWS = 10_000
"""A share is watched over this many rows, so that a bad stretch ends a long run before it has gone through it all."""

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%\Z")


@dataclass(frozen=True)
class ErrorBudget:
    """How many rows may be rejected: a number over the whole run, or a share of them; one of the two is given."""

    count: int | None = None
    share: Fraction | None = None

    def __str__(self) -> str:
        """As it is written for ``--max-rejects``."""
        if self.share is not None:
            return f"{float(self.share * 100):g}%"
        return f"{self.count or 0:,}"

    @property
    def rows_allowed(self) -> int:
        """Rejected rows of the whole run, or of a window of WINDOW_ROWS rows."""
        return self.count or 0 if self.share is None else int(self.share * WINDOW_ROWS)


@dataclass(frozen=True)
class RejectOptions:
    """What becomes of rejected rows, and how many there may be."""

    file: str | None = None
    """NDJSON, or Parquet when it ends in ``.parquet``; None only counts them."""
    policy: str = "keep"
    """One of POLICIES: ``count`` keeps none and lets a run with rejects succeed, ``stop`` ends it at the first."""
    budget: ErrorBudget | None = None
    """None sets no limit, and no run with rejects succeeds."""


def parse_budget(text: str) -> ErrorBudget:
    """``100`` rows of a run, or ``0.5%`` of them."""
    cleaned = text.strip().replace("_", "")
    if cleaned.isdecimal() and cleaned.isascii():
        return ErrorBudget(count=int(cleaned))
    match = _PERCENT.match(cleaned)
    if match is not None and Fraction(match.group(1)) <= 100:
        return ErrorBudget(share=Fraction(match.group(1)) / 100)
    raise UsageError(f"{text!r} is no number of rows and no share of them", "write it like 100 or 0.5%")
