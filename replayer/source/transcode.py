"""Text of any encoding as UTF-8."""

from __future__ import annotations

import codecs

_NOT_UTF8 = b"\xff"


class Transcoder:
    """Turns a text in some encoding into UTF-8, piece by piece.

    Bytes that the encoding does not know come out as bytes that are not UTF-8, so that the rows which hold them are
    found and rejected.
    """

    def __init__(self, encoding: str) -> None:
        self._errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)

    def convert(self, content: bytes, *, is_last: bool) -> bytes:
        """The UTF-8 of the next piece; a character that is cut off waits for the next one."""
        done = b""
        while True:
            try:
                return done + self._utf8(self._decoder.decode(content, is_last))
            except UnicodeDecodeError as error:
                # Only UTF-16 and UTF-32 come here: for half a character at the end, or a number that is no character.
                self._decoder.reset()
                data = bytes(error.object)  # with what the decoder had kept back
                done += self._utf8(data[: error.start].decode(error.encoding, self._errors)) + _NOT_UTF8
                content = data[error.end :]

    def _utf8(self, text: str) -> bytes:
        return text.encode("utf-8", self._errors)
