"""How single values are written as JSON text, in compiled code. Each returns the position behind what it wrote.

Short writes may touch some bytes more; see ``SLACK`` in json_kernels.py.
"""

from __future__ import annotations

import numpy as np

from replayer.encode.key_kernels import hex_digit, write_character
from replayer.machine.jit import kernel
from replayer.machine.unaligned import leading_zeros, load_byte, load_int32, load_int64, store_byte, store_int64

SCRATCH_BYTES = 256
"""What a decimal is taken apart in: eight limbs, then its digits."""
_LIMBS_BYTES = 64
_DIGITS_END = 192

_POWERS = np.array([10**power for power in range(20)], np.uint64)
_PER_SECOND = np.array([10**power for power in range(10)], np.int64)
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8).copy()
_HIGH_BITS = -0x7F7F7F7F7F7F7F80
_ONES = 0x0101010101010101


@kernel
def write_digits(target: int, value: int, count: int) -> int:
    """Write the lowest ``count`` decimal digits of a number >= 0, zeros in front; returns the position behind."""
    rest = np.uint64(value)
    at = target + count
    while at > target + 1:
        quotient = rest // np.uint64(100)
        pair = np.int64(rest - quotient * np.uint64(100))
        tens = pair * 205 >> 11
        store_byte(at - 1, 48 + pair - 10 * tens)
        store_byte(at - 2, 48 + tens)
        rest = quotient
        at -= 2
    if at > target:
        store_byte(at - 1, 48 + np.int64(rest % np.uint64(10)))
    return target + count


@kernel
def write_integer(target: int, value: int) -> int:
    """Write an int64 in decimal and return the position behind it: at most 20 bytes."""
    magnitude = value
    if value < 0:
        store_byte(target, 45)
        target += 1
        magnitude = -value  # that of the smallest number is itself, and right as an unsigned one
    if 0 <= magnitude < 10:
        store_byte(target, 48 + magnitude)
        return target + 1
    # Bits to digits: 1233 / 4096 is close enough to log10(2); then right or one too few.
    count = (64 - leading_zeros(magnitude)) * 1233 >> 12
    if np.uint64(magnitude) >= _POWERS[count]:
        count += 1
    return write_digits(target, magnitude, count)


@kernel
def has_special(word: int) -> int:
    """Not 0 where one of eight bytes is a control character, a quote or a backslash: what JSON escapes."""
    quotes = word ^ 0x2222222222222222
    slashes = word ^ 0x5C5C5C5C5C5C5C5C
    found = (word - 0x2020202020202020) & ~word
    found |= (quotes - _ONES) & ~quotes
    found |= (slashes - _ONES) & ~slashes
    return found & _HIGH_BITS


@kernel
def write_string(target: int, source: int, count: int, last_move: int) -> int:
    """Write UTF-8 as a JSON string and return the position behind it; eight bytes at once where none is escaped."""
    store_byte(target, 34)
    target += 1
    at = source
    end = source + count
    while at < end:
        left = min(end - at, 8)
        if left == 8 or at <= last_move:
            word = load_int64(at)
            # Bytes behind the end must not look special: they count as letters.
            seen = word if left == 8 else (word & ((1 << 8 * left) - 1)) | (0x6161616161616161 << 8 * left)
            if has_special(seen) == 0:
                store_int64(target, word)
                target += left
                at += left
                continue
        for _ in range(left):
            target = write_character(target, load_byte(at))
            at += 1
    store_byte(target, 34)
    return target + 1


@kernel
def write_base64(target: int, source: int, count: int) -> int:
    """Write bytes as a JSON string in base64 with padding (RFC 4648, section 4); returns the position behind it."""
    store_byte(target, 34)
    target += 1
    at = source
    while count > 0:
        second = load_byte(at + 1) if count > 1 else 0
        third = load_byte(at + 2) if count > 2 else 0
        bits = load_byte(at) << 16 | second << 8 | third
        store_byte(target, np.int64(_BASE64[bits >> 18]))
        store_byte(target + 1, np.int64(_BASE64[bits >> 12 & 63]))
        store_byte(target + 2, np.int64(_BASE64[bits >> 6 & 63]) if count > 1 else 61)
        store_byte(target + 3, np.int64(_BASE64[bits & 63]) if count > 2 else 61)
        target += 4
        at += 3
        count -= 3
    store_byte(target, 34)
    return target + 1


@kernel
def write_uuid(target: int, source: int) -> int:
    """Write 16 bytes as 8-4-4-4-12 hexadecimal digits in quotes; returns the position behind it."""
    store_byte(target, 34)
    target += 1
    for number in range(16):
        if number in (4, 6, 8, 10):
            store_byte(target, 45)
            target += 1
        byte = load_byte(source + number)
        store_byte(target, hex_digit(byte >> 4))
        store_byte(target + 1, hex_digit(byte & 15))
        target += 2
    store_byte(target, 34)
    return target + 1


