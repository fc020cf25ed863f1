"""Standard input as a file: what is read of it while a run is planned is kept, so that the run reads it again.

Three stages: the supervisor reads the start and keeps it in an anonymous file; the reader process, which got both
descriptors, reads what was kept and then goes on where the supervisor stopped; nothing can be read a third time.
Standard library only.
"""

from __future__ import annotations

import functools
import math
import os
import select
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from replayer.errors import DatasetError

NAME = "standard input"
WORD = "-"
"""What stands for it among the paths of a dataset."""

_PIECE_BYTES = 1 << 20
_CHECK_S = 0.05
_PLANNING_WAIT_S = 2.0
"""How long planning waits for more, over all, once something has come: who plans a live stream wants it to start."""


class ReadingStoppedError(Exception):
    """The run ended while standard input had nothing to read; no fault."""


@dataclass(frozen=True)
class Spool:
    """Standard input and its start. The descriptors are the same in the process that they are handed on to."""

    kept: int
    """An anonymous file with what has been read while planning."""
    rest: int
    """A duplicate of descriptor 0: whoever reads it takes from it."""
    is_planning: bool = True

    @property
    def descriptors(self) -> tuple[int, int]:
        """What a child needs to read on."""
        return self.kept, self.rest


@dataclass
class _Stage:
    """How this process stands to its standard input, which there is once."""

    waited_s: float = 0.0
    patience_s: float = _PLANNING_WAIT_S
    is_at_end: bool = False
    is_stopped: Callable[[], bool] = bool


_stage = _Stage()


@functools.cache
def spool_of_process() -> Spool:
    """The one spool of this process. Raises DatasetError when standard input is closed."""
    try:
        rest = os.dup(0)
    except OSError as error:
        raise DatasetError(f"{NAME} cannot be read: {error.strerror}", "is it closed? name a file instead") from error
    if hasattr(os, "memfd_create"):
        return Spool(os.memfd_create("replayer-input", os.MFD_CLOEXEC), rest)
    with tempfile.TemporaryFile(prefix="replayer-") as file:
        return Spool(os.dup(file.fileno()), rest)


def was_read_to_its_end() -> bool:
    """Whether planning has seen the end of standard input."""
    return _stage.is_at_end


def wait_for_the_end() -> None:
    """Let planning wait for as long as it takes: all of standard input is to be looked at."""
    _stage.patience_s = math.inf


def stop_reading_when(is_stopped: Callable[[], bool]) -> None:
    """Let reads that wait for more end once ``is_stopped`` says so: no data comes to wake them."""
    _stage.is_stopped = is_stopped


class SpooledInput:
    """Reads standard input from its start: what was kept of it, then the rest, as much as there is at a time.

    While planning a read that has waited too long raises DatasetError, and one that is stopped is at the end.
    Otherwise it raises ReadingStoppedError when it is stopped; and it can be opened once.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._position = 0
        self._kept_bytes = os.fstat(spool.kept).st_size
        self.closed = False
        if not spool.is_planning:
            # The file's own offset, which nothing else uses, marks for all processes that the rest is being taken.
            if os.lseek(spool.kept, 0, os.SEEK_CUR):
                raise DatasetError(f"{NAME} can be read once only", "save it in a file first")
            os.lseek(spool.kept, 1, os.SEEK_SET)

    def readable(self) -> bool:
        """True, as Arrow asks."""
        return True

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position

    @property
    def has_more(self) -> bool:
        """Whether a read would not wait; always true while planning, which looks at as much as it may."""
        is_kept = self._spool.is_planning or self._position < self._kept_bytes
        return is_kept or bool(select.select([self._spool.rest], (), (), 0)[0])

    def read(self, count: int = _PIECE_BYTES) -> bytes:
        """Up to ``count`` bytes: what is there, or the first that comes; empty at the end."""
        if self._spool.is_planning:
            self._kept_bytes = os.fstat(self._spool.kept).st_size
        if self._position < self._kept_bytes:
            content = os.pread(self._spool.kept, min(count, self._kept_bytes - self._position), self._position)
        else:
            content = self._read_rest(count)
        self._position += len(content)
        return content

    def _read_rest(self, count: int) -> bytes:
        parts: list[bytes] = []
        left = count
        while left and (part := self._read_piece(left, is_first=not parts)) is not None:
            if not part:
                _stage.is_at_end = True
                break
            parts.append(part)
            left -= len(part)
        content = b"".join(parts)
        if self._spool.is_planning:
            os.pwrite(self._spool.kept, content, self._kept_bytes)
        return content

    def _read_piece(self, count: int, *, is_first: bool) -> bytes | None:
        """The next bytes, empty at the end; None when nothing is there and something has been read before."""
        is_counted = self._spool.is_planning and self._kept_bytes > 0
        while True:
            is_spent = is_counted and _stage.waited_s >= _stage.patience_s
            started_s = time.monotonic()
            if select.select([self._spool.rest], (), (), _CHECK_S if is_first and not is_spent else 0)[0]:
                _stage.waited_s += is_counted * (time.monotonic() - started_s)
                return os.read(self._spool.rest, min(count, _PIECE_BYTES))
            if not is_first:
                return None
            _stage.waited_s += is_counted * (time.monotonic() - started_s)
            if _stage.is_stopped() and self._spool.is_planning:
                return b""
            if _stage.is_stopped():
                raise ReadingStoppedError
            if is_spent:
                raise DatasetError(f"{NAME} gave nothing more for {_stage.patience_s:g} s", "wait for whole rows")

    def close(self) -> None:
        """Nothing: the descriptors belong to the process."""
        self.closed = True
