"""A terminal, a clock and a supervisor for tests of the command line."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replayer.cli.entry import main
from replayer.cli.wiring import Wiring
from replayer.config import RunConfig
from replayer.metrics.snapshot import Snapshot
from replayer.report.model import RunReport
from replayer.run.observer import Observer
from tests.unit.report.samples import AT_MAX


def snapshot(delivered: int, **changes: Any) -> Snapshot:
    """A moment of a run of 1,000,000 records."""
    fields: dict[str, Any] = {
        "elapsed_ns": 10**9,
        "state": "running",
        "total_records": 1_000_000,
        "rows_read": delivered,
        "rejected": 0,
        "encoded": delivered,
        "attempted": delivered,
        "delivered": delivered,
        "failed": 0,
        "unknown": 0,
        "in_flight": 20_000,
        "rate_per_s": 1_390_000.0,
        "asked_rate_per_s": None,
        "lag_p99_ns": None,
        "eta_ns": 700_000_000,
    }
    return Snapshot(**(fields | changes))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def finish_at_once(config: RunConfig, observer: Observer) -> RunReport:
    """A run with a plan, a detail, a moment and a report."""
    observer.plan(["orders.csv to orders"])
    observer.detail("the native producer has what it needs")
    observer.progress(snapshot(412_339))
    return AT_MAX


@dataclass
class CommandLine:
    """Runs commands with fakes behind them and keeps what they wrote and asked for."""

    run: Callable[[RunConfig, Observer], RunReport] = finish_at_once
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/nonexistent")
    stderr: io.StringIO = field(default_factory=io.StringIO)
    stdout: io.BytesIO = field(default_factory=io.BytesIO)
    configs: list[RunConfig] = field(default_factory=list)
    dry_configs: list[RunConfig] = field(default_factory=list)
    brokers: list[tuple[tuple[str, ...], int]] = field(default_factory=list)

    def __call__(self, *words: str) -> int:
        wiring = Wiring(
            self._run,
            self._dry_run,
            self._serve,
            folder=lambda: self.folder,
            environment=self.environment,
            stdout=self.stdout,
            stderr=self.stderr,
        )
        return main(words, wiring)

    def _run(self, config: RunConfig, observer: Observer) -> RunReport:
        self.configs.append(config)
        return self.run(config, observer)

    def _dry_run(self, config: RunConfig, observer: Observer) -> RunReport:
        self.dry_configs.append(config)
        return self.run(config, observer)

    def _serve(self, topics: tuple[str, ...], partition_count: int, listening: Callable[[str], None]) -> None:
        self.brokers.append((topics, partition_count))
        listening("127.0.0.1:9092")
        raise KeyboardInterrupt
