"""What a user can say about rows that do not fit. Light to import: the command line needs it first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RejectOptions:
    """Where rejected rows are kept."""

    file: str | None = None
    """NDJSON, one rejected row a line; None only counts them."""
