"""How one column is made to fit: whole when it can be, and row by row only to find those that cannot.

An *attempt* turns an array into another of the same length, or raises ``pa.ArrowInvalid`` when any value does not fit.
A *cast* never raises for values: it returns the array with null at the rows that do not fit, and says which those are
and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows that do not fit, for one reason."""

    rows: Mask
    """True where a row does not fit."""
    reason: str
    """A short code, like ``out_of_range``."""
    expected: str
    """What would have fitted, in words."""
    path: str = ""
    """The place inside the column, like ``.city`` or ``[]``; empty for the column itself."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A column in its new type, null at the rows of ``faults``."""

    array: Any
    faults: tuple[Fault, ...] = ()


Attempt = Callable[[Any], Any]
Cast = Callable[[Any], Fitted]
Explain = Callable[[Any], Sequence[tuple[Mask, str, str]]]

_PARTS = 16


def failures(array: Any, attempt: Attempt) -> Mask:
    """The rows that an attempt refuses: cut into 16 parts again and again, so that few bad rows cost few attempts."""
    refused = np.zeros(len(array), dtype=np.bool_)
    waiting = [(0, len(array))] if len(array) else []
    while waiting:
        start, length = waiting.pop()
        try:
            attempt(array.slice(start, length))
        except pa.ArrowInvalid:
            if length == 1:
                refused[start] = True
                continue
            step = -(-length // _PARTS)
            waiting += [(at, min(step, start + length - at)) for at in range(start, start + length, step)]
    return refused


def without(array: Any, rows: Mask) -> Any:
    """The array with null at these rows."""
    return pc.if_else(pa.array(rows), pa.scalar(None, array.type), array) if rows.any() else array


def by_attempts(attempts: Sequence[Attempt], explain: Explain, pattern: str = "") -> Cast:
    """A cast that tries each attempt on the whole column, and where none takes it whole, each on the rows left over.

    ``explain`` gets the column with only the refused rows filled and says for which reason which of them is refused.
    ``pattern`` is for text: what does not match is refused at once, so that only the rest is searched by trying.
    """

    def cast(array: Any) -> Fitted:
        for attempt in attempts:
            try:
                return Fitted(attempt(array))
            except pa.ArrowInvalid:
                continue
        hopeless = valid_rows(array) & ~matching(array, pattern) if pattern else np.zeros(len(array), dtype=np.bool_)
        left = without(array, hopeless)
        result: Any = None
        for attempt in attempts:
            refused = failures(left, attempt)
            fitted = attempt(without(left, refused))
            result = fitted if result is None else pc.coalesce(result, fitted)
            left = without(left, ~refused)
        left = without(array, ~(valid_rows(left) | hopeless))
        found = explain(left) if left.null_count < len(left) else ()
        return Fitted(result, tuple(Fault(rows, reason, expected) for rows, reason, expected in found if rows.any()))

    return cast


def matching(texts: Any, pattern: str) -> Mask:
    """The rows whose text a regular expression finds; null does not match."""
    found: Any = pc.match_substring_regex(texts, pattern)
    rows: Mask = found.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    return rows


def because(reason: str, expected: str) -> Explain:
    """The same reason for all refused rows."""
    return lambda left: [(valid_rows(left), reason, expected)]


def by_mask(refuse: Callable[[Any], Mask], attempt: Attempt, reason: str, expected: str) -> Cast:
    """A cast whose bad rows a vector function finds at once; ``attempt`` is then sure to take the others."""

    def cast(array: Any) -> Fitted:
        rows = refuse(array)
        if not rows.any():
            return Fitted(attempt(array))
        return Fitted(attempt(without(array, rows)), (Fault(rows, reason, expected),))

    return cast


def then(first: Cast, second: Cast) -> Cast:
    """Both casts, one after the other."""

    def cast(array: Any) -> Fitted:
        one = first(array)
        other = second(one.array)
        return Fitted(other.array, one.faults + other.faults)

    return cast


def valid_rows(array: Any) -> Mask:
    """True where a value is not null."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    rows: Mask = pc.is_valid(array).to_numpy(zero_copy_only=False)
    return rows


def required(cast: Cast) -> Cast:
    """A cast whose null rows are faults too."""

    def strict(array: Any) -> Fitted:
        if pa.types.is_dictionary(array.type) and array.dictionary.null_count:
            array = array.dictionary_decode()  # its nulls are in two places otherwise
        fitted = cast(array)
        if array.null_count == 0:
            return fitted
        return replace(
            fitted, faults=(*fitted.faults, Fault(~valid_rows(array), "null", "a value, as the field is not nullable"))
        )

    return strict


def of_distinct(cast: Cast) -> Cast:
    """A cast of dictionary arrays by the cast of their distinct values; other arrays are cast as they are."""

    def distinct(array: Any) -> Fitted:
        if not pa.types.is_dictionary(array.type):
            return cast(array)
        fitted = cast(array.dictionary)
        indices = array.indices
        places = pc.fill_null(indices, 0).to_numpy()
        is_valid = valid_rows(indices)
        faults = []
        for fault in fitted.faults:
            rows = (fault.rows[places] & is_valid) if len(fault.rows) else np.zeros(len(array), dtype=np.bool_)
            if rows.any():
                faults.append(replace(fault, rows=rows))
        return Fitted(fitted.array.take(indices), tuple(faults))

    return distinct
