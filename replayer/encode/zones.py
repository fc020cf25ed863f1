"""Local times to instants, on whole columns, by the rules of Python's zoneinfo.

Not by Arrow's ``assume_timezone``: its tables end with the year 2037, and summer time with them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from replayer.errors import UsageError

_Int64s = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY_S = 86_400
_FIRST_S = -2 * _DAY_S
_LAST_S = 253_402_300_800 - 2 * _DAY_S
"""Seconds since 1970 that are looked at: those of Kafka's timestamps that Python's calendar reaches."""


class Zone:
    """A zone of the IANA database; learns the changes of its offset for the years that it is asked for."""

    def __init__(self, name: str) -> None:
        """Raises UsageError for an unknown name."""
        try:
            self._zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise UsageError(
                f"{name!r} is not a zone of this machine's IANA database",
                "write it like UTC or Europe/Berlin; the database is the package tzdata",
            ) from error
        self._changes: dict[int, list[tuple[int, int]]] = {}
        self._starts, self._offsets, self._switches = (np.zeros(0, np.int64) for _ in range(3))

    def _offset(self, instant_s: int) -> int:
        instant_s = min(max(instant_s, _FIRST_S), _LAST_S)
        offset = (_EPOCH + dt.timedelta(seconds=instant_s)).astimezone(self._zone).utcoffset()
        assert offset is not None  # the zone is set
        return offset // dt.timedelta(seconds=1)

    def instants(self, local: _Int64s, per_second: int) -> tuple[_Int64s, _Mask]:
        """When clocks of the zone show these times, the first time that they do; and where they never do.

        ``local`` counts units, ``per_second`` of them a second, since 1970-01-01 as the clocks of the zone have it.
        """
        seconds = np.clip(local // per_second, _FIRST_S, _LAST_S)
        years = np.unique(seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64)).tolist()
        if not years:
            return local, np.zeros(0, np.bool_)
        if not self._changes.keys() >= set(years):
            self._learn(years)
        place = np.searchsorted(self._switches, seconds, side="right")
        offsets = self._offsets[place]
        return local - offsets * per_second, seconds - offsets < self._starts[place]

    def _learn(self, years: list[int]) -> None:
        """Find the changes of some years, counted from 1970, and lay the table out anew."""
        for year in years:
            if year not in self._changes:
                first_s, end_s = (
                    np.array([year, year + 1]).astype("datetime64[Y]").astype("datetime64[s]").astype(int).tolist()
                )
                self._changes[year] = list(self._changes_between(first_s - 2 * _DAY_S, end_s + 2 * _DAY_S))
        starts: list[int] = []
        offsets: list[int] = []
        for year in sorted(self._changes):
            for start_s, offset in self._changes[year]:
                # Years overlap by some days, and between those that nobody asked for nothing is known.
                if not starts or (start_s > starts[-1] and offset != offsets[-1]):
                    starts.append(start_s)
                    offsets.append(offset)
        self._starts, self._offsets = np.array(starts, np.int64), np.array(offsets, np.int64)
        # Clocks leave an offset when they show what it makes of the instant of the change.
        self._switches = self._starts[1:] + self._offsets[:-1]

    def _changes_between(self, first_s: int, end_s: int) -> Iterator[tuple[int, int]]:
        """The offset at the first instant, and then each at which it changes: found by the day, then to the second."""
        offset = self._offset(first_s)
        yield first_s, offset
        for day_s in range(first_s, end_s, _DAY_S):
            after = self._offset(day_s + _DAY_S)
            if after != offset:
                offset = after
                yield self._change(day_s, day_s + _DAY_S), offset

    def _change(self, low_s: int, high_s: int) -> int:
        """The second at which the offset is that of ``high_s`` for the first time."""
        before = self._offset(low_s)
        while low_s + 1 < high_s:
            middle_s = (low_s + high_s) // 2
            if self._offset(middle_s) == before:
                low_s = middle_s
            else:
                high_s = middle_s
        return high_s
