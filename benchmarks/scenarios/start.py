"""How long it takes until the first record is delivered, with compiled kernels on disk, and what --version takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks import dataset
from benchmarks.contenders.replayer import Replayed, replay
from benchmarks.figures import AT_MOST, Figure, Outcome, Target
from benchmarks.processes import run_process
from benchmarks.scenario import PARTITION_COUNT, Bench, client_properties
from benchmarks.services import fresh_topic

_VERSIONS_PER_TRIAL = 5


def first_delivered_s(run: Replayed) -> float:
    """From the start of the process to the first delivery report, at most.

    The report counts from the start of the run; what came before that is the process's time to its first output, less
    the whole run. That includes writing the report, so the figure is rather too large than too small.
    """
    until_report_s = run.process.first_output_s - run.process.started_s
    before_run_s = until_report_s - float(run.report["wall_ns"]) / 1e9
    return before_run_s + float(run.report["first_delivered_after_ns"]) / 1e9


def run(bench: Bench) -> Outcome:
    """Measure starts against the real Kafka and the embedded broker, and ``--version``."""
    path = dataset.dataset_path("parquet", 1_000_000)
    dataset.warm_cache(path)
    options = ["--max-records", "100000"]
    bootstrap = bench.kafka.bootstrap
    version_command = [str(Path(sys.executable).with_name("replayer")), "--version"]
    trials: list[dict[str, Any]] = []
    for number in range(bench.trial_count(7, 3)):
        with fresh_topic(bootstrap, "start", PARTITION_COUNT) as topic:
            real = replay(path, topic, client_properties(bootstrap), options)
        embedded = replay(path, "orders", {}, options)
        trial = {
            "real_s": first_delivered_s(real),
            "real_run_s": real.report["first_delivered_after_ns"] / 1e9,
            "embedded_s": first_delivered_s(embedded),
            "version_ms": [run_process(version_command).wall_s * 1e3 for _ in range(_VERSIONS_PER_TRIAL)],
        }
        trials.append(trial)
        bench.say(
            f"trial {number + 1}: first delivered after {trial['real_s']:.2f} s, embedded {trial['embedded_s']:.2f} s, "
            f"--version {min(trial['version_ms']):.0f} ms"
        )
    versions = tuple(value for trial in trials for value in trial["version_ms"])
    figures = [
        Figure(
            "first delivered record",
            "s",
            tuple(trial["real_s"] for trial in trials),
            Target(AT_MOST, 2.0),
            "from the start of the process, real Kafka, warm kernel cache",
        ),
        Figure(
            "first delivered record, embedded broker",
            "s",
            tuple(trial["embedded_s"] for trial in trials),
            detail="the broker's own start included",
        ),
        Figure("replayer --version", "ms", versions, Target(AT_MOST, 150), "wall time of the process"),
    ]
    return Outcome({"records": 100_000}, trials, figures)
