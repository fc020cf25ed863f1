"""Watching a run: messages and deaths of children, signals of the user, snapshots for whoever looks on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from types import FrameType

import numpy as np

from replayer import errors
from replayer.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, ChildDiedError, DatasetError, ReplayerError
from replayer.metrics import histogram
from replayer.metrics.snapshot import Snapshot
from replayer.report.model import Problem
from replayer.run.books import Counters
from replayer.run.messages import (
    EncoderChosen,
    Failed,
    FailedRows,
    FailuresListed,
    Finished,
    FromChild,
    ReadingFailed,
    Ready,
    RejectsCounted,
    RejectTally,
    Warned,
)
from replayer.run.observer import Observer
from replayer.run.processes import Child, Family
from replayer.shm.control import Control
from replayer.shm.counters import ReaderCounters, WorkerCounters
from replayer.shm.layout import COMMAND_DRAIN, COMMAND_STOP

_TICK_S = 0.1
_SNAPSHOT_NS = 250_000_000
_WARNINGS_SHOWN = 10


@dataclass
class Signals:
    """How often the user asked to end, and with which exit code that is to be answered."""

    count: int = 0
    exit_code: int = EXIT_INTERRUPTED

    def take(self, number: int, _frame: FrameType | None) -> None:
        """The handler: only counts, the watch loop acts."""
        self.count += 1
        self.exit_code = EXIT_TERMINATED if number == signal.SIGTERM else EXIT_INTERRUPTED


@contextmanager
def signals_noted() -> Iterator[Signals]:
    """Count SIGINT and SIGTERM instead of dying of them, for the length of the block."""
    signals = Signals()
    before = {number: signal.signal(number, signals.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def error_of(child: Child, failed: Failed | None) -> ReplayerError:
    """What a child ended with, as an error of the tree; ``None`` when it ended without a word."""
    if failed is None:
        how = "without a word"
        if child.exit_status is not None and child.exit_status < 0:
            how = f"by {signal.Signals(-child.exit_status).name}"
        return ChildDiedError(f"the {child.name} process (pid {child.pid}) ended {how}", "")
    kind = getattr(errors, failed.error_name, ReplayerError)
    error = kind(failed.message, failed.hint)
    assert isinstance(error, ReplayerError)
    error.__cause__ = RuntimeError(f"in the {child.name} process:\n{failed.traceback_text}")
    return error


@dataclass
class Outcome:
    """What the watch saw of a run, for the report."""

    counters: Counters
    problems: list[Problem] = field(default_factory=list)
    failures: list[FailedRows] = field(default_factory=list)
    failures_not_listed: int = 0
    rejects: tuple[RejectTally, ...] = ()
    budget_spent: str = ""
    """Why the rejects ended the run, empty when they did not."""
    encoder: EncoderChosen | None = None
    warnings: list[str] = field(default_factory=list)
    startup_cpu_ns: dict[str, int] = field(default_factory=dict)
    is_interrupted: bool = False
    interrupt_exit_code: int = EXIT_INTERRUPTED


class Watch:
    """The supervisor's loop while a run lasts."""

    def __init__(
        self,
        observer: Observer,
        control: Control,
        reader: ReaderCounters,
        workers: Sequence[WorkerCounters],
        total_records: int | None,
        rate_per_s: Fraction | None,
    ) -> None:
        self._observer, self._control = observer, control
        self._reader, self._workers = reader, workers
        self._total, self._rate = total_records, rate_per_s
        self._outcome = Outcome(Counters(reader, workers))
        self._dead: set[str] = set()
        self._last_snapshot_ns = 0
        self._last_delivered = 0
        self._last_lag = histogram.empty()
        self._handled_signals = 0
        self._state = "starting"

    def outcome(self) -> Outcome:
        """What was seen; after ``watch``."""
        outcome = self._outcome
        dead_workers = frozenset(index for index in range(len(self._workers)) if f"worker {index}" in self._dead)
        outcome.counters = Counters(self._reader, self._workers, "reader" in self._dead, dead_workers)
        return outcome

    def watch(self, family: Family, members: Sequence[Child], start_ns: int, signals: Signals) -> None:
        """Until all members have ended; passes on what they say, notices every death, obeys the user."""
        self._state = "running"
        self._last_snapshot_ns = start_ns
        while not all(child.exit_status is not None for child in members):
            for child, message in family.wait(_TICK_S):
                self.take(child, message)
            for child in family.children:
                if child.exit_status is None and child.reap():
                    for message in child.receive():
                        self.take(child, message)
                    child.is_at_end = True
                    self._note_end(child)
            self._obey(signals)
            now_ns = time.monotonic_ns()
            if now_ns - self._last_snapshot_ns >= _SNAPSHOT_NS:
                self._show(now_ns, start_ns)
        self._state = "done"
        self._show(time.monotonic_ns(), start_ns)

    def take(self, child: Child, message: FromChild) -> None:
        """Note what a child says."""
        outcome = self._outcome
        if isinstance(message, Ready):
            outcome.startup_cpu_ns[child.name] = message.cpu_ns
        elif isinstance(message, FailuresListed):
            outcome.failures += message.ranges
            outcome.failures_not_listed += message.not_listed
        elif isinstance(message, EncoderChosen):
            outcome.encoder = message
        elif isinstance(message, RejectsCounted):
            outcome.rejects, outcome.budget_spent = message.tallies, message.spent
        elif isinstance(message, ReadingFailed):
            self._add_problem(DatasetError(message.message, message.hint))
        elif isinstance(message, Warned):
            if message.text not in outcome.warnings and len(outcome.warnings) < _WARNINGS_SHOWN:
                outcome.warnings.append(message.text)
                self._observer.note(f"{child.name}: {message.text}")
        elif isinstance(message, Failed):
            self._add_problem(error_of(child, message))
            # A reader that cannot go on has closed its pipes: what it handed over before is good, and is still sent.
            if child.role != "reader":
                self._end_run(COMMAND_DRAIN)

    def _note_end(self, child: Child) -> None:
        if isinstance(child.last_word, Finished):
            return
        self._dead.add(child.name)
        if child.last_word is None:
            self._add_problem(error_of(child, None))
        elif child.role == "reader":
            return
        # Without its broker a run can learn nothing more of what it has sent.
        self._end_run(COMMAND_STOP if child.role == "broker" else COMMAND_DRAIN)

    def _add_problem(self, error: ReplayerError) -> None:
        problem = Problem(type(error).__name__, error.message, error.hint, error.exit_code)
        self._outcome.problems.append(problem)
        self._observer.problem(problem)

    def _end_run(self, command: int) -> None:
        self._control.set_command(command)
        self._state = "draining"

    def _obey(self, signals: Signals) -> None:
        """The first signal drains: no new sends, what was sent is awaited. The second stops at once."""
        if signals.count <= self._handled_signals:
            return
        self._handled_signals = signals.count
        self._outcome.is_interrupted = True
        self._outcome.interrupt_exit_code = signals.exit_code
        if signals.count == 1:
            self._observer.note("draining: no new sends, waiting for what was sent; once more stops at once")
            self._end_run(COMMAND_DRAIN)
        else:
            self._observer.note("stopping: what is not acknowledged now counts as failed or unknown")
            self._end_run(COMMAND_STOP)

    def _show(self, now_ns: int, start_ns: int) -> None:
        delivered = self._sum("delivered")
        attempted, failed, unknown = (self._sum(name) for name in ("attempted", "failed", "unknown"))
        interval_ns = now_ns - self._last_snapshot_ns
        rate = (delivered - self._last_delivered) * 1e9 / interval_ns if interval_ns > 0 else None
        elapsed_ns = max(0, now_ns - start_ns)
        self._observer.progress(
            Snapshot(
                elapsed_ns=elapsed_ns,
                state=self._state,
                total_records=self._total,
                rows_read=self._reader.get("rows_read"),
                rejected=self._reader.get("rejected"),
                encoded=self._reader.get("encoded"),
                attempted=attempted,
                delivered=delivered,
                failed=failed,
                unknown=unknown,
                in_flight=max(0, attempted - delivered - failed - unknown),
                rate_per_s=rate,
                asked_rate_per_s=None if self._rate is None else float(self._rate),
                lag_p99_ns=self._lag_p99(),
                eta_ns=self._eta_ns(delivered, elapsed_ns),
            )
        )
        self._last_snapshot_ns, self._last_delivered = now_ns, delivered

    def _sum(self, name: str) -> int:
        return int(np.sum([getattr(worker, name).sum() for worker in self._workers]))

    def _lag_p99(self) -> int | None:
        """Of the records sent since the last snapshot."""
        if self._rate is None:
            return None
        lag = histogram.merge([worker.lag.copy() for worker in self._workers])
        recent = lag - self._last_lag
        recent[histogram.COUNT :] = 0
        self._last_lag = lag
        return histogram.percentile(recent, 0.99)

    def _eta_ns(self, delivered: int, elapsed_ns: int) -> int | None:
        if self._total is None or not delivered:
            return None
        left = max(0, self._total - delivered - self._reader.get("rejected"))
        return int(left * elapsed_ns / delivered)
