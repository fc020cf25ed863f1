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


_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_HINT = "give the process more memory, or fewer --workers"


def limit_of(path: str) -> int | None:
    """The bytes that a limit file of a control group allows; None for no file, no number or no limit."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def available_bytes() -> int | None:
    """How much memory can be had without pushing anyone out, by the kernel's own estimate; None where it gives none."""
    amounts = [limit for path in _GROUP_LIMITS if (limit := limit_of(path)) is not None]
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            amounts += [int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:")]
    except OSError:
        pass
    return min(amounts, default=None)


def reserve(descriptor: int, size_bytes: int) -> None:
    """Give the file its size and its memory now, so that a lack of memory is an error here and no SIGBUS later.

    Raises UsageError when the memory cannot be had. Linux does not refuse a request for more memory than there is: it
    gives page after page, and then kills whatever process is largest. So we look first.
    """
    available = available_bytes()
    if available is not None and size_bytes > available:
        raise UsageError(
            f"cannot reserve {size_bytes >> 20:,} MiB of shared memory: {available >> 20:,} MiB are available", _HINT
        )
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        else:
            os.ftruncate(descriptor, size_bytes)
    except OSError as error:
        raise UsageError(
            f"cannot reserve {size_bytes >> 20:,} MiB of shared memory: {error.strerror}", _HINT
        ) from error


def map_file(descriptor: int, size_bytes: int) -> mmap.mmap:
    """Map the whole file, shared and writable."""
    return mmap.mmap(descriptor, size_bytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
