"""Who is told what happens during a run. The supervisor alone speaks to people, and it speaks through this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from replayer.metrics.snapshot import Snapshot
from replayer.report.model import Problem


class Observer(Protocol):
    """Takes the run's news; called from the supervisor's one thread, and must not block."""

    def plan(self, lines: Sequence[str]) -> None:
        """What the run is about to do, before the first record."""
        ...

    def note(self, text: str) -> None:
        """A fact worth knowing, such as a warning of librdkafka."""
        ...

    def detail(self, text: str) -> None:
        """A fact for ``-v``, such as why a producer was chosen."""
        ...

    def progress(self, snapshot: Snapshot) -> None:
        """How far the run is; several times a second."""
        ...

    def problem(self, problem: Problem) -> None:
        """An error that changes the run's outcome."""
        ...
