"""Whoever is killed under load: it is noticed, the run ends, every record is accounted for, and nothing is left."""

from __future__ import annotations

import signal
import time

import pytest

from replayer.report.model import RunReport
from tests.process.conftest import Destination, Readings
from tests.process.running import Process, Running, shared_memory_names
from tests.waiting import wait_for

pytestmark = pytest.mark.process

LOAD = 20_000
"""Records delivered before somebody dies: all processes are at work by then."""


def assert_honest(report: RunReport) -> None:
    """The books close, nobody says more than the broker has, and every record that was encoded has one outcome."""
    ledger = report.ledger
    assert ledger.faults == ()
    outcomes = ledger.delivered + ledger.failed + ledger.unknown + ledger.not_sent + ledger.source.not_handed_over
    assert ledger.source.encoded == outcomes
    if ledger.broker_confirmed is not None:
        assert ledger.delivered <= ledger.broker_confirmed <= ledger.delivered + ledger.unknown


def assert_noticed(running: Running, killed_s: float, words: str) -> None:
    """A problem that names the process, within a second."""
    problem = wait_for(lambda: next(iter(running.of_type("problem")), None), "a problem")
    assert problem is not None
    assert words in problem["message"]
    assert "SIGKILL" in problem["message"]
    assert problem["at_s"] - killed_s < 1.0


@pytest.mark.parametrize(
    ("role", "index", "rate"),
    [
        ("reader", 0, "max"),
        ("worker", 0, "max"),
        ("worker", 1, "max"),
        ("worker", 2, "max"),
        ("reader", 0, "50k"),
        ("worker", 1, "50k"),
    ],
)
def test_case_31_a_killed_child_ends_the_run(
    readings: Readings, destination: Destination, role: str, index: int, rate: str
) -> None:
    """Noticed within a second; the others drain; exit 6, with a ledger that the broker agrees with."""
    names = shared_memory_names()
    words = [readings.path, *destination.words, "--loop", "--workers", "3", "--key", "device", "--rate", rate]
    with Running(words) as running:
        running.wait_until_delivering(LOAD)
        killed_s = running.kill(running.child(role, index))
        assert_noticed(running, killed_s, "reader" if role == "reader" else f"worker {index}")
        code, report = running.finish(timeout_s=15)
    assert code == 6
    assert report.outcome == "failed"
    assert_honest(report)
    assert report.ledger.proof == "exclusive"
    assert report.ledger.delivered >= LOAD
    if role == "worker":
        others = [partition for partition in report.partitions if partition.partition % 3 != index]
        assert sum(partition.unknown for partition in others) == 0
    assert shared_memory_names() <= names


@pytest.mark.parametrize("rate", ["max", "50k"])
def test_case_31_the_embedded_broker_is_killed(readings: Readings, rate: str) -> None:
    """Without its broker nothing more can be learnt: what is on its way is unknown, and the run ends at once."""
    with Running([readings.path, "-t", "t", "--loop", "--workers", "2", "--rate", rate]) as running:
        running.wait_until_delivering(LOAD)
        killed_s = running.kill(running.child("broker"))
        assert_noticed(running, killed_s, "embedded broker")
        code, report = running.finish(timeout_s=15)
    assert time.monotonic() - killed_s < 5
    assert code == 6
    assert_honest(report)
    assert report.ledger.proof == "not asked"
    assert report.ledger.delivered >= LOAD


def test_case_32_children_do_not_outlive_the_supervisor(readings: Readings) -> None:
    """Killed before it could end them, all of its children are gone within two seconds, and so is the memory."""
    names = shared_memory_names()
    with Running([readings.path, "-t", "t", "--loop", "--workers", "2"]) as running:
        running.wait_until_delivering(LOAD)
        children = running.children()
        assert len(children) == 4
        running.kill_supervisor(signal.SIGKILL)
        wait_for(lambda: not any(child.is_alive for child in children), "the end of all children", 2)
        assert running.process.wait(5) == -signal.SIGKILL
        running.assert_nothing_left()
    assert shared_memory_names() <= names


def test_case_32_the_supervisor_is_killed_while_it_starts(readings: Readings) -> None:
    """At whatever moment: children that are just being started notice that nobody waits for them any more."""
    for delay_children in (1, 3, 4):
        with Running([readings.path, "-t", "t", "--loop", "--workers", "2"]) as running:

            def are_there(count: int = delay_children, running: Running = running) -> list[Process]:
                found = running.children()
                return found if len(found) >= count else []

            children = wait_for(are_there, f"{delay_children} children")
            running.kill_supervisor(signal.SIGKILL)
            wait_for(lambda children=children: not any(child.is_alive for child in children), "their end", 2)
            running.process.wait(5)
            wait_for(lambda running=running: not running.session(), "an empty session", 2)


def test_a_child_killed_before_the_start(readings: Readings) -> None:
    """A worker that dies while it is set up: exit 6 and its name, no report because nothing was sent."""
    with Running([readings.path, "-t", "t", "--workers", "2"]) as running:
        worker = wait_for(lambda: _worker(running), "a worker")
        running.kill(worker)
        assert running.process.wait(20) == 6
        running.assert_nothing_left()
        assert running.process.stdout is not None
        assert running.process.stdout.read() == b""
        wait_for(lambda: "SIGKILL" in running.stderr, "an error line")
        assert "worker 1" in running.stderr


def _worker(running: Running) -> Process | None:
    try:
        return running.child("worker", 1)
    except AssertionError:
        return None
