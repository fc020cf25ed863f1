"""What an inspection found; text, JSON and the project file are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ColumnFound:
    """One column of the dataset."""

    name: str
    field: str
    """The field of the schema, which is called differently where Avro forbids the name."""
    type: str
    """The Avro type in short, like ``decimal(18, 2)``; every field is nullable."""
    evidence: str
    null_count: int
    null_share: float | None
    """None without rows."""
    min: str | None
    """As text; None without a value and for types that have no order."""
    max: str | None
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """A column that is fit for something, and why."""

    column: str
    reason: str


@dataclass(frozen=True)
class UnfitRows:
    """Rows that would be rejected, by reason and column, and the first of them."""

    reason: str
    column: str
    count: int
    first_file: str
    first_row: int
    first_detail: str


@dataclass(frozen=True)
class Inspection:
    """All that is known of a dataset after it was read."""

    files: tuple[str, ...]
    format: str
    size_bytes: int
    rows: int
    """Rows that were looked at, unfit ones included."""
    is_whole: bool
    """Whether these are all there are."""
    columns: tuple[ColumnFound, ...]
    unfit: tuple[UnfitRows, ...]
    key: Suggestion | None
    event_time: Suggestion | None
    record_bytes: float | None
    """Bytes of an average value as Avro, with the five bytes of the registry's framing; None without a record."""
    notes: tuple[str, ...]
    schema: dict[str, Any]
    """The inferred Avro schema."""
