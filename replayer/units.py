"""Rates, sizes and durations as people write them, and back. Standard library only."""

from __future__ import annotations

import re
from fractions import Fraction

from replayer.errors import UsageError

_NUMBER = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-zµ/%]*)\s*\Z")
_SCALES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SIZES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_DURATIONS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "": 10**9,
                 "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}  # fmt: skip


def _split(text: str, what: str, example: str) -> tuple[Fraction, str]:
    match = _NUMBER.match(text)
    if match is None:
        raise UsageError(f"{text!r} is not a {what}", f"write it like {example}")
    return Fraction(match.group(1).replace("_", "")), match.group(2)


def parse_rate(text: str) -> Fraction | None:
    """Records per second as an exact rational, or None for ``max`` (no pacing).

    Accepts ``100k``, ``1.5M``, ``1.5M/s``, ``0.5``. Raises UsageError for anything else and for rates of 0.
    """
    if text.strip().lower() == "max":
        return None
    number, unit = _split(text, "rate", "100k, 1.5M/s, 0.5 or max")
    scale = _SCALES.get(unit.lower().removesuffix("/s"))
    if scale is None:
        raise UsageError(f"{text!r} is not a rate: unit {unit!r} is unknown", "write it like 100k, 1.5M/s, 0.5 or max")
    if number == 0:
        raise UsageError("a rate of 0 would never send anything", "give a rate above 0, or max")
    return number * scale


def parse_size(text: str) -> int:
    """Bytes. ``64MiB`` is 2**26, ``64MB`` and ``64M`` are 64 * 10**6."""
    number, unit = _split(text, "size", "64MiB or 500kB")
    scale = _SIZES.get(unit.lower())
    if scale is None:
        raise UsageError(f"{text!r} is not a size: unit {unit!r} is unknown", "write it like 64MiB or 500kB")
    return int(number * scale)


def parse_duration_ns(text: str) -> int:
    """Nanoseconds. A bare number is seconds; ``1.5m`` is 90 s. Raises UsageError for 0."""
    number, unit = _split(text, "duration", "30s, 5m or 1h")
    scale = _DURATIONS_NS.get(unit.lower())
    if scale is None:
        raise UsageError(f"{text!r} is not a duration: unit {unit!r} is unknown", "write it like 30s, 5m or 1h")
    duration_ns = int(number * scale)
    if duration_ns == 0:
        raise UsageError("a duration of 0 would never send anything", "give a duration above 0, like 30s")
    return duration_ns


def parse_count(text: str) -> int:
    """A whole number of records, with an optional k, M or G. Raises UsageError for 0 and for fractions."""
    number, unit = _split(text, "count", "1000, 50k or 1M")
    scale = _SCALES.get(unit.lower())
    if scale is None or (number * scale).denominator != 1 or number == 0:
        raise UsageError(f"{text!r} is not a whole number above 0", "write it like 1000, 50k or 1M")
    return int(number * scale)


def format_count(count: int) -> str:
    """``1234567`` becomes ``1,234,567``."""
    return f"{count:,}"


def format_rate(rate_per_s: float | Fraction | None) -> str:
    """Records per second for people: ``max``, ``100 k/s``, ``1.39 M/s``, ``0.5/s``."""
    if rate_per_s is None:
        return "max"
    value = float(rate_per_s)
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.4g} {letter}/s"
    return f"{value:.4g}/s"


def format_bytes(count: float) -> str:
    """Binary units with three digits: ``109 B``, ``48.2 MiB``."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def format_duration(duration_ns: float) -> str:
    """For people: ``410 ns``, ``52.1 µs``, ``1.06 ms``, ``3.2 s``, ``2m 05s``, ``1h 02m``."""
    value = float(duration_ns)
    if value < 1e3:
        return f"{value:.0f} ns"
    if value < 1e6:
        return f"{value / 1e3:.3g} µs"
    if value < 1e9:
        return f"{value / 1e6:.3g} ms"
    if value < 60e9:
        return f"{value / 1e9:.3g} s"
    seconds = round(value / 1e9)
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60:02d}m"
