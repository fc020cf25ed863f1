"""How a run shows itself on stderr: one live line on a terminal, plain lines every few seconds elsewhere, or NDJSON.

All implement ``run.observer.Observer``. None of them reads a clock or a terminal by itself: both are passed in.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from replayer.metrics.snapshot import Snapshot
from replayer.report.escape import printable
from replayer.report.model import Problem, RunReport
from replayer.report.table import Paint
from replayer.run.observer import Observer
from replayer.units import format_count, format_duration, format_rate

PLAIN_INTERVAL_NS = 5 * 10**9
LIVE_INTERVAL_NS = 10**8
_BAR_WIDTH = 20
_DRY_RUN = "dry run"


class Progress(Observer, Protocol):
    """What the ``run`` command needs of a display beyond what a run tells it."""

    def finish(self) -> None:
        """Leave the stream at the start of a line."""
        ...

    def report(self, report: RunReport) -> None:
        """Show the summary."""
        ...


def make_progress(
    mode: str,
    stream: TextIO,
    environment: Mapping[str, str],
    now_ns: Callable[[], int],
    *,
    is_quiet: bool,
    is_verbose: bool,
) -> Progress:
    """The display for ``--progress``: ``auto`` redraws a line only on a terminal that has not asked for plain text."""
    if mode == "json":
        return JsonProgress(stream, is_quiet=is_quiet, is_verbose=is_verbose)
    is_terminal = stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    paint = Paint(is_coloured=is_terminal)
    if is_quiet or mode == "none":
        return TextProgress(stream, paint, now_ns, interval_ns=None, is_quiet=is_quiet, is_verbose=is_verbose)
    if mode == "auto" and is_terminal:
        return LiveProgress(stream, paint, now_ns, LIVE_INTERVAL_NS, is_verbose=is_verbose)
    return TextProgress(stream, paint, now_ns, PLAIN_INTERVAL_NS, is_verbose=is_verbose)


class TextProgress:
    """Lines of text; a progress line at most every ``interval_ns``, none at all when it is None."""

    def __init__(
        self,
        stream: TextIO,
        paint: Paint,
        now_ns: Callable[[], int],
        interval_ns: int | None,
        *,
        is_quiet: bool = False,
        is_verbose: bool = False,
    ) -> None:
        self._stream = stream
        self._paint = paint
        self._now_ns = now_ns
        self._interval_ns = interval_ns
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._next_ns = 0 if interval_ns is None else now_ns() + interval_ns

    def plan(self, lines: Sequence[str]) -> None:
        """One line each."""
        for line in lines:
            self._say(printable(line))

    def note(self, text: str) -> None:
        """One line."""
        self._say(f"{self._paint.warn('note:')} {printable(text)}")

    def detail(self, text: str) -> None:
        """One line, only when verbose."""
        if self._is_verbose:
            self._say(self._paint.dim(printable(text)))

    def progress(self, snapshot: Snapshot) -> None:
        """A line if the last one is old enough."""
        now_ns = self._now_ns()
        if self._interval_ns is not None and now_ns >= self._next_ns:
            self._next_ns = now_ns + self._interval_ns
            self._draw(snapshot)

    def problem(self, problem: Problem) -> None:
        """``error: …`` and ``hint: …``, shown even when quiet."""
        self._write(f"{self._paint.bad('error:')} {printable(problem.message)}\n")
        if problem.hint:
            self._write(f"hint: {printable(problem.hint)}\n")

    def finish(self) -> None:
        """Nothing is left open."""

    def report(self, report: RunReport) -> None:
        """The text summary, below an empty line."""
        if not self._is_quiet:
            # Not at the top: a run that fails early needs no summary.
            from replayer.report.text import render_text

            self._write("\n" + render_text(report, self._paint, self._is_verbose))

    def _draw(self, snapshot: Snapshot) -> None:
        self._say(progress_line(snapshot))

    def _say(self, line: str) -> None:
        if not self._is_quiet:
            self._write(line + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class LiveProgress(TextProgress):
    """One line that redraws itself; other lines push it down."""

    def __init__(
        self, stream: TextIO, paint: Paint, now_ns: Callable[[], int], interval_ns: int, *, is_verbose: bool = False
    ) -> None:
        super().__init__(stream, paint, now_ns, interval_ns, is_verbose=is_verbose)
        self._next_ns = 0
        self._line = ""

    def finish(self) -> None:
        """The last state stays on the screen."""
        if self._line:
            super()._write("\n")
            self._line = ""

    def progress(self, snapshot: Snapshot) -> None:
        """As the base, but the last moment is always drawn."""
        if snapshot.state == "done":
            self._next_ns = 0
        super().progress(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        columns = shutil.get_terminal_size().columns
        # A line as wide as the terminal wraps on some of them, and \r would then return to its second half only.
        self._line = _with_bar(snapshot)[: columns - 1]
        super()._write(f"\r{self._line}\x1b[K")

    def _write(self, text: str) -> None:
        if not self._line:
            super()._write(text)
            return
        super()._write(f"\r\x1b[K{text}")
        super()._write(self._line)


class JsonProgress:
    """One JSON object a line, each with a ``type``: plan, note, detail, progress, problem, report."""

    def __init__(self, stream: TextIO, *, is_quiet: bool, is_verbose: bool) -> None:
        self._stream = stream
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose

    def plan(self, lines: Sequence[str]) -> None:
        """``{"type": "plan", "lines": […]}``."""
        self._say("plan", {"lines": list(lines)})

    def note(self, text: str) -> None:
        """``{"type": "note", "text": …}``."""
        self._say("note", {"text": text})

    def detail(self, text: str) -> None:
        """``{"type": "detail", "text": …}``, only when verbose."""
        if self._is_verbose:
            self._say("detail", {"text": text})

    def progress(self, snapshot: Snapshot) -> None:
        """The snapshot's fields; each one that the run gives."""
        self._say("progress", dataclasses.asdict(snapshot))

    def problem(self, problem: Problem) -> None:
        """The problem's fields, even when quiet."""
        self._write("problem", dataclasses.asdict(problem))

    def finish(self) -> None:
        """Every line is whole already."""

    def report(self, report: RunReport) -> None:
        """The report as in ``--output json``, on one line."""
        from replayer.report.json import to_dict

        self._say("report", {"report": to_dict(report)})

    def _say(self, kind: str, fields: Mapping[str, Any]) -> None:
        if not self._is_quiet:
            self._write(kind, fields)

    def _write(self, kind: str, fields: Mapping[str, Any]) -> None:
        # ASCII escapes keep control characters and lone surrogates of the data out of the stream.
        self._stream.write(json.dumps({"type": kind, **fields}) + "\n")
        self._stream.flush()