@kernel
def write_date(target: int, days: int) -> int:
    """Write days since 1970-01-01 as ``2024-02-29``; years out of 0000 to 9999 with a sign and six digits at least.

    The proleptic Gregorian calendar in eras of 400 years from 1 March 0000:
    https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    """
    shifted = days + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    if 0 <= year <= 9999:
        target = write_digits(target, year, 4)
    else:
        store_byte(target, 43 if year > 0 else 45)
        size = abs(year)
        target = write_digits(target + 1, size, 6) if size < 1_000_000 else write_integer(target + 1, size)
    store_byte(target, 45)
    target = write_digits(target + 1, month, 2)
    store_byte(target, 45)
    return write_digits(target + 1, day, 2)


@kernel
def whole_seconds(value: int, digits: int) -> int:
    """Whole seconds, rounded down; each unit is divided by a constant, which costs a fraction of a division."""
    if digits == 3:
        return value // 1_000
    if digits == 6:
        return value // 1_000_000
    return value // 1_000_000_000


@kernel
def write_clock(target: int, seconds: int, fraction: int, digits: int) -> int:
    """Write seconds of a day and a fraction of ``digits`` decimals as ``23:59:59.000``."""
    hours = seconds // 3600
    minutes = seconds // 60
    target = write_digits(target, hours, 2)
    store_byte(target, 58)
    target = write_digits(target + 1, minutes - 60 * hours, 2)
    store_byte(target, 58)
    target = write_digits(target + 1, seconds - 60 * minutes, 2)
    store_byte(target, 46)
    return write_digits(target + 1, fraction, digits)


@kernel
def write_time(target: int, value: int, digits: int) -> int:
    """Write a time of day, in units of ``digits`` (3, 6 or 9) decimals of a second."""
    seconds = whole_seconds(value, digits)
    return write_clock(target, seconds, value - seconds * _PER_SECOND[digits], digits)


@kernel
def write_timestamp(target: int, value: int, digits: int, zone: int) -> int:
    """Write ``2024-02-29T23:59:59.000Z`` and return the position behind it; ``zone`` is the byte Z or 0."""
    seconds = whole_seconds(value, digits)
    days = seconds // 86_400
    target = write_date(target, days)
    store_byte(target, 84)
    fraction = value - seconds * _PER_SECOND[digits]
    target = write_clock(target + 1, seconds - 86_400 * days, fraction, digits)
    if zone != 0:
        store_byte(target, zone)
        target += 1
    return target


@kernel
def digits_of(source: int, width: int, scratch: int) -> int:
    """Write the digits of the absolute value of a little-endian integer, right-aligned to ``scratch + _DIGITS_END``.

    Returns where they begin; none for 0. Long division of 32-bit limbs by 10^9.
    """
    is_negative = load_byte(source + width - 1) >= 128
    carry = 1
    count = width // 4
    for limb in range(count):
        value = load_int32(source + 4 * limb) & 0xFFFFFFFF
        if is_negative:
            value = (value ^ 0xFFFFFFFF) + carry
            carry = value >> 32
            value &= 0xFFFFFFFF
        store_int64(scratch + 8 * limb, value)
    at = scratch + _DIGITS_END
    while count > 0:
        if load_int64(scratch + 8 * (count - 1)) == 0:
            count -= 1
            continue
        remainder = np.uint64(0)
        for step in range(count):
            place = scratch + 8 * (count - 1 - step)
            value = remainder << np.uint64(32) | np.uint64(load_int64(place))
            quotient = value // np.uint64(1_000_000_000)
            remainder = value - quotient * np.uint64(1_000_000_000)
            store_int64(place, np.int64(quotient))
        at -= 9
        write_digits(at, int(remainder), 9)
    end = scratch + _DIGITS_END
    while at < end and load_byte(at) == 48:
        at += 1
    return at


@kernel
def write_decimal(target: int, source: int, width: int, scale: int, scratch: int) -> int:
    """Write a decimal with the digits of its scale: a JSON number for scale 0, else a string like ``"12.30"``."""
    if scale > 0:
        store_byte(target, 34)
        target += 1
    if load_byte(source + width - 1) >= 128:
        store_byte(target, 45)
        target += 1
    first = digits_of(source, width, scratch)
    count = scratch + _DIGITS_END - first
    # Zeros in front, so that at least one digit stands before the point.
    while count <= scale:
        first -= 1
        store_byte(first, 48)
        count += 1
    for position in range(count - scale):
        store_byte(target + position, load_byte(first + position))
    target += count - scale
    if scale > 0:
        store_byte(target, 46)
        for position in range(scale):
            store_byte(target + 1 + position, load_byte(first + count - scale + position))
        store_byte(target + 1 + scale, 34)
        target += scale + 2
    return target
