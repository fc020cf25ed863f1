"""The anonymous file behind a run: it has its size, it has its memory, and a lack of either is said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from replayer.shm.memory import create_file, limit_of, map_file, reserve


def test_the_memory_is_reserved_at_once() -> None:
    """After ``reserve`` the file has its size, and its blocks are there: nothing can fail at the first touch."""
    descriptor = create_file()
    try:
        assert os.fstat(descriptor).st_size == 0
        reserve(descriptor, 3 << 20)
        status = os.fstat(descriptor)
        assert status.st_size == 3 << 20
        assert status.st_blocks * 512 >= 3 << 20
        memory = map_file(descriptor, 3 << 20)
        assert memory[:] == bytes(3 << 20)
    finally:
        os.close(descriptor)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memfd_create is of Linux")
def test_no_name_is_left_behind() -> None:
    """The file has no entry in /dev/shm or anywhere else: whoever is killed, nothing stays."""
    descriptor = create_file()
    try:
        assert os.fstat(descriptor).st_nlink == 0
        assert os.readlink(f"/proc/self/fd/{descriptor}").startswith("/memfd:replayer")
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


LIMITED = """
import resource, sys
# So that a test that fails cannot take the machine's memory.
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
from replayer.errors import UsageError
from replayer.shm.memory import create_file, reserve
try:
    reserve(create_file(), int(sys.argv[1]))
except UsageError as error:
    print(error.message)
"""


@pytest.mark.parametrize(
    ("size_bytes", "message"),
    [
        (1 << 50, r"cannot reserve 1,073,741,824 MiB of shared memory: [0-9,]+ MiB are available\n"),
        (2 << 20, r"cannot reserve 2 MiB of shared memory: File too large\n"),
    ],
)
def test_memory_that_cannot_be_had_is_a_usage_error(size_bytes: int, message: str) -> None:
    """More than there is is refused before a page of it is touched; what the kernel refuses comes with its words."""
    command = [sys.executable, "-c", LIMITED, str(size_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.fullmatch(message, done.stdout)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max\n", None),
        ("67108864\n", 64 << 20),
        ("9223372036854771712\n", 9223372036854771712),
        ("", None),
        ("x", None),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path: Path, limit: str, expected: int | None) -> None:
    """The limit file of a control group holds bytes, or a word that means none."""
    file = tmp_path / "memory.max"
    file.write_text(limit)
    assert limit_of(str(file)) == expected
    assert limit_of(str(tmp_path / "missing")) is None
