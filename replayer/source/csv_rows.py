"""Where the rows of a block of CSV end."""

from __future__ import annotations

import numpy as np


def find_row_end(content: bytes, delimiter: str, quote: str = '"') -> int:
    """Position after the last whole row, 0 when there is none; content begins where a row begins."""
    return last_row_end(content, delimiter, quote)[0]


def last_row_end(content: bytes, delimiter: str, quote: str) -> tuple[int, bool]:
    """Position after the last whole row, and whether what follows is inside quotes."""
    if quote and quote.encode() in content:
        return _scan(content, delimiter, quote, stop_at_first=False)
    # A newline at the end of a row is then a newline anywhere; files with lone returns have no other.
    return content.rfind(b"\n") + 1 or content.rfind(b"\r") + 1, False


def first_row_end(content: bytes, delimiter: str, quote: str) -> int:
    """Position after the first row, 0 when it has no end."""
    ends = [place + 1 for place in (content.find(b"\n"), content.find(b"\r")) if place >= 0]
    if quote and quote.encode() in content[: min(ends, default=len(content))]:
        return _scan(content, delimiter, quote, stop_at_first=True)[0]
    return min(ends, default=0)


def _scan(content: bytes, delimiter: str, quote: str, *, stop_at_first: bool) -> tuple[int, bool]:
    # Imported here as it brings numba with it, which takes half a second and files without quotes never need.
    from replayer.source.csv_kernels import scan_rows

    view = np.frombuffer(content, dtype=np.uint8)
    end, is_quoted = scan_rows(view, ord(delimiter), ord(quote), stop_at_first=stop_at_first)
    return int(end), bool(is_quoted)
