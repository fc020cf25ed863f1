"""The summary of a run for a terminal: every number measured, every count in a column that adds up.

``not applicable`` stands where a quantity has no meaning (latency from due at ``max``), ``not measured`` where it has
one and nobody took it. Text from files, brokers and registries is escaped before it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from replayer.metrics.ledger import Ledger, SourceCounts
from replayer.report import sections
from replayer.report.escape import printable
from replayer.report.model import RunReport, Target
from replayer.report.table import PLAIN, Paint, labelled, optional, plural, table
from replayer.units import format_bytes, format_count, format_duration, format_rate


def render_text(report: RunReport, paint: Paint = PLAIN, is_verbose: bool = False) -> str:
    """The whole summary, ending in a newline; ``is_verbose`` unfolds partitions, workers and the reasons of choices."""
    is_dry = report.target is None
    parts: list[Sequence[str]] = [
        _headline(report, paint),
        _problems(report, paint),
        _setting(report, is_verbose),
        _dry_speed(report) if is_dry else _speed(report),
        [] if is_dry else sections.latencies(report, paint),
        sections.stages(report) if is_dry else sections.costs(report, paint, is_verbose),
        sections.rejects(report, paint),
        sections.failures(report, paint),
        sections.partitions(report, paint, is_verbose),
        sections.workers(report, paint) if is_verbose else [],
        _rows_only(report.ledger.source, paint) if is_dry else _ledger(report.ledger, paint),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _loops_finished(count: int) -> str:
    words = {0: "not read to its end", 1: "read once"}
    return words.get(count, f"read {format_count(count)} times")


def _headline(report: RunReport, paint: Paint) -> list[str]:
    source = report.ledger.source
    what = _what_became(report)
    if source.rows_read == 0:
        what = "the dataset has no rows: nothing was sent"
    elif source.encoded == 0:
        what = f"none of {plural(source.rows_read, 'row')} fits the schema: nothing was sent"
    elif source.rejected:
        what += f", {plural(source.rejected, 'row')} rejected"
    colour = paint.good if report.exit_code == 0 else paint.bad
    ending = "" if report.exit_code == 0 else f" (exit {report.exit_code})"
    return [f"{colour(printable(report.outcome) + ending)}  {what}"]


def _what_became(report: RunReport) -> str:
    ledger = report.ledger
    if report.target is None:
        return f"{plural(ledger.source.encoded, 'record')} of one pass would be sent; nothing was"
    count = plural(ledger.delivered, "record")
    if not ledger.is_complete:
        count = f"{format_count(ledger.delivered)} of {plural(ledger.source.encoded, 'record')}"
    what = f"{count} delivered to {printable(report.target.topic)}"
    if report.throughput_per_s is not None:
        what += f" in {format_duration(report.duration_ns)}, {format_rate(report.throughput_per_s)}"
    return what


def _problems(report: RunReport, paint: Paint) -> list[str]:
    lines = []
    for problem in report.problems:
        lines.append(f"  {paint.bad('error')}  {printable(problem.message)}")
        if problem.hint:
            lines.append(f"         {printable(problem.hint)}")
    return lines + [f"  {paint.warn('note')}   {printable(note)}" for note in report.notes]


def _setting(report: RunReport, is_verbose: bool) -> list[str]:
    dataset, target, producer = report.dataset, report.target, report.producer
    files = [printable(file) for file in dataset.files]
    named = ", ".join(files) if len(files) <= 3 or is_verbose else f"{files[0]} and {format_count(len(files) - 1)} more"
    rows = "" if dataset.rows_total is None else plural(dataset.rows_total, "row")
    formats = printable(", ".join(dataset.formats))
    identity = (
        "" if target is None or target.subject is None else f"id {target.schema_id} as {printable(target.subject)}"
    )
    lines = [
        labelled("dataset", named, formats, rows, _loops_finished(dataset.loops_finished)),
        labelled("schema", printable(dataset.schema_origin), identity),
    ]
    if target is not None:
        lines += _target_lines(target)
    if report.encoder is not None:
        reason = f" ({printable(report.encoder.fallback_reason)})" if report.encoder.fallback_reason else ""
        fell_back = f"{plural(report.encoder.fallback_rows, 'row')} fell back{reason}"
        lines.append(
            labelled("encoder", printable(report.encoder.name), printable(report.encoder.value_format), fell_back)
        )
    if producer is not None:
        library = f"librdkafka {printable(producer.librdkafka_version)}"
        reason = printable(producer.reason) if is_verbose else ""
        workers = plural(report.workers_count, "worker")
        lines.append(labelled("producer", printable(producer.name), library, workers, reason))
    return lines


def _target_lines(target: Target) -> list[str]:
    address = printable(target.bootstrap) + (" (embedded broker)" if target.is_embedded else "")
    keys = "" if target.key_subject is None else f"key id {target.key_schema_id} as {printable(target.key_subject)}"
    registry = [] if target.registry is None else [labelled("registry", printable(target.registry), keys)]
    return [
        *registry,
        labelled("topic", printable(target.topic), plural(target.partition_count, "partition"), address),
    ]


def _speed(report: RunReport) -> list[str]:
    asked = format_rate(report.asked_rate_per_s)
    # At max there is nothing to achieve: the throughput says how fast it went.
    achieved = f"achieved {optional(report.achieved_rate_per_s, format_rate)}" if report.asked_rate_per_s else ""
    if report.asked_rate_per_s and report.achieved_rate_per_s is not None:
        error = report.achieved_rate_per_s / report.asked_rate_per_s - 1
        achieved += f" ({error * 1e6:+,.0f} ppm)" if abs(error) < 0.01 else f" ({error * 100:+.1f} %)"
    late = "" if report.late_count is None else f"{plural(report.late_count, 'record')} over 10 ms late"
    shifted = f"schedule shifted by {format_duration(report.shifted_ns)} after stalls" if report.shifted_ns else ""
    spans = [f"{format_duration(report.wall_ns)} in all"]
    if report.ledger.attempted:
        spans.insert(0, f"{format_duration(report.duration_ns)} from the first send to the last report")
        spans.append(f"first record delivered after {optional(report.first_delivered_after_ns, format_duration)}")
    return [
        labelled("rate", f"asked {asked}", achieved, late, shifted),
        _throughput(report),
        _size(report),
        labelled("time", *spans),
    ]


def _dry_speed(report: RunReport) -> list[str]:
    spans = (f"{format_duration(report.duration_ns)} to encode", f"{format_duration(report.wall_ns)} in all")
    return [_throughput(report), _size(report), labelled("time", *spans)]


def _throughput(report: RunReport) -> str:
    bytes_per_s = report.throughput_bytes_per_s
    return labelled(
        "throughput",
        optional(report.throughput_per_s, format_rate),
        "" if bytes_per_s is None else f"{format_bytes(bytes_per_s)}/s",
    )


def _size(report: RunReport) -> str:
    bytes_count, records = report.value_bytes + report.key_bytes, report.ledger.source.encoded
    return labelled("size", format_bytes(bytes_count), f"{bytes_count / records:.1f} B a record" if records else "")


def _rows_only(source: SourceCounts, paint: Paint) -> list[str]:
    rows = [["rows read", "", format_count(source.rows_read)], ["rejected", "-", format_count(source.rejected)]]
    return [paint.bold("  ledger"), *table([*rows, ["encoded", "=", format_count(source.encoded)]], "<>>", indent=4)]


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
        foreign = plural(ledger.foreign_records, "record")
        return [f"  {paint.warn('proof')}   {said}, {bounds}; not exclusive, foreign writers: {foreign}"]
    return [f"  {paint.good('proof')}   {said}, {bounds}; no other writer"]


def _closing(ledger: Ledger, paint: Paint) -> list[str]:
    if ledger.closes:
        return [f"  {paint.good('closes')}  every equation of the ledger holds"]
    faults = [f"          {printable(fault)}" for fault in ledger.faults]
    return [f"  {paint.bad('DOES NOT CLOSE')}", *faults]
