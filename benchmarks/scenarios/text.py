"""CSV and NDJSON to a real Kafka: the whole path against the ordinary loops, and the stage that limits it."""

from __future__ import annotations

from typing import Any

from benchmarks import dataset
from benchmarks.contenders.replayer import Replayed, replay
from benchmarks.figures import AT_LEAST, Figure, Outcome, Target, interleaved, ratio_figure
from benchmarks.processes import run_module
from benchmarks.scenario import PARTITION_COUNT, Bench, client_properties
from benchmarks.services import fresh_topic

_KINDS = {"csv": "csv.DictReader", "ndjson": "orjson.loads"}


def limiting_stage(stages: dict[str, int], duration_ns: int) -> tuple[str, str]:
    """The stage of the reader that took most CPU, and what the run waited for.

    That is ``reader``, unless it waited for slots most of the time: then ``workers and broker``.
    """
    own = {name.removesuffix("_ns"): spent for name, spent in stages.items() if name != "wait_ns"}
    stage = max(own, key=lambda name: own[name])
    return stage, "workers and broker" if stages["wait_ns"] > duration_ns / 2 else "reader"


def _facts(run: Replayed) -> dict[str, Any]:
    stage, side = limiting_stage(run.report["stages"], run.report["duration_ns"])
    return {**run.facts(), "limiting_stage": stage, "limiting_side": side}


def run(bench: Bench) -> Outcome:
    """Measure both formats."""
    record_count, loop_count = (200_000, 50_000) if bench.is_quick else (1_000_000, 150_000)
    properties = client_properties(bench.kafka.bootstrap)
    schema = str(dataset.schema_path())
    trials: list[dict[str, Any]] = []
    for number in range(bench.trial_count(3, 1)):
        trial: dict[str, Any] = {}
        for kind in _KINDS:
            path = dataset.dataset_path(kind, record_count)
            dataset.warm_cache(path)
            trial[kind] = {}
            for name in interleaved(["replayer", "python_loop"], number):
                with fresh_topic(bench.kafka.bootstrap, f"{kind}-{name.replace('_', '-')}", PARTITION_COUNT) as topic:
                    if name == "replayer":
                        facts = _facts(replay(path, topic, properties, ["--schema", schema]))
                    else:
                        setup: dict[str, Any] = {
                            "kind": kind,
                            "path": str(path),
                            "schema": dataset.SCHEMA,
                            "topic": topic,
                        }
                        setup |= {"properties": properties, "record_count": loop_count}
                        result, _ = run_module("python_loop", setup)
                        facts = {"records_per_s": result["delivered"] * 1e9 / result["duration_ns"], **result}
                trial[kind][name] = facts
                bench.say(f"trial {number + 1}: {kind:7} {name:12} {facts['records_per_s']:>10,.0f} records/s")
        trials.append(trial)
    figures, notes = [], []
    for kind, parser in _KINDS.items():
        ours = [trial[kind]["replayer"]["records_per_s"] for trial in trials]
        theirs = [trial[kind]["python_loop"]["records_per_s"] for trial in trials]
        last = trials[-1][kind]["replayer"]
        split = {name.removesuffix("_ns"): spent / last["delivered"] for name, spent in last["stages_ns"].items()}
        listed = ", ".join(f"{name} {spent:.0f}" for name, spent in split.items())
        figures.append(
            Figure(f"{kind}, whole path", "records/s", tuple(ours), detail=f"limited by the {last['limiting_side']}")
        )
        figures.append(ratio_figure(f"{kind} / loop from {parser}", ours, theirs, Target(AT_LEAST, 5), "records/s"))
        notes.append(
            f"{kind}: {last['limiting_side']} limits; of the reader's stages {last['limiting_stage']} takes most "
            f"(ns per record: {listed})"
        )
    settings = {"records": record_count, "loop_records": loop_count, "partitions": PARTITION_COUNT}
    return Outcome(settings, trials, figures, notes)
