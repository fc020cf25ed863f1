"""Kafka's own ProducerPerformance: random bytes from a Java producer, with the figures that it prints of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.processes import Ended, run_process
from benchmarks.services import Services

# The heap that kafka-producer-perf-test.sh gives it.
_JVM = ("-Xmx512M", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true")
_RATE = re.compile(r"(\d+) records sent, ([\d.]+) records/sec")


@dataclass(frozen=True)
class JavaRun:
    """One run of the tool."""

    records_per_s: float
    """The tool's own total, its first second with a cold virtual machine included."""
    warm_records_per_s: float | None
    """Median of the tool's 5-second intervals but the first; None when there are not enough of them."""
    cpu_s: float
    """Of the whole process, start of the virtual machine included."""
    process: Ended


def java_tool(
    services: Services,
    topic: str,
    properties: Mapping[str, str],
    record_count: int,
    record_bytes: int,
    records_per_s: int = -1,
    sample_every_s: float | None = None,
) -> JavaRun:
    """Run the tool to its end; ``records_per_s`` is its ``--throughput``, -1 for as fast as it can."""
    command = ["java", *_JVM, "-cp", f"{services.jars}/*", "org.apache.kafka.tools.ProducerPerformance"]
    command += ["--topic", topic, "--num-records", str(record_count), "--record-size", str(record_bytes)]
    command += ["--throughput", str(records_per_s), "--producer-props"]
    command += [f"{name}={value}" for name, value in properties.items()]
    process = run_process(command, sample_every_s)
    rates = [(int(count), float(rate)) for count, rate in _RATE.findall(process.stdout)]
    if not rates or rates[-1][0] != record_count:
        raise RuntimeError(f"ProducerPerformance did not send {record_count} records:\n{process.stdout[-2000:]}")
    intervals = sorted(rate for _, rate in rates[1:-1])
    warm = intervals[len(intervals) // 2] if intervals else None
    return JavaRun(rates[-1][1], warm, process.cpu_s, process)
