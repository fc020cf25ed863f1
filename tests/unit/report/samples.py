"""Reports of runs that never were, with numbers that add up."""

from __future__ import annotations

import dataclasses

from replayer.metrics.ledger import PartitionCounts, SourceCounts, close_ledger
from replayer.report.model import (
    SCHEMA_VERSION,
    DatasetUsed,
    Distribution,
    EncoderUsed,
    FailedRange,
    Problem,
    ProducerUsed,
    RejectCount,
    RoleCost,
    RunReport,
    StageTimes,
    Target,
    WorkerCounts,
)


def partitions_of(count: int, records: int) -> tuple[PartitionCounts, ...]:
    """``records`` in each partition, all delivered, end offsets moved from 1,000."""
    return tuple(
        PartitionCounts(
            partition=partition,
            handed_over=records,
            attempted=records,
            delivered=records,
            delivered_bytes=109 * records,
            end_offset_before=1000,
            end_offset_after=1000 + records,
        )
        for partition in range(count)
    )


_PARTITIONS = partitions_of(3, 400_000)

AT_MAX = RunReport(
    schema_version=SCHEMA_VERSION,
    run_id="20250114-101500-7f3a",
    replayer_version="0.1.0",
    started_at="2025-01-14T10:15:00Z",
    outcome="complete",
    exit_code=0,
    problems=(),
    notes=(),
    target=Target("127.0.0.1:38211", True, "orders", 3, "in-process", "orders-value", 1, None, None),
    dataset=DatasetUsed(("data/orders.parquet",), ("parquet",), 1_200_000, "inferred from the file's types", 1),
    encoder=EncoderUsed("columnar", 0, "", "avro"),
    producer=ProducerUsed("native", "the bundled librdkafka has what it needs", "2.16.0"),
    workers_count=2,
    asked_rate_per_s=None,
    achieved_rate_per_s=None,
    duration_ns=860_000_000,
    wall_ns=2_310_000_000,
    first_delivered_after_ns=1_390_000_000,
    value_bytes=130_800_000,
    key_bytes=9_600_000,
    throughput_per_s=1_395_000.0,
    throughput_bytes_per_s=163_000_000.0,
    latency=None,
    latency_from_send=Distribution(
        1_200_000, 12_100_000.0, 410_000, 11_000_000, 19_800_000, 31_500_000, 40_200_000, 44_000_000
    ),
    lag=None,
    late_count=None,
    shifted_ns=None,
    costs=(
        RoleCost("supervisor", 0, cpu_s=0.21, startup_cpu_s=0.19, peak_rss_bytes=62_914_560),
        RoleCost("reader", 0, cpu_s=1.43, startup_cpu_s=0.98, peak_rss_bytes=173_015_040),
        RoleCost("worker", 0, cpu_s=0.81, startup_cpu_s=0.51, peak_rss_bytes=94_371_840),
        RoleCost("worker", 1, cpu_s=0.8, startup_cpu_s=None, peak_rss_bytes=94_371_840),
    ),
    cpu_ns_per_record=866.7,
    stages=StageTimes(210_000_000, 12_000_000, 130_000_000, 36_000_000, 15_000_000),
    rejects=(),
    rejects_file=None,
    failures=(),
    failures_not_listed=0,
    workers=(WorkerCounts(0, 800_000, 800_000, 412, 90_000_000, 0), WorkerCounts(1, 400_000, 400_000, 398, 0, 2)),
    partitions=_PARTITIONS,
    ledger=close_ledger(SourceCounts(rows_read=1_200_000, encoded=1_200_000), _PARTITIONS),
)

_TROUBLED = (
    dataclasses.replace(
        partitions_of(1, 299_400)[0], handed_over=299_997, attempted=299_993, failed=590, unknown=3, not_sent=4
    ),
    *(dataclasses.replace(counts, partition=1) for counts in partitions_of(1, 300_000)),
)

