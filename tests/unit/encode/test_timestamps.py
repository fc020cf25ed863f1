"""Record timestamps from a column, against Python's own clock arithmetic."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.encode.options import TimestampOptions
from replayer.encode.timestamps import LAST_MS, make_timestamp_column
from replayer.errors import UsageError

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY_S = 86_400


def read(array: Any, unit: str | None = None, zone: str | None = None) -> list[int | str]:
    """The timestamp of each row, or the reason for which it has none."""
    batch = pa.record_batch([array], names=["at"])
    column = make_timestamp_column(TimestampOptions("at", unit, zone), batch.schema)
    assert column is not None
    found = column.read(batch)
    result: list[int | str] = found.milliseconds.tolist()
    for unfit in found.unfit:
        assert unfit.column == "at"
        for row in unfit.rows.nonzero()[0].tolist():
            assert isinstance(result[row], int), "one reason a row"
            result[row] = unfit.reason
    return result


NULL, OUTSIDE, SKIPPED = "null_timestamp", "timestamp_out_of_range", "no_such_time"


@pytest.mark.parametrize(
    ("values", "kind", "unit", "expected"),
    [
        ([1, 1_705_312_800], pa.int64(), "s", [1_000, 1_705_312_800_000]),
        ([1_705_312_800], pa.int32(), "s", [1_705_312_800_000]),
        ([1, 1_705_312_800_123], pa.int64(), "ms", [1, 1_705_312_800_123]),
        ([999, 1_000, 1_999], pa.int64(), "us", [OUTSIDE, 1, 1]),
        ([1_705_312_800_123_456_789, 999_999], pa.int64(), "ns", [1_705_312_800_123, OUTSIDE]),
        ([0, -1, None], pa.int64(), "ms", [OUTSIDE, OUTSIDE, NULL]),
        ([2**63 - 1, -(2**63), 253_402_300_799, 253_402_300_800], pa.int64(), "s",
         [OUTSIDE, OUTSIDE, 253_402_300_799_000, OUTSIDE]),
        ([253_402_300_799_999, 253_402_300_800_000], pa.int64(), "ms", [253_402_300_799_999, OUTSIDE]),
        ([1_705_312_800.123, 0.0014, 0.0004], pa.float64(), "s", [1_705_312_800_123, 1, OUTSIDE]),
        ([float("nan"), float("inf"), float("-inf"), 1e300, None], pa.float64(), "s", [OUTSIDE] * 4 + [NULL]),
        ([1.5e9], pa.float32(), "s", [1_500_000_000_000]),
        ([1_705_312_800_123, None, -5], pa.timestamp("ms", "UTC"), None, [1_705_312_800_123, NULL, OUTSIDE]),
        ([1_705_312_800_123_999], pa.timestamp("us", "UTC"), None, [1_705_312_800_123]),
        ([1_705_312_800_123_999_999], pa.timestamp("ns", "UTC"), None, [1_705_312_800_123]),
    ],
)  # fmt: skip
def test_counts_and_instants(values: list[Any], kind: pa.DataType, unit: str | None, expected: list[Any]) -> None:
    """Counts of any unit become milliseconds; what Kafka cannot carry is named and never bent."""
    array = pa.array(values, kind)
    assert read(array, unit) == expected
    padded = pa.array([None, *values, None], kind)
    assert read(padded.slice(1, len(values)), unit) == expected


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2024-01-15T10:00:00", "UTC", "2024-01-15T10:00:00+00:00"),
        ("2024-01-15T10:00:00", "Europe/Berlin", "2024-01-15T09:00:00+00:00"),
        ("2024-07-15T10:00:00", "Europe/Berlin", "2024-07-15T08:00:00+00:00"),
        ("2024-03-31T01:59:59.999", "Europe/Berlin", "2024-03-31T00:59:59.999+00:00"),
        ("2024-03-31T02:30:00", "Europe/Berlin", SKIPPED),
        ("2024-03-31T03:00:00", "Europe/Berlin", "2024-03-31T01:00:00+00:00"),
        ("2024-10-27T02:30:00", "Europe/Berlin", "2024-10-27T00:30:00+00:00"),
        ("2024-10-27T03:00:00", "Europe/Berlin", "2024-10-27T02:00:00+00:00"),
        ("2024-11-03T01:30:00", "America/New_York", "2024-11-03T05:30:00+00:00"),
    ],
)
@pytest.mark.parametrize("machine_zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_case_14_local_times_in_a_given_zone(
    monkeypatch: pytest.MonkeyPatch, local: str, zone: str, expected: str, machine_zone: str, unit: str
) -> None:
    """The given zone decides and never the machine's; the first of two instants, and none for a skipped time."""
    monkeypatch.setenv("TZ", machine_zone)
    array = pa.array([dt.datetime.fromisoformat(local), None], pa.timestamp(unit))
    instant = expected
    wanted: int | str = instant if instant == SKIPPED else milliseconds(dt.datetime.fromisoformat(instant))
    assert read(array, zone=zone) == [wanted, NULL]


