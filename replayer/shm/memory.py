"""The anonymous file behind a run's shared memory.

``memfd_create`` has none of the traps of named shared memory: it does not lie under the size limit of /dev/shm, it
needs no tracker, and the kernel frees it with the last process. Elsewhere an unlinked temporary file does the same on
disk.
"""

from __future__ import annotations

import mmap
import os
import tempfile

from replayer.errors import UsageError


def create_file() -> int:
    """An open descriptor of a new anonymous file of size 0, to be handed to the children."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("replayer", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile(prefix="replayer-") as file:
        return os.dup(file.fileno())


def reserve(descriptor: int, size_bytes: int) -> None:
    """Give the file its size and its memory now, so that a lack of memory is an error here and no SIGBUS later.

    Raises UsageError when the memory cannot be had.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        else:
            os.ftruncate(descriptor, size_bytes)
    except OSError as error:
        raise UsageError(
            f"cannot reserve {size_bytes >> 20} MiB of shared memory: {error.strerror}",
            "give the process more memory, or fewer --workers",
        ) from error


def map_file(descriptor: int, size_bytes: int) -> mmap.mmap:
    """Map the whole file, shared and writable."""
    return mmap.mmap(descriptor, size_bytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
