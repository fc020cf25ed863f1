"""The decompressed text of a file as UTF-8, cut into blocks that end where a row ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from replayer.errors import DatasetError
from replayer.source.discover import InputFile
from replayer.source.standard_input import SpooledInput
from replayer.source.transcode import Transcoder
from replayer.units import format_bytes, format_count

BLOCK_BYTES = 2 << 20
RECORD_BYTES_MAX = 128 << 20
_PIECE_BYTES = 1 << 30
_READ_BYTES = 64 << 10
# What a read from a damaged stream loses: a file is read once more up to there, standard input cannot be.
_LIVE_READ_BYTES = 2 << 10

_UTF8_MARK = b"\xef\xbb\xbf"

RecordEnd = Callable[[bytes], int]
"""Position after the last complete row of a block, 0 when it holds none. The block begins where a row begins."""


class Stream(Protocol):
    """The bytes of a file, from its start to its end, once."""

    @property
    def input_bytes(self) -> int:
        """Bytes of the file as stored that were read so far."""

    @property
    def position_bytes(self) -> int:
        """Bytes of content that were read so far."""

    def read(self, count: int) -> bytes:
        """Up to about ``count`` bytes, empty at the end. Raises DatasetError at a damaged place."""


class ByteStream:
    """Reads one file, through gzip or zstd if it is compressed; several compressed members in a row read as one.

    What comes out is UTF-8, whatever the file's encoding, without a byte order mark. ``position_bytes`` counts the
    content that was read, in the file's own encoding.
    """

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._failure: DatasetError | None = None
        self.position_bytes = 0
        self._raw, self._stream = self._open()
        self._piece_bytes = _piece_bytes(file)
        self._transcoder = Transcoder(file.encoding) if file.encoding != "utf-8" else None

    def _open(self) -> tuple[Any, Any]:
        if self._file.spool is not None:
            live: Any = SpooledInput(self._file.spool)
            compression = self._file.compression
            return live, _decompressed(pa.PythonFile(live, mode="r"), compression) if compression else live
        try:
            raw = pa.OSFile(self._file.path, "rb")
        except OSError as error:
            raise DatasetError(
                f"{self._file.path} cannot be opened: {error}", "check the path and its permissions"
            ) from error
        return raw, _decompressed(raw, self._file.compression) if self._file.compression else raw

    @property
    def input_bytes(self) -> int:
        """Bytes of the file as stored that were read so far."""
        return int(self._raw.tell())

    def read(self, count: int) -> bytes:
        """About ``count`` bytes (at least 4), fewer at the start, before the end or a damaged place; empty at the end.

        Raises DatasetError with file and place where the compressed stream is damaged or cut off, after everything that
        could be read before that place was handed out.
        """
        is_start = self.position_bytes == 0
        content = self.read_stored(count)
        if self._transcoder is not None:
            is_last = not content
            content = self._transcoder.convert(content, is_last=is_last)
            if not content and not is_last:
                return self.read(count)
        if is_start and content.startswith(_UTF8_MARK):
            return content[len(_UTF8_MARK) :] or self.read(count)
        return content

    def read_stored(self, count: int) -> bytes:
        """As ``read``, in the file's own encoding."""
        parts: list[bytes] = []
        left = count
        while left and self._failure is None:
            try:
                part = self._stream.read(min(left, self._piece_bytes))
            except OSError as error:
                part = self._recover(self.position_bytes, error)
            except DatasetError as error:
                self._failure, part = error, b""
            if not part:
                break
            parts.append(part)
            self.position_bytes += len(part)
            left -= len(part)
            if isinstance(self._raw, SpooledInput) and not self._raw.has_more:
                break  # what is there goes on its way
        if not parts and self._failure is not None:
            raise self._failure
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _recover(self, position: int, cause: OSError) -> bytes:
        """What can still be read after ``position``: the failed read lost up to 64 KiB that were good."""
        rest = bytearray()
        try:
            if self._file.spool is not None:
                raise cause  # there is no going back
            self._raw, self._stream = self._open()
            skipped = 0
            while skipped < position:
                skipped += len(self._stream.read(min(position - skipped, _READ_BYTES)))
            while byte := self._stream.read(1):
                rest += byte
        except OSError:
            pass
        end = position + len(rest)
        what = "is cut off" if "runcated" in str(cause) else f"is damaged ({cause})"
        self._failure = DatasetError(
            f"{self._file.path}: the {self._file.compression} stream {what} after {format_count(end)} bytes of content",
            "the rows before that place were read; get a whole copy of the file",
        )
        return bytes(rest)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()


def _piece_bytes(file: InputFile) -> int:
    if not file.compression:
        return _PIECE_BYTES
    return _READ_BYTES if file.spool is None else _LIVE_READ_BYTES


def _decompressed(raw: Any, compression: Any) -> Any:
    return pa.CompressedInputStream(raw, compression)


@dataclass(frozen=True)
class Block:
    """Whole rows of a file."""

    content: bytes
    input_bytes: int
    """Bytes of the file as stored, read up to here."""
    is_last: bool
    """Nothing follows; the last row may lack its newline or be cut off."""


def blocks(stream: Stream, record_end: RecordEnd, path: str) -> Iterator[Block]:
    """The file in blocks of whole rows, about 2 MiB each, or larger where one row is.

    Raises DatasetError for a row over 128 MiB and, after all whole rows before it, for a damaged compressed stream.
    """
    rest = b""
    wanted = BLOCK_BYTES
    while True:
        # When this raises, `rest` is the start of a row whose end was lost: it must not pass for a whole one.
        fresh = stream.read(wanted)
        content = rest + fresh if rest else fresh
        if not fresh:
            if content:
                yield Block(content, stream.input_bytes, is_last=True)
            return
        end = record_end(content)
        if end:
            yield Block(content[:end], stream.input_bytes, is_last=False)
            rest = content[end:]
            wanted = BLOCK_BYTES
            continue
        if len(content) > RECORD_BYTES_MAX:
            start = stream.position_bytes - len(content)
            raise DatasetError(
                f"{path}: the row that begins at byte {format_count(start)} is longer than"
                f" {format_bytes(RECORD_BYTES_MAX)}",
                "an unclosed quote, or a file without line ends?",
            )
        rest = content
        wanted = max(BLOCK_BYTES, len(content))


def file_start(file: InputFile, count: int) -> bytes:
    """The first bytes of a file, decompressed, in its own encoding and with its byte order mark."""
    stream = ByteStream(file)
    try:
        return stream.read_stored(count)
    finally:
        stream.close()
