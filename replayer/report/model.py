"""The one model of a finished run. JSON is made from it as it stands; text and every other format are functions of it.

Numbers that were not measured are None, never 0. Times are nanoseconds unless the name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from replayer.metrics.ledger import Ledger, PartitionCounts

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Distribution:
    """Percentiles of one measured quantity, exact to 3 significant digits."""

    count: int
    mean_ns: float
    min_ns: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int


@dataclass(frozen=True)
class Problem:
    """One error of the run, as it was shown: the class's name, what happened and what to do."""

    error_name: str
    message: str
    hint: str
    exit_code: int


@dataclass(frozen=True)
class Target:
    """Where the records went."""

    bootstrap: str
    is_embedded: bool
    topic: str
    partition_count: int
    registry: str | None
    """``in-process`` or the registry's address without credentials; None for values without a schema id."""
    subject: str | None
    schema_id: int | None
    key_subject: str | None
    """None for keys without a schema id."""
    key_schema_id: int | None


@dataclass(frozen=True)
class DatasetUsed:
    """What was read."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    rows_total: int | None
    """Rows of one pass where the format knows them beforehand, else None."""
    schema_origin: str
    """Where the schema came from: ``inferred from the file's types``, ``inferred from the first 64 MB``,
    ``orders.avsc``."""
    loops_finished: int


@dataclass(frozen=True)
class EncoderUsed:
    """Which encoder ran (``columnar``, ``fastavro``, ``orjson``), how many rows fell back and why; what it wrote."""

    name: str
    fallback_rows: int
    fallback_reason: str
    value_format: str
    """``avro`` or ``json``."""


@dataclass(frozen=True)
class ProducerUsed:
    """Which producer ran and why it was chosen."""

    name: str
    reason: str
    librdkafka_version: str


@dataclass(frozen=True)
class RoleCost:
    """What one process cost: CPU from the kernel's own accounting, memory at its peak."""

    role: str
    """``supervisor``, ``reader`` or ``worker``."""
    index: int
    cpu_s: float
    """User and system time over its whole life."""
    startup_cpu_s: float | None
    """How much of it went before the first record: imports and set-up; None when it died before."""
    peak_rss_bytes: int


@dataclass(frozen=True)
class StageTimes:
    """CPU nanoseconds of the reader's thread in each stage, and wall nanoseconds that it waited for free slots."""

    read_ns: int
    coerce_ns: int
    encode_ns: int
    place_ns: int
    wait_ns: int


@dataclass(frozen=True)
class RejectCount:
    """How many rows one column had rejected for one reason, and the first of them."""

    reason: str
    column: str
    count: int
    first_file: str
    first_row: int
    first_detail: str


@dataclass(frozen=True)
class FailedRange:
    """Consecutive rows of one file whose records were not delivered for one reason."""

    file: str
    first_row: int
    last_row: int
    """Inclusive."""
    partition: int
    outcome: str
    """``failed`` or ``unknown``."""
    error: str


@dataclass(frozen=True)
class WorkerCounts:
    """One worker's share."""

    index: int
    attempted: int
    delivered: int
    wakes: int
    reader_waited_ns: int
    """How long the reader waited for a free slot of this worker."""
    queue_full_count: int


@dataclass(frozen=True)
class RunReport:
    """All that is known of a run after it ended."""

    schema_version: int
    run_id: str
    replayer_version: str
    started_at: str
    """UTC, ISO 8601."""
    outcome: str
    """``complete``, ``interrupted``, ``failed`` or ``dry run``."""
    exit_code: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    target: Target | None
    """None in a dry run."""
    dataset: DatasetUsed
    encoder: EncoderUsed | None
    """None when the reader did not come as far as choosing one."""
    producer: ProducerUsed | None
    """None in a dry run."""
    workers_count: int
    asked_rate_per_s: float | None
    """None means ``max``."""
    achieved_rate_per_s: float | None
    """Records sent per second between the first send and the last; None at ``max`` and for fewer than two records."""
    duration_ns: int
    """From the first send to the last delivery report."""
    wall_ns: int
    """From the command's start to its end."""
    first_delivered_after_ns: int | None
    """From the command's start to the first delivery report."""
    value_bytes: int
    key_bytes: int
    throughput_per_s: float | None
    """Delivered records per second of ``duration_ns``."""
    throughput_bytes_per_s: float | None
    latency: Distribution | None
    """Acked - due; None at ``max``, where there is no due time."""
    latency_from_send: Distribution | None
    """Acked - sent."""
    lag: Distribution | None
    """Sent - due; None at ``max``."""
    late_count: int | None
    """Records whose lag passed 10 ms (missed schedule); None at ``max``."""
    shifted_ns: int | None
    """By how much the schedule was shifted after stalls; None at ``max``."""
    costs: tuple[RoleCost, ...]
    cpu_ns_per_record: float | None
    """CPU of reader and workers per delivered record, without their start-up."""
    stages: StageTimes | None
    rejects: tuple[RejectCount, ...]
    rejects_file: str | None
    failures: tuple[FailedRange, ...]
    failures_not_listed: int
    workers: tuple[WorkerCounts, ...]
    partitions: tuple[PartitionCounts, ...]
    ledger: Ledger
