"""Dates, times and timestamps: from Arrow's own types and from ISO 8601 text. Nothing is rounded.

A zone is made explicit: timestamps without one are read as UTC where the schema asks for an instant, and the plan notes
it; where the schema asks for a local timestamp, an instant gives the wall clock of its own column's zone. Text without
and with a zone is told apart row by row; text with a zone is no local timestamp. Bare numbers are never taken for
times: whether they count seconds or milliseconds must be said.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fit import Attempt, Cast, Fitted, because, by_attempts

_INEXACT = "inexact"
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"
_STAMP = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"


def temporal_cast(source: pa.DataType, target: pa.DataType) -> Cast | None:
    """The cast from a date, time or timestamp to another of the same nature, None when there is none."""
    types = pa.types
    if source == target:
        return Fitted
    if types.is_date(source) and types.is_date(target):
        return by_attempts([lambda array: array.cast(target)], because(_INEXACT, "a date without a time of day"))
    if types.is_time(source) and types.is_time(target):
        return by_attempts([lambda array: array.cast(target)], because(_INEXACT, f"a time in whole {_unit(target)}"))
    if types.is_timestamp(source) and types.is_timestamp(target):
        return by_attempts([_timestamp(source, target)], because(_INEXACT, f"a timestamp in whole {_unit(target)}"))
    return None


def zone_note(source: Any, target: Any) -> str:
    """What a user should know about the zones of a column, empty when they agree."""
    if not (pa.types.is_timestamp(source) and pa.types.is_timestamp(target)) or bool(source.tz) == bool(target.tz):
        return ""
    return "has no zone and is read as UTC" if target.tz else f"becomes the wall clock of its zone {source.tz}"


def text_into_temporal(target: Any) -> Cast:
    """ISO 8601 text into a date, a time or a timestamp."""
    if pa.types.is_date(target):
        return by_attempts([lambda array: array.cast(target)], because("bad_date", "a date like 2024-02-29"), _DATE)
    if pa.types.is_time(target):
        return by_attempts(
            [lambda array: _time_text(array, target)], because("bad_time", "a time like 09:30:00"), _TIME
        )
    if target.tz is None:
        local = [_text_as(target, "", target.unit), _text_as(target, "", "ns")]
        return by_attempts(
            local,
            because("bad_timestamp", f"a timestamp like 2024-02-29T09:30:00 in {_unit(target)}, without a zone"),
            _STAMP,
        )
    zoned = [_text_as(target, tz, unit) for unit in (target.unit, "ns") for tz in ("UTC", "")]
    return by_attempts(
        zoned, because("bad_timestamp", f"a timestamp like 2024-02-29T09:30:00Z in {_unit(target)}"), _STAMP
    )


def _unit(kind: Any) -> str:
    return {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[kind.unit]


def _timestamp(source: Any, target: Any) -> Attempt:
    if target.tz is None and source.tz is not None:
        return lambda array: pc.local_timestamp(array).cast(target)
    return lambda array: array.cast(target)


def _text_as(target: Any, zone: str, unit: Any) -> Attempt:
    """Text of one spelling; nanoseconds take ``.120000000`` too, which says no more than the unit holds."""
    read_as = pa.timestamp(unit, zone or None)
    return lambda array: array.cast(read_as).cast(target)


def _time_text(array: Any, target: Any) -> Any:
    # Arrow reads no times of day, but timestamps: on the first day of the epoch they are the same.
    stamps = pc.binary_join_element_wise("1970-01-01T", array, "").cast(pa.timestamp("us"))
    return stamps.cast(pa.time64("us")).cast(target)
