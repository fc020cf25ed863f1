"""Peak and growth of each process's memory over a long paced run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from benchmarks import dataset
from benchmarks.contenders.replayer import replay
from benchmarks.figures import AT_MOST, Figure, Outcome, Target
from benchmarks.growth import growth
from benchmarks.processes import Sample
from benchmarks.scenario import PARTITION_COUNT, Bench, client_properties
from benchmarks.services import fresh_topic

_RATE_PER_S = 100_000
_SAMPLE_S = 1.0
_FLAT_MIB = 2.0
"""What counts as flat: the growth of all processes together over the second half.

Not over all of it: after each stall longer than any before, librdkafka's queue keeps the memory of its new high-water
mark.
"""
# 100,000/s for ten minutes are 6 GB; the broker may forget what it has acknowledged.
_TOPIC = {"retention.bytes": str(64 << 20), "segment.bytes": str(32 << 20), "retention.ms": "60000"}
_MIB = 1 << 20


def _by_role(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    roles: dict[str, list[Sample]] = {}
    for sample in samples:
        roles.setdefault(sample.role, []).append(sample)
    return roles


def run(bench: Bench) -> Outcome:
    """Replay in a loop at a constant rate, and look at every process each second."""
    seconds = 60 if bench.is_quick else 600
    path = dataset.dataset_path("parquet", 1_000_000)
    options = ["--rate", str(_RATE_PER_S), "--duration", f"{seconds}s", "--loop"]
    trials: list[dict[str, Any]] = []
    for _ in range(bench.trial_count(1, 1)):
        with fresh_topic(bench.kafka.bootstrap, "memory", PARTITION_COUNT, _TOPIC) as topic:
            run_ = replay(path, topic, client_properties(bench.kafka.bootstrap), options, _SAMPLE_S)
        # The first and the last seconds are the start and the end of the processes.
        samples = [one for one in run_.process.samples if 4.0 <= one.at_s <= run_.process.wall_s - 2.0]
        roles: dict[str, Any] = {}
        for role, ones in _by_role(samples).items():
            if len(ones) < seconds // 2:
                continue
            times = [one.at_s for one in ones]
            roles[role] = {
                "rss": dataclasses.asdict(growth(times, [one.rss_bytes for one in ones])),
                "anon": dataclasses.asdict(growth(times, [one.anon_bytes for one in ones])),
                "shared": dataclasses.asdict(growth(times, [one.shared_bytes for one in ones])),
                "rss_mib_each_10_s": [round(one.rss_bytes / _MIB, 1) for one in ones[::10]],
            }
            peak, slope = roles[role]["rss"]["peak"] / _MIB, roles[role]["rss"]["slope_per_s"] * 60 / 1024
            bench.say(f"{role:17} peak {peak:6.1f} MiB, slope {slope:+.1f} KiB/min")
        trials.append(
            {"roles": roles, "peaks_by_kernel": {c["role"]: c["peak_rss_bytes"] for c in run_.report["costs"]}}
        )
    return Outcome({"rate_per_s": _RATE_PER_S, "seconds": seconds}, trials, _figures(trials))


def _figures(trials: list[dict[str, Any]]) -> list[Figure]:
    def total(trial: dict[str, Any], key: str) -> float:
        grown = (role["rss"][key] for role in trial["roles"].values())
        return float(sum(grown)) / _MIB

    growths = tuple(total(trial, "last") - total(trial, "first") for trial in trials)
    late = tuple(total(trial, "last") - total(trial, "middle") for trial in trials)
    slopes = tuple(total(trial, "slope_per_s") * 600 for trial in trials)
    figures = [
        Figure("growth, second half", "MiB", late, Target(AT_MOST, _FLAT_MIB), "all processes"),
        Figure("growth, all of it", "MiB", growths, detail="all processes, end of warm-up to the end"),
        Figure("slope, all processes", "MiB/10 min", slopes, detail="least squares"),
    ]
    for role in trials[0]["roles"]:
        peaks = tuple(trial["roles"][role]["rss"]["peak"] / _MIB for trial in trials)
        shared = trials[0]["roles"][role]["shared"]["peak"] / _MIB
        figures.append(Figure(f"peak, {role}", "MiB", peaks, detail=f"{shared:.0f} MiB of it the shared ring"))
    return figures
