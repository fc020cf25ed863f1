r"""Where CSV rows end, found by the rules of the reader that parses them afterwards (Arrow's).

A quote opens a quoted field only as the field's first byte; inside, two quotes are one; after the closing quote the
rest of the field is plain. A row ends at ``\n``, ``\r`` or both, outside quotes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel

_NEWLINE = 10
_RETURN = 13

_FIELD_START = 0
_PLAIN = 1
_QUOTED = 2
_QUOTE_IN_QUOTED = 3


@kernel
def scan_rows(content: npt.NDArray[np.uint8], delimiter: int, quote: int, stop_at_first: bool) -> tuple[int, bool]:
    """Position after the last row end (or the first), 0 if there is none, and whether the content ends in quotes."""
    state = _FIELD_START
    end = 0
    for index in range(content.size):
        byte = content[index]
        if state == _QUOTED:
            if byte == quote:
                state = _QUOTE_IN_QUOTED
            continue
        if state == _QUOTE_IN_QUOTED and byte == quote:
            state = _QUOTED
        elif byte in (_NEWLINE, _RETURN):
            end = index + 1
            state = _FIELD_START
            if stop_at_first:
                return end, False
        elif byte == delimiter:
            state = _FIELD_START
        elif byte == quote and state == _FIELD_START:
            state = _QUOTED
        else:
            state = _PLAIN
    return end, state == _QUOTED
