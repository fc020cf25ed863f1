"""What a user can say about the dataset. Light to import: the command line needs it before it does anything."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replayer.errors import UsageError

_CHARACTER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}


@dataclass(frozen=True)
class CsvOptions:
    """How to take a CSV or TSV file apart; what is None is found by looking."""

    delimiter: str | None = None
    quote: str | None = None
    """Empty for none."""
    has_header: bool | None = None
    null_words: tuple[str, ...] = ()
    """Unquoted fields that mean null, besides the empty one."""


@dataclass(frozen=True)
class SourceOptions:
    """Which files to read, and how."""

    paths: tuple[str, ...] = ()
    """Files, folders and glob patterns, read in the order given; those that one pattern finds are sorted by name."""
    format: str | None = None
    """One of ``discover.FORMATS`` for all files; None goes by each file's name."""
    columns: tuple[str, ...] | None = None
    """The columns to read; None means all."""
    encoding: str | None = None
    """Python's name of the encoding of text files; None is found by looking."""
    csv: CsvOptions = CsvOptions()
    is_union: bool = False
    """Whether files may lack columns that others have."""


def source_options(paths: Sequence[str], values: Mapping[str, Any]) -> SourceOptions:
    """The options of this stage among all parsed ones, by their names."""
    return SourceOptions(
        paths=tuple(paths),
        format=values.get("format"),
        columns=values.get("columns"),
        encoding=values.get("encoding"),
        csv=CsvOptions(
            values.get("delimiter"), values.get("quote"), values.get("header_row"), values.get("null_words", ())
        ),
        is_union=values.get("union_schemas", False),
    )


def parse_delimiter(text: str) -> str:
    """One character, or its name: comma, semicolon, tab, pipe, space."""
    character = _CHARACTER_NAMES.get(text.lower(), text)
    if len(character) != 1 or not character.isascii() or character.isalnum() or character in "\"'\r\n":
        names = ", ".join(name for name in _CHARACTER_NAMES if name.isalpha())
        raise UsageError(
            f"{text!r} is no delimiter", f"give one character that is neither letter nor digit, or {names}"
        )
    return character


def parse_quote(text: str) -> str:
    """One character, or ``none`` for the empty text."""
    if text.lower() == "none":
        return ""
    if len(text) != 1 or not text.isascii() or text.isalnum() or text.isspace():
        raise UsageError(f"{text!r} is no quote", "give one character, or none")
    return text


def parse_encoding(text: str) -> str:
    """An encoding that Python knows, by the name that Python gives it: ``latin-1`` is ``iso8859-1``."""
    try:
        found = codecs.lookup(text)
        "".encode(found.name)  # LookupError for codecs that are no text encodings, like zip
    except (LookupError, ValueError):
        raise UsageError(
            f"{text!r} is no encoding that Python knows", "write it like utf-8, utf-16, latin-1 or windows-1252"
        ) from None
    return "utf-8" if found.name == "utf-8-sig" else found.name


def parse_null_words(text: str) -> tuple[str, ...]:
    """Words between commas."""
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise UsageError(f"{text!r} names an empty word", "an empty field is null anyway; write it like NA,NULL")
    return words
