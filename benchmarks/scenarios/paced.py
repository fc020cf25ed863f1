"""100,000 records a second against a real Kafka: how evenly the broker stored them, at what lag and at what cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import dataset
from benchmarks.contenders.java_tool import java_tool
from benchmarks.contenders.replayer import replay
from benchmarks.create_times import read_create_times
from benchmarks.figures import AT_LEAST, AT_MOST, Figure, Outcome, Target, interleaved
from benchmarks.processes import Sample, cores_by_role, run_module
from benchmarks.scenario import LINGER_MS, PARTITION_COUNT, VALUE_BYTES, Bench, client_properties
from benchmarks.services import fresh_topic
from benchmarks.windows import counts_per_ms, evenness

RATE_PER_S = 100_000
_SAMPLE_S = 0.5
_START_S, _END_S = 6.0, 1.0
"""Left out at both ends where CPU is measured: start-up, and the end of the processes."""
_REPLAYER, _BARE, _JAVA = "replayer", "bare_loop", "java_tool"


def _steady_cores(samples: Sequence[Sample], wall_s: float) -> dict[str, float]:
    return cores_by_role(samples, _START_S, wall_s - _END_S)


def _run_replayer(bench: Bench, topic: str, seconds: int) -> dict[str, Any]:
    path = dataset.dataset_path("parquet", 1_000_000)
    options = ["--rate", str(RATE_PER_S), "--duration", f"{seconds}s", "--loop"]
    properties = client_properties(bench.kafka.bootstrap)
    run = replay(path, topic, properties, options, _SAMPLE_S)
    report = run.report
    cores = _steady_cores(run.process.samples, run.process.wall_s)
    by_role = {name.removeprefix("replayer-").rstrip("0123456789"): 0.0 for name in cores}
    for name, value in cores.items():
        by_role[name.removeprefix("replayer-").rstrip("0123456789")] += value
    worker, reader = by_role.get("worker", 0.0), by_role.get("reader", 0.0)
    return {
        "achieved_rate_per_s": report["achieved_rate_per_s"],
        "lag_p50_ms": report["lag"]["p50_ns"] / 1e6,
        "lag_p99_ms": report["lag"]["p99_ns"] / 1e6,
        "lag_max_ms": report["lag"]["max_ns"] / 1e6,
        "late_count": report["late_count"],
        "cores_by_role": by_role,
        "cores": sum(by_role.values()),
        "cores_reader_and_workers": reader + worker,
        "cores_workers": worker,
        "wakes": sum(one["wakes"] for one in report["workers"]),
    }


def _run_bare(bench: Bench, topic: str, seconds: int) -> dict[str, Any]:
    setup = {
        "topic": topic,
        "partition_count": PARTITION_COUNT,
        "properties": client_properties(bench.kafka.bootstrap),
        "record_count": RATE_PER_S * seconds,
        "record_bytes": VALUE_BYTES,
        "rate_per_s": RATE_PER_S,
    }
    result, ended = run_module("sleep_loop", setup, _SAMPLE_S)
    return {
        "achieved_rate_per_s": result["achieved_rate_per_s"],
        "lag_p50_ms": result["lag_p50_ns"] / 1e6,
        "lag_p99_ms": result["lag_p99_ns"] / 1e6,
        "lag_max_ms": result["lag_max_ns"] / 1e6,
        "cores": sum(_steady_cores(ended.samples, ended.wall_s).values()),
        "wakes": result["wakes"],
    }


def _run_java(bench: Bench, topic: str, seconds: int) -> dict[str, Any]:
    properties = client_properties(bench.kafka.bootstrap)
    run = java_tool(bench.kafka, topic, properties, RATE_PER_S * seconds, VALUE_BYTES, RATE_PER_S, _SAMPLE_S)
    cores = _steady_cores(run.process.samples, run.process.wall_s)
    return {"achieved_rate_per_s": run.records_per_s, "cores": sum(cores.values())}


_CONTENDERS: dict[str, Callable[[Bench, str, int], dict[str, Any]]] = {
    _REPLAYER: _run_replayer,
    _BARE: _run_bare,
    _JAVA: _run_java,
}


def run(bench: Bench) -> Outcome:
    """Run all contenders at the same rate, and read each topic back."""
    seconds = 15 if bench.is_quick else 60
    trials: list[dict[str, Any]] = []
    for number in range(bench.trial_count(1, 1)):
        trial: dict[str, Any] = {}
        for name in interleaved(list(_CONTENDERS), number):
            with fresh_topic(bench.kafka.bootstrap, f"paced-{name.replace('_', '-')}", PARTITION_COUNT) as topic:
                facts = _CONTENDERS[name](bench, topic, seconds)
                times = read_create_times(bench.kafka.bootstrap, topic)
            if len(times) != RATE_PER_S * seconds:
                raise RuntimeError(f"{name} stored {len(times)} records and not {RATE_PER_S * seconds}")
            even = evenness(counts_per_ms(times), RATE_PER_S)
            trial[name] = {**facts, "stored": dataclasses.asdict(even)}
            lag = f", p99 lag {facts['lag_p99_ms']:.2f} ms" if "lag_p99_ms" in facts else ""
            bench.say(
                f"trial {number + 1}: {name:10} {even.share_within:.1%} of windows within ±1 %, "
                f"{even.rate_error_ppm:+.0f} ppm, {facts['cores']:.3f} cores{lag}"
            )
        trials.append(trial)
    settings = {"rate_per_s": RATE_PER_S, "seconds": seconds, "partitions": PARTITION_COUNT, "linger_ms": LINGER_MS}
    return Outcome({**settings, "payload_bytes": VALUE_BYTES}, trials, _figures(trials))


def _figures(trials: list[dict[str, Any]]) -> list[Figure]:
    def stored(name: str, key: str) -> tuple[float, ...]:
        return tuple(trial[name]["stored"][key] for trial in trials)

    def facts(name: str, key: str) -> tuple[float, ...]:
        return tuple(trial[name][key] for trial in trials)

    def percent(shares: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(share * 100 for share in shares)

    errors = tuple(abs(error) for error in stored(_REPLAYER, "rate_error_ppm"))
    sent_errors = tuple(abs(rate / RATE_PER_S - 1) * 1e6 for rate in facts(_REPLAYER, "achieved_rate_per_s"))
    return [
        Figure("mean rate error", "ppm", errors, Target(AT_MOST, 50), "from the stored CreateTimes"),
        Figure("mean rate error, sent", "ppm", sent_errors, Target(AT_MOST, 50), "from the worker's own clock"),
        Figure("10 ms windows within ±1 %", "%", percent(stored(_REPLAYER, "share_within")), Target(AT_LEAST, 97)),
        Figure("… the bare loop", "%", percent(stored(_BARE, "share_within"))),
        Figure("… the Java tool", "%", percent(stored(_JAVA, "share_within"))),
        Figure("p99 lag", "ms", facts(_REPLAYER, "lag_p99_ms"), Target(AT_MOST, 1.5)),
        Figure("… the bare loop", "ms", facts(_BARE, "lag_p99_ms")),
        Figure(
            "client CPU with the reader",
            "cores",
            facts(_REPLAYER, "cores"),
            Target(AT_MOST, 0.25),
            "supervisor, reader and workers, start-up left out",
        ),
        Figure(
            "client CPU, workers alone",
            "cores",
            facts(_REPLAYER, "cores_workers"),
            detail="with librdkafka's threads",
        ),
        Figure("… the bare loop", "cores", facts(_BARE, "cores")),
        Figure("… the Java tool", "cores", facts(_JAVA, "cores")),
        Figure("mean rate error, the bare loop", "ppm", stored(_BARE, "rate_error_ppm")),
        Figure("mean rate error, the Java tool", "ppm", stored(_JAVA, "rate_error_ppm")),
    ]
