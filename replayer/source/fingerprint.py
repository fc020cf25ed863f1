"""Whether a file is still the one that a run was planned with. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from replayer.errors import DatasetError
from replayer.units import format_count

if TYPE_CHECKING:
    from replayer.source.discover import InputFile

_HINT = "give a file that is finished, or a copy of it; what still grows can be piped in: tail -f FILE | replayer run -"


@dataclass(frozen=True)
class Fingerprint:
    """What changes when a file is written to or replaced."""

    size_bytes: int
    modified_ns: int
    inode: int


def fingerprint_of(path: str) -> Fingerprint:
    """The fingerprint of a file as it is now. Raises OSError."""
    found = os.stat(path)
    return Fingerprint(found.st_size, found.st_mtime_ns, found.st_ino)


@contextmanager
def unchanged(file: InputFile) -> Iterator[None]:
    """A block that reads a file: raises DatasetError if it is not the planned one at the start or at the end.

    An error inside the block gives way to the change that explains it.
    """
    _check(file)
    try:
        yield
    except DatasetError:
        _check(file)
        raise
    _check(file)


def _check(file: InputFile) -> None:
    planned = file.fingerprint
    if planned is None:
        return
    try:
        found = fingerprint_of(file.path)
    except OSError as error:
        raise DatasetError(f"{file.path} changed during the run: it is gone", _HINT) from error
    if found == planned:
        return
    what = "it was written to"
    if found.inode != planned.inode:
        what = "another file has taken its place"
    elif found.size_bytes != planned.size_bytes:
        how = "grew" if found.size_bytes > planned.size_bytes else "shrank"
        what = f"it {how} from {format_count(planned.size_bytes)} to {format_count(found.size_bytes)} bytes"
    raise DatasetError(f"{file.path} changed during the run: {what}", _HINT)
