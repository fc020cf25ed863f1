"""Dates, times and timestamps, exactly or not at all."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.coerce.fitting import fit, plan


def _logical(kind: str) -> dict[str, str]:
    return {"type": "int" if kind in ("date", "time-millis") else "long", "logicalType": kind}


_S = 1_709_199_000  # 2024-02-29T09:30:00Z


@pytest.mark.parametrize(
    ("values", "source", "kind", "accepted", "reasons"),
    [
        ([_S], pa.timestamp("s", "UTC"), "timestamp-millis", [_S * 1_000], {}),
        ([_S], pa.timestamp("s", "Europe/Berlin"), "timestamp-micros", [_S * 1_000_000], {}),
        ([1_000, 1_001], pa.timestamp("ns", "UTC"), "timestamp-micros", [1], {1: "inexact"}),
        ([1_001], pa.timestamp("ns", "UTC"), "timestamp-nanos", [1_001], {}),
        ([_S * 1_000_000 + 1], pa.timestamp("us"), "timestamp-micros", [_S * 1_000_000 + 1], {}),
        ([_S], pa.timestamp("s", "Europe/Berlin"), "local-timestamp-millis", [(_S + 3_600) * 1_000], {}),
        ([-62_135_596_800_000_000], pa.timestamp("us", "UTC"), "timestamp-micros", [-62_135_596_800_000_000], {}),
        ([9_223_372_036_854_775_807], pa.timestamp("us", "UTC"), "timestamp-nanos", [], {0: "inexact"}),
        ([34_200], pa.time32("s"), "time-millis", [34_200_000], {}),
        ([34_200_000_000_000, 1], pa.time64("ns"), "time-micros", [34_200_000_000], {1: "inexact"}),
    ],
)
def test_typed_times(
    values: list[int], source: pa.DataType, kind: str, accepted: list[int], reasons: dict[int, str]
) -> None:
    """Cases 13 and 14: units are changed without loss or the row is rejected; zones are kept, none means UTC."""
    outcome = fit(pa.array(values, source), _logical(kind))
    assert outcome.values == accepted
    assert outcome.reasons == reasons


@pytest.mark.parametrize("kind", ["csv", "json", ""])
@pytest.mark.parametrize(
    ("texts", "avro_type", "accepted", "reasons"),
    [
        (
            ["2024-02-29", "2024-02-30", "02/01/2024", "20240229", ""],
            _logical("date"),
            [dt.date(2024, 2, 29)],
            dict.fromkeys((1, 2, 3, 4), "bad_date"),
        ),
        (["0001-01-01", "9999-12-31"], _logical("date"), [dt.date(1, 1, 1), dt.date(9999, 12, 31)], {}),
        (
            ["09:30:00", "09:30:00.5", "24:00:00", "9:30", "09:30:00.0001"],
            _logical("time-millis"),
            [34_200_000, 34_200_500],
            dict.fromkeys((2, 3, 4), "bad_time"),
        ),
        (
            [
                "2024-02-29T09:30:00Z",
                "2024-02-29 10:30:00+01:00",
                "2024-02-29T09:30:00",
                "2024-02-29T09:30:00.000000000Z",
            ],
            _logical("timestamp-micros"),
            [_S * 1_000_000] * 4,
            {},
        ),
        (
            ["2024-02-29T09:30:00.0015Z", "2024-02-30T09:30:00Z", "1709199000", "x", "2024-02-29T09:30:00Z"],
            _logical("timestamp-millis"),
            [_S * 1_000],
            dict.fromkeys((0, 1, 2, 3), "bad_timestamp"),
        ),
        (
            ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
            _logical("timestamp-micros"),
            [-62_135_596_800_000_000, 253_402_300_799_999_999],
            {},
        ),
        (
            ["2024-02-29T09:30:00", "2024-02-29 09:30", "2024-02-29T09:30:00Z"],
            _logical("local-timestamp-millis"),
            [_S * 1_000] * 2,
            {2: "bad_timestamp"},
        ),
    ],
)
def test_iso_text(texts: list[str], avro_type: Any, accepted: list[Any], reasons: dict[int, str], kind: Any) -> None:
    """Case 13: ISO 8601 text is a time in every format; days that don't exist and other spellings are rejected."""
    outcome = fit(pa.array(texts), avro_type, kind)
    assert outcome.values == accepted
    assert outcome.reasons == reasons


def test_case_14_the_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 14: a time without a zone, inside a daylight-saving gap, is the same instant under two TZ settings."""
    found = []
    for zone in ("Europe/Berlin", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        found.append(fit(pa.array(["2024-03-31T02:30:00"]), _logical("timestamp-millis"), "csv").values)
    assert found == [[1_711_852_200_000]] * 2


def test_the_plan_says_how_zones_are_read() -> None:
    """Case 14: a column without a zone that becomes an instant is noted, and so is the other way."""
    assert plan(pa.array([], pa.timestamp("us")), _logical("timestamp-micros")).notes == (
        "column v has no zone and is read as UTC",
    )
    assert plan(pa.array([], pa.timestamp("us", "UTC")), _logical("local-timestamp-micros")).notes == (
        "column v becomes the wall clock of its zone UTC",
    )
    assert plan(pa.array([], pa.timestamp("us", "UTC")), _logical("timestamp-micros")).notes == ()