def milliseconds(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(milliseconds=1)


@given(
    st.lists(st.integers(366 * DAY_S, LAST_MS // 1000 - 3 * DAY_S), min_size=1, max_size=5),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_local_times_are_those_of_zoneinfo(seconds: list[int], zone: str) -> None:
    """For any local time that exists, the instant is the one that Python's zoneinfo finds with fold 0."""
    expected: list[int | str] = []
    for second in seconds:
        local = (EPOCH + dt.timedelta(seconds=second)).replace(tzinfo=ZoneInfo(zone))
        instant = local.astimezone(dt.UTC)
        is_real = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local.replace(tzinfo=None)
        expected.append(milliseconds(instant) if is_real else SKIPPED)
    assert read(pa.array(seconds, pa.timestamp("s")), zone=zone) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_every_hour_of_some_years_is_that_of_zoneinfo(zone: str) -> None:
    """Also in the hours around each change of the clocks, and after 2037, where many tables end."""
    seconds = [year + hour * 1800 for year in (1_703_980_800, 2_177_366_400) for hour in range(2 * 24 * 366)]
    test_local_times_are_those_of_zoneinfo.hypothesis.inner_test(seconds, zone)  # type: ignore[attr-defined]


def test_dates_are_midnight_in_the_zone() -> None:
    """A date is the instant at which its day begins where the zone is."""
    days = pa.array([dt.date(2024, 1, 15), None, dt.date(1970, 1, 1)], pa.date32())
    assert read(days, zone="UTC") == [1_705_276_800_000, NULL, OUTSIDE]
    assert read(days, zone="Europe/Berlin") == [1_705_273_200_000, NULL, OUTSIDE]


@pytest.mark.parametrize(
    ("kind", "unit", "zone", "words"),
    [
        (pa.string(), None, None, "no time"),
        (pa.bool_(), None, None, "no time"),
        (pa.decimal128(9, 2), "s", None, "no time"),
        (pa.int64(), None, None, "--timestamp-unit"),
        (pa.float64(), None, None, "--timestamp-unit"),
        (pa.timestamp("ms", "UTC"), "ms", None, "leave --timestamp-unit out"),
        (pa.timestamp("ms", "UTC"), None, "UTC", "leave --timestamp-zone out"),
        (pa.int64(), "s", "UTC", "leave --timestamp-zone out"),
        (pa.timestamp("ms"), None, None, "--timestamp-zone"),
        (pa.date32(), None, None, "--timestamp-zone"),
        (pa.timestamp("ms"), None, "Europe/Brelin", "IANA"),
    ],
)
def test_what_is_not_said_is_asked_for(kind: pa.DataType, unit: str | None, zone: str | None, words: str) -> None:
    """A unit or a zone that is missing, not needed or unknown is an error that names the option."""
    with pytest.raises(UsageError) as caught:
        make_timestamp_column(TimestampOptions("at", unit, zone), pa.schema([("at", kind)]))
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_a_missing_column_is_named() -> None:
    """The columns that there are, and the one that was meant."""
    with pytest.raises(UsageError) as caught:
        make_timestamp_column(TimestampOptions("placed"), pa.schema([("placed_at", pa.int64())]))
    assert caught.value.message == "--timestamp-col: there is no column 'placed'; the columns are placed_at"
    assert caught.value.hint == "did you mean 'placed_at'?"


def test_without_a_column_nothing_is_read() -> None:
    """No option, no column; no rows, no timestamps."""
    assert make_timestamp_column(None, pa.schema([])) is None
    assert read(pa.array([], pa.timestamp("us", "UTC"))) == []
    assert read(pa.array([decimal.Decimal(5)], pa.int64()), "s") == [5_000]
