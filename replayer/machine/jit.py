"""The one door to numba: where compiled kernels are kept, and how a kernel is declared.

Kernels are cached on disk so that only the first run on a machine compiles them. numba's own cache has two traps: it does
not notice a change in a file that a kernel calls into, and importing a module with cached kernels fails outright where no
cache folder can be written. So the folder is chosen here, before numba is imported: it is named after the sizes and times of all
kernel sources, and falls back to a temporary folder where the user's cache folder cannot be written.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_PACKAGE = Path(__file__).resolve().parent.parent
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        if path.stem.endswith("kernels") or path.parent.name == "machine":
            status = path.stat()
            digest.update(f"{path}:{status.st_size}:{status.st_mtime_ns};".encode())
    return digest.hexdigest()[:16]


def _cache_root() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", ""), ".cache")
    return Path(base) / "replayer" if os.path.isabs(base) else None


def _choose_cache_folder() -> str:
    root = _cache_root()
    if root is not None:
        folder = root / f"kernels-{_source_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return str(folder)
        except OSError:
            pass
    temporary = tempfile.mkdtemp(prefix="replayer-kernels-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


if "NUMBA_CACHE_DIR" not in os.environ:
    # Children inherit it, so that a run without a writable cache folder still compiles once and not in each process.
    os.environ["NUMBA_CACHE_DIR"] = _choose_cache_folder()

import numba  # noqa: E402  (the cache folder must be chosen before numba is imported)


def kernel(function: _Function) -> _Function:
    """Declare a compiled function: no Python objects inside, the GIL released, cached on disk.

    Kernels live in modules whose names end in ``kernels`` or in this package; other files do not count for the cache.
    """
    compiled: _Function = numba.njit(cache=True, nogil=True, boundscheck=False)(function)
    return compiled

