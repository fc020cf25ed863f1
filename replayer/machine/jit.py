"""The one door to numba: how a kernel is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from replayer.machine.kernel_cache import ensure_kernel_cache

_folder = ensure_kernel_cache()

import numba  # noqa: E402  (the cache folder must be chosen before numba is imported)

# numba read its settings when it was first imported, which may have been before this module.
numba.config.CACHE_DIR = _folder

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Declare a compiled function: no Python objects inside, the GIL released, cached on disk.

    Kernels live in modules whose names end in ``kernels`` or in this package; other files do not count for the cache.
    """
    compiled: _Function = numba.njit(cache=True, nogil=True, boundscheck=False)(function)
    return compiled


def load_kernel(compiled: Callable[..., Any], *examples: Any) -> None:
    """Compile a kernel, or load it from the cache, for arguments of the types of ``examples``, without running it.

    For where the first call must not wait; a kernel that is called from another one is part of that one.
    """
    compiled.compile(tuple(numba.typeof(example) for example in examples))  # type: ignore[attr-defined]
