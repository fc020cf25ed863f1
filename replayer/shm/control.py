"""The supervisor's hand on a running run: the command word, the published clock map, the token bucket's setting."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from replayer.pacing.bucket import BucketSetting
from replayer.pacing.clock_map import ClockMap
from replayer.shm.layout import (
    BUCKET_ARRIVAL,
    BUCKET_INTERVAL,
    BUCKET_ORIGIN,
    BUCKET_TOLERANCE,
    COMMAND,
    CONTROL_WORDS,
    MAP_0,
    MAP_1,
    MAP_VERSION,
    Words,
)


@dataclass(frozen=True)
class Control:
    """The control words of a mapped file. Only the supervisor calls the methods that write."""

    words: Words

    def command(self) -> int:
        """COMMAND_RUN, COMMAND_DRAIN or COMMAND_STOP."""
        return int(self.words[COMMAND])

    def set_command(self, command: int) -> None:
        """Tell every process to go on, to drain or to stop; commands only rise."""
        self.words[COMMAND] = max(command, self.command())

    def publish_map(self, clock_map: ClockMap) -> None:
        """Make ``clock_map`` the one in force.

        There are two places and a version: the map is written where nobody reads, then the version turns readers to it.
        A reader that was between the two steps reads the version again after the map, sees that it moved, and starts
        over (``shm.control_kernels.read_map``). Stores are not reordered with each other on x86-64; elsewhere NumPy's
        store of the version is preceded by enough system calls that nobody can publish twice while a reader copies five
        words.
        """
        version = int(self.words[MAP_VERSION]) + 1
        place = MAP_1 if version & 1 else MAP_0
        self.words[place : place + 5] = (
            clock_map.anchor_nominal_ns,
            clock_map.anchor_clock_ns,
            clock_map.scale.numerator,
            clock_map.scale.denominator,
            int(clock_map.is_paused),
        )
        self.words[MAP_VERSION] = version

    def current_map(self) -> ClockMap | None:
        """The map in force; None before the first."""
        version = int(self.words[MAP_VERSION])
        if version == 0:
            return None
        place = MAP_1 if version & 1 else MAP_0
        nominal, clock, numerator, denominator, is_paused = (int(word) for word in self.words[place : place + 5])
        return ClockMap(nominal, clock, Fraction(numerator, denominator), bool(is_paused))

    def set_bucket(self, setting: BucketSetting, origin_ns: int) -> None:
        """Set the token bucket, full; ``origin_ns`` is the clock time from which its ticks count."""
        self.words[BUCKET_ORIGIN] = origin_ns
        self.words[BUCKET_TOLERANCE] = setting.tolerance_ticks
        # As if nothing had gone for long: the first record, due at the origin, must not wait for an interval to pass.
        self.words[BUCKET_ARRIVAL] = -setting.tolerance_ticks
        self.words[BUCKET_INTERVAL] = setting.interval_ticks


def control_of(memory: mmap.mmap) -> Control:
    """The control words of a mapped file."""
    return Control(np.ndarray(CONTROL_WORDS, np.int64, memory, 0))
