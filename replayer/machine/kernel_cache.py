"""Where compiled kernels are kept on disk, so that only the first run on a machine compiles them. Loads no numba.

numba's own cache has two traps: it does not notice a change in a file that a kernel calls into, and importing a module
with cached kernels fails outright where no cache folder can be written. So the folder is chosen here, before numba is
imported: it is named after the sizes and times of all kernel sources, and a temporary folder stands in where the user's
cannot be written.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from replayer.errors import UsageError

_VARIABLE = "NUMBA_CACHE_DIR"
_PACKAGE = Path(__file__).resolve().parent.parent


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        if path.stem.endswith("kernels") or path.parent.name == "machine":
            status = path.stat()
            digest.update(f"{path}:{status.st_size}:{status.st_mtime_ns};".encode())
    return digest.hexdigest()[:16]


def _choose_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", ""), ".cache")
    if os.path.isabs(base):
        folder = Path(base) / "replayer" / f"kernels-{_source_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return str(folder)
        except OSError:
            pass
    try:
        temporary = tempfile.mkdtemp(prefix="replayer-kernels-")
    except OSError as error:
        raise UsageError(
            f"there is no place for compiled kernels: neither below {base!r} nor in a temporary folder ({error})",
            "set TMPDIR or XDG_CACHE_HOME to a folder that can be written",
        ) from error
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def ensure_kernel_cache() -> str:
    """Choose the folder unless it was chosen before, here or in a parent process; returns it.

    Children inherit the choice through the environment, so a run without a writable cache folder still compiles only
    once. Raises UsageError when there is no folder that can be written, not even a temporary one.
    """
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = _choose_folder()
    return os.environ[_VARIABLE]
