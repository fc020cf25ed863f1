"""A JSON array as lines: each element on a line of its own, byte for byte, but for white space between elements.

Line ends inside an element become blanks, which JSON takes for the same; inside a string, where JSON forbids them, a
vertical tab, which it forbids too: one element stays one line, good or bad.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.machine.jit import kernel

BEFORE = 0
INSIDE = 1
AFTER = 2
STATE_WORDS = 5


_IN_STRING = 1
_ESCAPED = 2


@kernel
def array_to_lines(content: npt.NDArray[np.uint8], state: npt.NDArray[np.int64], out: npt.NDArray[np.uint8]) -> int:
    """Bytes written to ``out`` (room for two a byte of content and two more); -1 when no array begins.

    ``state`` carries over to the next piece of content: phase, depth inside the element, string, whether the element
    has begun, whether a comma stands before it. An element that is empty becomes a line with a comma, which no parser
    takes. What follows the array's end is one more line.
    """
    phase, depth, string, has_content, has_comma = state[0], state[1], state[2], state[3], state[4]
    end = 0
    for index in range(content.size):
        byte = content[index]
        is_line_end = byte in (10, 13)
        if phase == INSIDE:
            if string:
                if string == _ESCAPED:
                    string = _IN_STRING
                elif byte == 92:  # backslash
                    string = _ESCAPED
                elif byte == 34:  # quote
                    string = 0
                out[end] = 11 if is_line_end else byte
                end += 1
                continue
            if byte == 34:
                string = _IN_STRING
                has_content = 1
            elif byte in (123, 91):  # { [
                depth += 1
                has_content = 1
            elif depth:
                if byte in (125, 93):  # } ]
                    depth -= 1
            elif byte in (44, 93):  # , ]
                if not has_content and (byte == 44 or has_comma):
                    out[end] = 44
                    end += 1
                    has_content = 1
                if has_content:
                    out[end] = 10
                    end += 1
                has_content = 0
                has_comma = 1
                if byte == 93:
                    phase = AFTER
                continue
            elif is_line_end or byte in (32, 9):
                continue
            else:
                has_content = 1
            out[end] = 32 if is_line_end else byte
            end += 1
        elif is_line_end or byte in (32, 9):
            if has_content:
                out[end] = 32
                end += 1
        elif phase == AFTER:
            has_content = 1
            out[end] = byte
            end += 1
        elif byte == 91:
            phase = INSIDE
        else:
            return -1
    state[0], state[1], state[2], state[3], state[4] = phase, depth, string, has_content, has_comma
    return end