def progress_line(snapshot: Snapshot) -> str:
    """``412,339 of 1,000,000 (41.2 %)  1.39 M/s  in flight 20,000  lag p99 1.06 ms  left 2m 05s``."""
    done, word = _done(snapshot)
    parts = [f"{format_count(done)} {word}"]
    if snapshot.total_records:
        percent = 100 * done / snapshot.total_records
        parts = [f"{format_count(done)} of {format_count(snapshot.total_records)} ({percent:.1f} %)"]
    if snapshot.state != "running":
        parts.insert(0, snapshot.state)
    # The rate of the last interval says nothing about a run that has ended within it.
    if snapshot.rate_per_s is not None and snapshot.state != "done":
        asked = "" if snapshot.asked_rate_per_s is None else f" of {format_rate(snapshot.asked_rate_per_s)}"
        parts.append(format_rate(snapshot.rate_per_s) + asked)
    if snapshot.in_flight or snapshot.state not in (_DRY_RUN, "done"):
        parts.append(f"in flight {format_count(snapshot.in_flight)}")
    if snapshot.lag_p99_ns is not None and snapshot.state != "done":
        parts.append(f"lag p99 {format_duration(snapshot.lag_p99_ns)}")
    for name, count in (("rejected", snapshot.rejected), ("failed", snapshot.failed), ("unknown", snapshot.unknown)):
        if count:
            parts.append(f"{name} {format_count(count)}")
    if snapshot.eta_ns and snapshot.state in ("running", _DRY_RUN):
        parts.append(f"left {format_duration(snapshot.eta_ns)}")
    return "  ".join(parts)


def _done(snapshot: Snapshot) -> tuple[int, str]:
    """What counts as done, and its name: a dry run delivers nothing."""
    if snapshot.state == _DRY_RUN:
        return snapshot.encoded, "encoded"
    return snapshot.delivered, "delivered"


def _with_bar(snapshot: Snapshot) -> str:
    if not snapshot.total_records:
        return f"{format_duration(snapshot.elapsed_ns)}  {progress_line(snapshot)}"
    done, _ = _done(snapshot)
    filled = min(_BAR_WIDTH, _BAR_WIDTH * done // snapshot.total_records)
    return f"{'━' * filled}{'─' * (_BAR_WIDTH - filled)}  {progress_line(snapshot)}"
