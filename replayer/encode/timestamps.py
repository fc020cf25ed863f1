"""Record timestamps from a column: whole milliseconds since 1970-01-01 UTC, whatever the column counts in.

==================  ==================================================================================================
column              its timestamp
==================  ==================================================================================================
timestamp           the instant, cut to milliseconds
local timestamp     the instant at which clocks in the given zone show it; of two such instants the first
date                midnight in the given zone
int, long           a count of the given unit since 1970-01-01 UTC, cut to milliseconds
float, double       the same, rounded to the nearest millisecond
==================  ==================================================================================================

Rows without a timestamp that Kafka can carry are found here and rejected by the caller: nulls, NaN, what lies before
1970 or on its first instant (Kafka refuses negative timestamps, and librdkafka reads 0 as *now*), what lies beyond the
year 9999, and local times that the given zone skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replayer.encode.options import TimestampOptions
from replayer.encode.text_columns import find_column
from replayer.encode.unfit import Unfit
from replayer.encode.zones import Zone
from replayer.errors import UsageError

_Array: TypeAlias = Any
_Int64s = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_Read = Callable[[_Array], tuple[_Int64s, _Mask]]

LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FLAG = "--timestamp-col"
_UTC_NAMES = ("UTC", "Etc/UTC", "Z")


@dataclass(frozen=True, slots=True)
class Timestamps:
    """The timestamps of a RecordBatch: one for each row, and which rows have none that Kafka can carry."""

    milliseconds: _Int64s
    unfit: tuple[Unfit, ...]


def make_timestamp_column(options: TimestampOptions | None, schema: pa.Schema) -> TimestampColumn | None:
    """The column of the timestamps, or None without one.

    ``schema`` is that of the coerced RecordBatches. Raises UsageError for a column that is not there or holds no times,
    and for a unit or a zone that is missing, not needed, or unknown.
    """
    if options is None:
        return None
    kind = find_column(_FLAG, options.column, schema)
    what = f"{_FLAG}: the column {options.column!r}"
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    is_local = pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)
    if not is_number and not is_local and not pa.types.is_timestamp(kind):
        raise UsageError(
            f"{what} is {kind}, which is no time",
            "name a column of timestamps, dates or numbers; a schema (--schema) says how text is read",
        )
    if is_number and options.unit is None:
        raise UsageError(f"{what} holds numbers ({kind})", "say of what since 1970: --timestamp-unit s, ms, us or ns")
    if not is_number and options.unit is not None:
        raise UsageError(f"{what} is {kind} and knows its own unit", "leave --timestamp-unit out")
    if is_local and options.zone is None:
        raise UsageError(f"{what} is {kind}, without a zone", "say which: --timestamp-zone UTC, or Europe/Berlin")
    if not is_local and options.zone is not None:
        raise UsageError(f"{what} is {kind}, which counts from 1970-01-01 UTC", "leave --timestamp-zone out")
    return TimestampColumn(options.column, _reader(kind, options))


def _reader(kind: pa.DataType, options: TimestampOptions) -> _Read:
    if pa.types.is_floating(kind):
        return lambda array: _from_floats(array, _PER_SECOND[options.unit or "ms"])
    if pa.types.is_integer(kind):
        return lambda array: _from_counts(_int64s(array), _PER_SECOND[options.unit or "ms"])
    if options.zone is None or options.zone in _UTC_NAMES:
        return _from_instants
    try:
        zone = Zone(options.zone)
    except UsageError as error:
        raise UsageError(f"--timestamp-zone: {error.message}", error.hint) from error
    return lambda array: _from_local(array, zone)


class TimestampColumn:
    """Reads the timestamps of RecordBatches, column by column."""

    def __init__(self, name: str, read: _Read) -> None:
        self._name, self._read = name, read

    def read(self, batch: pa.RecordBatch) -> Timestamps:
        """One timestamp a row; where a row is unfit it means nothing."""
        array: _Array = batch.column(self._name)
        is_null = array.is_null().to_numpy(zero_copy_only=False)
        milliseconds, is_skipped = self._read(array)
        is_outside = ((milliseconds < 1) | (milliseconds > LAST_MS)) & ~is_null & ~is_skipped
        found = (
            (is_null, "null_timestamp", "the record's timestamp comes from this column, which is null"),
            (is_skipped & ~is_null, "no_such_time", "no clock of the zone showed this time: it was set forward"),
            (is_outside, "timestamp_out_of_range", "a record's timestamp lies after 1970-01-01T00:00:00Z, up to 9999"),
        )
        return Timestamps(
            milliseconds, tuple(Unfit(rows, self._name, reason, detail) for rows, reason, detail in found if rows.any())
        )


def _from_counts(counts: _Int64s, per_second: int) -> tuple[_Int64s, _Mask]:
    if per_second >= 1_000:
        return counts // (per_second // 1_000), np.zeros(len(counts), np.bool_)
    factor = 1_000 // per_second
    return np.clip(counts, -1, LAST_MS // factor + 1) * factor, np.zeros(len(counts), np.bool_)


def _from_floats(array: _Array, per_second: int) -> tuple[_Int64s, _Mask]:
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    scaled = np.rint(numbers * 1_000 / per_second)
    is_inside = (scaled >= 1) & (scaled <= LAST_MS)
    return np.where(is_inside, scaled, 0).astype(np.int64), np.zeros(len(numbers), np.bool_)


def _from_instants(array: _Array) -> tuple[_Int64s, _Mask]:
    return _from_counts(*_counts(array))


def _from_local(array: _Array, zone: Zone) -> tuple[_Int64s, _Mask]:
    """Also tells which of the times the zone skipped."""
    local, per_second = _counts(array)
    instants, is_skipped = zone.instants(local, per_second)
    return _from_counts(instants, per_second)[0], is_skipped


def _counts(array: _Array) -> tuple[_Int64s, int]:
    """What a column of dates or timestamps counts, and how many of that make a second; 0 for null."""
    if pa.types.is_date(array.type):
        return array.view(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64) * 86_400, 1
    return _int64s(array.view(pa.int64())), _PER_SECOND[array.type.unit]


def _int64s(array: _Array) -> _Int64s:
    numbers: _Int64s = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers
