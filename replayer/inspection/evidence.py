"""Why a column of text is what it is: which values look like something, and the first that does not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fit import failures, matching, valid_rows
from replayer.report.escape import shortened
from replayer.schema.text import loses_digits
from replayer.units import format_count

_ENOUGH = 0.1
"""A column of whose first values fewer look like anything in particular is plain text, and is looked at no more."""
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LOOKS: dict[str, tuple[str, pa.DataType | None]] = {
    "whole number": (r"^-?[0-9]+$", None),
    "number": (r"^-?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$", None),
    "true or false": (r"^(?i:true|false)$", None),
    "date": (f"{_DATE}$", pa.date32()),
    "timestamp": (rf"{_DATE}[T ][0-9]{{2}}:[0-9]{{2}}", None),
}
"""What values may look like, and the type whose cast tells for sure."""


@dataclass
class _Look:
    count: int = 0
    miss_row: int = -1
    miss: str = ""


class TextEvidence:
    """Follows one column of text through all its rows."""

    def __init__(self) -> None:
        self._looks = {name: _Look() for name in _LOOKS}
        self._total = 0
        self._zeros = _Look()
        self._first = _Look()
        self._is_plain = False

    def take(self, texts: Any, row_numbers: npt.NDArray[np.int64]) -> None:
        """More values, with their rows."""
        is_valid = valid_rows(texts)
        count = int(is_valid.sum())
        if not count:
            return
        _note(self._first, is_valid, texts, row_numbers)
        self._total += count
        if self._is_plain:
            return
        for name, (pattern, kind) in _LOOKS.items():
            look = self._looks[name]
            fits = matching(texts, pattern)
            if kind is not None and fits.any():
                left = pc.if_else(pa.array(fits), texts, pa.scalar(None, texts.type))
                fits &= ~failures(left, partial(_cast, kind))
            look.count += int(fits.sum())
            _note(look, is_valid & ~fits, texts, row_numbers)
        integers = matching(texts, _LOOKS["whole number"][0])
        zeros = loses_digits(texts) & integers
        self._zeros.count += int(zeros.sum())
        _note(self._zeros, zeros, texts, row_numbers)
        self._is_plain = max(look.count for look in self._looks.values()) < _ENOUGH * self._total

    def why_string(self) -> str:
        """Why the column is no more than text."""
        if not self._total:
            return "without a value"
        name, look = max(self._looks.items(), key=lambda named: named[1].count)
        if self._is_plain or look.count * 2 < self._total:
            return f"text, first {_quoted(self._first.miss)} in row {format_count(self._first.miss_row)}"
        if self._zeros.count and look.count == self._total:
            return f"{_many(self._zeros.count, 'value')} with leading zeros, {_place(self._zeros)}"
        missing = self._total - look.count
        if missing:
            verb = "is" if missing == 1 else "are"
            return f"{_many(missing, 'value')} of {format_count(self._total)} {verb} no {name}, {_place(look)}"
        return f"looks like a {name}, but would not print back as it is written"


def _cast(kind: pa.DataType, array: Any) -> Any:
    return array.cast(kind)


def _note(look: _Look, rows: npt.NDArray[np.bool_], texts: Any, row_numbers: npt.NDArray[np.int64]) -> None:
    if look.miss_row < 0 and rows.any():
        place = int(np.argmax(rows))
        look.miss_row, look.miss = int(row_numbers[place]), str(texts[place].as_py())


def _quoted(text: str) -> str:
    return f"'{shortened(text, 30)}'"


def _place(look: _Look) -> str:
    return f"first {_quoted(look.miss)} in row {format_count(look.miss_row)}"


def _many(count: int, noun: str) -> str:
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"


WHY_TYPED = {
    "boolean": "every value is true or false",
    "long": "every value prints back as a whole number of 64 bits",
    "double": "every value prints back as a double",
    "decimal": "every value has as many digits after the point, which doubles would not keep",
    "date": "every value is a date of the calendar",
    "time-micros": "every value is a time of day",
    "timestamp-micros": "every value is a timestamp with a zone",
    "timestamp-nanos": "every value is a timestamp with a zone, some with nanoseconds",
    "local-timestamp-micros": "every value is a timestamp, none has a zone",
    "local-timestamp-nanos": "every value is a timestamp, none has a zone, some have nanoseconds",
}
"""Why a column of text got one of these types."""
