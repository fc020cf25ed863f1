"""The tables of the summary, each empty where it has nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from replayer.metrics.ledger import PartitionCounts
from replayer.report.escape import printable, shortened
from replayer.report.model import Distribution, RunReport
from replayer.report.table import NOT_MEASURED, Paint, labelled, optional, plural, table
from replayer.units import format_bytes, format_count, format_duration

_NOT_APPLICABLE = "not applicable at max"
_FOLD_ABOVE = 12
_LISTED_ROWS = 10


def latencies(report: RunReport, paint: Paint) -> list[str]:
    """From due, from send, and lag: percentiles of what was measured, and why the rest was not."""
    is_max = report.asked_rate_per_s is None
    rows = [["latency", "p50", "p90", "p99", "p99.9", "max", "mean"]]
    notes = []
    quantities = (
        ("from due", report.latency, is_max),
        ("from send", report.latency_from_send, False),
        ("lag", report.lag, is_max),
    )
    for label, distribution, has_no_meaning in quantities:
        if distribution is None:
            notes.append((label, _NOT_APPLICABLE if has_no_meaning else NOT_MEASURED))
        else:
            rows.append([label, *_percentiles(distribution)])
    if len(rows) == 1:
        return [paint.bold("  latency"), *table(notes, "<<", indent=4)]
    # Words among numbers would widen a column, so they follow below it.
    width = max(len(label) for label, _, _ in quantities)
    lines = table([[row[0].ljust(width), *row[1:]] for row in rows], "<>>>>>>")
    return [paint.bold(lines[0]), *lines[1:], *(f"  {label:<{width}}  {text}" for label, text in notes)]


def _percentiles(distribution: Distribution) -> list[str]:
    values = (
        distribution.p50_ns,
        distribution.p90_ns,
        distribution.p99_ns,
        distribution.p999_ns,
        distribution.max_ns,
        distribution.mean_ns,
    )
    return [format_duration(value) for value in values]


def costs(report: RunReport, paint: Paint, is_verbose: bool) -> list[str]:
    """What each process cost; ``is_verbose`` leaves to the table of workers what limits the run."""
    if not report.costs:
        return [labelled("cpu", NOT_MEASURED)]
    delivered = report.ledger.delivered
    rows = [["cpu", "seconds", "start-up", "a record after it", "peak memory"]]
    for cost in report.costs:
        is_one = sum(other.role == cost.role for other in report.costs) == 1
        name = printable(cost.role) if is_one else f"{printable(cost.role)} {cost.index}"
        startup, per_record = NOT_MEASURED, NOT_MEASURED
        if cost.startup_cpu_s is not None:
            startup = f"{cost.startup_cpu_s:.2f}"
            per_record = format_duration((cost.cpu_s - cost.startup_cpu_s) * 1e9 / delivered) if delivered else "-"
        rows.append([name, f"{cost.cpu_s:.2f}", startup, per_record, format_bytes(cost.peak_rss_bytes)])
    lines = table(rows, "<>>>>", gap=3)
    total = optional(report.cpu_ns_per_record, lambda value: f"{format_duration(value)} a record, start-up aside")
    lines = [paint.bold(lines[0]), *lines[1:], f"  reader and workers together: {total}"]
    lines += stages(report)
    for worker in report.workers:
        # A tenth of the run spent waiting for one worker is what limits the run; less is the ring at work.
        if worker.reader_waited_ns * 10 > report.duration_ns > 0 and not is_verbose:
            lines.append(f"  the reader waited {format_duration(worker.reader_waited_ns)} for worker {worker.index}")
        if worker.queue_full_count and not is_verbose:
            full = plural(worker.queue_full_count, "time")
            lines.append(f"  worker {worker.index} found librdkafka's queue full {full}")
    return lines


def stages(report: RunReport) -> list[str]:
    """What the reader spent on each record, stage by stage."""
    spent, records = report.stages, report.ledger.source.encoded
    if spent is None or not records:
        return []
    named = {"read": spent.read_ns, "coerce": spent.coerce_ns, "encode": spent.encode_ns, "place": spent.place_ns}
    listed = " · ".join(f"{name} {format_duration(value / records)}" for name, value in named.items() if value)
    # A paced reader waits because it may run ahead by a bounded time only, an unpaced one because the ring is full.
    reason = "free slots" if report.asked_rate_per_s is None else "the schedule"
    waited = f"; waited {format_duration(spent.wait_ns)} for {reason}" if spent.wait_ns else ""
    return [f"  the reader's share: {listed}{waited}"] if listed else []


def rejects(report: RunReport, paint: Paint) -> list[str]:
    """How many rows were rejected for which reason, most frequent first, and where the first one is."""
    if not report.ledger.source.rejected:
        return []
    rows = [["rejected", "reason", "column", "first in", "row", "detail"]]
    listed = sorted(report.rejects, key=lambda reject: (-reject.count, reject.reason, reject.column))
    for reject in listed[:_LISTED_ROWS]:
        detail = shortened(reject.first_detail, 60)
        first = shortened(reject.first_file, 40)
        what = (printable(reject.reason), shortened(reject.column, 30))
        rows.append([format_count(reject.count), *what, first, format_count(reject.first_row), detail])
    lines = table(rows, "><<<><")
    lines[0] = paint.bold(lines[0])
    if len(listed) > _LISTED_ROWS:
        rest = sum(reject.count for reject in listed[_LISTED_ROWS:])
        lines.append(f"  and {format_count(rest)} more for {plural(len(listed) - _LISTED_ROWS, 'other reason')}")
    kept = "not kept: name a file with --rejects-file"
    if report.rejects_file:
        kept = f"kept in {printable(report.rejects_file)}"
    return [*lines, f"  rows count from 0 · rejected rows are {kept}"]


def failures(report: RunReport, paint: Paint) -> list[str]:
    """Which rows of which file were not delivered, and why."""
    if not report.failures and not report.failures_not_listed:
        return []
    rows = [["not delivered", "file", "rows", "partition", "error"]]
    for failure in report.failures[:_LISTED_ROWS]:
        span = format_count(failure.first_row)
        if failure.last_row != failure.first_row:
            span += f" to {format_count(failure.last_row)}"
        rows.append(
            [
                printable(failure.outcome),
                shortened(failure.file, 40),
                span,
                str(failure.partition),
                shortened(failure.error, 80),
            ]
        )
    lines = table(rows, "<<>><")
    lines[0] = paint.bold(lines[0])
    more = report.failures_not_listed + max(0, len(report.failures) - _LISTED_ROWS)
    return [*lines, f"  and {plural(more, 'more range')}"] if more else lines


def partitions(report: RunReport, paint: Paint, is_verbose: bool) -> list[str]:
    """What each partition took; many are folded to those with trouble."""
    if not any(counts.handed_over for counts in report.partitions):
        return []
    troubled = [counts for counts in report.partitions if counts.delivered != counts.handed_over]
    is_folded = len(report.partitions) > _FOLD_ABOVE and not is_verbose
    shown = troubled[:_LISTED_ROWS] if is_folded else list(report.partitions)
    lines = _partition_rows(shown, paint) if shown else []
    if is_folded:
        fewest = min(counts.delivered for counts in report.partitions)
        most = max(counts.delivered for counts in report.partitions)
        lines.append(
            f"  {len(report.partitions)} partitions took {format_count(fewest)} to {format_count(most)} records each"
            + (f"; {len(troubled)} of them not all they were given" if troubled else "")
            + "; -v lists them"
        )
    return lines


def _partition_rows(shown: Sequence[PartitionCounts], paint: Paint) -> list[str]:
    rows = [["partition", "delivered", "failed", "unknown", "not sent", "end offset", "moved by"]]
    for counts in shown:
        after, moved = counts.end_offset_after, counts.offset_delta
        outcomes = (counts.delivered, counts.failed, counts.unknown, counts.not_sent)
        offsets = ("not asked" if value is None else format_count(value) for value in (after, moved))
        rows.append([str(counts.partition), *map(format_count, outcomes), *offsets])
    lines = table(rows, ">>>>>>>")
    return [paint.bold(lines[0]), *lines[1:]]


def workers(report: RunReport, paint: Paint) -> list[str]:
    """Each worker's share."""
    if not report.workers:
        return []
    rows = [["worker", "attempted", "delivered", "wakes", "reader waited", "queue full"]]
    for worker in report.workers:
        counts = (worker.attempted, worker.delivered, worker.wakes)
        waited = format_duration(worker.reader_waited_ns)
        rows.append([str(worker.index), *map(format_count, counts), waited, format_count(worker.queue_full_count)])
    lines = table(rows, ">>>>>>")
    return [paint.bold(lines[0]), *lines[1:]]
