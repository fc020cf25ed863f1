"""The monotonic clock inside compiled loops."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
from numba import types

from replayer.machine.jit import kernel
from replayer.machine.memory import address_of, c_function

_MONOTONIC = 1
_call_clock_gettime = c_function(types.int32, types.int32, types.int64)


def clock_address() -> int:
    """The address of the C library's ``clock_gettime``."""
    address = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
    assert address is not None
    return address


@kernel
def monotonic_ns(clock_gettime: int, scratch: npt.NDArray[np.int64]) -> int:
    """The same clock as ``time.monotonic_ns`` on Linux; ``scratch`` holds two words for the answer."""
    _call_clock_gettime(clock_gettime, (np.int32(_MONOTONIC), address_of(scratch)))
    return scratch[0] * 1_000_000_000 + scratch[1]