PACED_WITH_TROUBLE = dataclasses.replace(
    AT_MAX,
    outcome="failed",
    exit_code=6,
    problems=(Problem("DeliveryError", "593 of 599,993 records were not delivered", "the rows are listed below", 6),),
    notes=("REPLAYER_RAT sets nothing: did you mean REPLAYER_RATE?",),
    target=Target(
        "kafka-1:9092,kafka-2:9092", False, "orders", 2, "http://registry:8081", "orders-value", 17, "orders-key", 18
    ),
    dataset=DatasetUsed(tuple(f"data/{day}.csv" for day in range(1, 6)), ("csv",), None, "orders.avsc", 0),
    encoder=EncoderUsed("fastavro", 600_003, "field 'value': a union of three types", "avro"),
    asked_rate_per_s=100_000.0,
    achieved_rate_per_s=99_999.2,
    duration_ns=6_000_000_000,
    wall_ns=9_000_000_000,
    latency=Distribution(599_400, 3_100_000.0, 310_000, 2_900_000, 5_100_000, 9_870_000, 21_000_000, 33_000_000),
    lag=Distribution(599_993, 410_000.0, 1000, 402_000, 811_000, 1_060_000, 1_900_000, 12_100_000),
    late_count=12,
    shifted_ns=2_000_000,
    rejects=(
        RejectCount("out of range", "amount", 7, "data/1.csv", 17, "2147483648 does not fit an int"),
        RejectCount("malformed", "", 3, "data/2.csv", 123_456, "4 columns, 10 expected: \x1b[31mred\nline"),
    ),
    rejects_file="rejects.ndjson",
    failures=(
        FailedRange("data/3.csv", 1000, 1589, 0, "failed", "MSG_SIZE_TOO_LARGE: Broker: Message size too large"),
        FailedRange("data/3.csv", 2000, 2000, 0, "unknown", "_MSG_TIMED_OUT: Local: Message timed out"),
    ),
    failures_not_listed=1,
    partitions=_TROUBLED,
    ledger=close_ledger(SourceCounts(rows_read=600_010, rejected=10, encoded=600_000, not_handed_over=3), _TROUBLED),
)

EMPTY = dataclasses.replace(
    AT_MAX,
    achieved_rate_per_s=None,
    duration_ns=0,
    first_delivered_after_ns=None,
    value_bytes=0,
    key_bytes=0,
    throughput_per_s=None,
    throughput_bytes_per_s=None,
    latency_from_send=None,
    cpu_ns_per_record=None,
    workers=(),
    partitions=partitions_of(3, 0),
    ledger=close_ledger(SourceCounts(), partitions_of(3, 0)),
)

_MANY = (
    *partitions_of(95, 10_000),
    PartitionCounts(95, 10_000, 10_000, 9_990, 10, end_offset_before=0, end_offset_after=9_990),
)

MANY_PARTITIONS = dataclasses.replace(
    AT_MAX,
    exit_code=6,
    outcome="failed",
    partitions=_MANY,
    ledger=close_ledger(SourceCounts(rows_read=960_000, encoded=960_000), _MANY),
)

DRY = dataclasses.replace(
    AT_MAX,
    outcome="dry run",
    exit_code=5,
    problems=(
        Problem("BudgetSpentError", "12 rows would be rejected", "a run keeps them with --rejects-file FILE", 5),
    ),
    target=None,
    producer=None,
    workers_count=0,
    achieved_rate_per_s=None,
    first_delivered_after_ns=None,
    latency_from_send=None,
    costs=(),
    cpu_ns_per_record=None,
    stages=StageTimes(210_000_000, 12_000_000, 130_000_000, 0, 0),
    rejects=(RejectCount("out of range", "amount", 12, "data/orders.parquet", 17, "2147483648 does not fit an int"),),
    workers=(),
    partitions=(),
    ledger=close_ledger(
        SourceCounts(rows_read=1_200_000, rejected=12, encoded=1_199_988, not_handed_over=1_199_988), ()
    ),
)
