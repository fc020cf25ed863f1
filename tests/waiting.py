"""Waiting in tests: for a condition, with a deadline, and never just for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")
_STEP_S = 0.002


def wait_for(condition: Callable[[], _Value], what: str, timeout_s: float = 20.0) -> _Value:
    """The first true value that ``condition`` gives; AssertionError naming ``what`` when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(_STEP_S)
