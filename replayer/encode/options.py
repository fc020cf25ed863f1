"""What a user can say about the make-up of a record. Light to import: the command line needs it first."""

from __future__ import annotations

from dataclasses import dataclass

VALUE_FORMATS = ("avro", "json")
PARTITIONERS = ("murmur2", "crc32", "round-robin")
KEY_FORMATS = ("string", "json", "avro", "raw")
JSON_TIMESTAMPS = ("iso", "epoch")
TIMESTAMP_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class TimestampOptions:
    """Where the timestamp of a record comes from."""

    column: str
    unit: str | None = None
    """One of TIMESTAMP_UNITS, for a column of numbers; other columns know their own."""
    zone: str | None = None
    """A zone of the IANA database, for dates and for timestamps without one."""


HEADERS_MAX = 64
"""Headers of a record at most: more than anybody wants, and a bound on what they take besides names and values."""
HEADER_ORIGINS = ("run", "file", "row")


@dataclass(frozen=True)
class HeaderRule:
    """One header of every record."""

    name: str
    source: str
    """``text``, ``column``, or one of HEADER_ORIGINS."""
    value: str = ""
    """The text, or the column's name."""


@dataclass(frozen=True)
class TombstoneRule:
    """Which rows become a null value: those whose column has this text, or where it is true."""

    column: str
    value: str | None = None


@dataclass(frozen=True)
class RecordOptions:
    """How a record is made from a row."""

    key_columns: tuple[str, ...] = ()
    """The columns of the key, in order; none makes keyless records."""
    key_format: str = "string"
    """One of KEY_FORMATS."""
    timestamp: TimestampOptions | None = None
    """None leaves the timestamp to the producer: the moment of the send."""
    headers: tuple[HeaderRule, ...] = ()
    partitioner: str = "murmur2"
    """One of PARTITIONERS."""
    partition_column: str | None = None
    """Stands for any partitioner."""
    tombstone: TombstoneRule | None = None
    value_format: str = "avro"
    """One of VALUE_FORMATS."""
    json_timestamps: str = "iso"
    """One of JSON_TIMESTAMPS: ISO 8601, or counts of the unit since 1970."""
