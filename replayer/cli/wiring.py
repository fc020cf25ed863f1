"""What the commands call: the supervisor, the dry run, the embedded broker, and the process's own streams.

Everything that a command reaches outside itself is in one value, so that a test gives it others. The defaults import on
use: ``--help`` must load none of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

if TYPE_CHECKING:
    from replayer.config import RunConfig
    from replayer.report.model import RunReport
    from replayer.run.observer import Observer
    from replayer.run.preview import Preview


def _run(config: RunConfig, observer: Observer) -> RunReport:
    from replayer.run.supervisor import run

    return run(config, observer)


def _dry_run(config: RunConfig, observer: Observer) -> RunReport:
    from replayer.run.dry_run import dry_run

    return dry_run(config, observer)


def _preview(config: RunConfig, show_count: int) -> Preview:
    from replayer.run.preview import preview

    return preview(config, show_count)


def _serve_broker(topics: tuple[str, ...], partition_count: int, listening: Callable[[str], None]) -> None:
    from replayer.run.broker import serve_broker

    serve_broker(topics, partition_count, listening)


@dataclass(frozen=True)
class Wiring:
    """The outside of the command line."""

    run: Callable[[RunConfig, Observer], RunReport] = _run
    dry_run: Callable[[RunConfig, Observer], RunReport] = _dry_run
    serve_broker: Callable[[tuple[str, ...], int, Callable[[str], None]], None] = _serve_broker
    preview: Callable[[RunConfig, int], Preview] = _preview
    folder: Callable[[], Path] = Path.cwd
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stdout: BinaryIO = field(default_factory=lambda: sys.stdout.buffer)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    now_ns: Callable[[], int] = time.monotonic_ns
