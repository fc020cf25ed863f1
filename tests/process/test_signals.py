"""Ctrl-C and SIGTERM: the first drains, the second stops, and the counts are honest both times."""

from __future__ import annotations

import signal
import time

import pytest

from replayer.kafka.embedded import MockCluster
from tests.process.conftest import PARTITIONS, Destination, Readings
from tests.process.running import Running
from tests.process.test_deaths import LOAD, assert_honest
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("rate", "number", "exit_code"),
    [("max", signal.SIGINT, 130), ("20k", signal.SIGINT, 130), ("20k", signal.SIGTERM, 143)],
)
def test_the_first_signal_drains(
    readings: Readings, destination: Destination, rate: str, number: int, exit_code: int
) -> None:
    """What was sent is awaited, what waits in slots counts as not sent, and the broker agrees with every number."""
    words = [readings.path, *destination.words, "--loop", "--workers", "2", "--rate", rate]
    with Running(words) as running:
        running.wait_until_delivering(LOAD)
        # A terminal's Ctrl-C reaches the children too; SIGTERM is sent by whoever knows the supervisor only.
        asked_s = running.interrupt() if number == signal.SIGINT else running.kill_supervisor(number)
        code, report = running.finish(timeout_s=15)
        assert time.monotonic() - asked_s < 5
    assert code == exit_code
    assert report.outcome == "interrupted"
    assert_honest(report)
    ledger = report.ledger
    assert ledger.proof == "exclusive"
    assert ledger.failed == ledger.unknown == 0
    assert ledger.delivered == ledger.attempted == ledger.broker_confirmed
    if rate != "max":
        # A paced reader is about 200 ms ahead.
        assert 500 < ledger.not_sent + ledger.source.not_handed_over < ledger.source.encoded


def test_ctrl_c_waits_for_what_was_sent(readings: Readings) -> None:
    """With a broker that needs half a second for each answer, everything that was sent is still awaited."""
    with MockCluster() as cluster:
        cluster.create_topic("t", PARTITIONS)
        words = [readings.path, "-b", cluster.bootstrap, "-t", "t", "--loop", "--rate", "10k"]
        with Running(words) as running:
            running.wait_until_delivering(1_000)
            cluster.set_round_trip_ms(1, 500)
            count = len(running.snapshots)
            running.wait_for_snapshot(lambda event: event["in_flight"] > 1_000, "records on their way", first=count)
            running.interrupt()
            code, report = running.finish(timeout_s=30)
    assert code == 130
    assert_honest(report)
    assert report.ledger.delivered == report.ledger.attempted
    assert report.ledger.unknown == report.ledger.failed == 0


@pytest.mark.parametrize("producer", ["native", "portable"])
def test_the_second_signal_stops_at_once(readings: Readings, producer: str) -> None:
    """The broker has fallen silent, so draining would last for minutes: stopped in seconds, everything counted."""
    with MockCluster() as cluster:
        cluster.create_topic("t", PARTITIONS)
        words = [readings.path, "-b", cluster.bootstrap, "-t", "t", "--loop", "--rate", "10k", "--producer", producer]
        with Running(words) as running:
            running.wait_until_delivering(1_000)
            cluster.set_round_trip_ms(1, 60_000)
            count = len(running.snapshots)
            running.wait_for_snapshot(lambda event: event["in_flight"] > 1_000, "records on their way", first=count)
            running.interrupt()
            count = len(running.snapshots)
            running.wait_for_snapshot(lambda event: event["state"] == "draining", "draining", first=count)
            stopped_s = running.interrupt()
            code, report = running.finish(timeout_s=30)
            assert time.monotonic() - stopped_s < 4
    assert code == 130
    assert_honest(report)
    ledger = report.ledger
    assert ledger.unknown > 0
    assert ledger.failed + ledger.unknown == ledger.attempted - ledger.delivered > 1_000
    assert sum(one.last_row - one.first_row + 1 for one in report.failures) + report.failures_not_listed == (
        ledger.failed + ledger.unknown
    )


def test_ctrl_c_before_the_start(readings: Readings) -> None:
    """Nothing was sent yet: exit 130 at once, one line, nobody left behind."""
    with Running([readings.path, "-t", "t", "--loop"]) as running:
        wait_for(lambda: len(running.children()) >= 3, "the children")
        asked_s = running.interrupt()
        assert running.process.wait(15) == 130
        assert time.monotonic() - asked_s < 5
        running.assert_nothing_left()
        wait_for(lambda: "interrupted" in running.stderr, "a word about it")
        assert "Traceback" not in running.stderr
