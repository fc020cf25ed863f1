"""What was typed about the make-up of a record, as RecordOptions. Light to import, as options.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replayer.encode.options import RecordOptions, TimestampOptions
from replayer.errors import UsageError


def parse_columns(text: str) -> tuple[str, ...]:
    """Names of columns between commas, each once."""
    columns = tuple(column.strip() for column in text.split(","))
    if not all(columns):
        raise UsageError(f"{text!r} names an empty column", "write it like customer_id or country,city")
    doubled = sorted({column for column in columns if columns.count(column) > 1})
    if doubled:
        raise UsageError(f"{text!r} names {', '.join(doubled)} more than once")
    return columns


def record_options(values: Mapping[str, Any]) -> RecordOptions:
    """The options from parsed values by the names of ``config.Option``. Raises UsageError where two do not agree."""
    column, unit, zone = (values.get(f"timestamp_{name}") for name in ("col", "unit", "zone"))
    if column is None and (unit is not None or zone is not None):
        flag = "--timestamp-unit" if unit is not None else "--timestamp-zone"
        raise UsageError(f"{flag} says how a column is read, but none is named", "add --timestamp-col COLUMN")
    return RecordOptions(
        key_columns=values.get("key", ()),
        timestamp=None if column is None else TimestampOptions(column, unit, zone),
    )
