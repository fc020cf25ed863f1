"""What every scenario is given, and the table of scenarios."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.services import Services

PARTITION_COUNT = 6
BATCH_BYTES = 1_000_000
LINGER_MS = 5
VALUE_BYTES = 109
"""Size of the static and random payloads; the dataset's records are measured, and are about as large."""

SCENARIOS = {
    "whole_path": "Parquet to a real Kafka, against the Java tool, the Python loop and the static floor",
    "client_cpu": "CPU per record by stage, and the publish path against produce() with on_delivery",
    "encode": "Avro encoding against fastavro, by shape of the schema",
    "text": "CSV and NDJSON to a real Kafka against the ordinary loops, and what limits them",
    "paced": "100,000/s: evenness of the stored CreateTimes, lag and CPU, against the Java tool and a bare loop",
    "start": "time to the first delivered record, and of --version",
    "memory": "peak and growth of memory over a paced run",
}
WITHOUT_KAFKA = frozenset({"encode"})


@dataclass(frozen=True)
class Bench:
    """How to measure: where, how long, how often."""

    services: Services | None
    is_quick: bool
    trials: int | None
    """None: what the scenario thinks right."""

    @property
    def kafka(self) -> Services:
        """The services of a scenario that needs them."""
        assert self.services is not None
        return self.services

    def trial_count(self, full: int, quick: int) -> int:
        """How many trials to run."""
        return self.trials or (quick if self.is_quick else full)

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"  {text}", flush=True)


def client_properties(bootstrap: str) -> dict[str, str]:
    """What every contender's client is told; the names are the same for librdkafka and Java."""
    return {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": "true",
        "compression.type": "none",
        "batch.size": str(BATCH_BYTES),
        "linger.ms": str(LINGER_MS),
    }
