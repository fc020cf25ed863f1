"""Rates, sizes, durations and counts as people type them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.errors import UsageError
from replayer.units import (
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    parse_count,
    parse_duration_ns,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1", Fraction(1)),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("99", Fraction(99)),
        ("100k", Fraction(100_000)),
        ("100K", Fraction(100_000)),
        ("1.5M", Fraction(1_500_000)),
        ("1.5M/s", Fraction(1_500_000)),
        ("1.5 M/s", Fraction(1_500_000)),
        ("7/s", Fraction(7)),
        ("1_000", Fraction(1000)),
        ("0.1", Fraction(1, 10)),
        ("2G", Fraction(2_000_000_000)),
        (" 5 ", Fraction(5)),
        ("max", None),
        ("MAX", None),
    ],
)
def test_rate(text: str, rate: Fraction | None) -> None:
    """A rate is exact: 0.1 is one tenth, not the nearest double."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "0.0k", "-5", "1e6", "10x", "k", "1 2", "5/min", "1.5.2", "nan", "∞"])
def test_not_a_rate(text: str) -> None:
    """What is not a rate is refused with its text and an example."""
    with pytest.raises(UsageError) as caught:
        parse_rate(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("1", 1),
        ("500kB", 500_000),
        ("64MiB", 2**26),
        ("64MB", 64_000_000),
        ("64M", 64_000_000),
        ("1.5KiB", 1536),
        ("2GiB", 2**31),
        ("1t", 10**12),
    ],
)
def test_size(text: str, size_bytes: int) -> None:
    """MiB is 2**20, MB and M are 10**6."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("30", 30 * 10**9),
        ("30s", 30 * 10**9),
        ("1.5m", 90 * 10**9),
        ("2min", 120 * 10**9),
        ("250ms", 250 * 10**6),
        ("1h", 3600 * 10**9),
        ("1d", 86_400 * 10**9),
        ("5us", 5000),
        ("5µs", 5000),
        ("1ns", 1),
    ],
)
def test_duration(text: str, duration_ns: int) -> None:
    """A bare number is seconds, m is minutes."""
    assert parse_duration_ns(text) == duration_ns


@pytest.mark.parametrize("text", ["0", "0.1ns", "5 fortnights", "-1s", "s", ""])
def test_not_a_duration(text: str) -> None:
    """A duration that would send nothing is refused."""
    with pytest.raises(UsageError):
        parse_duration_ns(text)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("50k", 50_000), ("1.5k", 1500), ("2M", 2_000_000)])
def test_count(text: str, count: int) -> None:
    """A count is whole."""
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["0", "1.5", "0.0001k", "-1", "1s", ""])
def test_not_a_count(text: str) -> None:
    """Fractions of a record and zero are refused."""
    with pytest.raises(UsageError):
        parse_count(text)


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 ns"),
        (410, "410 ns"),
        (52_100, "52.1 µs"),
        (1_060_000, "1.06 ms"),
        (3_200_000_000, "3.2 s"),
        (125 * 10**9, "2m 05s"),
        (3720 * 10**9, "1h 02m"),
    ],
)
def test_duration_for_people(duration_ns: int, text: str) -> None:
    """Three digits and the unit that fits."""
    assert format_duration(duration_ns) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "max"), (0.5, "0.5/s"), (99, "99/s"), (100_000, "100 k/s"), (1_390_000, "1.39 M/s"), (2e9, "2 G/s")],
)
def test_rate_for_people(rate: float | None, text: str) -> None:
    """None is max."""
    assert format_rate(rate) == text


def test_bytes_and_counts_for_people() -> None:
    """Binary units for bytes, commas in counts."""
    assert [format_bytes(size) for size in (0, 109, 1024, 50_541_363, 5 * 2**30)] == [
        "0 B",
        "109 B",
        "1 KiB",
        "48.2 MiB",
        "5 GiB",
    ]
    assert format_count(1_234_567) == "1,234,567"


@given(st.integers(min_value=1, max_value=10**12), st.sampled_from(["", "k", "M", "G"]))
def test_whole_rates_are_exact(number: int, unit: str) -> None:
    """No rate that can be written loses a record in an hour to rounding."""
    scale = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}[unit]
    assert parse_rate(f"{number}{unit}") == number * scale
