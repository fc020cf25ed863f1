"""The summary of a run for a terminal: every number measured, every count in a column that adds up.

``not applicable`` stands where a quantity has no meaning (latency from due at ``max``), ``not measured`` where it has
one and nobody took it. Text from files, brokers and registries is escaped before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from replayer.metrics.ledger import Ledger, PartitionCounts
from replayer.report.escape import printable, shortened
from replayer.report.model import Distribution, RunReport
from replayer.report.table import PLAIN, Paint, table
from replayer.units import format_bytes, format_count, format_duration, format_rate

_NOT_MEASURED = "not measured"
_NOT_APPLICABLE = "not applicable at max"
_LABEL_WIDTH = 10
_FOLD_ABOVE = 12
_LISTED_ROWS = 10


def render_text(report: RunReport, paint: Paint = PLAIN, is_verbose: bool = False) -> str:
    """The whole summary, ending in a newline; ``is_verbose`` unfolds partitions, workers and the reasons of choices."""
    sections: list[list[str]] = [
        _headline(report, paint),
        _problems(report, paint),
        _setting(report, is_verbose),
        _speed(report),
        _latencies(report, paint),
        _costs(report, paint, is_verbose),
        _rejects(report, paint),
        _failures(report, paint),
        _partitions(report, paint, is_verbose),
        _workers(report, paint) if is_verbose else [],
        _ledger(report.ledger, paint),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _line(label: str, parts: Iterable[str]) -> str:
    return f"  {label:<{_LABEL_WIDTH}}  {' · '.join(part for part in parts if part)}".rstrip()


def _plural(count: int, noun: str) -> str:
    return f"{format_count(count)} {noun}" if count == 1 else f"{format_count(count)} {noun}s"


def _loops_finished(count: int) -> str:
    words = {0: "not read to its end", 1: "read once"}
    return words.get(count, f"read {format_count(count)} times")


def _optional(value: float | None, show: Callable[[float], str]) -> str:
    return _NOT_MEASURED if value is None else show(value)


def _headline(report: RunReport, paint: Paint) -> list[str]:
    ledger, topic = report.ledger, printable(report.target.topic)
    what = f"{format_count(ledger.delivered)} of {_plural(ledger.source.encoded, 'record')} delivered to {topic}"
    if ledger.is_complete:
        what = f"{_plural(ledger.delivered, 'record')} delivered to {topic}"
    if ledger.source.rows_read == 0:
        what = "the dataset has no rows: nothing was sent"
    elif ledger.source.encoded == 0:
        what = f"none of {_plural(ledger.source.rows_read, 'row')} fits the schema: nothing was sent"
    elif report.throughput_per_s is not None:
        what += f" in {format_duration(report.duration_ns)}, {format_rate(report.throughput_per_s)}"
    if ledger.source.rejected and ledger.source.encoded:
        what += f", {_plural(ledger.source.rejected, 'row')} rejected"
    colour = paint.good if report.exit_code == 0 else paint.bad
    ending = "" if report.exit_code == 0 else f" (exit {report.exit_code})"
    return [f"{colour(printable(report.outcome) + ending)}  {what}"]


def _problems(report: RunReport, paint: Paint) -> list[str]:
    lines = []
    for problem in report.problems:
        lines.append(f"  {paint.bad('error')}  {printable(problem.message)}")
        if problem.hint:
            lines.append(f"         {printable(problem.hint)}")
    return lines + [f"  {paint.warn('note')}   {printable(note)}" for note in report.notes]


def _setting(report: RunReport, is_verbose: bool) -> list[str]:
    dataset, target = report.dataset, report.target
    files = [printable(file) for file in dataset.files]
    named = ", ".join(files) if len(files) <= 3 or is_verbose else f"{files[0]} and {format_count(len(files) - 1)} more"
    fell_back = f"{_plural(report.encoder.fallback_rows, 'row')} fell back"
    if report.encoder.fallback_reason:
        fell_back += f" ({printable(report.encoder.fallback_reason)})"
    return [
        _line(
            "dataset",
            (
                named,
                printable(", ".join(dataset.formats)),
                "" if dataset.rows_total is None else _plural(dataset.rows_total, "row"),
                _loops_finished(dataset.loops_finished),
            ),
        ),
        _line("schema", (printable(dataset.schema_origin), f"id {target.schema_id} as {printable(target.subject)}")),
        _line("registry", (printable(target.registry),)),
        _line(
            "topic",
            (
                printable(target.topic),
                _plural(target.partition_count, "partition"),
                printable(target.bootstrap) + (" (embedded broker)" if target.is_embedded else ""),
            ),
        ),
        _line("encoder", (printable(report.encoder.name), fell_back)),
        _line(
            "producer",
            (
                printable(report.producer.name),
                f"librdkafka {printable(report.producer.librdkafka_version)}",
                _plural(report.workers_count, "worker"),
                printable(report.producer.reason) if is_verbose else "",
            ),
        ),
    ]


def _speed(report: RunReport) -> list[str]:
    bytes_count = report.value_bytes + report.key_bytes
    records = report.ledger.source.encoded
    per_record = f"{bytes_count / records:.1f} B a record" if records else ""
    asked = format_rate(report.asked_rate_per_s)
    achieved = f"achieved {_optional(report.achieved_rate_per_s, format_rate)}"
    if report.asked_rate_per_s and report.achieved_rate_per_s is not None:
        error = report.achieved_rate_per_s / report.asked_rate_per_s - 1
        achieved += f" ({error * 1e6:+.0f} ppm)" if abs(error) < 0.01 else f" ({error * 100:+.1f} %)"
    first = _optional(report.first_delivered_after_ns, format_duration)
    late = "" if report.late_count is None else f"{_plural(report.late_count, 'record')} over 10 ms late"
    shifted = f"schedule shifted by {format_duration(report.shifted_ns)} after stalls" if report.shifted_ns else ""
    return [
        _line("rate", (f"asked {asked}", achieved, late, shifted)),
        _line(
            "throughput",
            (
                _optional(report.throughput_per_s, format_rate),
                _optional(report.throughput_bytes_per_s, lambda value: f"{format_bytes(value)}/s"),
            ),
        ),
        _line("size", (format_bytes(bytes_count), per_record)),
        _line(
            "time",
            (
                f"{format_duration(report.duration_ns)} from the first send to the last report",
                f"{format_duration(report.wall_ns)} in all",
                f"first record delivered after {first}",
            ),
        ),
    ]


def _latencies(report: RunReport, paint: Paint) -> list[str]:
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
            notes.append((label, _NOT_APPLICABLE if has_no_meaning else _NOT_MEASURED))
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


def _costs(report: RunReport, paint: Paint, is_verbose: bool) -> list[str]:
    if not report.costs:
        return [_line("cpu", (_NOT_MEASURED,))]
    delivered = report.ledger.delivered
    rows = [["cpu", "seconds", "start-up", "a record after it", "peak memory"]]
    for cost in report.costs:
        is_one = sum(other.role == cost.role for other in report.costs) == 1
        name = printable(cost.role) if is_one else f"{printable(cost.role)} {cost.index}"
        startup, per_record = _NOT_MEASURED, _NOT_MEASURED
        if cost.startup_cpu_s is not None:
            startup = f"{cost.startup_cpu_s:.2f}"
            per_record = format_duration((cost.cpu_s - cost.startup_cpu_s) * 1e9 / delivered) if delivered else "-"
        rows.append([name, f"{cost.cpu_s:.2f}", startup, per_record, format_bytes(cost.peak_rss_bytes)])
    lines = table(rows, "<>>>>", gap=3)
    total = _optional(report.cpu_ns_per_record, lambda value: f"{format_duration(value)} a record, start-up aside")
    lines = [paint.bold(lines[0]), *lines[1:], f"  reader and workers together: {total}"]
    stages = report.stages
    if stages is not None and delivered:
        spent = {
            "read": stages.read_ns, "coerce": stages.coerce_ns, "encode": stages.encode_ns, "place": stages.place_ns
        }  # fmt: skip
        named = " · ".join(f"{name} {format_duration(nanoseconds / delivered)}" for name, nanoseconds in spent.items())
        lines.append(f"  the reader's share: {named}; waited {format_duration(stages.wait_ns)} for free slots")
    for worker in report.workers:
        # A tenth of the run spent waiting for one worker is what limits the run; less is the ring at work.
        if worker.reader_waited_ns * 10 > report.duration_ns > 0 and not is_verbose:
            lines.append(f"  the reader waited {format_duration(worker.reader_waited_ns)} for worker {worker.index}")
        if worker.queue_full_count and not is_verbose:
            full = _plural(worker.queue_full_count, "time")
            lines.append(f"  worker {worker.index} found librdkafka's queue full {full}")
    return lines


def _rejects(report: RunReport, paint: Paint) -> list[str]:
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
        lines.append(f"  and {format_count(rest)} more for {_plural(len(listed) - _LISTED_ROWS, 'other reason')}")
    kept = "not kept: name a file with --rejects-file"
    if report.rejects_file:
        kept = f"kept in {printable(report.rejects_file)}"
    return [*lines, f"  rows count from 0 · rejected rows are {kept}"]


def _failures(report: RunReport, paint: Paint) -> list[str]:
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
    return [*lines, f"  and {_plural(more, 'more range')}"] if more else lines


def _partitions(report: RunReport, paint: Paint, is_verbose: bool) -> list[str]:
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


def _workers(report: RunReport, paint: Paint) -> list[str]:
    if not report.workers:
        return []
    rows = [["worker", "attempted", "delivered", "wakes", "reader waited", "queue full"]]
    for worker in report.workers:
        counts = (worker.attempted, worker.delivered, worker.wakes)
        waited = format_duration(worker.reader_waited_ns)
        rows.append([str(worker.index), *map(format_count, counts), waited, format_count(worker.queue_full_count)])
    lines = table(rows, ">>>>>>")
    return [paint.bold(lines[0]), *lines[1:]]


def _ledger(ledger: Ledger, paint: Paint) -> list[str]:
    source = ledger.source
    columns = (
        ("rows read", "", source.rows_read),
        ("filtered", "-", source.filtered),
        ("rejected", "-", source.rejected),
        ("encoded", "=", source.encoded),
        ("", "", None),
        ("delivered", "", ledger.delivered),
        ("failed", "+", ledger.failed),
        ("unknown", "+", ledger.unknown),
        ("not sent", "+", ledger.not_sent),
        ("dropped late", "+", ledger.dropped_late),
        ("left in reader", "+", source.not_handed_over),
        ("encoded", "=", source.encoded),
    )
    # A line that is 0 in every run of this kind says nothing; the sums hold without it.
    optional = ("filtered", "dropped late", "left in reader")
    rows = [
        [name, sign, "" if count is None else format_count(count)]
        for name, sign, count in columns
        if count != 0 or name not in optional
    ]
    lines = [paint.bold("  ledger"), *table(rows, "<>>", indent=4)]
    return [*lines, "", *_proof(ledger, paint), *_closing(ledger, paint)]


def _proof(ledger: Ledger, paint: Paint) -> list[str]:
    moved = ledger.broker_confirmed
    if moved is None:
        return [f"  {paint.warn('proof')}   not asked: the broker gave no end offsets"]
    low, high = ledger.delivered, ledger.delivered + ledger.unknown
    said = f"end offsets moved by {format_count(moved)}"
    bounds = (
        f"{format_count(low)} delivered" if low == high else f"{format_count(low)} to {format_count(high)} expected"
    )
    if moved < low:
        return [f"  {paint.bad('proof')}   {said} only, {bounds}"]
    if ledger.foreign_records:
        foreign = _plural(ledger.foreign_records, "record")
        return [f"  {paint.warn('proof')}   {said}, {bounds}; not exclusive, foreign writers: {foreign}"]
    return [f"  {paint.good('proof')}   {said}, {bounds}; no other writer"]


def _closing(ledger: Ledger, paint: Paint) -> list[str]:
    if ledger.closes:
        return [f"  {paint.good('closes')}  every equation of the ledger holds"]
    faults = [f"          {printable(fault)}" for fault in ledger.faults]
    return [f"  {paint.bad('DOES NOT CLOSE')}", *faults]
