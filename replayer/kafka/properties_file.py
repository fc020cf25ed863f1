"""The grammar of Java's ``.properties`` files, as ``java.util.Properties.load`` documents it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_KEY_END = re.compile(r"(?<!\\)(?:\\\\)*([=:\s])")
_NEWLINE = re.compile(r"\r\n|\r|\n")  # not str.splitlines, which also splits at characters that Java keeps


@dataclass(frozen=True)
class PropertyLine:
    """One key and its value, unescaped, and the line that it starts on, from 1."""

    number: int
    key: str
    value: str


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escape = match.group(1)
        return chr(int(escape[1:], 16)) if len(escape) == 5 else _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(replace, text)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a backslash before their end; comments and blank lines left out."""
    pending, start = "", 0
    for number, raw in enumerate(_NEWLINE.split(text), 1):
        line = raw.lstrip(" \t\f")
        if not start:
            if not line or line[0] in "#!":
                continue
            start = number
        pending += line
        is_continued = (len(pending) - len(pending.rstrip("\\"))) % 2 == 1
        if is_continued:
            pending = pending[:-1]
            continue
        yield start, pending
        pending, start = "", 0
    if start:
        yield start, pending


def parse_properties(text: str) -> tuple[PropertyLine, ...]:
    """Keys and values in the order of the file; a key may occur more than once."""
    lines = []
    for number, line in _logical_lines(text):
        end = _KEY_END.search(line)
        key, rest = (line, "") if end is None else (line[: end.start(1)], line[end.start(1) :])
        # Between key and value: white space, then at most one = or :, then white space.
        rest = rest.lstrip(" \t\f")
        if rest[:1] in ("=", ":"):
            rest = rest[1:].lstrip(" \t\f")
        lines.append(PropertyLine(number, _unescape(key), _unescape(rest)))
    return tuple(lines)


def decode_properties(raw: bytes) -> str:
    """UTF-8 where it is valid, as people write it; else ISO 8859-1, as Java has always read it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
