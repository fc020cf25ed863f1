"""What a user can say about the make-up of a record. Light to import: the command line needs it first."""

from __future__ import annotations

from dataclasses import dataclass

TIMESTAMP_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class TimestampOptions:
    """Where the timestamp of a record comes from."""

    column: str
    unit: str | None = None
    """One of TIMESTAMP_UNITS, for a column of numbers; other columns know their own."""
    zone: str | None = None
    """A zone of the IANA database, for dates and for timestamps without one."""


@dataclass(frozen=True)
class RecordOptions:
    """How a record is made from a row."""

    key_columns: tuple[str, ...] = ()
    """The columns of the key, in order; none makes keyless records."""
    timestamp: TimestampOptions | None = None
    """None leaves the timestamp to the producer: the moment of the send."""
