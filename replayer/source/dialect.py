"""How a CSV file is written: what is not said is found in its first rows.

The delimiter is the one with which most of the first rows have as many fields as the first. Single quotes are quotes
if they enclose every field in which one stands first. A first row is no header if it holds a number where all rows
below have one too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from replayer.source.options import CsvOptions

ROWS_MAX = 200
_DELIMITERS = {"csv": (",", ";", "\t", "|"), "tsv": ("\t", ",", ";", "|")}
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
_DATUM = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Dialect:
    """How the rows of a CSV file are written."""

    delimiter: str
    quote: str
    """Empty for none."""
    has_header: bool
    null_words: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``delimiter comma, quote ", header``."""
        delimiter = _NAMES.get(self.delimiter, self.delimiter)
        header = "header" if self.has_header else "no header: columns are named by their place"
        nulls = f", null: {', '.join(self.null_words)}" if self.null_words else ""
        return f"delimiter {delimiter}, quote {self.quote or 'none'}, {header}{nulls}"


def find_dialect(sample: str, format_: str, options: CsvOptions) -> Dialect:
    """The dialect of a file that begins with ``sample``, whose last row may be cut off."""
    text = sample.lstrip("\r\n")
    quotes = ('"', "'") if options.quote is None else (options.quote,)
    delimiters = _DELIMITERS[format_] if options.delimiter is None else (options.delimiter,)
    quote, delimiter, rows = quotes[0], delimiters[0], _rows(text, delimiters[0], quotes[0])
    best = _agreement(rows)
    for candidate in delimiters[1:]:
        found = _rows(text, candidate, quote)
        if _agreement(found) > best:
            best, delimiter, rows = _agreement(found), candidate, found
    if len(quotes) > 1 and _is_quoted_by(text, delimiter, quotes[1]):
        quote = quotes[1]
        rows = _rows(text, delimiter, quote)
    has_header = not is_data(rows) if options.has_header is None else options.has_header
    return Dialect(delimiter, quote, has_header, options.null_words)


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """The first rows without empty lines, and without the last one, which may be cut off, where there are others."""
    lines = io.StringIO(text, newline="")
    if quote:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > ROWS_MAX:
                break
    except csv.Error:  # a field over 128 KiB: most often a quote that is not closed
        pass
    return rows[:-1] if len(rows) > 2 else rows


def _agreement(rows: Rows) -> tuple[bool, float]:
    """Whether the first row has several fields, and the share of rows that have as many."""
    if not rows or len(rows[0]) < 2:
        return False, 0.0
    return True, sum(len(row) == len(rows[0]) for row in rows) / len(rows)


def _is_quoted_by(text: str, delimiter: str, quote: str) -> bool:
    """Whether two fields or more begin and end with the quote, none only begins with it, and none with ``"``."""
    start = rf"(?:\A|[\r\n]|{re.escape(delimiter)})"
    closed = rf"({start}){quote}(?:[^{quote}]|{quote}{quote})*{quote}(?={re.escape(delimiter)}|[\r\n]|\Z)"
    rest, count = re.subn(closed, r"\1", text)
    whole = rest[: rest.rfind("\n") + 1]  # the last row may be cut off
    return count > 1 and not re.search(f'{start}[{quote}"]', whole)


def is_data(rows: Rows) -> bool:
    """Whether the first row is one like those below it: it has a number or a date where all of them have one.

    Years and the numbers 0, 1, 2 … are names often enough: a first row with no other numbers is a header.
    """
    if len(rows) < 2:
        return False
    first, below = rows[0], rows[1:]
    places = [place for place, field in enumerate(first) if _DATUM.fullmatch(field)]
    if not places or _may_be_names([first[place] for place in places]):
        return False
    return any(_is_all_data(below, place) for place in places) and not any(
        _is_all_data(below, place) for place, field in enumerate(first) if field and place not in places
    )


def _is_all_data(rows: Rows, place: int) -> bool:
    fields = [row[place] for row in rows if place < len(row) and row[place]]
    return bool(fields) and all(_DATUM.fullmatch(field) for field in fields)


def _may_be_names(numbers: Sequence[str]) -> bool:
    if len(set(numbers)) < len(numbers) or not all(number.isdecimal() for number in numbers):
        return False
    values = [int(number) for number in numbers]
    are_years = all(1900 <= value <= 2100 for value in values)
    are_places = len(values) > 1 and values == list(range(values[0], values[0] + len(values))) and values[0] in (0, 1)
    return are_years or are_places
