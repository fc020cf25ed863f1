"""What a user can say about the make-up of a record. Light to import: the command line needs it first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecordOptions:
    """How a record is made from a row."""

    key_columns: tuple[str, ...] = ()
    """The columns of the key, in order; none makes keyless records."""
