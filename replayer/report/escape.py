r"""Text from data, made safe to show: no control character, escape sequence or direction mark reaches a terminal.

A column may be named ``\x1b[2J`` and a broken line may hold anything; printed as it is, it would clear the screen,
forge a line of the summary or reorder what is read. Text that came from a file, a broker or a registry passes here.
"""

from __future__ import annotations

import re

# C0, DEL and C1; line and paragraph separators; zero-width and direction marks; lone surrogates; the byte order mark.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def printable(text: str) -> str:
    r"""One line of visible text: ``a\nb`` for a newline, ``\x1b[31m`` for a colour sequence, the rest unchanged."""
    return _UNSAFE.sub(_escaped, text)


def shortened(text: str, limit: int) -> str:
    """``printable`` text of at most ``limit`` characters; what was cut shows as an ellipsis."""
    line = printable(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"
