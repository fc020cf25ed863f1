"""CPU per record on the client's side, by stage, and the publish path against produce() with on_delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import dataset
from benchmarks.contenders.replayer import Replayed, replay
from benchmarks.figures import AT_MOST, Figure, Outcome, Target, interleaved, ratio_figure
from benchmarks.processes import run_module
from benchmarks.scenario import PARTITION_COUNT, VALUE_BYTES, Bench, client_properties
from benchmarks.services import fresh_topic

_DECODE, _ENCODE, _PLACE = ("read_ns", "coerce_ns"), ("encode_ns",), ("place_ns",)


def _us_per_record(run: Replayed) -> dict[str, Any]:
    """The split; ``reader_rest`` is what the reader's process spends outside its stages."""
    stages, count = run.report["stages"], run.delivered

    def stage(names: tuple[str, ...]) -> float:
        return float(sum(stages[name] for name in names)) / count / 1e3

    reader, worker = run.cpu_s("reader") * 1e6 / count, run.cpu_s("worker") * 1e6 / count
    decode, encode, place = stage(_DECODE), stage(_ENCODE), stage(_PLACE)
    costs = run.report["costs"]
    return {
        "decode": decode,
        "encode": encode,
        "place": place,
        "reader_rest": reader - decode - encode - place,
        "publish": worker,
        "whole": reader + worker,
        "startup_cpu_s": sum(cost["startup_cpu_s"] or 0.0 for cost in costs),
        "supervisor_cpu_s": sum(cost["cpu_s"] for cost in costs if cost["role"] == "supervisor"),
        "records_per_s": run.throughput_per_s,
    }


def run(bench: Bench) -> Outcome:
    """Measure both contenders."""
    record_count, callback_count = (1_000_000, 300_000) if bench.is_quick else (5_000_000, 1_500_000)
    properties = client_properties(bench.kafka.bootstrap)
    path = dataset.dataset_path("parquet", record_count)
    dataset.warm_cache(path)

    def run_replayer(topic: str) -> dict[str, Any]:
        return _us_per_record(replay(path, topic, properties))

    def run_callback(topic: str) -> dict[str, Any]:
        setup = {"topic": topic, "properties": properties, "record_count": callback_count, "record_bytes": VALUE_BYTES}
        result, _ = run_module("produce_callback", setup)
        return {
            "publish": result["cpu_ns"] / result["delivered"] / 1e3,
            "records_per_s": result["delivered"] * 1e9 / result["duration_ns"],
        }

    contenders: dict[str, Callable[[str], dict[str, Any]]] = {
        "replayer": run_replayer,
        "produce_callback": run_callback,
    }
    trials: list[dict[str, Any]] = []
    for number in range(bench.trial_count(5, 2)):
        trial = {}
        for name in interleaved(list(contenders), number):
            with fresh_topic(bench.kafka.bootstrap, name.replace("_", "-"), PARTITION_COUNT) as topic:
                trial[name] = contenders[name](topic)
            bench.say(f"trial {number + 1}: {name:16} publish {trial[name]['publish']:.3f} µs per record")
        trials.append(trial)

    def values(name: str, contender: str = "replayer") -> tuple[float, ...]:
        return tuple(trial[contender][name] for trial in trials)

    figures = [
        Figure("whole path", "µs", values("whole"), Target(AT_MOST, 1.0), "reader and workers, without their start-up"),
        Figure("decode", "µs", values("decode"), detail="read the file, make the columns fit"),
        Figure("encode", "µs", values("encode"), detail="columns to Avro bytes"),
        Figure("place", "µs", values("place"), detail="partition, date, copy into the slot"),
        Figure("reader, rest", "µs", values("reader_rest"), detail="threads of the libraries, the loop itself"),
        Figure("publish", "µs", values("publish"), detail="the whole worker process, librdkafka's threads included"),
        ratio_figure(
            "publish / produce() with on_delivery",
            values("publish"), values("publish", "produce_callback"), Target(AT_MOST, 1 / 3), "µs", 3,
        ),
    ]  # fmt: skip
    settings = {"records": record_count, "callback_records": callback_count, "payload_bytes": VALUE_BYTES}
    return Outcome(settings, trials, figures)
