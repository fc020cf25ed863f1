"""Ten nullable columns from Parquet to a real Kafka: replayer, the Java tool, the Python loop, the static floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import dataset
from benchmarks.contenders.java_tool import java_tool
from benchmarks.contenders.replayer import replay
from benchmarks.figures import AT_LEAST, Figure, Outcome, Target, interleaved, ratio_figure
from benchmarks.processes import run_module
from benchmarks.scenario import BATCH_BYTES, LINGER_MS, PARTITION_COUNT, VALUE_BYTES, Bench, client_properties
from benchmarks.services import fresh_topic

_REPLAYER, _JAVA, _LOOP, _FLOOR = "replayer", "java_tool", "python_loop", "static_floor"


def _trial(bench: Bench, record_count: int, loop_count: int) -> dict[str, Callable[[str], dict[str, Any]]]:
    """By contender: what publishes to a fresh topic and returns its numbers."""
    properties = client_properties(bench.kafka.bootstrap)
    path = dataset.dataset_path("parquet", record_count)
    dataset.warm_cache(path)
    common = {"properties": properties, "partition_count": PARTITION_COUNT, "record_bytes": VALUE_BYTES}
    workers = 1

    def run_replayer(topic: str) -> dict[str, Any]:
        nonlocal workers
        facts = replay(path, topic, properties).facts()
        workers = facts["workers"]
        return facts

    def run_java(topic: str) -> dict[str, Any]:
        run = java_tool(bench.kafka, topic, properties, record_count, VALUE_BYTES)
        return {
            "records_per_s": run.records_per_s,
            "warm_records_per_s": run.warm_records_per_s,
            "cpu_ns_per_record": run.cpu_s * 1e9 / record_count,
        }

    def run_loop(topic: str) -> dict[str, Any]:
        setup = {**common, "topic": topic, "record_count": loop_count, "kind": "parquet", "path": str(path)}
        return _rates(run_module("python_loop", {**setup, "schema": dataset.SCHEMA})[0], loop_count)

    def run_floor(topic: str) -> dict[str, Any]:
        setup = {**common, "topic": topic, "record_count": record_count, "worker_count": workers}
        return _rates(run_module("static_floor", setup)[0], record_count // workers * workers)

    return {_REPLAYER: run_replayer, _JAVA: run_java, _LOOP: run_loop, _FLOOR: run_floor}


def _rates(result: dict[str, Any], expected: int) -> dict[str, Any]:
    if result["delivered"] != expected:
        raise RuntimeError(f"{result['delivered']} of {expected} records were delivered")
    return {
        "records_per_s": result["delivered"] * 1e9 / result["duration_ns"],
        "cpu_ns_per_record": result["cpu_ns"] / result["delivered"],
    }


def run(bench: Bench) -> Outcome:
    """Measure the whole path."""
    record_count, loop_count = (1_000_000, 100_000) if bench.is_quick else (5_000_000, 200_000)
    contenders = _trial(bench, record_count, loop_count)
    trials: list[dict[str, Any]] = []
    for number in range(bench.trial_count(5, 2)):
        trial: dict[str, Any] = {}
        for name in interleaved(list(contenders), number):
            with fresh_topic(bench.kafka.bootstrap, name.replace("_", "-"), PARTITION_COUNT) as topic:
                trial[name] = contenders[name](topic)
            bench.say(f"trial {number + 1}: {name:12} {trial[name]['records_per_s']:>11,.0f} records/s")
        trials.append(trial)
    rates = {name: [trial[name]["records_per_s"] for trial in trials] for name in contenders}
    ours = rates[_REPLAYER]
    warm = [trial[_JAVA]["warm_records_per_s"] or trial[_JAVA]["records_per_s"] for trial in trials]
    figures = [
        Figure("throughput", "records/s", tuple(ours), detail="first send to last delivery report"),
        ratio_figure("replayer / Java ProducerPerformance", ours, rates[_JAVA], Target(AT_LEAST, 1.5), "records/s"),
        ratio_figure("replayer / Java, warm intervals only", ours, warm, None, "records/s"),
        ratio_figure("replayer / ordinary Python loop", ours, rates[_LOOP], Target(AT_LEAST, 10), "records/s"),
        ratio_figure("replayer / static floor", ours, rates[_FLOOR], Target(AT_LEAST, 0.6), "records/s"),
    ]
    settings = {
        "records": record_count,
        "python_loop_records": loop_count,
        "partitions": PARTITION_COUNT,
        "batch_bytes": BATCH_BYTES,
        "linger_ms": LINGER_MS,
        "acks": "all",
        "idempotence": True,
        "compression": "none",
        "payload_bytes": VALUE_BYTES,
        "workers": trials[0][_REPLAYER]["workers"],
    }
    return Outcome(settings, trials, figures)
