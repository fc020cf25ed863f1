"""A JSON array of any size as NDJSON, in bounded memory: from there on it is read like any other NDJSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from replayer.errors import DatasetError
from replayer.source.bytestream import ByteStream, Stream
from replayer.source.discover import InputFile
from replayer.units import format_count

_PEEK_BYTES = 64 << 10
_BLANKS = b" \t\r\n"


class ArrayLines:
    """The elements of a JSON array, one a line; reads as a ``ByteStream`` does.

    Elements are not parsed here: one that is broken is a broken line. A bracket or quote that is never closed makes
    one element of all that follows.
    """

    def __init__(self, file: InputFile) -> None:
        from replayer.source.array_kernels import STATE_WORDS

        self._path = file.path
        self._stream = ByteStream(file)
        self._state = np.zeros(STATE_WORDS, dtype=np.int64)

    @property
    def input_bytes(self) -> int:
        """Bytes of the file as stored that were read so far."""
        return self._stream.input_bytes

    @property
    def position_bytes(self) -> int:
        """Bytes of the array's text that were read so far."""
        return self._stream.position_bytes

    @property
    def is_cut_off(self) -> bool:
        """Whether what was read so far ends between two elements, before the array's end."""
        from replayer.source.array_kernels import INSIDE

        phase, depth, string = self._state[:3]
        return bool(phase == INSIDE and not depth and not string)

    def read(self, count: int) -> bytes:
        """Lines made of about ``count`` bytes; empty at the end. Raises DatasetError when no array begins."""
        from replayer.source.array_kernels import array_to_lines

        while content := self._stream.read(count):
            out = np.empty(2 * len(content) + 2, dtype=np.uint8)
            end = array_to_lines(np.frombuffer(content, dtype=np.uint8), self._state, out)
            if end < 0:
                start = content.lstrip(_BLANKS)[:1].decode("utf-8", "replace")
                raise DatasetError(
                    f"{self._path} is no JSON array: it begins with {start!r}, expected '['",
                    "is it one object a line? say --json-lines; is the array inside an object? take it out with jq",
                )
            if end:
                return out[:end].tobytes()
        return b""

    def cut_off_detail(self) -> str:
        """What to say of an array that ``is_cut_off`` at the end of its file."""
        return f"the array is not closed: the file ends after {format_count(self.position_bytes)} bytes"

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def open_lines(file: InputFile) -> ByteStream | ArrayLines:
    """The lines of an NDJSON file, or of a JSON array."""
    return ArrayLines(file) if file.format == "json-array" else ByteStream(file)


def find_kind(file: InputFile) -> str:
    """``json-array`` for a file that begins with ``[``, else ``ndjson``."""
    stream: Any = ByteStream(file)
    try:
        return "json-array" if first_byte(stream) == b"[" else "ndjson"
    finally:
        stream.close()


def first_byte(stream: Stream) -> bytes:
    """The first byte that is not blank, empty when there is none."""
    while content := stream.read(_PEEK_BYTES):
        if content := content.lstrip(_BLANKS):
            return content[:1]
    return b""
