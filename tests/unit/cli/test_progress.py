"""How progress is shown, with a clock and a terminal that are given."""

from __future__ import annotations

import io
import json
import re

import pytest

from replayer.cli.progress import JsonProgress, LiveProgress, TextProgress, make_progress, progress_line
from replayer.metrics.snapshot import Snapshot
from replayer.report.model import Problem
from tests.unit.cli.fakes import Terminal, snapshot
from tests.unit.report.samples import AT_MAX

SECOND_NS = 10**9


class Clock:
    def __init__(self) -> None:
        self.time_ns = 0

    def __call__(self) -> int:
        return self.time_ns


@pytest.mark.parametrize(
    ("mode", "stream", "environment", "expected"),
    [
        ("auto", Terminal(), {}, LiveProgress),
        ("auto", Terminal(), {"NO_COLOR": "1"}, TextProgress),
        ("auto", Terminal(), {"NO_COLOR": ""}, LiveProgress),
        ("auto", Terminal(), {"TERM": "dumb"}, TextProgress),
        ("auto", io.StringIO(), {}, TextProgress),
        ("plain", Terminal(), {}, TextProgress),
        ("none", Terminal(), {}, TextProgress),
        ("json", Terminal(), {}, JsonProgress),
    ],
)
def test_the_display_fits_the_stream(
    mode: str, stream: io.StringIO, environment: dict[str, str], expected: type
) -> None:
    """No live redraw where nobody sees it or somebody asked for none."""
    display = make_progress(mode, stream, environment, Clock(), is_quiet=False, is_verbose=False)
    assert type(display) is expected


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(environment: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal get no escape sequence at all, the summary included."""
    stream = Terminal()
    display = make_progress("auto", stream, environment, Clock(), is_quiet=False, is_verbose=True)
    display.plan(["plan"])
    display.note("note")
    display.detail("detail")
    display.problem(Problem("BrokerError", "message", "hint", 4))
    display.progress(snapshot(5, state="done"))
    display.finish()
    display.report(AT_MAX)
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_plain_lines_every_five_seconds() -> None:
    """Twenty moments a second make one line in five seconds."""
    stream, clock = io.StringIO(), Clock()
    display = make_progress("auto", stream, {}, clock, is_quiet=False, is_verbose=False)
    for tick in range(1, 221):
        clock.time_ns = tick * SECOND_NS // 20
        display.progress(snapshot(tick))
    assert [line.split(" ")[0] for line in stream.getvalue().splitlines()] == ["100", "200"]


def test_none_shows_no_progress_but_problems() -> None:
    """--progress none still says what is planned and what went wrong."""
    stream, clock = io.StringIO(), Clock()
    display = make_progress("none", stream, {}, clock, is_quiet=False, is_verbose=False)
    display.plan(["plan"])
    clock.time_ns = 100 * SECOND_NS
    display.progress(snapshot(1))
    display.problem(Problem("BrokerError", "message", "hint", 4))
    assert stream.getvalue() == "plan\nerror: message\nhint: hint\n"


def test_quiet_shows_problems_only() -> None:
    """-q hides all but errors."""
    stream = io.StringIO()
    display = make_progress("auto", stream, {}, Clock(), is_quiet=True, is_verbose=False)
    display.plan(["plan"])
    display.note("note")
    display.report(AT_MAX)
    display.problem(Problem("BrokerError", "message", "", 4))
    assert stream.getvalue() == "error: message\n"


def screen_of(text: str) -> list[str]:
    r"""What a terminal shows: \r goes to the line's start, ESC[K clears the rest; colours do not count."""
    lines = [""]
    position = 0
    for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.|\n", re.sub(r"\x1b\[[0-9;]*m", "", text)):
        if token == "\n":
            lines.append("")
            position = 0
        elif token == "\r":
            position = 0
        elif token == "\x1b[K":
            lines[-1] = lines[-1][:position]
        else:
            lines[-1] = lines[-1][:position] + token + lines[-1][position + 1 :]
            position += 1
    return lines


def test_the_live_line_redraws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line at the bottom, notes above it, and nothing of an older, longer line left over."""
    monkeypatch.setenv("COLUMNS", "120")
    stream, clock = Terminal(), Clock()
    display = make_progress("auto", stream, {}, clock, is_quiet=False, is_verbose=False)
    display.plan(["orders.csv to orders"])
    display.progress(snapshot(999_999, failed=123_456, lag_p99_ns=1_060_000))
    display.note("a broker went away")
    clock.time_ns = SECOND_NS
    display.progress(snapshot(1_000_000, state="done", in_flight=0, eta_ns=None))
    display.finish()
    assert screen_of(stream.getvalue()) == [
        "orders.csv to orders",
        "note: a broker went away",
        "━━━━━━━━━━━━━━━━━━━━  done  1,000,000 of 1,000,000 (100.0 %)",
        "",
    ]


def test_the_live_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal cuts the line, or each redraw would scroll the screen."""
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    display = make_progress("auto", stream, {}, Clock(), is_quiet=False, is_verbose=False)
    display.progress(snapshot(412_339))
    assert [len(line) for line in screen_of(stream.getvalue())] == [39]


def test_the_live_line_is_drawn_ten_times_a_second_at_most() -> None:
    """More moments than that cost no output; the last one is always shown."""
    stream, clock = Terminal(), Clock()
    display = make_progress("auto", stream, {}, clock, is_quiet=False, is_verbose=False)
    for tick in range(1000):
        clock.time_ns = tick * SECOND_NS // 1000
        display.progress(snapshot(tick))
    assert stream.getvalue().count("\r") == 10
    display.progress(snapshot(1000, state="done"))
    assert stream.getvalue().count("\r") == 11


@pytest.mark.parametrize(
    ("moment", "line"),
    [
        (
            snapshot(412_339),
            "412,339 of 1,000,000 (41.2 %)  1.39 M/s  in flight 20,000  left 700 ms",
        ),
        (
            snapshot(
                5000,
                total_records=None,
                eta_ns=None,
                rate_per_s=99_990.0,
                asked_rate_per_s=100_000.0,
                lag_p99_ns=1_060_000,
                rejected=12,
                failed=1,
                unknown=2,
                in_flight=7,
            ),
            "5,000 delivered  99.99 k/s of 100 k/s  in flight 7  lag p99 1.06 ms  rejected 12  failed 1  unknown 2",
        ),
        (
            snapshot(0, state="starting", total_records=None, rate_per_s=None, in_flight=0, eta_ns=None),
            "starting  0 delivered  in flight 0",
        ),
        (snapshot(0, total_records=0, rate_per_s=None, eta_ns=None, in_flight=0), "0 delivered  in flight 0"),
        (
            snapshot(0, state="dry run", encoded=250_000, in_flight=0, eta_ns=3 * 10**9),
            "dry run  250,000 of 1,000,000 (25.0 %)  1.39 M/s  left 3 s",
        ),
        (snapshot(999_000, state="draining"), "draining  999,000 of 1,000,000 (99.9 %)  1.39 M/s  in flight 20,000"),
    ],
)
def test_progress_line(moment: Snapshot, line: str) -> None:
    """Rate, done of total, lag and what is left; nothing that was not measured."""
    assert progress_line(moment) == line


def test_case_39_nothing_from_data_reaches_the_terminal() -> None:
    """Plan, notes and problems are escaped; NDJSON is ASCII."""
    hostile = "\x1b[2J\nforged\x9b\u202e\udcff"
    text, ndjson = io.StringIO(), io.StringIO()
    for display in (
        make_progress("plain", text, {}, Clock(), is_quiet=False, is_verbose=True),
        make_progress("json", ndjson, {}, Clock(), is_quiet=False, is_verbose=True),
    ):
        display.plan([hostile])
        display.note(hostile)
        display.detail(hostile)
        display.problem(Problem("BrokerError", hostile, hostile, 4))
    assert len(text.getvalue().splitlines()) == 5
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\udcff]", text.getvalue())
    assert ndjson.getvalue().isascii()
    assert [json.loads(line)["type"] for line in ndjson.getvalue().splitlines()] == [
        "plan",
        "note",
        "detail",
        "problem",
    ]
