"""Which encoding a text file has."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

from replayer.schema.text import is_utf8
from replayer.source.bytestream import file_start
from replayer.source.discover import InputFile
from replayer.source.options import SourceOptions

SAMPLE_BYTES = 256 << 10
_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_WIDE = ("utf-16", "utf-32")
# Western European letters and the signs that word processors put between them; not þ and ÿ, which are more often
# damage (0xFE, 0xFF), and nothing that only a binary file holds.
_WESTERN = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|(?<![\x80-\xff])[\x80\x85\x91-\x97\xa0\xa1\xa3\xa7\xa9-\xab\xae\xb0\xb2-\xb5\xb9-\xbf\xc0-\xfd]{1,3}"
    rb"(?![\x80-\xff]))*"
)
_WESTERN_BYTES_MIN = 3
_HIGH = re.compile(rb"[\x80-\xff]")


def find_encoding(start: bytes) -> str:
    """The encoding of a text file from its start: by its byte order mark, by its zero bytes, or by its letters.

    UTF-8 unless something else is clear: ``windows-1252`` is taken only for text without a character of UTF-8 in it,
    and with several bytes over 127 that all are Western European letters or signs, few in a row.
    """
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    pairs = len(start) // 2
    if pairs:
        zeros_first, zeros_second = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
        if zeros_second > pairs * 0.4 and zeros_first < pairs * 0.1:
            return "utf-16-le"
        if zeros_first > pairs * 0.4 and zeros_second < pairs * 0.1:
            return "utf-16-be"
    if first_fault(start) is None or not start.decode("utf-8", "ignore").isascii():
        return "utf-8"
    is_western = len(_HIGH.findall(start)) >= _WESTERN_BYTES_MIN and _WESTERN.fullmatch(start)
    return "windows-1252" if is_western else "utf-8"


def first_fault(start: bytes) -> int | None:
    """Where the start of a file stops being UTF-8, None if it does not; a character cut off at its end is none."""
    if is_utf8(start):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError as error:
        return error.start
    return None


def with_encoding(file: InputFile, options: SourceOptions) -> tuple[InputFile, str]:
    """The file with its encoding, said or found in its first bytes, and a note where that is worth one."""
    if options.encoding is not None:
        return replace(file, encoding=_wide(options.encoding, file)), ""
    content = file_start(file, SAMPLE_BYTES)
    found = find_encoding(content)
    fault = first_fault(content) if found == "utf-8" else None
    if fault is not None:
        return file, (
            f"{file.path} is not UTF-8 at byte {fault:,}: rows with such bytes are rejected, unless --encoding names"
            " another encoding, like windows-1252"
        )
    if found == "utf-8":
        return file, ""
    return replace(file, encoding=found), f"{file.path} is read as {found} (--encoding says otherwise)"


def _wide(name: str, file: InputFile) -> str:
    # Python's utf-16 and utf-32 want a byte order mark; where it lacks, little-endian is what there is.
    if name not in _WIDE:
        return name
    start = file_start(file, 4)
    marked = (found for mark, found in _MARKS.items() if found.startswith(name) and start.startswith(mark))
    return next(marked, f"{name}-le")
